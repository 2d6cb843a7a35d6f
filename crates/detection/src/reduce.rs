//! From a series' raw counters to blocks: wraps and restarts are undone here, in one pass over the changes.
//!
//! Nothing dense is ever built: a series costs its changes plus its blocks.

use snapshot::{Counter, CounterWidth, Series};

use crate::axis::Blocks;

/// 2^32, where the counters of NT class 22 wrap.
const WRAP: f64 = 4_294_967_296.0;

/// One quantity in blocks: least, greatest and last value of each, `NaN` where nothing was read.
#[derive(Clone, Debug, Default)]
pub struct Channel {
    /// Least value in each block.
    pub min: Vec<f64>,
    /// Greatest value in each block.
    pub max: Vec<f64>,
    /// Mean over each block's samples.
    pub mean: Vec<f64>,
    /// Number of blocks with a value.
    pub known: usize,
    /// Value at the end of the window, where the series is still there.
    pub last: Option<f64>,
    /// Number of changes of value.
    pub changes: usize,
}

/// A series reduced to a window's blocks.
#[derive(Clone, Debug, Default)]
pub struct Reduced {
    /// Bytes in use.
    pub bytes: Channel,
    /// Outstanding allocations.
    pub count: Channel,
    /// Allocations in the window, with wraps undone.
    pub allocated: Option<f64>,
    /// Frees in the window, with wraps undone.
    pub freed: Option<f64>,
    /// Samples at which the counters started anew (driver reload), inside the window.
    pub restarts: Vec<usize>,
    /// First sample of the window at which the series was there.
    pub first: Option<usize>,
    /// Last sample of the window at which the series was there.
    pub seen: Option<usize>,
    /// The series was gone at the end of the window.
    pub gone: bool,
}

/// What a cumulative counter did between two readings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Advance {
    /// Went on by so much.
    By(f64),
    /// Began anew: the driver was loaded again, or the system was.
    Restart,
}

/// How far a counter went from `old` to `new`, given what its usual rate lets one expect.
///
/// A counter of 32 bits that fell has wrapped when it was near the end of its range or when the usual rate carries it
/// around; otherwise it was restarted. Where the rate says that it went around several times, whole turns are added:
/// the number of turns is the one that comes nearest to the expected advance.
#[must_use]
pub fn advance(old: u64, new: u64, width: CounterWidth, expected: Option<f64>) -> Advance {
    let narrow = match width {
        CounterWidth::Bits32 => true,
        CounterWidth::Bits64 => false,
        CounterWidth::Unknown => old <= u64::from(u32::MAX) && new <= u64::from(u32::MAX),
    };
    if !narrow {
        return if new >= old {
            Advance::By((new - old) as f64)
        } else {
            Advance::Restart
        };
    }
    let raw = f64::from((new as u32).wrapping_sub(old as u32));
    let turns = expected.map_or(0.0, |e| ((e - raw) / WRAP).round().max(0.0));
    if new < old {
        let near_end = (old as f64) > 0.75 * WRAP && (new as f64) < 0.25 * WRAP;
        let carried = expected.is_some_and(|e| e > 0.5 * raw && raw < 4.0 * e);
        if !near_end && !carried && turns == 0.0 {
            return Advance::Restart;
        }
    }
    // A single turn more or less needs a rate that is known well; below half a turn nothing is added.
    Advance::By(raw + turns * WRAP)
}

/// Follows one cumulative counter.
#[derive(Clone, Copy, Default)]
struct Follow {
    last: Option<(u64, f64)>,
    total: f64,
    rate: Option<f64>,
}

impl Follow {
    /// Takes a reading; true when the counter began anew.
    fn take(&mut self, counter: Counter, at: f64, width: CounterWidth) -> bool {
        let Some(new) = counter.get() else { return false };
        let mut restarted = false;
        if let Some((old, before)) = self.last {
            let dt = (at - before).max(1e-6);
            match advance(old, new, width, self.rate.map(|r| r * dt)) {
                Advance::By(by) => {
                    self.total += by;
                    let now = by / dt;
                    self.rate = Some(self.rate.map_or(now, |r| 0.75 * r + 0.25 * now));
                }
                Advance::Restart => {
                    self.total += new as f64;
                    self.rate = None;
                    restarted = true;
                }
            }
        }
        self.last = Some((new, at));
        restarted
    }
}

/// Writes values into blocks.
struct Filler<'a> {
    /// Offset of each block's first sample, and one past the last sample.
    starts: &'a [u32],
    min: Vec<f64>,
    max: Vec<f64>,
    sum: Vec<f64>,
    /// The value that holds, since this offset, in this block.
    value: f64,
    since: u32,
    block: usize,
    changes: usize,
}

