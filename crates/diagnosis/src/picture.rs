//! What a diagnosis is made of: plain values with public fields, computed once and rendered by others.

use attribution::Owners;
use detection::Judgement;
use snapshot::{
    DriverFacts, EtwSession, HostEvent, MemoryCounters, MinifilterFacts, OsKind, Pool, Problem, SourceKind,
    Tag, Timestamp, VbsFacts,
};

use crate::Finding;

/// Everything said of one input.
#[derive(Clone, Debug, Default)]
pub struct Diagnosis {
    /// Where the numbers came from.
    pub source: SourceInfo,
    /// The answer in a few sentences, most important first.
    pub summary: Vec<String>,
    /// Every series with its verdict, by rank.
    pub series: Vec<JudgedSeries>,
    /// Families, largest growth first.
    pub families: Vec<JudgedFamily>,
    /// Findings, heaviest first.
    pub findings: Vec<Finding>,
    /// What to do next, in order.
    pub actions: Vec<Action>,
    /// Where the memory is.
    pub memory: Option<MemoryPicture>,
    /// Event-tracing sessions.
    pub etw: Option<EtwPicture>,
    /// Drivers and minifilters.
    pub drivers: Option<DriverPicture>,
    /// Crashes, exhaustion and shutdowns, oldest first.
    pub events: Option<Vec<HostEvent>>,
    /// Virtualization-based security.
    pub vbs: Option<VbsPicture>,
    /// What could not be read, with the reason.
    pub problems: Vec<Problem>,
}

/// Where the numbers came from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SourceInfo {
    /// Kind of input.
    pub kind: Option<SourceKind>,
    /// The system that was measured, as opposed to the one that runs poolscope.
    pub os: Option<OsKind>,
    /// Host name.
    pub host: Option<String>,
    /// Build or kernel release.
    pub build: Option<String>,
    /// Product name.
    pub product: Option<String>,
    /// Physical memory, bytes.
    pub physical_bytes: Option<u64>,
    /// Seconds since kernel boot at the last sample.
    pub kernel_uptime_s: Option<f64>,
    /// Number of samples.
    pub samples: usize,
    /// Number of distinct boots, where known.
    pub boots: usize,
    /// First sample; absent when the input has no times.
    pub start: Option<Timestamp>,
    /// Last sample; absent when the input has no times.
    pub end: Option<Timestamp>,
}

/// One series with its verdict and owners.
#[derive(Clone, Debug)]
pub struct JudgedSeries {
    /// The tag.
    pub tag: Tag,
    /// Its pool.
    pub pool: Pool,
    /// The verdict.
    pub judgement: Judgement,
    /// Who allocates under the tag.
    pub owners: Owners,
    /// Who may hold what it counts, strongest evidence first; for accused series.
    pub holders: Vec<attribution::holders::Holder>,
    /// The series it merely follows, as `TAG/pool`.
    pub follows: Option<String>,
    /// Its bytes over time, thinned for drawing; only for series that are worth a chart.
    pub curve: Option<Curve>,
}

impl JudgedSeries {
    /// `TAG/pool`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}/{}", self.tag, self.pool)
    }

    /// Image of the most trusted owner.
    #[must_use]
    pub fn owner(&self) -> Option<String> {
        let owner = self.owners.owners.first()?;
        owner.image.clone().or_else(|| owner.component.clone())
    }
}

/// Bytes in use over time, thinned without losing peaks and floors.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Curve {
    /// Moments, rising.
    pub at: Vec<Timestamp>,
    /// Bytes; `None` marks a gap or an absent tag.
    pub bytes: Vec<Option<u64>>,
}

/// Series that grow in fixed ratios.
#[derive(Clone, Debug, PartialEq)]
pub struct JudgedFamily {
    /// From 1.
    pub id: u32,
    /// Members as `TAG/pool`.
    pub members: Vec<String>,
    /// Growth of each member in units of the smallest.
    pub ratio: Vec<u32>,
    /// Who most likely holds all of them.
    pub holder: Option<Holder>,
    /// Growth of all members together, bytes a day.
    pub rate_per_day: Option<f64>,
    /// Bytes of all members together.
    pub bytes: Option<u64>,
}

/// Who makes an owner keep memory.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Holder {
    /// Driver file.
    pub image: Option<String>,
    /// Component, in our words.
    pub component: Option<String>,
    /// Process name.
    pub process: Option<String>,
    /// Process id.
    pub pid: Option<u64>,
    /// Series that points there, as `TAG/pool`.
    pub series: Option<String>,
    /// Why, one sentence each.
    pub reasons: Vec<String>,
}

impl Holder {
    /// The shortest name that identifies it.
    #[must_use]
    pub fn name(&self) -> Option<String> {
        if let Some(process) = &self.process {
            return Some(
                self.pid
                    .map_or_else(|| process.clone(), |pid| format!("{process} (process {pid})")),
            );
        }
        self.image
            .clone()
            .or_else(|| self.component.clone())
            .or_else(|| self.series.clone())
    }
}

