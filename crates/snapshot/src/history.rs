//! A recording as analysis sees it: samples over time, and one series for each (tag, pool).

use std::collections::BTreeMap;

use crate::{BootId, Counter, CounterWidth, HostFacts, MomentFacts, Pool, Problem, Tag, Timestamp, Usage};

/// Where numbers came from; `source.kind` of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SourceKind {
    /// A running kernel.
    Live,
    /// A `.poolscope` file.
    Recording,
    /// CSV.
    Csv,
    /// PoolMon text.
    Poolmon,
    /// `!poolused` output.
    Poolused,
    /// Saved `/proc/slabinfo`.
    Slabinfo,
    /// Raw NtQuerySystemInformation buffers.
    Capture,
}

impl SourceKind {
    /// The name used in the report.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Recording => "recording",
            Self::Csv => "csv",
            Self::Poolmon => "poolmon",
            Self::Poolused => "poolused",
            Self::Slabinfo => "slabinfo",
            Self::Capture => "capture",
        }
    }
}

/// One sample's place in time. Samples are kept in the order they were taken, which is not always clock order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sample {
    /// Wall clock. Synthetic (0 s, 1 s, …) when [`History::clock_known`] is false.
    pub at: Timestamp,
    /// Seconds since kernel boot, where known: a clock that no time setting moves.
    pub uptime_s: Option<f64>,
    /// Index into [`History::boots`], where known.
    pub boot: Option<u32>,
    /// Recording stopped or the machine slept before this sample: do not interpolate across it.
    pub after_gap: bool,
}

/// Names a series.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeriesKey {
    /// The tag.
    pub tag: Tag,
    /// Its pool.
    pub pool: Pool,
}

impl std::fmt::Display for SeriesKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.tag, self.pool)
    }
}

/// One (tag, pool) over time, as columns. Only changes are held: the values at `sample[i]` hold until `sample[i+1]`.
///
/// All columns have equal length, except that a column whose counter was never read may be empty. A row of four
/// unknowns says the tag was absent from there on. Worked example: samples 0..=4 with bytes 8, 8, 9, absent, 9 are
/// `sample = [0, 2, 3, 4]`, `bytes = [8, 9, ?, 9]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Tag and pool.
    pub key: SeriesKey,
    /// Width of `allocs` and `frees`.
    pub width: CounterWidth,
    /// Index into [`History::samples`] of each change, strictly rising.
    pub sample: Vec<u32>,
    /// Allocations as read (cumulative, may wrap or restart). May be empty.
    pub allocs: Vec<Counter>,
    /// Frees, likewise. May be empty.
    pub frees: Vec<Counter>,
    /// Outstanding allocations where the source gives them itself. May be empty.
    pub live: Vec<Counter>,
    /// Bytes in use. May be empty.
    pub bytes: Vec<Counter>,
}

impl Series {
    /// A series without points.
    #[must_use]
    pub fn new(key: SeriesKey, width: CounterWidth) -> Self {
        Self {
            key,
            width,
            sample: Vec::new(),
            allocs: Vec::new(),
            frees: Vec::new(),
            live: Vec::new(),
            bytes: Vec::new(),
        }
    }

    /// Number of changes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sample.len()
    }

    /// True when there is no point.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sample.is_empty()
    }

    /// The counters of change `i`; absent beyond the end.
    #[must_use]
    pub fn usage(&self, i: usize) -> Usage {
        let of = |column: &[Counter]| column.get(i).copied().unwrap_or(Counter::UNKNOWN);
        Usage {
            allocs: of(&self.allocs),
            frees: of(&self.frees),
            live: of(&self.live),
            bytes: of(&self.bytes),
        }
    }

    /// The last change's counters; absent when there is none.
    #[must_use]
    pub fn last(&self) -> Usage {
        self.len().checked_sub(1).map_or(Usage::ABSENT, |i| self.usage(i))
    }

    /// Appends the usage at `sample`, unless it equals the last one. Samples must be pushed in rising order; a
    /// sample at or below the last is ignored.
    pub fn push(&mut self, sample: u32, usage: Usage) {
        if self.sample.last().is_some_and(|&last| last >= sample) {
            return;
        }
        if (!self.is_empty() && self.last() == usage) || (self.is_empty() && usage.is_absent()) {
            return;
        }
        let before = self.len();
        self.sample.push(sample);
        for (column, value) in [
            (&mut self.allocs, usage.allocs),
            (&mut self.frees, usage.frees),
            (&mut self.live, usage.live),
            (&mut self.bytes, usage.bytes),
        ] {
            if value.is_known() || !column.is_empty() {
                column.resize(before, Counter::UNKNOWN);
                column.push(value);
            }
        }
    }
}

/// A whole recording in memory: what detection and diagnosis are given.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// Where it came from.
    pub kind: Option<SourceKind>,
    /// The host.
    pub host: HostFacts,
    /// Boots in order of first appearance.
    pub boots: Vec<BootId>,
    /// False when the input has no times at all (copied tables): then only the order of samples means anything.
    pub clock_known: bool,
    /// The samples, in the order taken.
    pub samples: Vec<Sample>,
    /// The series, in no promised order; each key once.
    pub series: Vec<Series>,
    /// Facts of moments (memory, processes, …) by sample index, rising. Kept sparse: not every sample has all.
    pub facts: Vec<(u32, MomentFacts)>,
    /// What the input itself says about a series' owner, as it was written: PoolMon's `Mapped_Driver` column, the
    /// text after a `!poolused` row. Evidence for attribution, not a fact.
    pub mapped: BTreeMap<SeriesKey, String>,
    /// What could not be read, then or now.
    pub problems: Vec<Problem>,
}
