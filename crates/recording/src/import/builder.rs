//! Puts rows together to a history. All importers share it.

use std::collections::HashMap;

use snapshot::{
    CounterWidth, History, MemoryCounters, MomentFacts, OsKind, Problem, Sample, Series, SeriesKey,
    SourceKind, Timestamp, Usage,
};

/// Most samples of one input: indices are 32 bits wide.
const MOST_SAMPLES: usize = u32::MAX as usize;

/// A history in the making. Rows are given sample after sample.
#[derive(Debug)]
pub(crate) struct Builder {
    kind: SourceKind,
    width: CounterWidth,
    samples: Vec<Sample>,
    timed: usize,
    series: Vec<Series>,
    index: HashMap<SeriesKey, u32>,
    /// One more than the sample in which the series was last seen, present or spoiled.
    seen: Vec<u32>,
    facts: Vec<(u32, MomentFacts)>,
    mapped: HashMap<u32, String>,
    problems: Vec<Problem>,
}

impl Builder {
    pub(crate) fn new(kind: SourceKind, width: CounterWidth) -> Self {
        Self {
            kind,
            width,
            samples: Vec::new(),
            timed: 0,
            series: Vec::new(),
            index: HashMap::new(),
            seen: Vec::new(),
            facts: Vec::new(),
            mapped: HashMap::new(),
            problems: Vec::new(),
        }
    }

    /// Number of samples begun.
    pub(crate) fn sample_count(&self) -> usize {
        self.samples.len()
    }

    /// Number of series known.
    pub(crate) fn series_count(&self) -> usize {
        self.series.len()
    }

    /// Ends the sample before and begins a new one. False when there are too many.
    pub(crate) fn begin_sample(&mut self, at: Option<Timestamp>) -> bool {
        self.end_sample();
        if self.samples.len() >= MOST_SAMPLES {
            return false;
        }
        self.timed += usize::from(at.is_some());
        self.samples.push(Sample {
            at: at.unwrap_or_default(),
            ..Sample::default()
        });
        true
    }

    /// Series that were there before and are not in the sample that ends are absent from it on.
    fn end_sample(&mut self) {
        let Some(current) = self.current() else { return };
        for (series, seen) in self.series.iter_mut().zip(&self.seen) {
            if *seen <= current {
                series.push(current, Usage::ABSENT);
            }
        }
    }

    fn current(&self) -> Option<u32> {
        self.samples
            .len()
            .checked_sub(1)
            .and_then(|at| u32::try_from(at).ok())
    }

    /// Finds or makes the series of `key`.
    pub(crate) fn series(&mut self, key: SeriesKey) -> usize {
        if let Some(&at) = self.index.get(&key) {
            return at as usize;
        }
        let at = self.series.len();
        self.index.insert(key.clone(), at as u32);
        self.series.push(Series::new(key, self.width));
        self.seen.push(0);
        at
    }

    /// True when the series has a row in the current sample.
    pub(crate) fn has_row(&self, series: usize) -> bool {
        self.seen
            .get(series)
            .is_some_and(|&seen| seen as usize == self.samples.len() && seen > 0)
    }

    /// Stores a row of the current sample.
    pub(crate) fn push(&mut self, series: usize, usage: Usage) {
        let Some(current) = self.current() else { return };
        if let (Some(column), Some(seen)) = (self.series.get_mut(series), self.seen.get_mut(series)) {
            *seen = current.saturating_add(1);
            column.push(current, usage);
        }
    }

    /// Replaces the row of the current sample by its sum with `more`: two rows the input prints alike.
    pub(crate) fn add(&mut self, series: usize, more: Usage) {
        let Some(current) = self.current() else { return };
        let Some(column) = self.series.get_mut(series) else {
            return;
        };
        let sum = sum(column.last(), more);
        if column.sample.last() == Some(&current) {
            column.sample.pop();
            for counters in [
                &mut column.allocs,
                &mut column.frees,
                &mut column.live,
                &mut column.bytes,
            ] {
                counters.truncate(column.sample.len());
            }
        }
        column.push(current, sum);
    }

