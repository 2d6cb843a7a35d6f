//! Sampling with a scripted kernel, a clock that does not wait, and disks that fail.

use std::cell::Cell;
use std::path::PathBuf;
use std::rc::Rc;

use snapshot::{BootId, HostFacts, OwnCost, Pool, Tag, TagUsage, Timestamp, Usage};
use source::Want;
use source::scripted::ScriptedSource;

use super::*;

/// Jumps to where it is told to wait for; stops when it has been told to.
struct Jumping {
    now: Rc<Cell<Duration>>,
    stop_at: Option<Duration>,
}

impl Clock for Jumping {
    fn elapsed(&self) -> Duration {
        self.now.get()
    }

    fn wait_until(&mut self, due: Duration) -> Wake {
        if let Some(stop) = self.stop_at.filter(|&stop| stop <= due) {
            self.now.set(self.now.get().max(stop));
            return Wake::Stop;
        }
        self.now.set(self.now.get().max(due));
        Wake::Due
    }
}

/// Keeps samples, or fails as told.
#[derive(Default)]
struct Shelf {
    kept: Vec<Snapshot>,
    /// What the nth append says instead of keeping.
    fail: Vec<(u64, fn() -> WriteError)>,
    calls: u64,
}

impl Sink for Shelf {
    fn append(&mut self, snapshot: &Snapshot) -> Result<Appended, WriteError> {
        self.calls += 1;
        if let Some((_, error)) = self.fail.iter().find(|(at, _)| *at == self.calls) {
            return Err(error());
        }
        self.kept.push(snapshot.clone());
        Ok(Appended {
            sample: self.kept.len() as u64 - 1,
            changed: 1,
            after_gap: false,
            file_bytes: 4096,
        })
    }
}

fn kernel(i: u32) -> Snapshot {
    Snapshot {
        kernel_uptime_s: Some(100.0 + f64::from(i)),
        boot: Some(BootId("b".to_owned())),
        rows: vec![TagUsage {
            tag: Tag::parse("leak"),
            pool: Pool::Slab,
            usage: Usage {
                bytes: Some(u64::from(i) << 20).into(),
                ..Usage::ABSENT
            },
        }],
        facts: snapshot::MomentFacts {
            own_cost: Some(OwnCost {
                cpu_s: Some(f64::from(i)),
                ..OwnCost::default()
            }),
            drivers: Some(Vec::new()),
            ..snapshot::MomentFacts::default()
        },
        problems: vec![Problem::new("slabinfo", "half of it")],
        ..Snapshot::default()
    }
}

fn script(count: u32) -> ScriptedSource {
    ScriptedSource::new(HostFacts::default()).then_every(
        Timestamp::from_unix_seconds(1000),
        1.0,
        count,
        kernel,
    )
}

fn plan(every_s: u64, samples: Option<u64>, span_s: Option<u64>) -> Plan {
    Plan {
        every: Duration::from_secs(every_s),
        samples,
        span: span_s.map(Duration::from_secs),
    }
}

fn clock(stop_at_ms: Option<u64>) -> Jumping {
    Jumping {
        now: Rc::default(),
        stop_at: stop_at_ms.map(Duration::from_millis),
    }
}

#[test]
fn ends_when_the_plan_or_the_user_says_so() {
    // samples, span, stop at ms, kept, stopped by the user
    let cases = [
        (Some(1), None, None, 1, false),
        (Some(5), None, None, 5, false),
        (None, Some(10), None, 11, false),
        (Some(3), Some(10), None, 3, false),
        (Some(30), Some(10), None, 11, false),
        (None, None, Some(3_500), 5, true),
        (None, None, Some(3_050), 4, true),
    ];
    for case @ (samples, span, stop, kept, stopped) in cases {
        let (mut source, mut shelf) = (script(100), Shelf::default());
        let plan = plan(1, samples, span);
        let summary = run(&mut source, &mut shelf, &mut clock(stop), &plan, &mut |_| {})
            .expect("the script is long enough");
        assert_eq!((summary.kept, summary.stopped), (kept, stopped), "{case:?}");
        assert_eq!(shelf.kept.len() as u64, kept);
        let asked = source.asked();
        assert_eq!(
            asked.first(),
            Some(&Want::EVERYTHING),
            "the first sample holds all facts"
        );
        // A stop right after a sample takes no other, so the facts of the end are those of that sample.
        if stop != Some(3_050) {
            assert!(
                asked.last().is_some_and(|want| want.processes && want.memory),
                "{case:?}"
            );
        }
        assert!(summary.own_cost.is_some());
    }
}

