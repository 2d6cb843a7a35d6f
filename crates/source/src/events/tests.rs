use super::xml::elements;
use super::*;

/// An event as `EvtRender` writes it: no line breaks, single quotes.
fn event(provider: &str, id: u32, body: &str) -> String {
    format!(
        "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='{provider}' \
         Guid='{{0}}'/><EventID Qualifiers='16384'>{id}</EventID><Level>2</Level><TimeCreated \
         SystemTime='2026-03-04T05:06:07.1234567Z'/><Computer>HOST</Computer></System>{body}</Event>"
    )
}

fn data(pairs: &[(&str, &str)]) -> String {
    let inside: String = pairs
        .iter()
        .map(|(name, value)| format!("<Data Name='{name}'>{value}</Data>"))
        .collect();
    format!("<EventData>{inside}</EventData>")
}

const WER: &str = "Microsoft-Windows-WER-SystemErrorReporting";

#[test]
fn bugchecks_have_code_parameters_and_dump() {
    let body = data(&[
        (
            "param1",
            "0x0000009f (0x0000000000000003, 0xffffe00112345678, 0x0, 0xA)",
        ),
        ("param2", "C:\\Windows\\MEMORY.DMP"),
        ("param3", "report"),
    ]);
    let unnamed = body
        .replace(" Name='param1'", "")
        .replace(" Name='param2'", "")
        .replace(" Name='param3'", "");
    for body in [body, unnamed] {
        let found = host_event(&event(WER, 1001, &body)).unwrap();
        assert_eq!((found.kind.as_str(), found.bugcheck), ("bugcheck", Some(0x9F)));
        assert_eq!(found.parameters, Some(vec![3, 0xFFFF_E001_1234_5678, 0, 10]));
        assert_eq!(found.dump.as_deref(), Some("C:\\Windows\\MEMORY.DMP"));
        assert_eq!(
            found.at.unwrap().to_rfc3339().as_deref(),
            Some("2026-03-04T05:06:07.123456Z")
        );
    }
}

#[test]
fn low_memory_events_name_tags_of_both_pools() {
    let tag = |n: u32, name: &str, used: u64| {
        format!("<Tag_{n}><Name>{name}</Name><PoolUsed>{used}</PoolUsed></Tag_{n}>")
    };
    let body = format!(
        "<UserData><MemoryExhaustionInfo xmlns='Event_NS'><SystemInfo><SystemCommitLimit>20971520</SystemCommitLimit>\
         <SystemCommitCharge>19922944</SystemCommitCharge><PagedPoolUsage>2097152</PagedPoolUsage>\
         <NonPagedPoolUsage>3145728</NonPagedPoolUsage></SystemInfo><PagedPoolInfo>{}{}</PagedPoolInfo>\
         <NonPagedPoolInfo>{}</NonPagedPoolInfo><ProcessInfo><Process_1><Name>a.exe</Name><ID>1</ID></Process_1>\
         </ProcessInfo></MemoryExhaustionInfo></UserData>",
        tag(1, "MmSt", 100),
        tag(2, "&lt;a&amp;b", 50),
        tag(1, "Irp", 900),
    );
    let found = host_event(&event(
        "Microsoft-Windows-Resource-Exhaustion-Detector",
        2004,
        &body,
    ))
    .unwrap();
    assert_eq!(found.kind, "low-memory");
    let expected = [("Irp ", 900), ("MmSt", 100), ("<a&b", 50)].map(|(tag, bytes)| (tag.to_owned(), bytes));
    assert_eq!(found.tags, Some(expected.to_vec()));
    let summary =
        "Windows diagnosed low virtual memory: commit 19 of 20 MB, nonpaged pool 3 MB, paged pool 2 MB";
    assert_eq!(found.summary.as_deref(), Some(summary));
}

