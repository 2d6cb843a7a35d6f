//! Each finding with an input that triggers it and one that does not.

mod common;

use common::{GIB, MIB, Machine, START};
use detection::{Exhaustion, Limit, Shape, Verdict};
use diagnosis::Severity;
use snapshot::{
    DriverFacts, EtwSession, HostEvent, MinifilterFacts, ObjectTypeFacts, OsKind, Problem, ProcessFacts,
    Timestamp, VbsFacts,
};

/// One row of the table: an input, and the severity with which the code appears in it, if it does.
fn check(code: &str, machine: Machine, expected: Option<Severity>) {
    let found = machine.found(code);
    assert_eq!(
        found.iter().map(|f| f.severity).min(),
        expected,
        "{code}: {found:#?}"
    );
    for finding in found {
        assert!(
            !finding.title.is_empty() && !finding.explanation.is_empty(),
            "{finding:?}"
        );
    }
}

fn leak(tag: &str, to: u64) -> Machine {
    Machine::new().series(tag, Verdict::Leak, 100 * MIB, to)
}

#[test]
fn an_ordinary_machine_gets_ok_and_nothing_above_notice() {
    let machine = Machine::new()
        .series("Proc", Verdict::Steady, MIB, MIB)
        .memory(|_| ());
    let diagnosis = machine.diagnose();
    assert!(
        diagnosis.findings.iter().all(|f| f.severity >= Severity::Notice),
        "{:#?}",
        diagnosis.findings
    );
    check("PS0100", machine, Some(Severity::Ok));
    check("PS0100", leak("Leak", GIB), None);
    // Too short to judge is not fine, and tags that were not read neither.
    let open = Machine::new().series("Proc", Verdict::Insufficient, MIB, MIB);
    check("PS0100", open, None);
    let without_tags = Machine::new().memory(|_| ()).found("PS0100").remove(0);
    assert!(
        without_tags.title.contains("tags were not read"),
        "{}",
        without_tags.title
    );
    assert!(
        diagnosis
            .summary
            .first()
            .is_some_and(|s| s.starts_with("No leak")),
        "{:?}",
        diagnosis.summary
    );
}

#[test]
fn leaks_weigh_by_the_share_of_memory() {
    check("PS0101", leak("Leak", GIB), Some(Severity::Warning));
    check("PS0101", leak("Leak", 5 * GIB), Some(Severity::Critical));
    check(
        "PS0101",
        Machine::new().series("Leak", Verdict::Leak, 1000, 3000),
        Some(Severity::Notice),
    );
    check(
        "PS0101",
        Machine::new().series("Leak", Verdict::Steady, MIB, GIB),
        None,
    );
    check("PS0101", leak("Unkn", GIB), None);
    check("PS0107", leak("Unkn", GIB), Some(Severity::Warning));
    check("PS0107", leak("Shrd", GIB), Some(Severity::Warning));
    check("PS0107", leak("Leak", GIB), None);
}

#[test]
fn a_family_is_one_finding_with_its_holder() {
    let family = || {
        leak("Flt1", GIB)
            .series("File", Verdict::Leak, 100 * MIB, GIB)
            .first_two_are_a_family()
    };
    let found = family().found("PS0102");
    assert_eq!(found.len(), 1);
    assert!(found[0].title.contains("examplefilter.sys"), "{}", found[0].title);
    check("PS0102", family(), Some(Severity::Warning));
    check("PS0101", family(), None);
    check("PS0102", leak("Flt1", GIB), None);
    let summary = family().diagnose().summary.join(" ");
    assert!(summary.contains("held by examplefilter.sys"), "{summary}");
}

#[test]
fn nobody_holds_a_family_in_which_nothing_is_wrong() {
    let family = |verdict| {
        Machine::new()
            .series("Flt1", verdict, MIB, MIB)
            .series("File", Verdict::Insufficient, MIB, MIB)
            .first_two_are_a_family()
            .diagnose()
    };
    let ordinary = family(Verdict::Insufficient);
    assert!(ordinary.families.is_empty());
    assert!(ordinary.series.iter().all(|s| s.judgement.family.is_none()));
    assert_eq!(family(Verdict::Unfreed).families.len(), 1);
}

