//! The running Windows, or Wine, which refuses much: every answer is plausible, every refusal names its interface.
#![cfg(windows)]

use source::windows::WindowsSource;
use source::{Source, SourceError, Want};

#[test]
fn tags_are_read_or_refused_by_name() {
    match WindowsSource::new().snapshot(&Want::SAMPLE) {
        Ok(snapshot) => {
            assert!(snapshot.rows.len() > 100, "{} rows", snapshot.rows.len());
            assert!(snapshot.kernel_uptime_s.is_some_and(|uptime| uptime > 0.0));
        }
        Err(SourceError::Unavailable { interface, reason }) => {
            assert_eq!(
                interface,
                "NtQuerySystemInformation class 22 (SystemPoolTagInformation)"
            );
            assert!(reason.starts_with("0x"), "{reason}");
        }
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn every_step_answers_or_says_why_not() {
    let mut source = WindowsSource::new();
    let (host, _) = source.host();
    assert!(host.build.is_some() && host.physical_bytes.is_some(), "{host:?}");
    let snapshot = source
        .snapshot(&Want {
            tags: false,
            ..Want::EVERYTHING
        })
        .unwrap();
    let facts = &snapshot.facts;
    let problem = |step: &str| snapshot.problems.iter().any(|problem| problem.step == step);
    for (step, there) in [
        ("memory", facts.memory.is_some()),
        ("processes", facts.processes.is_some()),
        ("modules", facts.modules.is_some()),
        ("drivers", facts.drivers.is_some()),
        ("objects", facts.object_types.is_some()),
        ("big pool", facts.big_pool.is_some()),
        ("minifilters", facts.minifilters.is_some()),
        ("etw", facts.etw_sessions.is_some()),
        ("events", facts.events.is_some()),
        (
            "vbs",
            facts.vbs.as_ref().is_some_and(|vbs| vbs.hvci_enabled.is_some()),
        ),
    ] {
        assert!(
            there || problem(step),
            "{step}: neither facts nor a problem: {:?}",
            snapshot.problems
        );
    }
    let me = u64::from(std::process::id());
    let processes = facts.processes.as_deref().unwrap_or_default();
    assert!(
        processes.is_empty() || processes.iter().any(|process| process.pid == me),
        "{processes:?}"
    );
    let own = facts.own_cost.as_ref().unwrap();
    assert!(own.resident.is_some_and(|bytes| bytes > 0) && own.sample_s.is_some());
    let memory = facts.memory.as_ref().unwrap();
    assert!(memory.physical > memory.available, "{memory:?}");
}

/// The general way through COM, on a class that every Windows and Wine has.
#[test]
fn wmi_answers_or_says_why_not() {
    let query = "SELECT NumberOfLogicalProcessors FROM Win32_ComputerSystem";
    match nt_query::wmi_query(
        "root\\cimv2",
        query,
        &["NumberOfLogicalProcessors", "NoSuchProperty"],
    ) {
        Ok(rows) => {
            let first = rows.first().map(Vec::as_slice);
            let number = matches!(
                first,
                Some([nt_query::WmiValue::Number(1..), nt_query::WmiValue::None])
            );
            assert!(number, "{rows:?}");
        }
        Err(error) => assert!(error.to_string().contains("0x8"), "{error}"),
    }
    let none = nt_query::wmi_query("root\\no\\such\\namespace", "SELECT * FROM X", &["Y"]);
    assert!(none.is_err(), "{none:?}");
}