/// One thing to do next, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// What to do, in the imperative.
    pub text: String,
    /// What points there.
    pub why: String,
    /// Command to type, where there is one.
    pub command: Option<String>,
}

/// Where the memory is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MemoryPicture {
    /// The counters as read last.
    pub counters: MemoryCounters,
    /// Physical memory by use; the parts do not overlap.
    pub parts: Vec<MemoryPart>,
    /// Physical memory that no part explains, bytes; negative sums are absent.
    pub unaccounted: Option<u64>,
    /// Share of physical memory that is the kernel's pools (or slabs).
    pub pool_share: Option<f64>,
    /// Bytes that the tags add up to, by pool, where tags were read.
    pub tagged: Vec<(Pool, u64)>,
    /// The flags of the workflow: absolute and scaled to this machine.
    pub flags: Vec<MemoryFlag>,
    /// Processes of the same name added up, largest working sets first; empty where processes were not read.
    pub processes: Vec<ProcessGroup>,
}

/// Processes of the same name, added up. Memory that processes share counts in each of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProcessGroup {
    /// Image name.
    pub name: String,
    /// How many.
    pub count: u64,
    /// Working or resident sets, bytes.
    pub working_set: Option<u64>,
    /// Private bytes.
    pub private_bytes: Option<u64>,
    /// Open handles or files.
    pub handles: Option<u64>,
    /// Nonpaged and paged pool charged to them, bytes.
    pub pool_quota: Option<u64>,
}

/// A part of physical memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryPart {
    /// What it is.
    pub name: &'static str,
    /// Bytes.
    pub bytes: u64,
    /// Part of the kernel, as opposed to processes and caches.
    pub kernel: bool,
}

/// One red flag, both ways.
#[derive(Clone, Debug, PartialEq)]
pub struct MemoryFlag {
    /// Stable name (`nonpaged_pool`, `paged_pool`, `secure_system`, `commit`).
    pub name: &'static str,
    /// The value, bytes.
    pub value: u64,
    /// The absolute limit, bytes; absent where only the scaled one exists.
    pub absolute: Option<u64>,
    /// Above the absolute limit.
    pub above_absolute: bool,
    /// The limit scaled to this machine's memory, bytes.
    pub scaled: Option<u64>,
    /// Above the scaled limit.
    pub above_scaled: bool,
}

/// Event-tracing sessions and what they cost.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EtwPicture {
    /// Sessions, most memory first.
    pub sessions: Vec<BilledSession>,
    /// Their buffers together, bytes, where every session says it.
    pub total: u64,
    /// Of it in nonpaged pool.
    pub nonpaged: u64,
    /// Bytes of the tag `EtwB` in both pools.
    pub etwb: Option<u64>,
    /// Events lost by all sessions.
    pub events_lost: u64,
}

/// A session with its memory.
#[derive(Clone, Debug, PartialEq)]
pub struct BilledSession {
    /// As read.
    pub session: EtwSession,
    /// Buffers × size.
    pub bytes: Option<u64>,
    /// Who is known to run a session of this name, and what for.
    pub known: Option<&'static str>,
}

/// Drivers and minifilters, suspects first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DriverPicture {
    /// Running drivers that are not Microsoft's; those whose tags are suspects first.
    pub third_party: Vec<ListedDriver>,
    /// Number of drivers read.
    pub total: usize,
    /// Minifilters, nearest to the application first.
    pub minifilters: Vec<MinifilterFacts>,
}

/// A driver with the suspect tags that lead to it.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedDriver {
    /// As read.
    pub driver: DriverFacts,
    /// Suspect series that name it as owner, as `TAG/pool`.
    pub suspects: Vec<String>,
}

/// Virtualization-based security and Secure System.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VbsPicture {
    /// As read last.
    pub facts: VbsFacts,
    /// Memory integrity (HVCI) runs, from whichever interface said so.
    pub hvci_running: Option<bool>,
    /// Secure System's working set against pool bytes over the recording.
    pub regression: Option<Regression>,
    /// Working set of Secure System, bytes.
    pub secure_system: Option<u64>,
}

/// Secure System regressed on pool bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Regression {
    /// Pairs of values.
    pub samples: usize,
    /// Bytes of Secure System for each byte of pool.
    pub slope: f64,
    /// Correlation of the changes' levels at lag 0.
    pub r: f64,
    /// Lag in seconds at which the correlation is highest; positive when Secure System follows.
    pub lag_s: f64,
    /// Correlation at that lag.
    pub r_at_lag: f64,
    /// Correlation of the differences between samples, which a common trend cannot produce.
    pub r_of_changes: Option<f64>,
    /// The recording shows that Secure System follows pool.
    pub shown: bool,
}