#[test]
fn the_first_line_says_what_is_known_and_no_more() {
    let first = |machine: Machine| machine.diagnose().summary.remove(0);
    let one_look = |history: &mut snapshot::History, _: &mut detection::Analysis| {
        history.samples.truncate(1);
    };
    let held = || Machine::new().series("NtFC", Verdict::Unfreed, 8 * GIB, 8 * GIB);
    for (machine, expected) in [
        (
            held().change(one_look),
            "NtFC/nonpaged (ntoskrnl.exe) keeps 8.00 GiB. Whether it grows, one look cannot show.",
        ),
        (
            held(),
            "NtFC/nonpaged (ntoskrnl.exe) keeps 8.00 GiB. It is not shown to grow now.",
        ),
        (
            Machine::new().series("Proc", Verdict::Steady, MIB, MIB),
            "No leak shown in 1 d: nothing grew without bound or holds an unusual share of memory.",
        ),
    ] {
        assert_eq!(first(machine), expected);
    }
    let minute = Machine::new()
        .series("Proc", Verdict::Steady, MIB, MIB)
        .change(|history, _| {
            for (at, sample) in history.samples.iter_mut().enumerate() {
                sample.at = Timestamp::from_unix_seconds(START + at as i64);
            }
        });
    assert!(first(minute).starts_with("No fast leak shown in 24 s"));
}

#[test]
fn that_nothing_was_freed_is_said_only_where_frees_were_counted() {
    let one = || Machine::new().series("NtFC", Verdict::Unfreed, GIB, GIB);
    let explained = |machine: Machine| machine.found("PS0103").remove(0).explanation;
    assert!(explained(one()).contains("next to nothing"));
    let uncounted = explained(one().judged(|j| (j.allocs, j.frees) = (None, None)));
    assert!(
        !uncounted.contains("next to nothing") && uncounted.contains("does not say"),
        "{uncounted}"
    );
}

#[test]
fn unfreed_stopped_suspect_stepped_and_filling() {
    let one = |verdict, to| Machine::new().series("NtFC", verdict, to, to);
    check("PS0103", one(Verdict::Unfreed, 8 * GIB), Some(Severity::Critical));
    check("PS0103", one(Verdict::Unfreed, GIB), Some(Severity::Warning));
    check("PS0103", one(Verdict::Unfreed, 100 * MIB), Some(Severity::Notice));
    check("PS0103", one(Verdict::Steady, 8 * GIB), None);

    let stopped = |verdict| one(verdict, 2 * GIB).judged(|j| j.shape = Some(Shape::Stopped));
    check("PS0104", stopped(Verdict::Leak), Some(Severity::Warning));
    check("PS0101", stopped(Verdict::Leak), None);
    check("PS0104", leak("Leak", GIB), None);

    let suspect = || Machine::new().series("NtFC", Verdict::Suspect, MIB, 2 * MIB);
    check("PS0105", suspect(), Some(Severity::Notice));
    let end = Timestamp::from_unix_seconds(START + 24 * 3600);
    let soon = Exhaustion {
        limit: Limit::Memory,
        at: end.plus_seconds(3.0 * 86_400.0),
        earliest: end,
        latest: None,
    };
    check(
        "PS0105",
        suspect().judged(|j| j.exhaustion = Some(soon)),
        Some(Severity::Warning),
    );
    check("PS0105", leak("Leak", GIB), None);

    check(
        "PS0106",
        Machine::new().series("MmSt", Verdict::Filling, MIB, GIB),
        Some(Severity::Ok),
    );
    check("PS0106", leak("Leak", GIB), None);

    check("PS0108", one(Verdict::Stepped, GIB), Some(Severity::Notice));
    check("PS0108", one(Verdict::Stepped, MIB), None);
}

