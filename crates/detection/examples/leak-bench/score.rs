//! Precision, recall, rates, intervals and calibration.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use detection::{Analysis, Config, Verdict, judge};
use synth::curves::Palette;

use crate::data::{Recording, from_csv, generated as make, names};

#[derive(Default)]
pub struct Tally {
    pub found: usize,
    pub false_alarms: usize,
    pub missed: usize,
    pub clean: usize,
    pub accused: usize,
    pub false_by: BTreeMap<String, usize>,
    pub missed_by: BTreeMap<String, usize>,
    pub leaks_by: BTreeMap<String, usize>,
    pub suspects: usize,
    pub rate_errors: Vec<f64>,
    pub covered: usize,
    pub points: Vec<(f64, bool)>,
    pub by_length: BTreeMap<String, [usize; 3]>,
}

impl Tally {
    pub fn add(&mut self, recording: &Recording, analysis: &Analysis) {
        let mut accused = false;
        let length = format!("{:>5}", recording.history.samples.len());
        for judgement in &analysis.judgements {
            let Some(truth) = recording.truth.get(judgement.series) else {
                continue;
            };
            let called = judgement.verdict == Verdict::Leak;
            let slot = self.by_length.entry(length.clone()).or_default();
            if judgement.verdict == Verdict::Suspect && !truth.leak {
                self.suspects += 1;
            }
            if truth.leak {
                *self.leaks_by.entry(truth.family.clone()).or_default() += 1;
            }
            match (called, truth.leak) {
                (true, true) => {
                    self.found += 1;
                    slot[0] += 1;
                    if let (Some(rate), Some(want)) = (judgement.rate, truth.rate) {
                        self.rate_errors.push((rate.per_day - want).abs() / want);
                        self.covered += usize::from(rate.low <= want && want <= rate.high);
                    }
                }
                (true, false) => {
                    self.false_alarms += 1;
                    slot[1] += 1;
                    accused = true;
                    *self.false_by.entry(truth.family.clone()).or_default() += 1;
                }
                (false, true) => {
                    self.missed += 1;
                    slot[2] += 1;
                    *self.missed_by.entry(truth.family.clone()).or_default() += 1;
                }
                (false, false) => {}
            }
            if let Some(confidence) = judgement.confidence {
                self.points.push((confidence, truth.leak));
            }
        }
        if !recording.truth.is_empty() && recording.truth.iter().all(|t| !t.leak) {
            self.clean += 1;
            self.accused += usize::from(accused);
        }
    }

    pub fn precision(&self) -> f64 {
        self.found as f64 / ((self.found + self.false_alarms) as f64).max(1.0)
    }

    pub fn recall(&self) -> f64 {
        self.found as f64 / ((self.found + self.missed) as f64).max(1.0)
    }

    pub fn print(&mut self, name: &str) {
        println!(
            "{name}: precision {:.4} recall {:.4} ({} found, {} false, {} missed), clean accused {}/{}, false suspects {}",
            self.precision(),
            self.recall(),
            self.found,
            self.false_alarms,
            self.missed,
            self.accused,
            self.clean,
            self.suspects
        );
        println!(
            "  false {:?}\n  missed {:?}\n  of {:?}",
            self.false_by, self.missed_by, self.leaks_by
        );
        println!("  by samples [found, false, missed] {:?}", self.by_length);
        self.rate_errors.sort_by(f64::total_cmp);
        let n = self.rate_errors.len();
        if n > 0 {
            println!(
                "  rate error median {:.4} p90 {:.4}; interval covers {:.3} of {n}",
                self.rate_errors[n / 2],
                self.rate_errors[n * 9 / 10],
                self.covered as f64 / n as f64
            );
        }
        let leaks = self.points.iter().filter(|p| p.1).count() as f64;
        for threshold in [0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95] {
            let called: Vec<_> = self.points.iter().filter(|p| p.0 >= threshold).collect();
            let right = called.iter().filter(|p| p.1).count() as f64;
            print!(
                "  {threshold}: {:.3}/{:.3}",
                right / called.len().max(1) as f64,
                right / leaks.max(1.0)
            );
        }
        println!("  (precision/recall by threshold)");
        println!("  ECE {:.4}", expected_calibration_error(&self.points));
    }
}

