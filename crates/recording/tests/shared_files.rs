//! Reads every table and benchmark file that lies beside the repository, where they do. Skipped elsewhere.

use std::path::{Path, PathBuf};
use std::time::Instant;

use recording::{OpenOptions, open};

/// Files under `folder` of the shared data, if it is there.
fn files(folder: &str, suffix: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared")
        .join(folder);
    let Ok(entries) = std::fs::read_dir(root) else {
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = entries.flatten().map(|e| e.path()).collect();
    files.retain(|f| f.to_string_lossy().ends_with(suffix));
    files.sort();
    files
}

#[test]
fn every_table_is_read() {
    for file in files("cases/tables", ".txt") {
        let history = open(std::slice::from_ref(&file), &OpenOptions::default()).unwrap();
        let text = std::fs::read_to_string(&file).unwrap();
        let rows = text.lines().filter(|l| !l.trim().is_empty()).count() - 1;
        // Tags that differ in bytes no console shows (`Io` with spaces and with NULs) are printed alike and added up.
        assert!(
            history.problems.len() <= 1,
            "{}: {:?}",
            file.display(),
            history.problems
        );
        assert!(!history.clock_known, "a copied table has no time");
        assert_eq!(history.samples.len(), 1);
        assert!(
            history.series.len() + 2 * history.problems.len() >= rows,
            "{}",
            file.display()
        );
    }
}

#[test]
fn every_benchmark_recording_is_read_and_written_back() {
    for file in files("leakbench", ".csv.gz") {
        let began = Instant::now();
        let history = open(std::slice::from_ref(&file), &OpenOptions::default()).unwrap();
        let took = began.elapsed();
        println!("{}: {took:?}", file.display());
        assert_eq!(history.problems, []);
        assert!(history.clock_known && history.series.len() >= 100 && history.samples.len() >= 11);
    }
    // Once in full: what goes out is what came in.
    for file in files("leakbench", "short-00.csv.gz") {
        let history = open(std::slice::from_ref(&file), &OpenOptions::default()).unwrap();
        let mut text = Vec::new();
        std::io::Read::read_to_end(
            &mut flate2::read::GzDecoder::new(std::fs::File::open(&file).unwrap()),
            &mut text,
        )
        .unwrap();
        let mut out = Vec::new();
        recording::export::csv(&history, &mut out).unwrap();
        let sorted = |text: Vec<u8>| {
            let mut lines: Vec<String> = String::from_utf8(text)
                .unwrap()
                .lines()
                .map(str::to_owned)
                .collect();
            lines.sort();
            lines
        };
        assert!(sorted(out) == sorted(text));
    }
}