#[test]
fn a_sleeping_machine_costs_samples_but_no_beat() {
    let mut missed = 0;
    let s = Duration::from_secs;
    assert_eq!(next_due(s(10), s(5), s(11), &mut missed), s(15));
    assert_eq!(missed, 0);
    assert_eq!(next_due(s(10), s(5), s(15), &mut missed), s(20));
    assert_eq!(missed, 1);
    assert_eq!(next_due(s(10), s(5), s(3600 + 12), &mut missed), s(3615));
    assert_eq!(missed, 1 + 720);
    assert_eq!(next_due(s(10), s(0), s(100), &mut missed), s(10));
}

#[test]
fn refusals_and_full_disks_lose_a_sample_not_the_run() {
    let full = || WriteError::Full {
        path: PathBuf::from("x"),
        reason: "disk full".to_owned(),
    };
    let mut source = ScriptedSource::new(HostFacts::default())
        .then_every(Timestamp::from_unix_seconds(0), 1.0, 2, kernel)
        .then_refuse("/proc/slabinfo", "gone")
        .then_every(Timestamp::from_unix_seconds(3), 1.0, 2, kernel);
    let mut shelf = Shelf {
        fail: vec![(2, full)],
        ..Shelf::default()
    };
    let mut events = Vec::new();
    let summary = run(
        &mut source,
        &mut shelf,
        &mut clock(None),
        &plan(1, Some(5), None),
        &mut |event| {
            events.push(match event {
                Event::Kept { last, .. } => format!("kept{}", if last { " last" } else { "" }),
                Event::Problem(problem) => problem.step.clone(),
                Event::Refused(error) => error.to_string(),
                Event::Lost(error) => error.to_string(),
            });
        },
    )
    .expect("the first sample is given");
    assert_eq!(
        (summary.kept, summary.lost, summary.broken.is_none()),
        (3, 2, true)
    );
    let lost = "x: no room left for another sample (disk full); all earlier samples are kept";
    assert_eq!(
        events,
        [
            "slabinfo",
            "kept",
            lost,
            "/proc/slabinfo: gone",
            "kept",
            "kept last"
        ]
    );
}

#[test]
fn a_broken_recording_ends_the_run_and_an_unreadable_kernel_never_begins_it() {
    let broken = || WriteError::Failed {
        path: PathBuf::from("x"),
        reason: "I/O error".to_owned(),
    };
    let mut shelf = Shelf {
        fail: vec![(3, broken)],
        ..Shelf::default()
    };
    let summary = run(
        &mut script(9),
        &mut shelf,
        &mut clock(None),
        &plan(1, None, None),
        &mut |_| {},
    )
    .expect("the first sample is given");
    assert_eq!((summary.kept, summary.lost), (2, 1));
    assert_eq!(
        summary.broken.map(|error| error.to_string()).as_deref(),
        Some("x: I/O error")
    );

    let mut source = ScriptedSource::new(HostFacts::default()).then_refuse("class 22", "0xC0000003");
    let error = run(
        &mut source,
        &mut shelf,
        &mut clock(None),
        &plan(1, None, None),
        &mut |_| {},
    )
    .expect_err("there is nothing to read");
    assert_eq!(error.to_string(), "class 22: 0xC0000003");
}