impl<'a> Filler<'a> {
    fn new(starts: &'a [u32]) -> Self {
        let blocks = starts.len().saturating_sub(1);
        Self {
            starts,
            min: vec![f64::NAN; blocks],
            max: vec![f64::NAN; blocks],
            sum: vec![0.0; blocks],
            value: f64::NAN,
            since: 0,
            block: 0,
            changes: 0,
        }
    }

    /// From offset `at` in `block` on, `value` holds.
    #[inline]
    fn put(&mut self, at: u32, block: usize, value: f64) {
        self.hold_until(at, block);
        if value != self.value {
            self.changes += usize::from(!self.value.is_nan());
            self.value = value;
        }
    }

    /// The held value covers the samples before offset `at`, which lies in `block`.
    #[inline]
    fn hold_until(&mut self, at: u32, block: usize) {
        while self.block < block {
            let end = self.starts.get(self.block + 1).copied().unwrap_or(self.since);
            self.cover(end);
            self.block += 1;
            self.since = end;
        }
        self.cover(at);
        self.since = at;
    }

    #[inline]
    fn cover(&mut self, end: u32) {
        if end <= self.since {
            return;
        }
        let held = f64::from(end - self.since);
        if let (Some(low), Some(high), Some(sum)) = (
            self.min.get_mut(self.block),
            self.max.get_mut(self.block),
            self.sum.get_mut(self.block),
        ) {
            // `NaN` loses against any number, and poisons a mean that is not of whole blocks.
            *low = low.min(self.value);
            *high = high.max(self.value);
            *sum += self.value * held;
        }
    }

    fn finish(mut self) -> Channel {
        let blocks = self.min.len();
        let end = self.starts.last().copied().unwrap_or(0);
        self.hold_until(end, blocks);
        let known = self.min.iter().filter(|v| !v.is_nan()).count();
        let mut mean = self.sum;
        for ((m, pair), low) in mean.iter_mut().zip(self.starts.windows(2)).zip(&self.min) {
            *m /= f64::from((pair[1] - pair[0]).max(1));
            if m.is_nan() {
                // Partly absent: the least value stands in.
                *m = *low;
            }
        }
        Channel {
            known,
            last: (!self.value.is_nan()).then_some(self.value),
            changes: self.changes,
            min: self.min,
            max: self.max,
            mean,
        }
    }
}

/// Reduces `series` to `blocks`. `seconds` is the axis of the whole history.
#[must_use]
pub fn reduce(series: &Series, blocks: &Blocks, seconds: &[f64]) -> Reduced {
    let span = blocks.span;
    let mut out = Reduced::default();
    let mut bytes = Filler::new(&blocks.starts);
    let mut count = Filler::new(&blocks.starts);
    let (mut allocs, mut frees) = (Follow::default(), Follow::default());
    // The change in force when the window begins is the last one at or before its first sample.
    let first = series
        .sample
        .partition_point(|&s| (s as usize) <= span.start)
        .saturating_sub(1);
    for i in first..series.len() {
        let Some(&sample) = series.sample.get(i) else {
            break;
        };
        let sample = (sample as usize).max(span.start);
        if sample >= span.end {
            break;
        }
        let usage = series.usage(i);
        let at = sample - span.start;
        let block = usize::from(blocks.of.get(at).copied().unwrap_or(0));
        let offset = u32::try_from(at).unwrap_or(u32::MAX);
        let absent = usage.is_absent();
        if absent {
            out.gone = true;
            out.seen = Some(sample.saturating_sub(1).max(span.start));
        } else {
            out.first.get_or_insert(sample);
            out.gone = false;
            let t = seconds.get(sample).copied().unwrap_or(0.0);
            let anew = allocs.take(usage.allocs, t, series.width);
            let anew = frees.take(usage.frees, t, series.width) || anew;
            if anew {
                out.restarts.push(sample);
            }
        }
        let as_value = |c: Option<u64>| c.map_or(f64::NAN, |v| v as f64);
        bytes.put(offset, block, as_value(usage.bytes.get()));
        count.put(offset, block, as_value(usage.outstanding(series.width)));
    }
    if !out.gone {
        out.seen = Some(span.end.saturating_sub(1));
    }
    out.bytes = bytes.finish();
    out.count = count.finish();
    out.allocated = allocs.last.map(|_| allocs.total);
    out.freed = frees.last.map(|_| frees.total);
    out
}
