//! From a series' raw counters to blocks: wraps and restarts are undone here, in one pass over the changes.
//!
//! Nothing dense is ever built: a series costs its changes plus its blocks.

use snapshot::{Counter, CounterWidth, Series, Usage};

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

/// Advance in one sample from which a counter's rate is followed.
const FAST: u64 = 65_536;

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

/// Writes values into blocks. The open block's numbers stay in the struct and are written when it ends.
struct Filler<'a> {
    /// Offset of each block's first sample, and one past the last sample.
    starts: &'a [u32],
    out: Channel,
    /// The value that holds, since this offset.
    value: f64,
    since: u32,
    /// One past the open block's last sample.
    end: u32,
    block: usize,
    low: f64,
    high: f64,
    sum: f64,
}

impl<'a> Filler<'a> {
    fn new(starts: &'a [u32]) -> Self {
        let blocks = starts.len().saturating_sub(1);
        let out = Channel {
            min: Vec::with_capacity(blocks),
            max: Vec::with_capacity(blocks),
            mean: Vec::with_capacity(blocks),
            ..Channel::default()
        };
        Self {
            starts,
            out,
            value: f64::NAN,
            since: 0,
            end: starts.get(1).copied().unwrap_or(0),
            block: 0,
            low: f64::NAN,
            high: f64::NAN,
            sum: 0.0,
        }
    }

    /// From offset `at` on, `value` holds.
    #[inline]
    fn put(&mut self, at: u32, value: f64) {
        if value == self.value {
            return;
        }
        if at < self.end {
            self.cover(at);
        } else {
            self.hold_until(at);
        }
        self.out.changes += usize::from(!self.value.is_nan());
        self.value = value;
    }

    /// The held value covers the samples before offset `at`.
    fn hold_until(&mut self, at: u32) {
        while at >= self.end && self.block + 1 < self.starts.len() {
            self.cover(self.end);
            self.close();
        }
        self.cover(at);
    }

    #[inline]
    fn cover(&mut self, end: u32) {
        if end > self.since {
            // `NaN` loses against any number, and poisons the mean of a block that is partly absent.
            self.low = self.low.min(self.value);
            self.high = self.high.max(self.value);
            self.sum += self.value * f64::from(end - self.since);
            self.since = end;
        }
    }

    /// Ends the open block.
    fn close(&mut self) {
        let start = self.starts.get(self.block).copied().unwrap_or(0);
        let mean = self.sum / f64::from(self.end.saturating_sub(start).max(1));
        self.out.known += usize::from(!self.low.is_nan());
        self.out.min.push(self.low);
        self.out.max.push(self.high);
        self.out.mean.push(if mean.is_nan() { self.low } else { mean });
        (self.low, self.high, self.sum) = (f64::NAN, f64::NAN, 0.0);
        self.block += 1;
        self.end = self.starts.get(self.block + 1).copied().unwrap_or(self.end);
    }

    fn finish(mut self) -> Channel {
        while self.block + 1 < self.starts.len() {
            self.cover(self.end);
            self.close();
        }
        self.out.last = (!self.value.is_nan()).then_some(self.value);
        self.out
    }
}

