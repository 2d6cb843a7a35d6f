//! Makes a history from snapshots, for callers that have no recording between the kernel and the analysis.

use std::collections::HashMap;

use crate::{History, HostFacts, Problem, Sample, Series, SeriesKey, Snapshot, SourceKind, Timestamp, Usage};

/// Takes snapshots in the order they were taken.
#[derive(Debug)]
pub struct HistoryBuilder {
    history: History,
    /// Index into the series and the sample each was last seen in.
    index: HashMap<SeriesKey, (usize, u32)>,
    gap: bool,
}

impl HistoryBuilder {
    /// An empty history of `host`.
    #[must_use]
    pub fn new(kind: SourceKind, host: HostFacts) -> Self {
        let history = History {
            kind: Some(kind),
            host,
            clock_known: true,
            ..History::default()
        };
        Self {
            history,
            index: HashMap::new(),
            gap: false,
        }
    }

    /// The next snapshot comes after a time without sampling.
    pub fn gap(&mut self) {
        self.gap = true;
    }

    /// Adds a problem, each once.
    pub fn problem(&mut self, problem: Problem) {
        if !self.history.problems.contains(&problem) {
            self.history.problems.push(problem);
        }
    }

    /// Adds a snapshot. A series that it does not list was absent at that moment. One without a time makes the whole
    /// history one without a clock, whose samples are a second apart.
    pub fn push(&mut self, snapshot: Snapshot) {
        let Ok(number) = u32::try_from(self.history.samples.len()) else {
            return;
        };
        let boot = snapshot.boot.and_then(|id| {
            let known = self.history.boots.iter().position(|b| *b == id);
            let at = known.unwrap_or(self.history.boots.len());
            if known.is_none() {
                self.history.boots.push(id);
            }
            u32::try_from(at).ok()
        });
        self.history.clock_known &= snapshot.taken_at.is_some();
        self.history.samples.push(Sample {
            at: snapshot
                .taken_at
                .unwrap_or(Timestamp::from_unix_seconds(i64::from(number))),
            uptime_s: snapshot.kernel_uptime_s,
            boot,
            after_gap: std::mem::take(&mut self.gap),
        });
        for row in snapshot.rows {
            let key = SeriesKey {
                tag: row.tag,
                pool: row.pool,
            };
            let fresh = self.history.series.len();
            let (at, seen) = self.index.entry(key).or_insert_with_key(|key| {
                self.history.series.push(Series::new(key.clone(), snapshot.width));
                (fresh, number)
            });
            *seen = number;
            if let Some(series) = self.history.series.get_mut(*at) {
                series.push(number, row.usage);
            }
        }
        for (at, _) in self.index.values().filter(|(_, seen)| *seen != number) {
            if let Some(series) = self.history.series.get_mut(*at) {
                series.push(number, Usage::ABSENT);
            }
        }
        if !snapshot.facts.is_empty() {
            self.history.facts.push((number, snapshot.facts));
        }
        for problem in snapshot.problems {
            self.problem(problem);
        }
    }

    /// The history. Without a clock all times are made up, so that they do not mix.
    #[must_use]
    pub fn finish(mut self) -> History {
        if !self.history.clock_known {
            for (at, sample) in self.history.samples.iter_mut().enumerate() {
                sample.at = Timestamp::from_unix_seconds(i64::try_from(at).unwrap_or(i64::MAX));
            }
        }
        self.history
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BootId, MemoryCounters, MomentFacts, Pool, Tag, TagUsage};

    fn snapshot(second: i64, boot: &str, rows: &[(&str, u64)]) -> Snapshot {
        Snapshot {
            taken_at: Some(Timestamp::from_unix_seconds(second)),
            boot: Some(BootId(boot.to_owned())),
            rows: rows
                .iter()
                .map(|&(tag, bytes)| TagUsage {
                    tag: Tag::parse(tag),
                    pool: Pool::Slab,
                    usage: Usage {
                        bytes: Some(bytes).into(),
                        ..Usage::ABSENT
                    },
                })
                .collect(),
            problems: vec![Problem::new("x", "y")],
            ..Snapshot::default()
        }
    }

    #[test]
    fn snapshots_become_series_of_changes() {
        let mut builder = HistoryBuilder::new(SourceKind::Live, HostFacts::default());
        builder.push(snapshot(10, "a", &[("one", 8), ("two", 1)]));
        builder.push(Snapshot {
            facts: MomentFacts {
                memory: Some(MemoryCounters::default()),
                ..MomentFacts::default()
            },
            ..snapshot(20, "a", &[("one", 8)])
        });
        builder.gap();
        builder.push(snapshot(90, "b", &[("one", 9), ("two", 1)]));
        let history = builder.finish();
        let points = |tag: &str| {
            let series = history
                .series
                .iter()
                .find(|s| s.key.tag == Tag::parse(tag))
                .expect("a series");
            (
                series.sample.clone(),
                series.bytes.iter().map(|b| b.get()).collect::<Vec<_>>(),
            )
        };
        assert_eq!(points("one"), (vec![0, 2], vec![Some(8), Some(9)]));
        assert_eq!(points("two"), (vec![0, 1, 2], vec![Some(1), None, Some(1)]));
        let samples: Vec<_> = history
            .samples
            .iter()
            .map(|s| (s.at.0 / 1_000_000, s.boot, s.after_gap))
            .collect();
        assert_eq!(
            samples,
            [(10, Some(0), false), (20, Some(0), false), (90, Some(1), true)]
        );
        assert_eq!(history.facts.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [1]);
        assert_eq!(
            (history.problems.len(), history.boots.len(), history.clock_known),
            (1, 2, true)
        );
    }

    #[test]
    fn one_snapshot_without_a_time_makes_all_times_synthetic() {
        let mut builder = HistoryBuilder::new(SourceKind::Poolmon, HostFacts::default());
        builder.push(snapshot(1000, "a", &[]));
        builder.push(Snapshot {
            taken_at: None,
            ..snapshot(0, "a", &[])
        });
        let history = builder.finish();
        assert!(!history.clock_known);
        assert_eq!(
            history.samples.iter().map(|s| s.at.0).collect::<Vec<_>>(),
            [0, 1_000_000]
        );
    }
}
