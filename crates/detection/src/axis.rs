//! The time axis of a history: boots, gaps, clock jumps, and blocks of samples.
//!
//! A clock that was set, a machine that slept and a recording that stopped all look like odd distances between two
//! samples. Here they become one axis of *recorded* seconds that only rises, on which trends can be fitted.

use snapshot::{History, Sample};

/// Most blocks that a window is cut into. Every statistic beyond linear cost runs on blocks only.
pub const MAX_BLOCKS: usize = 96;

/// A gap is a distance this many times longer than both distances beside it.
const GAP_FACTOR: f64 = 20.0;

/// The part of the axis that a gap may fill before it is closed up: beyond it, the gap would outweigh the data.
const GAP_SHARE: f64 = 0.25;

/// Samples `start..end` of one boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// First sample.
    pub start: usize,
    /// One past the last sample.
    pub end: usize,
}

impl Span {
    /// Number of samples.
    #[must_use]
    pub const fn len(self) -> usize {
        self.end.saturating_sub(self.start)
    }

    /// True without samples.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }
}

/// Seconds of every sample on an axis that only rises, and where boots begin.
#[derive(Clone, Debug, Default)]
pub struct Axis {
    /// Seconds since the first sample; strictly rising.
    pub seconds: Vec<f64>,
    /// One span for each boot, in order.
    pub boots: Vec<Span>,
    /// Samples before which time was closed up (long gap, or the clock was set): levels are joined there.
    pub joints: Vec<usize>,
    /// Clock steps back that were found.
    pub clock_steps: usize,
    /// False when the input holds no times: rates mean nothing then.
    pub clock_known: bool,
}

/// How one sample follows the one before it.
#[derive(Clone, Copy, PartialEq)]
enum Step {
    /// Seconds passed.
    Time(f64),
    /// No believable distance: the clock was set.
    Unknown,
}

impl Axis {
    /// Reads the axis of `history`.
    #[must_use]
    pub fn new(history: &History) -> Self {
        let samples = &history.samples;
        let boots = boots_of(history);
        let steps: Vec<Step> = samples.windows(2).map(|w| step(&w[0], &w[1])).collect();
        let usual = usual_distance(&steps);
        let total: f64 = steps
            .iter()
            .map(|s| if let Step::Time(t) = s { *t } else { usual })
            .sum();
        let mut axis = Self {
            seconds: Vec::with_capacity(samples.len()),
            joints: Vec::new(),
            clock_steps: 0,
            clock_known: history.clock_known || samples.iter().any(|s| s.uptime_s.is_some()),
            boots,
        };
        let mut now = 0.0;
        if !samples.is_empty() {
            axis.seconds.push(now);
        }
        for (i, step_here) in steps.iter().enumerate() {
            let distance = match *step_here {
                Step::Unknown => {
                    axis.clock_steps += 1;
                    usual
                }
                Step::Time(t) => {
                    let is_gap = is_gap(&steps, i, usual, samples.get(i + 1).is_some_and(|s| s.after_gap));
                    if is_gap && t > GAP_SHARE * (total - t) {
                        axis.joints.push(i + 1);
                        usual.min(t)
                    } else {
                        t
                    }
                }
            };
            now += distance.max(1e-6);
            axis.seconds.push(now);
        }
        axis
    }

    /// Seconds from the first to the last sample of `span`.
    #[must_use]
    pub fn length(&self, span: Span) -> f64 {
        match (
            self.seconds.get(span.start),
            self.seconds.get(span.end.saturating_sub(1)),
        ) {
            (Some(a), Some(b)) if !span.is_empty() => b - a,
            _ => 0.0,
        }
    }

    /// Cuts `span` into at most [`MAX_BLOCKS`] blocks of equal time.
    #[must_use]
    pub fn blocks(&self, span: Span) -> Blocks {
        Blocks::new(self, span)
    }
}

/// Boots by index where the recording knows them, else by uptime going back.
fn boots_of(history: &History) -> Vec<Span> {
    let samples = &history.samples;
    let mut spans = Vec::new();
    let mut start = 0;
    for i in 1..samples.len() {
        let (before, after) = (&samples[i - 1], &samples[i]);
        let new = match (before.boot, after.boot) {
            (Some(a), Some(b)) => a != b,
            _ => match (before.uptime_s, after.uptime_s) {
                (Some(a), Some(b)) => b + 1.0 < a,
                _ => false,
            },
        };
        if new {
            spans.push(Span { start, end: i });
            start = i;
        }
    }
    if !samples.is_empty() {
        spans.push(Span {
            start,
            end: samples.len(),
        });
    }
    spans
}