#[test]
fn handles_and_references_are_told_apart() {
    let objects = |handles: u64| {
        let types = |objects: u64, handles: u64| {
            vec![ObjectTypeFacts {
                name: "Event".to_owned(),
                objects: Some(objects),
                handles: Some(handles),
                tag: Some("Even".to_owned()),
            }]
        };
        let process = |handles| ProcessFacts {
            pid: 77,
            name: "leaky.exe".to_owned(),
            handles: Some(handles),
            handles_by_type: Some(vec![("Event".to_owned(), handles)]),
            ..ProcessFacts::default()
        };
        Machine::new()
            .series("Even", Verdict::Leak, 100_000, 100 * MIB)
            .change(|history, _| {
                for (at, count) in [(0, 1_000), (24, handles)] {
                    let facts = snapshot::MomentFacts {
                        object_types: Some(types(1_000_000, count)),
                        processes: Some(vec![process(count)]),
                        ..snapshot::MomentFacts::default()
                    };
                    history.facts.push((at, facts));
                }
            })
    };
    let severity = |m: &Machine| m.found("PS0201").first().map(|f| f.severity);
    let leaking = objects(1_000_000);
    assert!(severity(&leaking).is_some(), "{:#?}", leaking.diagnose().findings);
    assert!(leaking.found("PS0201")[0].title.contains("leaky.exe"));
    check("PS0202", leaking, None);
    let kept = objects(1_100);
    assert_eq!(severity(&kept), None);
    assert!(
        !kept.found("PS0202").is_empty(),
        "{:#?}",
        kept.diagnose().findings
    );
}

#[test]
fn flags_are_absolute_and_scaled() {
    let pool = |nonpaged: u64, physical: u64| {
        Machine::new()
            .change(move |history, _| history.host.physical_bytes = Some(physical))
            .memory(|m| (m.nonpaged_pool, m.physical) = (Some(nonpaged), Some(physical)))
    };
    check("PS0301", pool(300 * MIB, 16 * GIB), None);
    check("PS0301", pool(600 * MIB, 64 * GIB), Some(Severity::Notice));
    check("PS0301", pool(2 * GIB, 16 * GIB), Some(Severity::Warning));
    check("PS0301", pool(5 * GIB, 16 * GIB), Some(Severity::Critical));
    let both = pool(600 * MIB, 64 * GIB).found("PS0301");
    assert!(
        both[0].evidence.iter().any(|e| e.contains("absolute"))
            && both[0].evidence.iter().any(|e| e.contains("scaled"))
    );

    check(
        "PS0302",
        Machine::new().memory(|m| m.paged_pool = Some(3 * GIB)),
        Some(Severity::Warning),
    );
    check("PS0302", Machine::new().memory(|_| ()), None);
    check(
        "PS0303",
        Machine::new().memory(|m| m.secure_system = Some(2 * GIB)),
        Some(Severity::Warning),
    );
    check("PS0303", Machine::new().memory(|_| ()), None);
    check(
        "PS0304",
        Machine::new().memory(|m| m.committed = Some(30 * GIB)),
        Some(Severity::Critical),
    );
    let roomy =
        |m: &mut snapshot::MemoryCounters| (m.committed, m.commit_limit) = (Some(30 * GIB), Some(99 * GIB));
    check("PS0304", Machine::new().memory(roomy), Some(Severity::Warning));
    check("PS0304", Machine::new().memory(|_| ()), None);
    let linux = |unreclaimable| {
        Machine::new()
            .change(|history, _| history.host.os = Some(OsKind::Linux))
            .memory(|m| m.slab_unreclaimable = Some(unreclaimable))
    };
    check("PS0307", linux(3 * GIB), Some(Severity::Warning));
    check("PS0307", linux(GIB), None);
}

#[test]
fn memory_elsewhere_stops_the_accusation_of_tags() {
    let short = |m: &mut snapshot::MemoryCounters| {
        (m.available, m.standby, m.free) = (Some(GIB), Some(GIB), Some(0));
        m.processes_resident = Some(13 * GIB);
    };
    let machine = || Machine::new().series("NtFC", Verdict::Unfreed, 400 * MIB, 400 * MIB);
    check("PS0305", machine().memory(short), Some(Severity::Warning));
    check("PS0103", machine().memory(short), Some(Severity::Notice));
    check("PS0305", machine().memory(|_| ()), None);
    check("PS0103", machine().memory(|_| ()), Some(Severity::Warning));
    let title = machine().memory(short).found("PS0305").remove(0).title;
    assert!(title.contains("processes"), "{title}");
}

