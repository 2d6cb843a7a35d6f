//! The usage of all tags at one moment.

use serde::{Deserialize, Serialize};

use crate::{CounterWidth, MomentFacts, Pool, Tag, Timestamp, Usage};

/// The system the numbers came from, as opposed to the one poolscope runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OsKind {
    /// Windows, or another NT-type kernel.
    Windows,
    /// Linux.
    Linux,
}

impl OsKind {
    /// The name used in every format.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Windows => "windows",
            Self::Linux => "linux",
        }
    }
}

/// What identifies one boot of a kernel: equal for two samples exactly when no reboot lies between them.
///
/// Windows: kernel boot time in 100 ns (Fast Startup keeps it over a "shutdown"). Linux: `boot_id`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BootId(pub String);

/// Facts of the host that do not change between samples. All optional: a copied table has none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct HostFacts {
    /// The system.
    pub os: Option<OsKind>,
    /// Host name.
    pub name: Option<String>,
    /// Build (`26200.9457`) or kernel release (`6.1.0-18-amd64`).
    pub build: Option<String>,
    /// Product name, for people.
    pub product: Option<String>,
    /// Installed physical memory in bytes.
    pub physical_bytes: Option<u64>,
    /// Page size in bytes.
    pub page_bytes: Option<u64>,
    /// Logical processors.
    pub processors: Option<u32>,
}

/// Something that could not be read, and why. Never ends a run.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Problem {
    /// The step or interface (`drivers`, `slabinfo`, `class 66`).
    pub step: String,
    /// What happened and, where there is one, what to do about it.
    pub message: String,
}

impl Problem {
    /// A problem of `step`.
    #[must_use]
    pub fn new(step: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            step: step.into(),
            message: message.into(),
        }
    }
}

/// One row: the usage of one (tag, pool).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagUsage {
    /// The tag.
    pub tag: Tag,
    /// Its pool.
    pub pool: Pool,
    /// The counters as read.
    pub usage: Usage,
}

/// All tags of one kernel at one moment, with the facts of that moment.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// When it was taken; `None` for a copied table without a time.
    pub taken_at: Option<Timestamp>,
    /// Seconds since this kernel booted (not since the last "shutdown").
    pub kernel_uptime_s: Option<f64>,
    /// The boot it belongs to.
    pub boot: Option<BootId>,
    /// Width of the allocation and free counters.
    pub width: CounterWidth,
    /// The rows; no order is promised and a (tag, pool) stands at most once.
    pub rows: Vec<TagUsage>,
    /// Memory counters, processes and the like at this moment.
    pub facts: MomentFacts,
    /// What could not be read.
    pub problems: Vec<Problem>,
}