/// Distance of two samples: uptime inside one boot, else the wall clock where it goes forward.
fn step(before: &Sample, after: &Sample) -> Step {
    let same_boot = match (before.boot, after.boot) {
        (Some(a), Some(b)) => a == b,
        _ => true,
    };
    if let (true, Some(a), Some(b)) = (same_boot, before.uptime_s, after.uptime_s)
        && b > a
    {
        return Step::Time(b - a);
    }
    let wall = after.at.seconds_since(before.at);
    if wall > 0.0 {
        Step::Time(wall)
    } else {
        Step::Unknown
    }
}

/// Median distance; 1 s when there is none.
fn usual_distance(steps: &[Step]) -> f64 {
    let mut known: Vec<f64> = steps
        .iter()
        .filter_map(|s| if let Step::Time(t) = s { Some(*t) } else { None })
        .collect();
    if known.is_empty() {
        return 1.0;
    }
    let middle = known.len() / 2;
    *known.select_nth_unstable_by(middle, f64::total_cmp).1
}

/// Marked as a gap, or far longer than the distances on both sides. Thinned old data is even on at least one side.
fn is_gap(steps: &[Step], i: usize, usual: f64, marked: bool) -> bool {
    let Some(Step::Time(here)) = steps.get(i).copied() else {
        return false;
    };
    let beside = |j: Option<usize>| match j.and_then(|j| steps.get(j)) {
        Some(Step::Time(t)) => *t,
        _ => usual,
    };
    let longest = beside(i.checked_sub(1)).max(beside(Some(i + 1)));
    if marked {
        here > 2.0 * usual
    } else {
        here > GAP_FACTOR * longest
    }
}

/// A window cut into blocks: which block each sample belongs to, and each block's time.
#[derive(Clone, Debug)]
pub struct Blocks {
    /// The samples covered.
    pub span: Span,
    /// Block of each sample of the span.
    pub of: Vec<u16>,
    /// Offset of each block's first sample in the span, and one past the last sample.
    pub starts: Vec<u32>,
    /// Mean time of each block's samples, in seconds from the start of the span. Empty blocks are left out.
    pub seconds: Vec<f64>,
    /// Blocks that begin with a joint.
    pub joints: Vec<u16>,
    /// Mean distance of samples in seconds.
    pub sample_s: f64,
}

impl Blocks {
    fn new(axis: &Axis, span: Span) -> Self {
        let times = axis.seconds.get(span.start..span.end).unwrap_or(&[]);
        let first = times.first().copied().unwrap_or(0.0);
        let length = times.last().copied().unwrap_or(0.0) - first;
        let n = times.len();
        let per_block = n.div_ceil(MAX_BLOCKS).max(1);
        let wanted = n.div_ceil(per_block).max(1);
        let mut of = Vec::with_capacity(n);
        let mut sums: Vec<(f64, u32)> = Vec::new();
        let mut starts = Vec::with_capacity(wanted + 1);
        let mut last_slot = usize::MAX;
        for (i, &t) in times.iter().enumerate() {
            let slot = if per_block == 1 || length <= 0.0 {
                i
            } else {
                // Half a sample's width keeps evenly spaced samples evenly shared out.
                let width = length * (1.0 + 1.0 / (n as f64 - 1.0));
                (((t - first) / width * wanted as f64) as usize).min(wanted - 1)
            };
            if slot != last_slot {
                sums.push((0.0, 0));
                starts.push(u32::try_from(i).unwrap_or(u32::MAX));
                last_slot = slot;
            }
            if let Some((sum, count)) = sums.last_mut() {
                *sum += t - first;
                *count += 1;
            }
            of.push(u16::try_from(sums.len() - 1).unwrap_or(u16::MAX));
        }
        starts.push(u32::try_from(n).unwrap_or(u32::MAX));
        let joints = axis
            .joints
            .iter()
            .filter(|&&j| j > span.start && j < span.end)
            .filter_map(|&j| of.get(j - span.start).copied())
            .collect();
        Self {
            span,
            of,
            starts,
            seconds: sums
                .iter()
                .map(|&(sum, count)| sum / f64::from(count.max(1)))
                .collect(),
            joints,
            sample_s: if n > 1 { length / (n as f64 - 1.0) } else { 0.0 },
        }
    }

    /// Number of blocks.
    #[must_use]
    pub fn len(&self) -> usize {
        self.seconds.len()
    }

    /// True without blocks.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.seconds.is_empty()
    }
}
