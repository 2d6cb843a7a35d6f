//! What one snapshot says: allocations without frees, and size out of all proportion.

use snapshot::{History, Series};

/// A series' state at the end of the recording.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Held {
    /// Bytes in use.
    pub bytes: Option<u64>,
    /// Outstanding allocations.
    pub outstanding: Option<u64>,
    /// Allocations since boot.
    pub allocs: Option<u64>,
    /// Frees since boot.
    pub frees: Option<u64>,
}

impl Held {
    /// The last values of `series`.
    #[must_use]
    pub fn of(series: &Series) -> Self {
        let last = series.last();
        Self {
            bytes: last.bytes.get(),
            outstanding: last.outstanding(series.width),
            allocs: last.allocs.get(),
            frees: last.frees.get(),
        }
    }

    /// Frees per allocation.
    #[must_use]
    pub fn free_ratio(&self) -> Option<f64> {
        let (a, f) = (self.allocs?, self.frees?);
        (a > 0).then(|| f as f64 / a as f64)
    }
}

/// What the screen compares a series with.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Surroundings {
    /// Physical memory, bytes.
    pub physical: Option<u64>,
    /// Bytes of all series together.
    pub total: f64,
    /// Number of series.
    pub series: usize,
    /// Kernel uptime in seconds.
    pub uptime_s: Option<f64>,
}

impl Surroundings {
    /// Of the end of `history`.
    #[must_use]
    pub fn of(history: &History, physical: Option<u64>) -> Self {
        let in_facts = history
            .facts
            .iter()
            .rev()
            .find_map(|(_, f)| f.memory.as_ref()?.physical);
        Self {
            physical: history.host.physical_bytes.or(in_facts).or(physical),
            total: history
                .series
                .iter()
                .filter_map(|s| s.last().bytes.get())
                .map(|b| b as f64)
                .sum(),
            series: history.series.len(),
            uptime_s: history.samples.last().and_then(|s| s.uptime_s),
        }
    }

    /// Bytes from which one tag is large on this host. The largest tags of ordinary machines hold 1 to 2 % of memory.
    #[must_use]
    pub fn large_bytes(&self) -> f64 {
        self.physical
            .map_or(512.0 * 1024.0 * 1024.0, |p| (0.04 * p as f64).clamp(128e6, 1.5e9))
    }
}

/// Outstanding allocations from which "never freed" is more than start-up state. On a whole ordinary machine of 3,050
/// tags none with more than 5,000 outstanding frees less than a fifth.
const MANY: u64 = 10_000;

/// Frees per allocation that count as "hardly ever".
const HARDLY: f64 = 0.05;

/// Frees per allocation that still count for a tag that is large by any measure.
const RARELY: f64 = 0.25;

/// True when the series holds much and hardly ever gave anything back.
///
/// A few allocations, however large, are buffers that somebody asked for and not a leak: numbers must be many.
#[must_use]
pub fn is_unfreed(held: &Held, around: &Surroundings) -> bool {
    let bytes = held.bytes.map_or(0.0, |b| b as f64);
    let large = bytes >= around.large_bytes();
    match (held.free_ratio(), held.outstanding) {
        (Some(ratio), Some(n)) if ratio <= HARDLY => n >= MANY || (large && n >= MANY / 10),
        (Some(ratio), Some(n)) if ratio <= RARELY => large && n >= 10 * MANY,
        // Counters say that it frees.
        (Some(_), _) => false,
        // Nothing known of frees: out of proportion to every ordinary tag.
        (None, n) => bytes >= 2.0 * around.large_bytes() && n.is_none_or(|n| n >= MANY),
    }
}
