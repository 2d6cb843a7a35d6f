//! Histories made by hand, one sample at a time.
#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    clippy::expect_used,
    reason = "each test binary uses its own part of the builder"
)]

use detection::{Analysis, Config, Judgement, judge};
use snapshot::{
    BootId, Counter, CounterWidth, History, MemoryCounters, MomentFacts, Pool, Sample, Series, SeriesKey,
    Tag, Timestamp, Usage,
};

/// Start of every history: an ordinary day in 2026.
pub const START: f64 = 1_790_000_000.0;

/// A history under construction.
#[derive(Default)]
pub struct Made {
    pub history: History,
}

/// Usage from allocations, frees and bytes.
pub fn usage(allocs: u64, frees: u64, bytes: u64) -> Usage {
    Usage {
        allocs: Counter::new(allocs),
        frees: Counter::new(frees),
        live: Counter::UNKNOWN,
        bytes: Counter::new(bytes),
    }
}

/// Usage of a slab cache: objects and bytes.
pub fn slab(live: u64, bytes: u64) -> Usage {
    Usage {
        live: Counter::new(live),
        bytes: Counter::new(bytes),
        ..Usage::ABSENT
    }
}

impl Made {
    /// `n` samples, `step` seconds apart.
    pub fn every(n: usize, step: f64) -> Self {
        Self::at((0..n).map(|i| START + i as f64 * step))
    }

    /// Samples at these unix seconds.
    pub fn at(times: impl IntoIterator<Item = f64>) -> Self {
        let mut history = History {
            clock_known: true,
            ..History::default()
        };
        history.samples = times
            .into_iter()
            .map(|t| Sample {
                at: Timestamp((t * 1e6) as i64),
                ..Sample::default()
            })
            .collect();
        Self { history }
    }

    /// Uptimes and boots: `(first sample, boot, uptime of that sample)`; uptime then follows the clock.
    pub fn boots(mut self, boots: &[(usize, u32, f64)]) -> Self {
        for (k, &(start, boot, uptime)) in boots.iter().enumerate() {
            let end = boots.get(k + 1).map_or(self.history.samples.len(), |b| b.0);
            let first = self.history.samples[start].at;
            for sample in &mut self.history.samples[start..end] {
                sample.boot = Some(boot);
                sample.uptime_s = Some(uptime + sample.at.seconds_since(first));
            }
            self.history.boots.push(BootId(format!("boot-{boot}")));
        }
        self
    }

    /// Adds a series with counters of 32 bits.
    pub fn series(self, tag: &str, pool: Pool, f: impl FnMut(usize) -> Usage) -> Self {
        self.wide(tag, pool, CounterWidth::Bits32, f)
    }

    /// Adds a series.
    pub fn wide(mut self, tag: &str, pool: Pool, width: CounterWidth, f: impl FnMut(usize) -> Usage) -> Self {
        let mut series = Series::new(
            SeriesKey {
                tag: Tag::parse(tag),
                pool,
            },
            width,
        );
        for (i, usage) in (0..self.history.samples.len()).map(f).enumerate() {
            series.push(i as u32, usage);
        }
        self.history.series.push(series);
        self
    }

    /// Memory counters at the last sample.
    pub fn memory(mut self, memory: MemoryCounters) -> Self {
        let last = self.history.samples.len() as u32 - 1;
        self.history.facts.push((
            last,
            MomentFacts {
                memory: Some(memory),
                ..MomentFacts::default()
            },
        ));
        self
    }

    pub fn judge(&self) -> Analysis {
        judge(&self.history, &Config::default())
    }

    /// The judgement of `tag`.
    pub fn of(&self, tag: &str) -> Judgement {
        of(&self.history, &self.judge(), tag)
    }
}

/// The judgement of `tag` in `analysis`.
pub fn of(history: &History, analysis: &Analysis, tag: &str) -> Judgement {
    let tag = Tag::parse(tag);
    analysis
        .judgements
        .iter()
        .find(|j| history.series[j.series].key.tag == tag)
        .cloned()
        .expect("the tag is there")
}

/// Whole numbers that look random: the same on every system.
pub fn scatter(i: usize, below: u64) -> u64 {
    let mut x = (i as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    x ^= x >> 29;
    x = x.wrapping_mul(0xBF58_476D_1CE4_E5B9);
    (x ^ (x >> 32)) % below.max(1)
}

/// A leak of `per_sample` objects of `size` bytes with a little traffic, from `base` allocations on.
pub fn leak(base: u64, per_sample: u64, size: u64) -> impl Fn(usize) -> Usage {
    move |i| {
        let i64 = i as u64;
        let live = 200 + i64 * per_sample + scatter(i, 3);
        let allocs = base + 203 + i64 * (per_sample + 25) + scatter(i, 5);
        usage(allocs & 0xFFFF_FFFF, (allocs - live) & 0xFFFF_FFFF, live * size)
    }
}

/// Goes up and down around 500 objects.
pub fn churn(i: usize) -> Usage {
    let live = 480 + scatter(i, 40);
    let allocs = 10_000 + i as u64 * 50;
    usage(allocs, allocs - live, live * 64)
}
