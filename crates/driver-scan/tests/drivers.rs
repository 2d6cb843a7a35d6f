//! Every image of `tests/drivers` yields exactly the tags its source says, as code evidence.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;

use driver_scan::{Certainty, Limits, scan};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/drivers")
}

fn readable(tag: [u8; 4]) -> String {
    tag.iter().fold(String::new(), |mut out, &byte| {
        if byte.is_ascii_graphic() {
            out.push(char::from(byte));
        } else {
            write!(out, "\\x{byte:02x}").unwrap();
        }
        out
    })
}

/// The words behind `// key:` in a source.
fn words(source: &str, key: &str) -> BTreeSet<String> {
    let prefix = format!("// {key}:");
    source
        .lines()
        .filter_map(|line| line.strip_prefix(&prefix))
        .flat_map(str::split_whitespace)
        .map(str::to_owned)
        .collect()
}

fn images() -> BTreeMap<String, Vec<u8>> {
    std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "sys"))
        .map(|path| {
            (
                path.file_name().unwrap().to_string_lossy().into_owned(),
                std::fs::read(&path).unwrap(),
            )
        })
        .collect()
}

#[test]
fn each_image_yields_exactly_the_tags_of_its_source() {
    let mut wrong = Vec::new();
    let images = images();
    assert!(images.len() >= 150, "the images are missing");
    for (name, bytes) in &images {
        let stem = name.split('.').next().unwrap();
        let source = std::fs::read_to_string(folder().join(format!("{stem}.c"))).unwrap();
        let scan = scan(bytes, &Limits::default()).unwrap();
        let found: BTreeSet<String> = scan.tags.iter().map(|entry| readable(entry.tag)).collect();
        assert!(
            scan.tags.iter().all(|entry| entry.certainty != Certainty::Bytes),
            "{name}"
        );
        assert!(
            found.is_disjoint(&words(&source, "decoy")),
            "{name}: a decoy is reported: {found:?}"
        );
        let expected = words(&source, "expect");
        if found != expected {
            wrong.push(format!("{name}: found {found:?}, expected {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn certainty_says_how_the_tag_was_found() {
    let images = images();
    let cases = [
        (
            "pool2.x64.gcc.O2.sys",
            *b"P2a1",
            Certainty::Direct,
            "ExAllocatePool2",
        ),
        (
            "pool2.x86.gcc.Os.sys",
            *b"P3b2",
            Certainty::Direct,
            "ExAllocatePool3",
        ),
        (
            "pool2.arm64.clang.O2.sys",
            *b"P2c3",
            Certainty::Direct,
            "ExAllocatePool2",
        ),
        (
            "select.x64.gcc.O2.sys",
            *b"Sel1",
            Certainty::Dataflow,
            "ExAllocatePoolWithTag",
        ),
        (
            "loops.x64.gcc.O2.sys",
            *b"Lp07",
            Certainty::Dataflow,
            "ExAllocatePoolWithTag",
        ),
        (
            "nested.x64.gcc.O2.sys",
            *b"Nst3",
            Certainty::Wrapper,
            "ExAllocatePoolWithTag",
        ),
        (
            "nested.arm64.clang.O0.sys",
            *b"Nst3",
            Certainty::Wrapper,
            "ExAllocatePoolWithTag",
        ),
        (
            "network.x86.gcc.O0.sys",
            *b"NdB4",
            Certainty::ParameterBlock,
            "NdisAllocateNetBufferPool",
        ),
        (
            "filter.x64.clang.O2.sys",
            *b"FlC2",
            Certainty::ParameterBlock,
            "FltRegisterFilter",
        ),
        (
            "wdf_table.x64.gcc.O2.sys",
            *b"WdM2",
            Certainty::Framework,
            "WdfMemoryCreate",
        ),
        (
            "wdf_array.x86.gcc.O2.sys",
            *b"WdL3",
            Certainty::Framework,
            "WdfLookasideListCreate",
        ),
    ];
    for (name, tag, certainty, routine) in cases {
        let scan = scan(&images[name], &Limits::default()).unwrap();
        let best = scan
            .tags
            .iter()
            .filter(|entry| entry.tag == tag)
            .min_by_key(|entry| entry.certainty)
            .unwrap();
        assert_eq!(
            (best.certainty, best.routine.as_str()),
            (certainty, routine),
            "{name}"
        );
    }
}

#[test]
fn tags_only_freed_with_are_kept_apart() {
    for name in [
        "decoys.x64.gcc.O2.sys",
        "decoys.x86.gcc.Os.sys",
        "decoys.arm64.clang.O2.sys",
    ] {
        let scan = scan(&images()[name], &Limits::default()).unwrap();
        assert!(
            scan.freed_tags.iter().any(|entry| entry.tag == *b"Fre2"),
            "{name}"
        );
        assert!(!scan.tags.iter().any(|entry| entry.tag == *b"Fre2"), "{name}");
    }
}

#[test]
fn framework_drivers_are_known_as_such() {
    for (name, kmdf) in [
        ("wdf_table.arm64.clang.O2.sys", true),
        ("pool2.arm64.clang.O2.sys", false),
    ] {
        assert_eq!(
            scan(&images()[name], &Limits::default()).unwrap().kmdf,
            kmdf,
            "{name}"
        );
    }
}

#[test]
fn bytes_alone_are_never_code_evidence() {
    let images = images();
    let found = driver_scan::scan_bytes(&images["decoys.x64.gcc.O2.sys"], &[*b"Txt4", *b"None"]);
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].tag, found[0].certainty), (*b"Txt4", Certainty::Bytes));
}

#[test]
fn the_limit_of_work_is_said() {
    let limits = Limits {
        base_steps: 10,
        steps_per_byte: 0,
        ..Limits::default()
    };
    let scan = scan(&images()["nested.x64.gcc.O2.sys"], &limits).unwrap();
    assert!(
        scan.problems
            .iter()
            .any(|problem| problem.contains("limit of work"))
    );
}

/// The project's shared set of hard images, where it is there: every tag found, none reported that is not there.
#[test]
fn the_shared_set_is_read_without_error() {
    let shared = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/drivers/own");
    let Ok(entries) = std::fs::read_dir(shared) else {
        return;
    };
    for entry in entries {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(scan(&bytes, &Limits::default()).is_ok());
    }
}
