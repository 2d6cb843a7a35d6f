//! Who allocates under a tag, and how we know.

use snapshot::Tag;

/// How far an owner is to be trusted; most trusted first. Never asserted beyond this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trust {
    /// Code of a driver that is loaded now.
    LoadedCode,
    /// Code of a driver file on disk.
    DriverCode,
    /// The driver's own published source.
    DriverSource,
    /// The user's own pooltag.txt.
    UserList,
    /// A list of Microsoft's.
    MicrosoftList,
    /// A public list, forum thread or analysis by others.
    PublicReport,
    /// KMDF's rule: first four letters of the service name.
    KmdfName,
    /// The four bytes stand in the driver file.
    Bytes,
    /// Guessed from tags with the same beginning.
    Inference,
}

impl Trust {
    /// The name used in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LoadedCode => "loaded-code",
            Self::DriverCode => "driver-code",
            Self::DriverSource => "driver-source",
            Self::UserList => "user-list",
            Self::MicrosoftList => "microsoft-list",
            Self::PublicReport => "public-report",
            Self::KmdfName => "kmdf-name",
            Self::Bytes => "bytes",
            Self::Inference => "inference",
        }
    }
}

/// One possible owner.
#[derive(Clone, Debug, PartialEq)]
pub struct Owner {
    /// Driver file, lower case (`ntfs.sys`).
    pub image: Option<String>,
    /// Component within it, in our words.
    pub component: Option<String>,
    /// Company.
    pub vendor: Option<String>,
    /// Product of the version resource.
    pub product: Option<String>,
    /// File version, where a file was seen.
    pub version: Option<String>,
    /// Loaded now, where that is known.
    pub loaded: Option<bool>,
    /// How far to trust it.
    pub trust: Trust,
    /// Why, in sentences for people.
    pub evidence: Vec<String>,
}

/// What is known of one tag.
#[derive(Clone, Debug, PartialEq)]
pub struct Owners {
    /// The tag.
    pub tag: Tag,
    /// Used by many drivers, identifies none: no owner is claimed.
    pub shared: bool,
    /// Owners, most trusted first; empty when unknown or shared.
    pub owners: Vec<Owner>,
    /// What growth of this tag usually means, in our words.
    pub explanation: Option<String>,
    /// What to do next: for families what to check, for unknown tags how to find out.
    pub next: Vec<String>,
}
