//! Reference detectors: what people use today, each as a score by which series can be ranked.

use detection::trend::{hamed_rao_factor, mann_kendall, theil_sen};
use snapshot::{History, Series};

/// A way to score a series: higher speaks for a leak.
pub struct Method {
    pub name: &'static str,
    pub color: &'static str,
    pub score: fn(&[f64], &[f64]) -> f64,
}

pub const METHODS: [Method; 5] = [
    Method {
        name: "last minus first",
        color: "#999999",
        score: |_, y| last_minus_first(y),
    },
    Method {
        name: "Mann-Kendall",
        color: "#d08000",
        score: |_, y| mann_kendall(y).z,
    },
    Method {
        name: "Mann-Kendall, Hamed-Rao, on floors",
        color: "#b03060",
        score: |t, y| floors(t, y),
    },
    Method {
        name: "regression, R²",
        color: "#2e8b57",
        score: r_squared,
    },
    Method {
        name: "Precog-like",
        color: "#7050b0",
        score: precog,
    },
];

/// Bytes at every sample, with times in seconds.
pub fn dense(history: &History, series: &Series) -> (Vec<f64>, Vec<f64>) {
    let (mut t, mut y) = (Vec::new(), Vec::new());
    let mut change = 0;
    for (i, sample) in history.samples.iter().enumerate() {
        while series.sample.get(change + 1).is_some_and(|&s| s as usize <= i) {
            change += 1;
        }
        if let Some(bytes) = series.usage(change).bytes.get() {
            t.push(sample.at.unix_seconds());
            y.push(bytes as f64);
        }
    }
    (t, y)
}

fn last_minus_first(y: &[f64]) -> f64 {
    y.last().unwrap_or(&0.0) - y.first().unwrap_or(&0.0)
}

/// Mann-Kendall on the minima of a dozen stretches, variance corrected for autocorrelation (Hamed and Rao 1998), and
/// the second half must still rise: the pipeline that a survey of the field suggests.
fn floors(_t: &[f64], y: &[f64]) -> f64 {
    let parts = 12.min(y.len() / 2).max(1);
    let minima: Vec<f64> = (0..parts)
        .map(|p| {
            y[p * y.len() / parts..(p + 1) * y.len() / parts]
                .iter()
                .copied()
                .fold(f64::INFINITY, f64::min)
        })
        .collect();
    let z = mann_kendall(&minima).z / hamed_rao_factor(y).sqrt();
    let late = mann_kendall(&minima[parts / 2..]).z;
    z.min(3.0 * late.max(0.0))
}

fn r_squared(t: &[f64], y: &[f64]) -> f64 {
    let n = y.len() as f64;
    let (mt, my) = (t.iter().sum::<f64>() / n, y.iter().sum::<f64>() / n);
    let (mut tt, mut ty, mut yy) = (0.0, 0.0, 0.0);
    for (a, b) in t.iter().zip(y) {
        tt += (a - mt) * (a - mt);
        ty += (a - mt) * (b - my);
        yy += (b - my) * (b - my);
    }
    if yy <= 0.0 || tt <= 0.0 || ty <= 0.0 {
        0.0
    } else {
        ty * ty / (tt * yy)
    }
}

/// After Precog (arXiv 2106.08938): from the end back over change points, the best line that still runs at the end and
/// covers at least a third of the recording; its R², and the last values must reach the greatest seen.
fn precog(t: &[f64], y: &[f64]) -> f64 {
    let n = y.len();
    let mut steps: Vec<f64> = y.windows(2).map(|w| (w[1] - w[0]).abs()).collect();
    let mut sorted = steps.clone();
    sorted.sort_by(f64::total_cmp);
    let median = sorted[sorted.len() / 2];
    for s in &mut steps {
        *s = (*s - median).abs();
    }
    let mut sorted = steps.clone();
    sorted.sort_by(f64::total_cmp);
    let mad = sorted[sorted.len() / 2].max(1e-9);
    let mut starts: Vec<usize> = (0..steps.len())
        .filter(|&i| 0.6745 * steps[i] / mad > 3.5)
        .map(|i| i + 1)
        .collect();
    starts.push(0);
    let high = y.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let last = y[n - n.div_ceil(10)..]
        .iter()
        .copied()
        .fold(f64::NEG_INFINITY, f64::max);
    let best = starts
        .into_iter()
        .filter(|&s| n - s >= (n / 3).max(5))
        .map(|s| (s, r_squared(&t[s..], &y[s..])))
        .filter(|(s, _)| n > 400 || theil_sen(&t[*s..], &y[*s..]).is_some_and(|b| b > 0.0))
        .map(|(_, r)| r)
        .fold(0.0, f64::max);
    if last >= 0.95 * high { best } else { 0.5 * best }
}
