//! Who allocates under a tag, and how we know.

use serde::{Serialize, Serializer};
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
    /// Every value, most trusted first.
    pub const ALL: [Self; 9] = [
        Self::LoadedCode,
        Self::DriverCode,
        Self::DriverSource,
        Self::UserList,
        Self::MicrosoftList,
        Self::PublicReport,
        Self::KmdfName,
        Self::Bytes,
        Self::Inference,
    ];

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

    /// The same for people: what the claim rests on.
    #[must_use]
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::LoadedCode => "code of a loaded driver",
            Self::DriverCode => "code of a driver on disk",
            Self::DriverSource => "the driver's own source",
            Self::UserList => "your pooltag.txt",
            Self::MicrosoftList => "Microsoft's list",
            Self::PublicReport => "public report",
            Self::KmdfName => "KMDF naming rule",
            Self::Bytes => "bytes in the file only",
            Self::Inference => "inference",
        }
    }
}

impl Serialize for Trust {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// One possible owner.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Owner {
    /// Driver file, lower case (`ntfs.sys`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Component within it, in our words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub component: Option<String>,
    /// Company.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vendor: Option<String>,
    /// Product of the version resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// File version, where a file was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Link time or file date, RFC 3339, where a file was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// Common name of the signer, where it was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signer: Option<String>,
    /// Loaded now, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loaded: Option<bool>,
    /// How far to trust it.
    pub trust: Trust,
    /// Why, in sentences for people.
    pub evidence: Vec<String>,
}

impl Owner {
    /// An owner of which nothing but the trust is known yet.
    #[must_use]
    pub const fn new(trust: Trust) -> Self {
        Self {
            image: None,
            component: None,
            vendor: None,
            product: None,
            version: None,
            date: None,
            signer: None,
            loaded: None,
            trust,
            evidence: Vec::new(),
        }
    }
}

/// What is known of one tag.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Owners {
    /// The tag.
    #[serde(serialize_with = "tag_as_text")]
    pub tag: Tag,
    /// Used by many drivers, identifies none: no owner is claimed.
    pub shared: bool,
    /// Owners, most trusted first; what is known not to be loaded stands last. Empty when unknown or shared.
    pub owners: Vec<Owner>,
    /// Why the tag is shared, or how it may lie.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caution: Option<String>,
    /// What growth of this tag usually means, in our words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explanation: Option<String>,
    /// What to do next: for families what to check, for unknown tags how to find out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub next: Vec<String>,
}

impl Owners {
    /// A tag of which nothing is known yet.
    #[must_use]
    pub const fn unknown(tag: Tag) -> Self {
        Self {
            tag,
            shared: false,
            owners: Vec::new(),
            caution: None,
            explanation: None,
            next: Vec::new(),
        }
    }

    /// The most trusted owner.
    #[must_use]
    pub fn first(&self) -> Option<&Owner> {
        self.owners.first()
    }
}

fn tag_as_text<S: Serializer>(tag: &Tag, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(tag)
}

/// The document that `owner --format json` prints: `poolscope.owners/1`.
#[derive(Clone, Debug, Serialize)]
pub struct OwnersDocument {
    /// `poolscope.owners/1`.
    pub schema: &'static str,
    /// One entry for each tag asked for, in that order.
    pub tags: Vec<Owners>,
}

impl OwnersDocument {
    /// The document of these answers.
    #[must_use]
    pub const fn new(tags: Vec<Owners>) -> Self {
        Self {
            schema: "poolscope.owners/1",
            tags,
        }
    }
}
