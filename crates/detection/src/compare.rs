//! Before and after a fix, or two boots aligned on uptime: what is new, gone, better, worse.

use std::collections::BTreeMap;

use snapshot::{History, Sample, Series, SeriesKey};

use crate::axis::Axis;
use crate::judgement::{Analysis, Judgement, Verdict};
use crate::outlook::bytes_at;

/// How a series changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Change {
    /// Leaks, is suspected or holds much now, and was not there or was ordinary before.
    New,
    /// Was accused before and is now too, growing or holding clearly more.
    Worse,
    /// Was accused before and is now too, growing or holding clearly less.
    Better,
    /// Was accused before and is ordinary now, or not there.
    Gone,
    /// Accused before and now, alike.
    Same,
    /// Ordinary in both.
    Ordinary,
}

impl Change {
    /// The word used in every format.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Worse => "worse",
            Self::Better => "better",
            Self::Gone => "gone",
            Self::Same => "same",
            Self::Ordinary => "ordinary",
        }
    }
}

/// One series in both recordings.
#[derive(Clone, Debug, PartialEq)]
pub struct Compared {
    /// Tag and pool.
    pub key: SeriesKey,
    /// How it changed.
    pub change: Change,
    /// Its judgement before: index into the first analysis' judgements.
    pub before: Option<usize>,
    /// Its judgement after: index into the second analysis' judgements.
    pub after: Option<usize>,
    /// Bytes at the same uptime (or at the end, where uptimes are unknown) before and after.
    pub bytes: (Option<u64>, Option<u64>),
    /// Growth in bytes per day before and after.
    pub rates: (Option<f64>, Option<f64>),
}

/// A comparison, most important change first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Comparison {
    /// Uptime in seconds at which bytes were compared, when both recordings know theirs.
    pub at_uptime_s: Option<f64>,
    /// Every series of either recording.
    pub series: Vec<Compared>,
}

/// Rates that differ less than this factor, with overlapping intervals, are alike.
const CLEARLY: f64 = 1.5;

/// Compares two recordings with their analyses.
#[must_use]
pub fn compare(before: (&History, &Analysis), after: (&History, &Analysis)) -> Comparison {
    let at_uptime_s = match (last_uptime(before.0), last_uptime(after.0)) {
        (Some(a), Some(b)) => Some(f64::min(a, b)),
        _ => None,
    };
    let (old, new) = (by_key(before), by_key(after));
    let mut keys: Vec<&SeriesKey> = old.keys().chain(new.keys()).copied().collect();
    keys.sort();
    keys.dedup();
    let mut series: Vec<Compared> = keys
        .into_iter()
        .map(|key| {
            let (b, a) = (old.get(key), new.get(key));
            let bytes = |history: &History, entry: Option<&Entry<'_>>| {
                entry
                    .and_then(|e| bytes_at(e.series, sample_at(history, at_uptime_s)?))
                    .map(|v| v as u64)
            };
            Compared {
                key: key.clone(),
                change: change(b.map(|e| e.judgement), a.map(|e| e.judgement)),
                before: b.map(|e| e.index),
                after: a.map(|e| e.index),
                bytes: (bytes(before.0, b), bytes(after.0, a)),
                rates: (b.and_then(rate), a.and_then(rate)),
            }
        })
        .collect();
    let weight = |c: &Compared| c.rates.1.unwrap_or(0.0).abs().max(c.rates.0.unwrap_or(0.0).abs());
    series.sort_by(|a, b| {
        a.change
            .cmp(&b.change)
            .then(weight(b).total_cmp(&weight(a)))
            .then(a.key.cmp(&b.key))
    });
    Comparison { at_uptime_s, series }
}

struct Entry<'a> {
    index: usize,
    judgement: &'a Judgement,
    series: &'a Series,
}

fn by_key<'a>((history, analysis): (&'a History, &'a Analysis)) -> BTreeMap<&'a SeriesKey, Entry<'a>> {
    analysis
        .judgements
        .iter()
        .enumerate()
        .filter_map(|(index, judgement)| {
            let series = history.series.get(judgement.series)?;
            Some((
                &series.key,
                Entry {
                    index,
                    judgement,
                    series,
                },
            ))
        })
        .collect()
}

fn rate(entry: &Entry<'_>) -> Option<f64> {
    entry.judgement.rate.map(|r| r.per_day)
}

fn accused(judgement: &Judgement) -> bool {
    judgement.verdict <= Verdict::Unfreed
}

fn change(before: Option<&Judgement>, after: Option<&Judgement>) -> Change {
    match (before.filter(|j| accused(j)), after.filter(|j| accused(j))) {
        (None, None) => Change::Ordinary,
        (None, Some(_)) => Change::New,
        (Some(_), None) => Change::Gone,
        (Some(b), Some(a)) => {
            if let (Some(rb), Some(ra)) = (b.rate, a.rate)
                && b.verdict != Verdict::Unfreed
            {
                if ra.per_day > CLEARLY * rb.per_day && ra.low > rb.high {
                    return Change::Worse;
                }
                if ra.per_day * CLEARLY < rb.per_day && ra.high < rb.low {
                    return Change::Better;
                }
                return Change::Same;
            }
            match (b.bytes, a.bytes) {
                (Some(b), Some(a)) if a as f64 > CLEARLY * b as f64 => Change::Worse,
                (Some(b), Some(a)) if (a as f64) * CLEARLY < b as f64 => Change::Better,
                _ => Change::Same,
            }
        }
    }
}

fn last_uptime(history: &History) -> Option<f64> {
    history.samples.last().and_then(|s| s.uptime_s)
}

/// The last sample at or before an uptime of the last boot; the last of all without one.
fn sample_at(history: &History, uptime: Option<f64>) -> Option<usize> {
    let last = history.samples.len().checked_sub(1)?;
    let Some(uptime) = uptime else { return Some(last) };
    let start = Axis::new(history).boots.last().map_or(0, |b| b.start);
    (start..=last).rev().find(|&i| {
        history
            .samples
            .get(i)
            .and_then(|s| s.uptime_s)
            .is_some_and(|u| u <= uptime + 0.5)
    })
}

/// The part of `history` that belongs to its `boot`th boot (in order of time), so that two boots can be compared.
/// `None` when there is no such boot.
#[must_use]
pub fn one_boot(history: &History, boot: usize) -> Option<History> {
    let span = *Axis::new(history).boots.get(boot)?;
    let mut part = History {
        kind: history.kind,
        host: history.host.clone(),
        boots: history.boots.clone(),
        clock_known: history.clock_known,
        samples: history.samples.get(span.start..span.end)?.to_vec(),
        problems: history.problems.clone(),
        ..History::default()
    };
    if let Some(first) = part.samples.first_mut() {
        *first = Sample {
            after_gap: false,
            ..first.clone()
        };
    }
    part.facts = history
        .facts
        .iter()
        .filter(|(at, _)| (span.start..span.end).contains(&(*at as usize)))
        .map(|(at, facts)| (at.saturating_sub(span.start as u32), facts.clone()))
        .collect();
    for series in &history.series {
        let mut own = Series::new(series.key.clone(), series.width);
        let first = series
            .sample
            .partition_point(|&s| s as usize <= span.start)
            .saturating_sub(1);
        for i in first..series.len() {
            let Some(&sample) = series.sample.get(i) else {
                break;
            };
            if sample as usize >= span.end {
                break;
            }
            own.push(sample.saturating_sub(span.start as u32), series.usage(i));
        }
        if !own.is_empty() {
            part.series.push(own);
        }
    }
    Some(part)
}
