//! A recording of every version of the format ever written is read for ever. The files are never made anew: a change that
//! cannot read them is a mistake, and a new version gets a file of its own.

mod common;

use std::path::{Path, PathBuf};

use recording::{OpenOptions, Writer, WriterOptions, export, open};

/// Versions of which there is a file.
const VERSIONS: &[u32] = &[1];

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name)
}

#[test]
fn every_version_is_read() {
    for version in VERSIONS {
        let history = open(
            &[golden(&format!("version-{version}.poolscope"))],
            &OpenOptions::default(),
        )
        .unwrap();
        let mut csv = Vec::new();
        export::csv(&history, &mut csv).unwrap();
        let expected = std::fs::read(golden(&format!("version-{version}.csv"))).unwrap();
        assert!(csv == expected, "version {version}");
        assert_eq!(
            (history.boots.len(), history.facts.len(), history.problems.len()),
            (2, 24, 0)
        );
        assert_eq!(history.samples.iter().filter(|s| s.after_gap).count(), 1);
    }
}

/// Makes the pair of files for a new version: `cargo test -p recording --test golden -- --ignored`.
#[test]
#[ignore = "writes into the repository; once for each new version of the format"]
fn make() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new.poolscope");
    let options = WriterOptions {
        interval_s: Some(30.0),
        max_bytes: None,
        tool: "golden".into(),
    };
    let mut writer = Writer::open(&path, &common::Kernel::host(), &options).unwrap();
    let mut kernel = common::Kernel::new(6, 400, 30);
    for n in 0..24 {
        if n == 16 {
            writer.close().unwrap();
            kernel.reboot();
            writer = Writer::open(&path, &common::Kernel::host(), &options).unwrap();
        }
        writer.append(&kernel.sample()).unwrap();
    }
    drop(writer);
    let history = open(std::slice::from_ref(&path), &OpenOptions::default()).unwrap();
    let mut csv = Vec::new();
    export::csv(&history, &mut csv).unwrap();
    std::fs::copy(&path, golden("version-new.poolscope")).unwrap();
    std::fs::write(golden("version-new.csv"), csv).unwrap();
}