#[test]
fn exhaustion_is_foretold() {
    let end = Timestamp::from_unix_seconds(START + 24 * 3600);
    let in_days = |days: f64| {
        let at = end.plus_seconds(days * 86_400.0);
        leak("Leak", GIB).judged(|j| {
            j.exhaustion = Some(Exhaustion {
                limit: Limit::Commit,
                at,
                earliest: at,
                latest: Some(at),
            });
        })
    };
    for (days, expected) in [
        (0.5, Some(Severity::Critical)),
        (3.0, Some(Severity::Warning)),
        (20.0, Some(Severity::Notice)),
        (90.0, None),
    ] {
        check("PS0306", in_days(days), expected);
    }
}

#[test]
fn trace_sessions_are_counted_and_billed() {
    let sessions = |count: usize, buffers: u64, lost: u64| {
        let session = |i| EtwSession {
            name: format!("session {i}"),
            buffers: Some(buffers),
            buffer_bytes: Some(64 << 10),
            events_lost: Some(lost),
            ..EtwSession::default()
        };
        Machine::new().fact(|facts| facts.etw_sessions = Some((0..count).map(session).collect()))
    };
    for (count, expected) in [
        (20, Severity::Ok),
        (27, Severity::Notice),
        (35, Severity::Notice),
        (55, Severity::Warning),
    ] {
        check("PS0401", sessions(count, 4, 0), Some(expected));
    }
    check("PS0401", sessions(35, 400, 0), Some(Severity::Warning));
    check("PS0401", Machine::new(), None);
    check("PS0402", sessions(20, 1_000, 0), Some(Severity::Warning));
    check("PS0402", sessions(20, 4, 0), None);
    check("PS0403", sessions(20, 2_000, 0), Some(Severity::Notice));
    check("PS0403", sessions(20, 4, 9), Some(Severity::Notice));
    check("PS0403", sessions(20, 4, 0), None);
}

#[test]
fn drivers_of_accused_tags_come_first() {
    let drivers = |machine: Machine, company: &str| {
        let driver = |file: &str, company: &str| DriverFacts {
            file: Some(file.to_owned()),
            company: Some(company.to_owned()),
            running: Some(true),
            ..DriverFacts::default()
        };
        let all = vec![driver("aaa.sys", "Another"), driver("nvlddmkm.sys", company)];
        machine.fact(|facts| facts.drivers = Some(all))
    };
    let machine = drivers(leak("Gpu1", GIB), "Example");
    let listed = machine.diagnose().drivers.unwrap().third_party;
    assert_eq!(
        listed[0].driver.file.as_deref(),
        Some("nvlddmkm.sys"),
        "suspects first"
    );
    assert_eq!(listed[0].suspects, ["Gpu1/nonpaged"]);
    check("PS0501", machine, Some(Severity::Notice));
    check(
        "PS0501",
        drivers(leak("Gpu1", GIB), "Microsoft Corporation"),
        None,
    );
    check("PS0502", drivers(Machine::new(), "Example"), Some(Severity::Ok));
    check("PS0502", Machine::new(), None);
}

#[test]
fn events_of_the_last_thirty_days_count() {
    let event = |kind: &str, id: u32, days_ago: i64, bugcheck: Option<u32>| {
        let at = Timestamp::from_unix_seconds(START + 24 * 3600 - days_ago * 86_400);
        let event = HostEvent {
            at: Some(at),
            kind: kind.to_owned(),
            id: Some(id),
            bugcheck,
            ..HostEvent::default()
        };
        Machine::new().fact(|facts| facts.events = Some(vec![event]))
    };
    check(
        "PS0503",
        event("bugcheck", 1001, 2, Some(0xC2)),
        Some(Severity::Warning),
    );
    check(
        "PS0503",
        event("bugcheck", 1001, 2, Some(0x116)),
        Some(Severity::Notice),
    );
    check("PS0503", event("bugcheck", 1001, 40, Some(0xC2)), None);
    check(
        "PS0504",
        event("low-memory", 2004, 1, None),
        Some(Severity::Warning),
    );
    check(
        "PS0504",
        event("pool-exhausted", 2019, 1, None),
        Some(Severity::Warning),
    );
    check("PS0504", event("bugcheck", 1001, 1, Some(1)), None);
    check(
        "PS0505",
        event("dirty-shutdown", 41, 1, None),
        Some(Severity::Notice),
    );
    check("PS0505", event("low-memory", 2004, 1, None), None);
}