    /// The row could not be read: the series keeps its last value rather than count as absent.
    pub(crate) fn spoil(&mut self, series: usize) {
        let count = self.samples.len();
        if let Some(seen) = self.seen.get_mut(series) {
            *seen = u32::try_from(count).unwrap_or(u32::MAX);
        }
    }

    /// The rest of the current sample is missing: no series counts as absent from it.
    pub(crate) fn spoil_sample(&mut self) {
        for at in 0..self.seen.len() {
            if !self.has_row(at) {
                self.spoil(at);
            }
        }
    }

    /// What the input says about the owner of a series; the last word counts.
    pub(crate) fn map(&mut self, series: usize, text: String) {
        if let Ok(series) = u32::try_from(series) {
            self.mapped.insert(series, text);
        }
    }

    /// Memory counters of the current sample.
    pub(crate) fn memory(&mut self, change: impl FnOnce(&mut MemoryCounters)) {
        let Some(current) = self.current() else { return };
        if self.facts.last().is_none_or(|(at, _)| *at != current) {
            self.facts.push((current, MomentFacts::default()));
        }
        if let Some((_, facts)) = self.facts.last_mut() {
            change(facts.memory.get_or_insert_default());
        }
    }

    pub(crate) fn problem(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// The history. Times count only when every sample has one.
    pub(crate) fn finish(mut self, os: Option<OsKind>) -> History {
        self.end_sample();
        let clock_known = self.timed == self.samples.len() && !self.samples.is_empty();
        if !clock_known {
            number_samples(&mut self.samples);
        }
        let mut history = History {
            kind: Some(self.kind),
            clock_known,
            samples: self.samples,
            facts: self.facts,
            problems: self.problems,
            ..History::default()
        };
        history.host.os = os;
        for (at, text) in self.mapped {
            if let Some(series) = self.series.get(at as usize) {
                history.mapped.insert(series.key.clone(), text);
            }
        }
        history.series = self.series;
        history
    }
}

/// Places samples without a clock at 0 s, 1 s, …
pub(crate) fn number_samples(samples: &mut [Sample]) {
    for (sample, second) in samples.iter_mut().zip(0_i64..) {
        sample.at = Timestamp::from_unix_seconds(second);
    }
}

fn sum(a: Usage, b: Usage) -> Usage {
    let add = |a: snapshot::Counter, b: snapshot::Counter| match (a.get(), b.get()) {
        (Some(a), Some(b)) => Some(a.saturating_add(b)).into(),
        _ => snapshot::Counter::UNKNOWN,
    };
    Usage {
        allocs: add(a.allocs, b.allocs),
        frees: add(a.frees, b.frees),
        live: add(a.live, b.live),
        bytes: add(a.bytes, b.bytes),
    }
}

/// Marks samples that come much later than the file's usual step: at least eight steps are needed to call one usual.
pub(crate) fn mark_gaps(samples: &mut [Sample]) {
    const STEPS_NEEDED: usize = 8;
    const TIMES_USUAL: i64 = 4;
    let step = |pair: &[Sample]| match pair {
        [a, b] => b.at.0.saturating_sub(a.at.0),
        _ => 0,
    };
    let mut steps: Vec<i64> = samples.windows(2).map(step).filter(|&s| s > 0).collect();
    if steps.len() < STEPS_NEEDED {
        return;
    }
    let middle = steps.len() / 2;
    let (_, &mut usual, _) = steps.select_nth_unstable(middle);
    let mut before: Option<Timestamp> = None;
    for sample in samples {
        let late =
            before.is_some_and(|b| sample.at.0.saturating_sub(b.0) > usual.saturating_mul(TIMES_USUAL));
        sample.after_gap |= late;
        before = Some(sample.at);
    }
}