/// Reduces `series` to `blocks`. `seconds` is the axis of the whole history.
#[must_use]
pub fn reduce(series: &Series, blocks: &Blocks, seconds: &[f64]) -> Reduced {
    let span = blocks.span;
    // The change in force when the window begins is the last one at or before its first sample.
    let first = series
        .sample
        .partition_point(|&s| (s as usize) <= span.start)
        .saturating_sub(1);
    let end = series.sample.partition_point(|&s| (s as usize) < span.end);
    let rows = first.min(end)..end;
    let part = Part {
        samples: series.sample.get(rows.clone()).unwrap_or(&[]),
        start: span.start,
        seconds,
        width: series.width,
    };
    let (allocs, frees) = (in_rows(&series.allocs, &rows), in_rows(&series.frees, &rows));
    let (live, bytes) = (in_rows(&series.live, &rows), in_rows(&series.bytes, &rows));
    let mut restarts = Vec::new();
    let allocated = part.follow(allocs, &mut restarts);
    let freed = part.follow(frees, &mut restarts);
    restarts.sort_unstable();
    restarts.dedup();
    let of = |column: &[Counter], i: usize| column.get(i).copied().unwrap_or(Counter::UNKNOWN);
    let bytes_in_blocks = part.fill(blocks, |i| of(bytes, i).get());
    let count_in_blocks = part.fill(blocks, |i| {
        let usage = Usage {
            allocs: of(allocs, i),
            frees: of(frees, i),
            live: of(live, i),
            bytes: Counter::UNKNOWN,
        };
        usage.outstanding(series.width)
    });
    let known = |&i: &usize| !series.usage(i).is_absent();
    let at = |i: usize| series.sample.get(i).map(|&s| (s as usize).max(span.start));
    let gone = rows.clone().next_back().filter(|i| !known(i));
    Reduced {
        bytes: bytes_in_blocks,
        count: count_in_blocks,
        allocated,
        freed,
        restarts,
        first: rows.clone().find(known).and_then(at),
        seen: match gone {
            Some(i) => at(i).map(|s| s.saturating_sub(1).max(span.start)),
            None => Some(span.end.saturating_sub(1)),
        },
        gone: gone.is_some(),
    }
}

/// The rows of a column, which may be empty where the counter was never read.
fn in_rows<'a>(column: &'a [Counter], rows: &std::ops::Range<usize>) -> &'a [Counter] {
    column.get(rows.clone()).unwrap_or(&[])
}

/// The changes of one series inside a window.
struct Part<'a> {
    /// Sample of each change.
    samples: &'a [u32],
    /// First sample of the window.
    start: usize,
    /// The axis of the whole history.
    seconds: &'a [f64],
    /// Width of the counters.
    width: CounterWidth,
}

impl Part<'_> {
    /// Writes the value of each change into blocks.
    fn fill(&self, blocks: &Blocks, value: impl Fn(usize) -> Option<u64>) -> Channel {
        let mut filler = Filler::new(&blocks.starts);
        for (i, &sample) in self.samples.iter().enumerate() {
            let at = u32::try_from((sample as usize).saturating_sub(self.start)).unwrap_or(u32::MAX);
            filler.put(at, value(i).map_or(f64::NAN, |v| v as f64));
        }
        filler.finish()
    }

    /// How far a cumulative counter went in all, `None` when it was never read. Samples at which it began anew are
    /// added to `restarts`.
    fn follow(&self, counters: &[Counter], restarts: &mut Vec<usize>) -> Option<f64> {
        let mut last: Option<(u64, usize)> = None;
        let (mut slow, mut total) = (0_u64, 0.0);
        let mut rate: Option<f64> = None;
        for (i, counter) in counters.iter().enumerate() {
            let Some(new) = counter.get() else { continue };
            let Some((old, before)) = last.replace((new, i)) else {
                continue;
            };
            // A counter this slow cannot go around between two samples; spare it the arithmetic.
            if let Some(by) = new.checked_sub(old)
                && by < FAST
                && rate.is_none()
            {
                slow += by;
                continue;
            }
            let dt = (self.time(i) - self.time(before)).max(1e-6);
            match advance(old, new, self.width, rate.map(|r| r * dt)) {
                Advance::By(by) => {
                    total += by;
                    if by >= FAST as f64 {
                        let now = by / dt;
                        rate = Some(rate.map_or(now, |r| 0.75 * r + 0.25 * now));
                    }
                }
                Advance::Restart => {
                    total += new as f64;
                    rate = None;
                    restarts.extend(self.sample(i));
                }
            }
        }
        last.map(|_| total + slow as f64)
    }

    fn sample(&self, change: usize) -> Option<usize> {
        self.samples.get(change).map(|&s| (s as usize).max(self.start))
    }

    fn time(&self, change: usize) -> f64 {
        let at = self.sample(change).and_then(|s| self.seconds.get(s));
        at.copied().unwrap_or(0.0)
    }
}