#[test]
fn secure_system_is_only_said_to_follow_when_it_does() {
    let recorded = |secure: fn(u64) -> u64| {
        let mut machine = Machine::new();
        for i in 0..25_u64 {
            // Uneven steps, so that changes carry information.
            let pool = GIB + i * 40 * MIB + (i * i * 7 % 11) * 16 * MIB;
            let memory = snapshot::MemoryCounters {
                nonpaged_pool: Some(pool),
                paged_pool: Some(GIB),
                secure_system: Some(secure(pool)),
                ..snapshot::MemoryCounters::default()
            };
            let facts = snapshot::MomentFacts {
                memory: Some(memory),
                ..snapshot::MomentFacts::default()
            };
            machine.history.facts.push((i as u32, facts));
        }
        machine
    };
    let follows = recorded(|pool| pool / 10);
    assert!(follows.found("PS0601")[0].title.contains("follows the pools (r"));
    check("PS0601", follows, Some(Severity::Notice));
    check("PS0601", recorded(|_| 80 * MIB), None);
    let large = recorded(|_| 2 * GIB).found("PS0601");
    assert!(
        large[0].title.contains("not shown by this recording"),
        "{large:?}"
    );

    let vbs = Machine::new().fact(|f| {
        f.vbs = Some(VbsFacts {
            status: Some(2),
            ..VbsFacts::default()
        })
    });
    check("PS0602", vbs, Some(Severity::Ok));
    check("PS0602", Machine::new().memory(|_| ()), None);
}

#[test]
fn the_kernel_may_be_older_than_the_last_shutdown() {
    let boot = |kind: &str, hours_ago: i64| {
        let event = HostEvent {
            at: Some(Timestamp::from_unix_seconds(START + (24 - hours_ago) * 3600)),
            kind: "boot".to_owned(),
            boot_type: Some(kind.to_owned()),
            ..HostEvent::default()
        };
        Machine::new().fact(|facts| facts.events = Some(vec![event]))
    };
    // The kernel has been up for 26 hours at the end.
    check("PS0701", boot("fast-startup", 5), Some(Severity::Notice));
    check("PS0701", boot("cold", 26), None);
    check("PS0701", boot("cold", 5), Some(Severity::Notice));
    check("PS0701", boot("resume", 5), None);
}

#[test]
fn what_the_recording_is_like_is_said() {
    let reboot = Machine::new().change(|history, _| {
        history.boots.push(snapshot::BootId("2".to_owned()));
        history.samples[20..].iter_mut().for_each(|s| s.boot = Some(1));
    });
    check("PS0702", reboot, Some(Severity::Ok));
    check("PS0702", Machine::new(), None);
    check(
        "PS0703",
        Machine::new().series("Proc", Verdict::Insufficient, MIB, MIB),
        Some(Severity::Notice),
    );
    check(
        "PS0703",
        Machine::new().series("Proc", Verdict::Steady, MIB, MIB),
        None,
    );
    let problem =
        Machine::new().change(|history, _| history.problems.push(Problem::new("drivers", "refused")));
    check("PS0704", problem, Some(Severity::Notice));
    check("PS0704", Machine::new(), None);
}

#[test]
fn a_known_leak_is_recognised() {
    let known = Machine::new().series("WCsc", Verdict::Leak, 100 * MIB, GIB);
    assert!(
        !known.found("PS0705").is_empty(),
        "{:#?}",
        known.diagnose().findings
    );
    check("PS0705", leak("Unkn", GIB), None);
}

