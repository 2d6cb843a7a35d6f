//! One machine with facts of all seven steps, in every format. Review changes with `cargo insta review`, or accept them
//! with `INSTA_UPDATE=always cargo test -p report`.

#[path = "../../diagnosis/tests/common/mod.rs"]
#[expect(dead_code, reason = "the findings' own tests use the rest")]
mod common;

use common::{GIB, MIB, Machine, START};
use detection::{Exhaustion, Limit, Shape, Verdict};
use report::{Report, Style, TextOptions};
use snapshot::{
    DriverFacts, EtwSession, HostEvent, MemoryCounters, MinifilterFacts, MomentFacts, ObjectTypeFacts,
    Problem, ProcessFacts, Timestamp, VbsFacts,
};

/// Seconds before the end of the recording as a moment.
fn hours_ago(hours: i64) -> Timestamp {
    Timestamp::from_unix_seconds(START + (24 - hours) * 3600)
}

fn tags() -> Machine {
    let end = hours_ago(0);
    Machine::new()
        .series("Flt1", Verdict::Leak, 40 * MIB, 700 * MIB)
        .series("File", Verdict::Leak, 60 * MIB, 900 * MIB)
        .series("Gpu1", Verdict::Leak, 100 * MIB, 2 * GIB)
        .judged(|j| {
            j.onset = Some(hours_ago(20));
            j.exhaustion = Some(Exhaustion {
                limit: Limit::Memory,
                at: end.plus_seconds(200_000.0),
                earliest: end.plus_seconds(180_000.0),
                latest: Some(end.plus_seconds(230_000.0)),
            });
        })
        .series("Unkn", Verdict::Leak, 10 * MIB, 200 * MIB)
        .series("NtFC", Verdict::Unfreed, GIB, GIB)
        .series("Toke", Verdict::Suspect, 5 * MIB, 30 * MIB)
        .judged(|j| j.needs_s = Some(7_200.0))
        .series("MmSt", Verdict::Filling, 100 * MIB, 800 * MIB)
        .series("Cont", Verdict::Stepped, 90 * MIB, 300 * MIB)
        .series("Gone", Verdict::Leak, 90 * MIB, 500 * MIB)
        .judged(|j| j.shape = Some(Shape::Stopped))
        .series("EtwB", Verdict::Steady, 150 * MIB, 150 * MIB)
        .series("<b>&", Verdict::Steady, MIB, MIB)
        .first_two_are_a_family()
}

fn driver(file: &str, company: &str) -> DriverFacts {
    DriverFacts {
        service: Some(file.trim_end_matches(".sys").to_owned()),
        file: Some(file.to_owned()),
        path: Some(format!("C:\\Windows\\System32\\drivers\\{file}")),
        running: Some(true),
        company: Some(company.to_owned()),
        version: Some("1.2.3.4".to_owned()),
        date: Some("2026-01-02T03:04:05Z".to_owned()),
        ..DriverFacts::default()
    }
}

fn events() -> Vec<HostEvent> {
    let event = |kind: &str, id: u32, hours: i64| HostEvent {
        at: Some(hours_ago(hours)),
        kind: kind.to_owned(),
        id: Some(id),
        ..HostEvent::default()
    };
    vec![
        HostEvent {
            bugcheck: Some(0xC2),
            parameters: Some(vec![7, 0x1205, 0, u64::MAX]),
            dump: Some("C:\\Windows\\MEMORY.DMP".to_owned()),
            ..event("bugcheck", 1001, 90)
        },
        event("dirty-shutdown", 41, 89),
        HostEvent {
            tags: Some(vec![("Gpu1".to_owned(), GIB), ("File".to_owned(), 500 * MIB)]),
            ..event("low-memory", 2004, 3)
        },
        HostEvent {
            boot_type: Some("fast-startup".to_owned()),
            ..event("boot", 27, 2)
        },
    ]
}

/// Memory at hour `hour`: Secure System grows beside the pools with a trend of its own.
fn memory(hour: u64) -> MemoryCounters {
    MemoryCounters {
        physical: Some(16 * GIB),
        available: Some(2 * GIB),
        free: Some(GIB),
        standby: Some(GIB),
        nonpaged_pool: Some(2 * GIB + hour * 150 * MIB),
        paged_pool: Some(2 * GIB),
        paged_pool_resident: Some(GIB),
        secure_system: Some(1100 * MIB + hour * hour % 7 * MIB),
        registry: Some(90 * MIB),
        processes_resident: Some(4 * GIB),
        committed: Some(26 * GIB),
        commit_limit: Some(32 * GIB),
        process_count: Some(300),
        ..MemoryCounters::default()
    }
}

