//! What detection says of a series: the words every other room uses.

use snapshot::Timestamp;

/// What is said of one series. The order is the order of attention.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// Grows without bound.
    Leak,
    /// Looks like a leak, but the evidence is short of it.
    Suspect,
    /// Hardly ever frees since boot and is large, whether or not it grows now.
    Unfreed,
    /// Grows but slows down: a cache.
    Filling,
    /// Rose in one or few steps.
    Stepped,
    /// Goes up and down.
    Cycling,
    /// Does not change to speak of.
    Steady,
    /// The recording cannot tell yet.
    Insufficient,
}

impl Verdict {
    /// The word used in every format.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Leak => "leak",
            Self::Suspect => "suspect",
            Self::Unfreed => "unfreed",
            Self::Filling => "filling",
            Self::Stepped => "stepped",
            Self::Cycling => "cycling",
            Self::Steady => "steady",
            Self::Insufficient => "insufficient",
        }
    }
}

/// How a growing series grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Shape {
    /// Evenly.
    Linear,
    /// In bursts with rest between.
    Bursty,
    /// Faster and faster.
    Accelerating,
    /// With the load of the day.
    Load,
    /// A floor that rises under a sawtooth.
    Sawtooth,
    /// Grew and stands still now.
    Stopped,
}

impl Shape {
    /// The word used in every format.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Linear => "linear",
            Self::Bursty => "bursty",
            Self::Accelerating => "accelerating",
            Self::Load => "load",
            Self::Sawtooth => "sawtooth",
            Self::Stopped => "stopped",
        }
    }
}

/// A rate with its 90 % interval, per day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// Best estimate.
    pub per_day: f64,
    /// Lower end of the 90 % interval.
    pub low: f64,
    /// Upper end of the 90 % interval.
    pub high: f64,
}

/// Byte rates per day over several horizons side by side, each only where the recording covers it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct HorizonRates {
    /// Over the last minute.
    pub minute: Option<f64>,
    /// Over the last hour.
    pub hour: Option<f64>,
    /// Over the last day.
    pub day: Option<f64>,
    /// Bytes now divided by kernel uptime.
    pub boot: Option<f64>,
}

/// What runs out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Limit {
    /// Physical memory.
    Memory,
    /// Commit limit.
    Commit,
    /// The pool's own limit.
    Pool,
}

/// When a growing series fills what is left.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exhaustion {
    /// What runs out first.
    pub limit: Limit,
    /// At the estimated rate.
    pub at: Timestamp,
    /// At the upper end of the rate's interval.
    pub earliest: Timestamp,
    /// At the lower end; absent when that end is not above zero.
    pub latest: Option<Timestamp>,
}

/// One number that speaks for or against a verdict.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// Stable name of the statistic (`floor_growth_bytes`, `free_ratio`).
    pub name: &'static str,
    /// Its value.
    pub value: f64,
}

/// The verdict on one series. Absent fields could not be told.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// Index into [`snapshot::History::series`].
    pub series: usize,
    /// The verdict.
    pub verdict: Verdict,
    /// Calibrated probability that the series is a leak.
    pub confidence: Option<f64>,
    /// How it grows.
    pub shape: Option<Shape>,
    /// Bytes in use at the end.
    pub bytes: Option<u64>,
    /// Outstanding allocations at the end.
    pub outstanding: Option<u64>,
    /// Allocations at the end, as read.
    pub allocs: Option<u64>,
    /// Frees at the end, as read.
    pub frees: Option<u64>,
    /// Growth in bytes per day.
    pub rate: Option<Rate>,
    /// Growth in outstanding allocations per day.
    pub count_rate: Option<Rate>,
    /// Rates over several horizons.
    pub horizons: HorizonRates,
    /// When the growth began.
    pub onset: Option<Timestamp>,
    /// When it fills what is left.
    pub exhaustion: Option<Exhaustion>,
    /// For [`Verdict::Insufficient`]: how many more seconds of recording it takes, from the noise so far.
    pub needs_s: Option<f64>,
    /// Id of the family it belongs to.
    pub family: Option<u32>,
    /// 1 for the series that most needs attention, and so on.
    pub rank: u32,
    /// The numbers behind the verdict.
    pub evidence: Vec<Evidence>,
}

/// Series whose outstanding counts grow in fixed small-integer ratios: one leak.
#[derive(Clone, Debug, PartialEq)]
pub struct Family {
    /// From 1.
    pub id: u32,
    /// Indices into [`snapshot::History::series`].
    pub members: Vec<usize>,
    /// Growth of each member in units of the smallest.
    pub ratio: Vec<u32>,
    /// The member (index into the history) most likely to hold the rest, by arithmetic alone: no frees.
    pub holder: Option<usize>,
}

/// A series that follows another one and is no leak of its own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Passenger {
    /// Index into [`snapshot::History::series`].
    pub series: usize,
    /// The series it follows.
    pub follows: usize,
    /// Correlation of the two.
    pub correlation: f64,
}

/// Everything detection says of a history.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Analysis {
    /// One for each series, by rising rank.
    pub judgements: Vec<Judgement>,
    /// Families, largest growth first.
    pub families: Vec<Family>,
    /// Followers of caches.
    pub passengers: Vec<Passenger>,
}
