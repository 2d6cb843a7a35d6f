//! Where numbers come from: live Windows, live Linux, raw captures, scripted sources. One trait, capabilities as data.
//!
//! This crate translates what a kernel says into the domain of `snapshot`. It may not analyse: no rates, no
//! verdicts, no opinions on tags.

pub mod capture;
pub mod events;
pub mod linux;
mod live;
mod nt;
pub mod scripted;
#[cfg(windows)]
pub mod windows;

use snapshot::{HostFacts, Problem, Snapshot};

pub use live::live;

/// Which facts a snapshot should hold beside the tags. Each costs time, so callers ask for what they use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Want {
    /// The tags themselves.
    pub tags: bool,
    /// Memory counters.
    pub memory: bool,
    /// Processes with handle counts.
    pub processes: bool,
    /// Handles of processes by type (Linux: open files by kind), which is slower.
    pub handle_types: bool,
    /// Live objects and handles by object type.
    pub object_types: bool,
    /// Allocations of a page and more.
    pub big_pool: bool,
    /// Loaded kernel modules.
    pub modules: bool,
    /// Installed drivers with version resources.
    pub drivers: bool,
    /// Minifilters.
    pub minifilters: bool,
    /// Event-tracing sessions.
    pub etw: bool,
    /// Crash and exhaustion events.
    pub events: bool,
    /// Virtualization-based security.
    pub vbs: bool,
    /// Our own cost.
    pub own_cost: bool,
}

impl Want {
    /// Tags and memory counters: what every sample of a recording holds.
    pub const SAMPLE: Self = Self {
        tags: true,
        memory: true,
        processes: false,
        handle_types: false,
        object_types: false,
        big_pool: false,
        modules: false,
        drivers: false,
        minifilters: false,
        etw: false,
        events: false,
        vbs: false,
        own_cost: true,
    };

    /// Everything a diagnosis looks at.
    pub const EVERYTHING: Self = Self {
        tags: true,
        memory: true,
        processes: true,
        handle_types: true,
        object_types: true,
        big_pool: true,
        modules: true,
        drivers: true,
        minifilters: true,
        etw: true,
        events: true,
        vbs: true,
        own_cost: true,
    };
}

/// A source that cannot answer at all. What is only partly missing goes to [`Snapshot::problems`] instead.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// This system has no interface for it, or refused it (exit status 3).
    #[error("{interface}: {reason}")]
    Unavailable {
        /// The interface (`NtQuerySystemInformation class 22 (SystemPoolTagInformation)`, `/proc/slabinfo`).
        interface: String,
        /// Status code and what to do about it.
        reason: String,
    },
}

/// Something that yields snapshots of one kernel.
pub trait Source {
    /// Facts of the host that do not change between samples.
    fn host(&mut self) -> (HostFacts, Vec<Problem>);

    /// Reads what `want` asks for. Parts that cannot be read are absent and listed under the snapshot's problems;
    /// an error means the tags themselves were asked for and cannot be had.
    ///
    /// # Errors
    /// [`SourceError::Unavailable`] when `want.tags` is set and no tag counters can be read.
    fn snapshot(&mut self, want: &Want) -> Result<Snapshot, SourceError>;
}
