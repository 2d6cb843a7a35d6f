//! A source that plays snapshots written beforehand: the same run, every time, on any system.

use std::collections::VecDeque;

use snapshot::{HostFacts, MomentFacts, Problem, Snapshot, Timestamp};

use crate::{Source, SourceError, Want};

/// Plays a list of snapshots (and refusals) in order, each cut down to what was asked for.
///
/// Time is what the snapshots say it is: nothing here looks at a clock. After the last step every call is refused,
/// unless [`ScriptedSource::hold_last`] makes the last snapshot stand for ever.
#[derive(Debug, Default)]
pub struct ScriptedSource {
    host: HostFacts,
    host_problems: Vec<Problem>,
    steps: VecDeque<Step>,
    held: Option<Snapshot>,
    hold_last: bool,
    asked: Vec<Want>,
}

/// One answer of the script.
#[derive(Debug)]
enum Step {
    Snapshot(Box<Snapshot>),
    Refusal { interface: String, reason: String },
}

impl ScriptedSource {
    /// A script of `host` without any step yet.
    #[must_use]
    pub fn new(host: HostFacts) -> Self {
        Self {
            host,
            ..Self::default()
        }
    }

    /// Adds what [`Source::host`] reports as unreadable.
    #[must_use]
    pub fn with_host_problem(mut self, problem: Problem) -> Self {
        self.host_problems.push(problem);
        self
    }

    /// Adds a snapshot, times and all as it is.
    #[must_use]
    pub fn then(mut self, snapshot: Snapshot) -> Self {
        self.steps.push_back(Step::Snapshot(Box::new(snapshot)));
        self
    }

    /// Adds `count` snapshots from `make(i)`, taken `interval_s` seconds apart from `start` on. Kernel uptime, where
    /// the snapshot gives one, is left alone.
    #[must_use]
    pub fn then_every(
        mut self,
        start: Timestamp,
        interval_s: f64,
        count: u32,
        mut make: impl FnMut(u32) -> Snapshot,
    ) -> Self {
        for i in 0..count {
            let mut snapshot = make(i);
            snapshot.taken_at = Some(start.plus_seconds(interval_s * f64::from(i)));
            self = self.then(snapshot);
        }
        self
    }

    /// Adds a call that is refused with [`SourceError::Unavailable`].
    #[must_use]
    pub fn then_refuse(mut self, interface: &str, reason: &str) -> Self {
        self.steps.push_back(Step::Refusal {
            interface: interface.to_owned(),
            reason: reason.to_owned(),
        });
        self
    }

    /// After the script's end the last snapshot is given again and again.
    #[must_use]
    pub fn hold_last(mut self) -> Self {
        self.hold_last = true;
        self
    }

    /// What the caller asked for so far, call by call.
    #[must_use]
    pub fn asked(&self) -> &[Want] {
        &self.asked
    }
}

impl Source for ScriptedSource {
    fn host(&mut self) -> (HostFacts, Vec<Problem>) {
        (self.host.clone(), self.host_problems.clone())
    }

    fn snapshot(&mut self, want: &Want) -> Result<Snapshot, SourceError> {
        self.asked.push(*want);
        match self.steps.pop_front() {
            Some(Step::Snapshot(snapshot)) => {
                if self.hold_last {
                    self.held = Some(Snapshot::clone(&snapshot));
                }
                Ok(only(*snapshot, want))
            }
            Some(Step::Refusal { interface, reason }) => Err(SourceError::Unavailable { interface, reason }),
            None => match &self.held {
                Some(held) => Ok(only(held.clone(), want)),
                None => Err(SourceError::Unavailable {
                    interface: "scripted source".to_owned(),
                    reason: "the script has ended".to_owned(),
                }),
            },
        }
    }
}

/// `snapshot` without what was not asked for, as a live source would give it.
fn only(mut snapshot: Snapshot, want: &Want) -> Snapshot {
    fn keep<T>(wanted: bool, value: Option<T>) -> Option<T> {
        if wanted { value } else { None }
    }
    if !want.tags {
        snapshot.rows.clear();
    }
    let facts = snapshot.facts;
    snapshot.facts = MomentFacts {
        memory: keep(want.memory, facts.memory),
        processes: keep(want.processes || want.handle_types, facts.processes),
        object_types: keep(want.object_types, facts.object_types),
        slab_caches: keep(want.object_types, facts.slab_caches),
        big_pool: keep(want.big_pool, facts.big_pool),
        modules: keep(want.modules, facts.modules),
        drivers: keep(want.drivers, facts.drivers),
        minifilters: keep(want.minifilters, facts.minifilters),
        etw_sessions: keep(want.etw, facts.etw_sessions),
        events: keep(want.events, facts.events),
        vbs: keep(want.vbs, facts.vbs),
        own_cost: keep(want.own_cost, facts.own_cost),
    };
    snapshot
}

#[cfg(test)]
mod tests {
    use super::*;
    use snapshot::{MemoryCounters, Pool, ProcessFacts, Tag, TagUsage, Usage};

    fn full() -> Snapshot {
        Snapshot {
            rows: vec![TagUsage {
                tag: Tag::from_nt(*b"Leak"),
                pool: Pool::Nonpaged,
                usage: Usage {
                    bytes: Some(64).into(),
                    ..Usage::ABSENT
                },
            }],
            facts: MomentFacts {
                memory: Some(MemoryCounters {
                    physical: Some(1 << 30),
                    ..MemoryCounters::default()
                }),
                processes: Some(vec![ProcessFacts {
                    pid: 4,
                    ..ProcessFacts::default()
                }]),
                ..MomentFacts::default()
            },
            ..Snapshot::default()
        }
    }

    #[test]
    fn gives_what_was_asked_for_and_nothing_else() {
        let cases = [
            (Want::SAMPLE, (1, true, false)),
            (Want::EVERYTHING, (1, true, true)),
            (
                Want {
                    processes: true,
                    ..Want::default()
                },
                (0, false, true),
            ),
            (Want::default(), (0, false, false)),
        ];
        for (want, expected) in cases {
            let mut source = ScriptedSource::new(HostFacts::default()).then(full());
            let got = source.snapshot(&want).expect("the script has a step");
            let shape = (
                got.rows.len(),
                got.facts.memory.is_some(),
                got.facts.processes.is_some(),
            );
            assert_eq!(shape, expected, "{want:?}");
            assert_eq!(source.asked(), [want]);
        }
    }

    #[test]
    fn plays_times_refusals_and_the_end_as_written() {
        let mut source = ScriptedSource::new(HostFacts::default())
            .then_every(Timestamp::from_unix_seconds(100), 30.0, 2, |_| full())
            .then_refuse("class 22", "0xC0000022")
            .then(full());
        let times: Vec<_> = (0..2)
            .map(|_| {
                source
                    .snapshot(&Want::SAMPLE)
                    .expect("a step")
                    .taken_at
                    .map(|t| t.0)
            })
            .collect();
        assert_eq!(times, [Some(100_000_000), Some(130_000_000)]);
        assert_eq!(
            source.snapshot(&Want::SAMPLE).expect_err("refused").to_string(),
            "class 22: 0xC0000022"
        );
        assert!(source.snapshot(&Want::SAMPLE).is_ok());
        assert_eq!(
            source.snapshot(&Want::SAMPLE).expect_err("ended").to_string(),
            "scripted source: the script has ended"
        );
        let mut held = ScriptedSource::new(HostFacts::default()).then(full()).hold_last();
        assert!((0..5).all(|_| held.snapshot(&Want::SAMPLE).is_ok()));
    }
}
