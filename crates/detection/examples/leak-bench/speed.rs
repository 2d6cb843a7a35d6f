//! Points a second on one core, and cost with size.

use std::time::Duration;

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

pub fn run() {
    println!("every value changes; user time of judge() alone");
    for (series, samples, times) in [
        (10, 1_000, 400),
        (10, 10_000, 100),
        (100, 10_000, 20),
        (500, 20_000, 4),
        (500, 20_000, 40),
    ] {
        let history = dense(series, samples, 1.0, 1);
        let before = user_time();
        for _ in 0..times {
            std::hint::black_box(judge(&history, &Config::default()));
        }
        let spent = (user_time() - before).as_secs_f64();
        // The largest size is judged ten million points at a time.
        let points = (series * samples * times) as f64;
        println!(
            "  {series:5} series x {samples:6} samples x {times:3}: {points:.0e} points in {spent:.2} s = {:.1} M points/s",
            points / spent / 1e6
        );
    }
    let history = dense(3_000, 20_160, 0.1, 2);
    let before = user_time();
    std::hint::black_box(judge(&history, &Config::default()));
    println!(
        "  3000 series x 20160 samples, 10 % changing: {:.2} s user; peak resident {} MiB with the history",
        (user_time() - before).as_secs_f64(),
        resident_peak_mib()
    );
}