/// Expected calibration error over ten bins (Naeini et al. 2015), of series with at least 1 % confidence.
pub fn expected_calibration_error(points: &[(f64, bool)]) -> f64 {
    let bins = reliability(points);
    let total: usize = bins.iter().map(|b| b.2).sum();
    bins.iter()
        .map(|&(c, a, n)| (c - a).abs() * n as f64 / total.max(1) as f64)
        .sum()
}

/// Mean confidence, share of leaks and number of each of ten bins.
pub fn reliability(points: &[(f64, bool)]) -> Vec<(f64, f64, usize)> {
    let mut bins = vec![(0.0, 0.0, 0usize); 10];
    for &(c, leak) in points.iter().filter(|p| p.0 >= 0.01) {
        let bin = &mut bins[((c * 10.0) as usize).min(9)];
        bin.0 += c;
        bin.1 += f64::from(u8::from(leak));
        bin.2 += 1;
    }
    for bin in &mut bins {
        bin.0 /= (bin.2 as f64).max(1.0);
        bin.1 /= (bin.2 as f64).max(1.0);
    }
    bins
}

pub fn generated(palette: Palette, first: u64, count: u64) {
    let mut tally = Tally::default();
    for seed in first..first + count {
        let recording = make(seed, palette, 0.05);
        tally.add(&recording, &judge(&recording.history, &Config::default()));
    }
    tally.print(&format!("{palette:?} seeds {first}..{}", first + count));
    for (c, a, n) in reliability(&tally.points) {
        println!("    said {c:.3} true {a:.3} of {n}");
    }
}

pub fn leakbench(folder: &Path, out: Option<PathBuf>) {
    let mut tally = Tally::default();
    for name in names(folder).expect("folder") {
        let recording = from_csv(folder, &name).expect("recording");
        let analysis = judge(&recording.history, &Config::default());
        tally.add(&recording, &analysis);
        if let Some(out) = &out {
            let series: Vec<serde_json::Value> = analysis
                .judgements
                .iter()
                .map(|j| {
                    let key = &recording.history.series[j.series].key;
                    serde_json::json!({"tag": key.tag.to_string(), "pool": key.pool.as_str(),
                        "verdict": j.verdict.as_str(), "confidence": j.confidence,
                        "rate_bytes_per_day": j.rate.map(|r| r.per_day)})
                })
                .collect();
            let text = serde_json::json!({ "series": series }).to_string();
            std::fs::create_dir_all(out).expect("folder");
            std::fs::write(out.join(format!("{name}.json")), text).expect("write");
        }
    }
    tally.print("leakbench");
}

/// Prints the series that were judged wrongly, thinned to a dozen values.
pub fn mistakes(recordings: impl Iterator<Item = Recording>) {
    for recording in recordings {
        let analysis = judge(&recording.history, &Config::default());
        for j in &analysis.judgements {
            let Some(truth) = recording.truth.get(j.series) else {
                continue;
            };
            if (j.verdict == Verdict::Leak) == truth.leak {
                continue;
            }
            let series = &recording.history.series[j.series];
            let n = recording.history.samples.len();
            let at = |sample: usize| {
                let i = series
                    .sample
                    .partition_point(|&s| s as usize <= sample)
                    .saturating_sub(1);
                series.usage(i)
            };
            let picks: Vec<usize> = (0..12).map(|k| k * (n - 1) / 11).collect();
            println!(
                "{} {} leak={} said {} {:.3}",
                recording.name,
                truth.family,
                truth.leak,
                j.verdict.as_str(),
                j.confidence.unwrap_or(-1.0)
            );
            println!(
                "  out {:?}",
                picks
                    .iter()
                    .map(|&p| at(p).outstanding(series.width).unwrap_or(0))
                    .collect::<Vec<_>>()
            );
            println!(
                "  alc {:?}",
                picks
                    .iter()
                    .map(|&p| at(p).allocs.get().unwrap_or(0))
                    .collect::<Vec<_>>()
            );
            let stats: Vec<String> = j
                .evidence
                .iter()
                .map(|e| format!("{}={:.2}", e.name, e.value))
                .collect();
            println!("  {}", stats.join(" "));
        }
    }
}

