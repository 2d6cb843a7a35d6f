//! What a recording costs: bytes a day, time and memory to read a week, memory of the recorder.
//!
//! `cargo run --release -p recording --example recording_cost` prints the figures of docs/benchmarks.md; with files behind `--`
//! it reads each of them instead and says how long that takes.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints its figures and stops at any surprise"
)]

#[path = "../tests/common/mod.rs"]
mod common;

use std::path::Path;
use std::time::Instant;

use common::Kernel;
use recording::{OpenOptions, Writer, WriterOptions, open};

const PART: &str = "POOLSCOPE_COST_PART";

/// A line of `/proc/self/status` in KiB; 0 on other systems.
fn status(name: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text
        .lines()
        .find_map(|l| l.strip_prefix(name))
        .unwrap_or_default();
    line.split_ascii_whitespace()
        .next()
        .and_then(|n| n.parse().ok())
        .unwrap_or(0)
}

fn record(path: &Path, samples: usize, interval_s: i64) -> u64 {
    let mut kernel = Kernel::new(3000, 100, interval_s);
    let options = WriterOptions {
        interval_s: Some(interval_s as f64),
        max_bytes: None,
        tool: "recording_cost".into(),
    };
    let mut writer = Writer::open(path, &Kernel::host(), &options).unwrap();
    let mut changes = 0;
    let began = Instant::now();
    for _ in 0..samples {
        changes += writer.append(&kernel.sample()).unwrap().changed;
    }
    writer.close().unwrap();
    let bytes = std::fs::metadata(path).unwrap().len();
    println!(
        "{samples} samples of 3,000 tags, {changes} changes: {bytes} bytes, {:.2} bytes a change, {:.1} s",
        bytes as f64 / changes as f64,
        began.elapsed().as_secs_f64()
    );
    bytes
}

/// Each part runs in a process of its own, so that peaks do not mix.
fn run(part: &str, folder: &Path) {
    let (day, week) = (folder.join("day.poolscope"), folder.join("week.poolscope"));
    match part {
        "day" => println!("bytes a day: {}", record(&day, 2880, 30)),
        "recorder" => {
            record(&folder.join("hour.poolscope"), 3600, 1);
            println!(
                "recorder, 3,600 one-second samples: resident {} KiB, peak {} KiB",
                status("VmRSS:"),
                status("VmHWM:")
            );
        }
        "write week" => println!("bytes a week: {}", record(&week, 7 * 2880, 30)),
        _ => {
            let began = Instant::now();
            let history = open(&[week], &OpenOptions::default()).unwrap();
            let took = began.elapsed();
            let changes: usize = history.series.iter().map(snapshot::Series::len).sum();
            println!(
                "reading a week: {} series, {} samples, {changes} changes in {:.2} s, peak {} KiB",
                history.series.len(),
                history.samples.len(),
                took.as_secs_f64(),
                status("VmHWM:")
            );
        }
    }
}

fn main() {
    if let Ok(part) = std::env::var(PART) {
        run(&part, Path::new(&std::env::args().nth(1).unwrap()));
        return;
    }
    for file in std::env::args_os().skip(1) {
        let began = Instant::now();
        let history = open(&[file.into()], &OpenOptions::default()).unwrap();
        let took = began.elapsed().as_secs_f64() * 1e3;
        println!(
            "{} series, {} samples in {took:.1} ms",
            history.series.len(),
            history.samples.len()
        );
    }
    if std::env::args_os().len() > 1 {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for part in ["day", "recorder", "write week", "read week"] {
        let exe = std::env::current_exe().unwrap();
        assert!(
            std::process::Command::new(exe)
                .arg(folder.path())
                .env(PART, part)
                .status()
                .unwrap()
                .success()
        );
    }
}