fn machine() -> Machine {
    let session = |name: &str, buffers, lost| EtwSession {
        name: name.to_owned(),
        buffers: Some(buffers),
        buffer_bytes: Some(64 << 10),
        events_lost: Some(lost),
        log_mode: Some(0x1000),
        ..EtwSession::default()
    };
    let mut sessions: Vec<EtwSession> = (1..30)
        .map(|i| session(&format!("Session {i:02}"), 8, 0))
        .collect();
    sessions.push(session("DiagTrack-Listener", 2_000, 17));
    let process = |handles| ProcessFacts {
        pid: 4242,
        name: "leaky.exe".to_owned(),
        handles: Some(handles),
        handles_by_type: Some(vec![("File".to_owned(), handles)]),
        ..ProcessFacts::default()
    };
    let files = |handles| ObjectTypeFacts {
        name: "File".to_owned(),
        objects: Some(handles),
        handles: Some(handles),
        tag: Some("File".to_owned()),
    };
    tags()
        .change(|history, _| {
            for hour in 0..24 {
                let facts = MomentFacts {
                    memory: Some(memory(hour)),
                    ..MomentFacts::default()
                };
                history.facts.push((hour as u32, facts));
            }
            if let Some((_, first)) = history.facts.first_mut() {
                first.processes = Some(vec![process(1_000)]);
                first.object_types = Some(vec![files(3_000)]);
            }
            history.host.product = Some("Windows 11 <Pro>".to_owned());
            history.problems.push(Problem::new(
                "minifilters",
                "FilterFindFirst refused (0x80070005): run elevated",
            ));
        })
        .fact(|facts| {
            facts.memory = Some(memory(24));
            facts.processes = Some(vec![process(9_000)]);
            facts.object_types = Some(vec![files(8_000)]);
            facts.etw_sessions = Some(sessions);
            facts.drivers = Some(vec![
                driver("ntfs.sys", "Microsoft Corporation"),
                driver("another.sys", "</script><img src=x onerror=alert(1)>"),
                driver("nvlddmkm.sys", "Example"),
            ]);
            facts.minifilters = Some(vec![
                MinifilterFacts {
                    name: "examplefilter".to_owned(),
                    altitude: Some("321000".to_owned()),
                    instances: Some(4),
                    frame: Some(0),
                },
                MinifilterFacts {
                    name: "FileInfo".to_owned(),
                    altitude: Some("40500".to_owned()),
                    instances: Some(3),
                    frame: Some(0),
                },
            ]);
            facts.events = Some(events());
            facts.vbs = Some(VbsFacts {
                status: Some(2),
                services_configured: Some(vec![2]),
                services_running: Some(vec![2]),
                secure_kernel_running: Some(true),
                hvci_enabled: Some(true),
                hvci_strict: Some(false),
                code_integrity_options: None,
            });
        })
}

fn report() -> Report {
    Report::new(&machine().diagnose(), "VERSION")
}

fn text(width: usize, diagnosis: bool) -> String {
    let style = Style { color: false, width };
    report::text(
        &report(),
        TextOptions {
            style,
            all: false,
            diagnosis,
        },
    )
}

#[test]
fn text_of_a_diagnosis() {
    insta::assert_snapshot!("diagnosis_80", text(80, true));
    insta::assert_snapshot!("analysis_120", text(120, false));
}

#[test]
fn text_keeps_to_its_width_and_the_verdict_stands_first() {
    for width in [60, 80, 100, 160] {
        let text = text(width, true);
        let long: Vec<&str> = text
            .lines()
            .filter(|l| l.chars().count() > width)
            // Commands and addresses are not wrapped: they are there to be copied.
            .filter(|l| !l.contains("http") && !l.trim_start().starts_with("poolscope "))
            .collect();
        assert!(long.is_empty(), "width {width}: {long:#?}");
        assert!(text.lines().next().is_some_and(|l| l.contains("leaks")), "{text}");
    }
}

#[test]
fn colours_change_nothing_but_colours() {
    let options = |color| TextOptions {
        style: Style { color, width: 90 },
        all: true,
        diagnosis: true,
    };
    let plain = report::text(&report(), options(false));
    let colored = report::text(&report(), options(true));
    let mut stripped = String::new();
    let mut rest = colored.as_str();
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        stripped.push_str(before);
        rest = after.split_once('m').map_or("", |(_, rest)| rest);
    }
    stripped.push_str(rest);
    assert_eq!(stripped, plain);
    assert_ne!(colored, plain);
}

#[test]
fn json_and_back() {
    let json = report::json(&report());
    let back: Report = serde_json::from_str(&json).unwrap();
    assert_eq!(back, report());
    assert!(!json.contains(": null,\n"), "absent fields are absent, not null");
    // The curves are long and drawn elsewhere.
    let mut short = report();
    for series in short.series.iter_mut().flatten() {
        series.curve = None;
    }
    insta::assert_snapshot!("report_json", report::json(&short));
}

#[test]
fn a_reader_of_today_reads_the_report_of_tomorrow() {
    let tomorrow =
        r#"{"schema":"poolscope.report/1","series":[{"tag":"X","verdict":"musical","new":1}],"more":{}}"#;
    let report: Report = serde_json::from_str(tomorrow).unwrap();
    assert!(report::text(&report, TextOptions::default()).contains("musical"));
    assert!(report::html(&report).contains("musical"));
    let empty: Report = serde_json::from_str("{}").unwrap();
    for format in [report::html, report::markdown, report::json, report::csv] {
        assert!(!format(&empty).is_empty());
    }
}

#[test]
fn markdown_and_csv() {
    insta::assert_snapshot!("markdown", report::markdown(&report()));
    insta::assert_snapshot!("csv", report::csv(&report()));
}

#[test]
fn the_page_is_whole_and_markup_in_an_input_stays_text() {
    let page = report::html(&report());
    assert!(!page.contains("<img"), "a company's name became markup");
    assert!(!page.contains("Windows 11 <Pro>"));
    // The assets are checked elsewhere; the address of a licence or a source is no request, and a link none until
    // somebody follows it.
    for request in ["src=\"http", "<link", "@import", "url(http"] {
        assert!(!page.contains(request), "{request}");
    }
    let followed = page.matches("<a href=\"https://").count();
    assert_eq!(page.matches("href=\"http").count(), followed);
    assert_eq!(page.matches("rel=\"noreferrer noopener\"").count(), followed);
    assert_eq!(page.matches("<script").count(), 3);
    let body = page
        .split_once("<body>")
        .unwrap()
        .1
        .split_once("<script type")
        .unwrap()
        .0;
    let lines: Vec<&str> = body.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
    insta::assert_snapshot!("page", lines.join("\n"));
    if let Ok(path) = std::env::var("POOLSCOPE_SAMPLE_PAGE") {
        std::fs::write(path, page).unwrap();
    }
}
