//! Builds the input files of scenarios from their descriptions, so that a scenario stays a page of text.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    unreachable_pub,
    reason = "a test says what it expects by panicking; shared by several test programs"
)]
#![allow(dead_code, reason = "each test program uses its part")]

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Output};

use recording::{Writer, WriterOptions};
use serde::Deserialize;
use serde_json::Value;
use snapshot::{
    BootId, Counter, CounterWidth, HostFacts, MomentFacts, OsKind, Pool, Problem, Snapshot, Tag, TagUsage,
    Timestamp, Usage,
};

/// A recording to be built.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    file: String,
    hours: f64,
    interval_s: f64,
    uptime_h: f64,
    #[serde(default)]
    host: Option<String>,
    #[serde(default)]
    boot: Option<String>,
    series: Vec<Curve>,
    #[serde(default)]
    facts: MomentFacts,
    #[serde(default)]
    facts_end: Option<MomentFacts>,
    #[serde(default)]
    problems: Vec<Problem>,
}

/// How one series behaves.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Curve {
    tag: String,
    pool: String,
    curve: String,
    count: f64,
    size: u64,
    #[serde(default)]
    per_hour: f64,
    #[serde(default = "one")]
    tau_h: f64,
    #[serde(default)]
    never_freed: bool,
}

fn one() -> f64 {
    1.0
}

/// A text file to be written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    file: String,
    lines: Vec<String>,
}

impl Text {
    /// Writes the file into `folder`.
    pub fn write(&self, folder: &Path) {
        let mut text = String::new();
        for line in &self.lines {
            writeln!(text, "{line}").unwrap();
        }
        std::fs::write(folder.join(&self.file), text).unwrap();
    }
}

/// A small generator of noise; the same numbers on each run (Numerical Recipes' LCG).
struct Noise(u64);

impl Noise {
    /// About normal with standard deviation 1: the sum of twelve uniforms.
    fn next(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }

    fn uniform(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
}

impl Record {
    /// Writes the recording into `folder`.
    pub fn write(&self, folder: &Path) {
        let host = HostFacts {
            os: Some(OsKind::Windows),
            name: Some(self.host.clone().unwrap_or_else(|| "scenario".to_owned())),
            build: Some("26200.1".to_owned()),
            physical_bytes: self.facts.memory.as_ref().and_then(|m| m.physical),
            ..HostFacts::default()
        };
        let options = WriterOptions {
            interval_s: Some(self.interval_s),
            max_bytes: None,
            tool: "test".to_owned(),
        };
        let mut writer = Writer::open(&folder.join(&self.file), &host, &options).unwrap();
        let samples = (self.hours * 3600.0 / self.interval_s).round() as u32 + 1;
        let mut noise = Noise(7);
        let mut churn: Vec<f64> = self.series.iter().map(|c| c.count * 20.0).collect();
        for sample in 0..samples {
            let at_s = f64::from(sample) * self.interval_s;
            let rows = self
                .series
                .iter()
                .zip(&mut churn)
                .map(|(c, freed)| c.row(at_s / 3600.0, freed, &mut noise))
                .collect();
            writer
                .append(&self.snapshot(at_s, rows, sample, samples))
                .unwrap();
        }
        writer.close().unwrap();
    }

    fn snapshot(&self, at_s: f64, rows: Vec<TagUsage>, sample: u32, samples: u32) -> Snapshot {
        let facts = match (&self.facts_end, sample) {
            (_, 0) => self.facts.clone(),
            (Some(end), n) if n + 1 == samples => end.clone(),
            (None, n) if n + 1 == samples => self.facts.clone(),
            _ => MomentFacts {
                memory: self.facts.memory.clone(),
                ..MomentFacts::default()
            },
        };
        Snapshot {
            taken_at: Some(Timestamp::from_unix_seconds(1_790_000_000).plus_seconds(at_s)),
            kernel_uptime_s: Some(self.uptime_h * 3600.0 + at_s),
            boot: Some(BootId(self.boot.clone().unwrap_or_else(|| "first".to_owned()))),
            width: CounterWidth::Bits64,
            rows,
            facts,
            problems: if sample == 0 {
                self.problems.clone()
            } else {
                Vec::new()
            },
        }
    }
}

impl Curve {
    fn row(&self, hour: f64, freed: &mut f64, noise: &mut Noise) -> TagUsage {
        let jitter = noise.next() * (self.count * 0.0005).max(1.0);
        let live = match self.curve.as_str() {
            "linear" => self.count + self.per_hour * hour + jitter,
            "saturating" => {
                self.count + self.per_hour * self.tau_h * (1.0 - (-hour / self.tau_h).exp()) + jitter
            }
            "noisy" => self.count + jitter * 20.0,
            "flat" => self.count + jitter,
            other => panic!("no curve is named {other}"),
        };
        let live = live.max(0.0).round();
        // Ordinary series free nearly everything they allocate; one that never frees is told from that.
        *freed += if self.never_freed {
            0.0
        } else {
            self.count * 0.05 * noise.uniform()
        };
        let frees = if self.never_freed { 0 } else { freed.round() as u64 };
        let usage = Usage {
            allocs: Counter::new(frees + live as u64),
            frees: Counter::new(frees),
            live: Counter::UNKNOWN,
            bytes: Counter::new(live as u64 * self.size),
        };
        TagUsage {
            tag: Tag::parse_nt(&self.tag),
            pool: Pool::parse(&self.pool).unwrap(),
            usage,
        }
    }
}

/// Runs `poolscope …` as written, in `folder`. Arguments are split at spaces; `"…"` holds one together.
pub fn run(line: &str, folder: &Path) -> Output {
    let args = split(line);
    assert_eq!(args.first().map(String::as_str), Some("poolscope"), "{line}");
    Command::new(env!("CARGO_BIN_EXE_poolscope"))
        .args(&args[1..])
        .current_dir(folder)
        .output()
        .unwrap()
}

/// The words of a command line.
pub fn split(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            ' ' if !quoted => words.extend((!word.is_empty()).then(|| std::mem::take(&mut word))),
            c => word.push(c),
        }
    }
    words.extend((!word.is_empty()).then_some(word));
    words
}

/// Standard output as JSON.
pub fn json(output: &Output, line: &str) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!(
            "{line}: {error}\n{}\n{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        )
    })
}