/// Judges every window of several lengths of a recording of a real machine, and counts accusations.
pub fn windows(path: &Path) {
    let whole =
        recording::open(&[path.to_path_buf()], &recording::OpenOptions::default()).expect("a recording");
    let all = whole.samples.len();
    let mut lengths: Vec<usize> = [30, 60, 120, 300, 600, 900, 1_800, 3_600]
        .into_iter()
        .filter(|&n| n < all)
        .collect();
    lengths.push(all);
    for length in lengths {
        let (mut judged, mut leaks, mut suspects, mut most) = (0, BTreeMap::new(), BTreeMap::new(), (0, 0));
        let mut start = 0;
        while start + length <= all {
            let history = cut(&whole, start, length);
            let analysis = judge(&history, &Config::default());
            let mut here = (0, 0);
            for j in &analysis.judgements {
                let tag = history.series[j.series].key.tag.to_string();
                match j.verdict {
                    Verdict::Leak => {
                        here.0 += 1;
                        *leaks.entry(tag).or_insert(0) += 1;
                    }
                    Verdict::Suspect => {
                        here.1 += 1;
                        *suspects.entry(tag).or_insert(0) += 1;
                    }
                    _ => {}
                }
            }
            most = (most.0.max(here.0), most.1.max(here.1));
            judged += 1;
            start += (length / 2).max(1);
        }
        println!(
            "{length:5} samples: {judged} windows, most at once {most:?}, leak {leaks:?}, suspect {suspects:?}"
        );
    }
}

/// Samples `start..start + length` of a history.
fn cut(whole: &snapshot::History, start: usize, length: usize) -> snapshot::History {
    let mut part = whole.clone();
    part.samples = whole.samples[start..start + length].to_vec();
    part.facts.clear();
    for (series, from) in part.series.iter_mut().zip(&whole.series) {
        *series = snapshot::Series::new(from.key.clone(), from.width);
        for i in 0..from.len() {
            let next = from.sample.get(i + 1).map_or(usize::MAX, |&s| s as usize);
            let at = (from.sample[i] as usize).max(start);
            if next > start && at < start + length {
                series.push((at - start) as u32, from.usage(i));
            }
        }
    }
    part
}

/// Judges a CSV of slab caches and prints what was said of those that grow.
pub fn slab(path: &Path, last: usize) {
    let history = crate::data::from_slab_csv(path, last).expect("slab CSV");
    let analysis = judge(&history, &Config::default());
    let mut words: BTreeMap<&str, usize> = BTreeMap::new();
    for j in &analysis.judgements {
        *words.entry(j.verdict.as_str()).or_default() += 1;
    }
    println!(
        "{} samples, {words:?}, {} passengers",
        history.samples.len(),
        analysis.passengers.len()
    );
    for j in analysis
        .judgements
        .iter()
        .filter(|j| j.verdict <= Verdict::Unfreed || j.confidence > Some(0.2))
    {
        println!(
            "  {} {} confidence {:.3} objects/s {:.2}",
            history.series[j.series].key,
            j.verdict.as_str(),
            j.confidence.unwrap_or(0.0),
            j.count_rate.map_or(0.0, |r| r.per_day / 86_400.0)
        );
    }
}
