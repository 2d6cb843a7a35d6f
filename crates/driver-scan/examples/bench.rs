//! Measures the scan of driver files and folders that are named, on one core, with the files in memory.
//!
//!     cargo run --release -p driver-scan --example bench -- [--rounds N] PATH…
//!
//! Without a path the test drivers of this crate are scanned; they are small and full of allocations, the worst case for
//! bytes a second.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a development program that prints"
)]

#[path = "files/mod.rs"]
mod files;

use std::path::Path;
use std::time::{Duration, Instant};

use driver_scan::{ByteSearch, Limits, scan};

/// What is measured: libraries too, since drivers to be had are small.
const ENDINGS: [&str; 2] = ["sys", "dll"];

/// Tags that are looked for as bytes, as many as `poolscope owner` is asked for at once at most.
const TAGS: [[u8; 4]; 3] = [*b"zQ7w", *b"Xk9v", *b"qJ4z"];

/// The shortest of several runs, which other work on the machine disturbs least.
fn best(rounds: usize, mut run: impl FnMut()) -> Duration {
    (0..rounds.max(1))
        .map(|_| {
            let started = Instant::now();
            run();
            started.elapsed()
        })
        .min()
        .unwrap_or_default()
}

fn main() {
    let mut rounds = 5;
    let mut paths = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        if argument == "--rounds" {
            rounds = arguments.next().and_then(|n| n.parse().ok()).unwrap_or(rounds);
        } else {
            files::below(Path::new(&argument), &ENDINGS, &mut paths);
        }
    }
    if paths.is_empty() {
        let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/drivers");
        files::below(&own, &ENDINGS, &mut paths);
    }
    let images: Vec<Vec<u8>> = paths.iter().filter_map(|path| std::fs::read(path).ok()).collect();
    let limits = Limits::default();
    for arch in ["x64", "x86", "arm64", "all"] {
        let group: Vec<&Vec<u8>> = images
            .iter()
            .filter(|bytes| {
                let of = scan(bytes, &limits)
                    .ok()
                    .and_then(|scan| scan.arch)
                    .map(|arch| arch.as_str());
                of.is_some() && (arch == "all" || of == Some(arch))
            })
            .collect();
        let total: usize = group.iter().map(|bytes| bytes.len()).sum();
        if total == 0 {
            continue;
        }
        let mut tags = 0;
        let code = best(rounds, || {
            tags = group
                .iter()
                .filter_map(|bytes| scan(bytes, &limits).ok())
                .map(|scan| scan.tags.len())
                .sum();
        });
        let search = ByteSearch::new(&TAGS);
        let mut hits = 0;
        let bytes = best(rounds, || {
            hits = group.iter().filter(|bytes| search.is_match(bytes)).count();
        });
        let rate = |took: Duration| total as f64 / 1e6 / took.as_secs_f64().max(1e-9);
        println!(
            "{arch:5} {:5} files {:8.2} MB  code {:7.1} MB/s ({tags} calls)  bytes {:7.1} MB/s ({hits} hits)",
            group.len(),
            total as f64 / 1e6,
            rate(code),
            rate(bytes),
        );
    }
}
