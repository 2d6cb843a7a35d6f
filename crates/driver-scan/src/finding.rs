//! What a scan says.

/// Instruction set of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Arch {
    /// x86-64.
    X64,
    /// 32-bit x86.
    X86,
    /// AArch64.
    Arm64,
}

impl Arch {
    /// The name used in scan JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::X64 => "x64",
            Self::X86 => "x86",
            Self::Arm64 => "arm64",
        }
    }
}

/// How we know that the driver allocates under a tag; most certain first. All but `Bytes` are code evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Certainty {
    /// The constant is written to the tag argument right before the call.
    Direct,
    /// It reaches the call through registers, the stack or globals.
    Dataflow,
    /// It is passed to a function of the driver that passes it on to an allocation routine.
    Wrapper,
    /// It stands in a structure whose address is passed to the routine.
    ParameterBlock,
    /// A framework (WDF) allocates under it on the driver's behalf.
    Framework,
    /// Only the four bytes are there.
    Bytes,
}

impl Certainty {
    /// The name used in scan JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Dataflow => "dataflow",
            Self::Wrapper => "wrapper",
            Self::ParameterBlock => "parameter-block",
            Self::Framework => "framework",
            Self::Bytes => "bytes",
        }
    }
}

/// One tag that a driver uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagUse {
    /// Bytes in memory order, as passed to the routine (bit 31 as in the code).
    pub tag: [u8; 4],
    /// The routine (`ExAllocatePoolWithTag`); empty for [`Certainty::Bytes`].
    pub routine: String,
    /// Relative virtual address of the call, or of the bytes.
    pub rva: u32,
    /// How certain.
    pub certainty: Certainty,
}

/// The scan of one image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DriverScan {
    /// Instruction set; `None` when it is none of the three.
    pub arch: Option<Arch>,
    /// `CompanyName` of the version resource.
    pub company: Option<String>,
    /// `ProductName` of the version resource.
    pub product: Option<String>,
    /// `FileDescription` of the version resource.
    pub description: Option<String>,
    /// `OriginalFilename` of the version resource.
    pub original_name: Option<String>,
    /// File version.
    pub version: Option<String>,
    /// Link time, unix seconds; absent for reproducible builds, whose field is a hash.
    pub linked_at: Option<i64>,
    /// Common name of the signer in the image's own certificate table.
    pub signer: Option<String>,
    /// Tags the driver allocates under; one entry for each (tag, routine, rva).
    pub tags: Vec<TagUse>,
    /// Tags it only frees with, which supports an owner but proves none.
    pub freed_tags: Vec<TagUse>,
    /// The driver uses KMDF (it binds to the framework through `WdfVersionBind`).
    pub kmdf: bool,
    /// What could not be read or was cut short, for people.
    pub problems: Vec<String>,
}