#[test]
fn shutdowns_boots_and_empty_pools_are_told_apart() {
    let power = "Microsoft-Windows-Kernel-Power";
    let kernel_boot = "Microsoft-Windows-Kernel-Boot";
    let crashed = data(&[
        ("BugcheckCode", "159"),
        ("BugcheckParameter1", "0x3"),
        ("BugcheckParameter2", "0x0"),
        ("BugcheckParameter3", "0x1"),
        ("BugcheckParameter4", "0x2"),
    ]);
    let cases = [
        (
            power,
            41,
            data(&[("BugcheckCode", "0")]),
            "dirty-shutdown",
            None,
            None,
        ),
        (power, 41, crashed, "dirty-shutdown", Some(159), None),
        ("EventLog", 6008, String::new(), "dirty-shutdown", None, None),
        ("EventLog", 6005, String::new(), "boot", None, None),
        ("EventLog", 6006, String::new(), "shutdown", None, None),
        ("Srv", 2019, String::new(), "pool-exhausted", None, None),
        ("srv", 2020, String::new(), "pool-exhausted", None, None),
        (
            kernel_boot,
            27,
            data(&[("BootType", "0x0")]),
            "boot",
            None,
            Some("cold"),
        ),
        (
            kernel_boot,
            27,
            data(&[("BootType", "1")]),
            "boot",
            None,
            Some("fast-startup"),
        ),
        (
            kernel_boot,
            27,
            data(&[("BootType", "0x2")]),
            "boot",
            None,
            Some("resume"),
        ),
    ];
    for (provider, id, body, kind, bugcheck, boot_type) in cases {
        let found = host_event(&event(provider, id, &body)).unwrap();
        assert_eq!(
            (found.kind.as_str(), found.bugcheck),
            (kind, bugcheck),
            "{provider} {id}"
        );
        assert_eq!(found.boot_type.as_deref(), boot_type, "{provider} {id}");
        assert!(found.summary.is_some());
    }
}

#[test]
fn other_events_and_what_is_no_event_are_passed_over() {
    let cases = [
        event("Windows Error Reporting", 1001, &data(&[("param1", "x")])),
        event("Application", 41, ""),
        event(WER, 1001, &data(&[("param1", "nonsense")])),
        event("Microsoft-Windows-Kernel-Boot", 27, &data(&[("BootType", "9")])),
        "<Event><System><EventID>1001</EventID></System></Event>".to_owned(),
        "<Event><System><Provider Name='EventLog'/><EventID>many</EventID></System></Event>".to_owned(),
        String::new(),
        "<<<>>>".to_owned(),
        "</Event>".to_owned(),
    ];
    for case in cases {
        assert_eq!(host_event(&case), None, "{case}");
    }
}

#[test]
fn xml_keeps_paths_attributes_and_text() {
    let seen = elements("<?xml version='1.0'?><!-- <a> --><x:a k=\"1 > 0\" l='&#65;&#x42;'>one<b/>two</x:a>");
    assert_eq!(seen.len(), 2);
    assert_eq!((seen[0].path.as_str(), seen[0].text.as_str()), ("a", "onetwo"));
    assert_eq!(
        (seen[0].attribute("k"), seen[0].attribute("l")),
        (Some("1 > 0"), Some("AB"))
    );
    assert_eq!(seen[1].path, "a/b");
    assert_eq!(elements(&"<a>".repeat(10_000)).len(), 65, "depth is bounded");
}

proptest::proptest! {
    #[test]
    fn no_text_panics(text in "[<>/='\"&;#xa-c !?-]{0,200}", any in "\\PC{0,80}") {
        let _ = host_event(&text);
        let _ = host_event(&any);
        let _ = host_event(&event(WER, 1001, &text));
    }
}

#[test]
fn what_is_no_event_log_is_an_error_that_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("System.evtx");
    std::fs::write(&path, b"not an event log").unwrap();
    let error = read_evtx(&path).unwrap_err().to_string();
    assert!(error.contains("System.evtx"), "{error}");
    assert!(read_evtx(&folder.path().join("none.evtx")).is_err());
}

/// On Windows the system's own reader is used, of which Wine has none.
#[cfg(not(windows))]
#[test]
fn saved_event_logs_are_read_on_any_system() {
    let bytes = synth::evtx(&[
        (
            "Microsoft-Windows-Kernel-Boot",
            27,
            "2026-03-05T00:00:00Z",
            &[("BootType", "0x1")],
        ),
        ("EventLog", 4321, "2026-03-05T00:00:01Z", &[]),
        (
            WER,
            1001,
            "2026-03-04T00:00:00Z",
            &[
                ("param1", "0x000000d1 (0x1, 0x2, 0x3, 0x4)"),
                ("param2", "D:\\m.dmp"),
            ],
        ),
    ]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("System.evtx");
    std::fs::write(&path, bytes).unwrap();
    let read = read_evtx(&path).unwrap();
    assert_eq!((read.records, read.unreadable.clone()), (3, None), "{read:?}");
    let kinds: Vec<_> = read.events.iter().map(|e| (e.kind.as_str(), e.id)).collect();
    assert_eq!(
        kinds,
        [("bugcheck", Some(1001)), ("boot", Some(27))],
        "oldest first"
    );
    assert_eq!(
        (read.events[0].bugcheck, read.events[0].dump.as_deref()),
        (Some(0xD1), Some("D:\\m.dmp"))
    );
}