#[test]
fn advice_is_given_in_order_and_only_where_evidence_points() {
    let texts = |machine: &Machine| -> Vec<String> {
        machine.diagnose().actions.into_iter().map(|a| a.text).collect()
    };
    assert!(texts(&Machine::new().series("Proc", Verdict::Steady, MIB, MIB)).is_empty());

    let gpu = texts(&leak("Gpu1", GIB));
    assert!(gpu[0].starts_with("Update the GPU driver"), "{gpu:?}");
    assert!(gpu.iter().any(|t| t.contains("Restart instead of Shut down")));
    assert!(
        !gpu.iter()
            .any(|t| t.contains("Feedback Hub") || t.contains("Defender")),
        "{gpu:?}"
    );

    // Each of the first five where a tag of its own leaks, and none of the others.
    let fixed = [
        ("Gpu1", "Update the GPU driver"),
        ("NetB", "Update Wi-Fi"),
        ("WCsc", "Quit Docker Desktop"),
        ("FMfc", "Review Defender exclusions"),
        ("Leak", "File a Feedback Hub report"),
    ];
    for (tag, expected) in fixed {
        let given = texts(&leak(tag, GIB));
        assert!(given[0].starts_with(expected), "{tag}: {given:?}");
        for (_, other) in fixed.iter().take(4).filter(|(_, other)| *other != expected) {
            assert!(!given.iter().any(|t| t.starts_with(other)), "{tag}: {given:?}");
        }
    }
    let all = fixed.iter().fold(Machine::new(), |m, (tag, _)| {
        m.series(tag, Verdict::Leak, MIB, GIB)
    });
    for (given, (_, expected)) in texts(&all).iter().zip(fixed) {
        assert!(
            given.starts_with(expected),
            "{given:?} where {expected:?} belongs"
        );
    }

    // Sockets are kept for a program: neither network drivers nor Windows are to blame.
    let sockets = texts(&leak("AfdB", GIB));
    assert!(
        sockets[0].starts_with("Find the program whose sockets"),
        "{sockets:?}"
    );
    assert!(
        !sockets
            .iter()
            .any(|t| t.contains("Feedback Hub") || t.contains("Wi-Fi")),
        "{sockets:?}"
    );

    let one = leak("Leak", GIB).diagnose().actions.remove(0);
    assert_eq!(one.why, "Leak/nonpaged (ntoskrnl.exe) belongs to Windows itself.");

    let why = |verdict| {
        let machine = Machine::new().series("Leak", verdict, GIB, 2 * GIB);
        let trace = machine
            .diagnose()
            .actions
            .into_iter()
            .find(|a| a.text.starts_with("Record stacks"));
        trace.unwrap().why
    };
    assert!(why(Verdict::Leak).starts_with("Leak still grows"));
    assert!(why(Verdict::Unfreed).contains("was not seen"));

    let kernel = texts(&leak("Leak", GIB));
    assert!(kernel[0].starts_with("File a Feedback Hub report"), "{kernel:?}");

    let filter = leak("Flt1", GIB).fact(|facts| {
        facts.minifilters = Some(vec![MinifilterFacts {
            name: "ExampleFilter".to_owned(),
            altitude: Some("321000".to_owned()),
            instances: Some(4),
            frame: Some(0),
        }]);
    });
    assert!(
        texts(&filter)
            .iter()
            .any(|t| t.contains("minifilter ExampleFilter")),
        "{:?}",
        texts(&filter)
    );

    let unknown = texts(&leak("Unkn", GIB));
    assert!(
        unknown.iter().any(|t| t.contains("Find out who uses Unkn")),
        "{unknown:?}"
    );

    let linux = leak("Gpu1", GIB).change(|history, _| history.host.os = Some(OsKind::Linux));
    assert!(
        !texts(&linux)
            .iter()
            .any(|t| t.contains("GPU") || t.contains("Restart")),
        "{:?}",
        texts(&linux)
    );
}

#[test]
fn findings_come_heaviest_first() {
    let machine = leak("Leak", GIB)
        .series("NtFC", Verdict::Leak, MIB, 6 * GIB)
        .memory(|_| ());
    let found = machine.diagnose().findings;
    assert!(found.is_sorted_by_key(|f| f.severity), "{found:#?}");
    assert!(found[0].title.contains("NtFC"));
}
