//! Points a second on one core, and cost with size.

use std::time::{Duration, Instant};

use detection::{Config, judge};
use snapshot::{Counter, CounterWidth, History, Pool, Sample, Series, SeriesKey, Tag, Timestamp, Usage};
use synth::random::Random;

/// A history of `series` x `samples` in which a part `changing` of the values changes from sample to sample.
pub fn dense(series: usize, samples: usize, changing: f64, seed: u64) -> History {
    let mut random = Random::new(seed);
    let mut history = History {
        clock_known: true,
        ..History::default()
    };
    history.samples = (0..samples)
        .map(|i| Sample {
            at: Timestamp(i as i64 * 30_000_000),
            ..Sample::default()
        })
        .collect();
    for s in 0..series {
        let key = SeriesKey {
            tag: Tag::parse(&format!("t{s}")),
            pool: Pool::Nonpaged,
        };
        let mut one = Series::new(key, CounterWidth::Bits64);
        let (mut allocs, mut live) = (random.below(1_000_000) as u64 + 2_000, 1_000_i64);
        let leak = s % 50 == 0;
        for i in 0..samples {
            if i == 0 || random.chance(changing) {
                allocs += random.below(200) as u64;
                live += random.below(21) as i64 - if leak { 8 } else { 10 };
                live = live.clamp(1, allocs as i64);
                let usage = Usage {
                    allocs: Counter::new(allocs),
                    frees: Counter::new(allocs - live as u64),
                    live: Counter::UNKNOWN,
                    bytes: Counter::new(live as u64 * 96),
                };
                one.push(i as u32, usage);
            }
        }
        history.series.push(one);
    }
    history
}

/// Processor time of this process in user mode (Linux; elsewhere zero).
fn user_time() -> Duration {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks: u64 = text
        .rsplit(')')
        .next()
        .and_then(|rest| rest.split_whitespace().nth(11)?.parse().ok())
        .unwrap_or(0);
    Duration::from_millis(ticks * 10)
}

fn resident_peak_mib() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find(|l| l.starts_with("VmHWM")).unwrap_or("");
    line.split_whitespace()
        .nth(1)
        .and_then(|n| n.parse::<u64>().ok())
        .unwrap_or(0)
        / 1024
}

/// User time of one judgement of `history`, repeated until the clock's hundredths of a second mean something.
fn cost(history: &History) -> Duration {
    let began = user_time();
    let mut times = 0_u32;
    loop {
        std::hint::black_box(judge(history, &Config::default()));
        times += 1;
        let spent = user_time() - began;
        if spent >= Duration::from_millis(400) {
            return spent / times;
        }
    }
}

fn line(series: usize, samples: usize) {
    let history = dense(series, samples, 1.0, 1);
    let spent = cost(&history).as_secs_f64();
    let points = (series * samples) as f64;
    println!(
        "  {points:7.0e} points = {series:6} series x {samples:7} samples: {:9.2} ms, {:5.1} M points/s, {:6.1} us a series",
        spent * 1e3,
        points / spent / 1e6,
        spent * 1e6 / series as f64
    );
}

pub fn run() {
    println!("user time of judge() alone, every value changes at every sample");
    for series in [1, 10, 100, 1_000, 10_000] {
        line(series, 10_000);
    }
    for samples in [100, 1_000, 10_000, 100_000, 1_000_000] {
        line(100, samples);
    }
    line(10, 1_000);
    line(500, 20_000);
    line(3_000, 11);
    let history = dense(3_000, 20_160, 0.1, 2);
    println!(
        "3,000 series x 20,160 samples, 10 % changing: {:.2} s; peak resident {} MiB with all of the above",
        cost(&history).as_secs_f64(),
        resident_peak_mib()
    );
}

/// Judges a recording from its file: wall time of reading and of judging, and the most memory ever held.
pub fn file(path: &std::path::Path) {
    let began = Instant::now();
    let history =
        recording::open(&[path.to_path_buf()], &recording::OpenOptions::default()).expect("a recording");
    let read = began.elapsed();
    let analysis = std::hint::black_box(judge(&history, &Config::default()));
    let changes: usize = history.series.iter().map(Series::len).sum();
    println!(
        "{} series, {} samples, {changes} changes, {} judged: read in {:.2} s, judged in {:.2} s, user time {:.2} s, peak resident {} MiB",
        history.series.len(),
        history.samples.len(),
        analysis.judgements.len(),
        read.as_secs_f64(),
        (began.elapsed() - read).as_secs_f64(),
        user_time().as_secs_f64(),
        resident_peak_mib()
    );
}
