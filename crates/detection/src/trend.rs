//! Classical trend statistics, kept as independent witnesses and for comparison.

/// Mann-Kendall's S, its variance with ties, and the standardised one-sided Z (Mann 1945, Kendall 1975).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct MannKendall {
    /// Concordant minus discordant pairs.
    pub s: f64,
    /// Variance under no trend, ties taken into account.
    pub variance: f64,
    /// Standardised, with continuity correction; positive for growth.
    pub z: f64,
}

/// Mann-Kendall trend test. Quadratic: feed it blocks.
#[must_use]
pub fn mann_kendall(values: &[f64]) -> MannKendall {
    let n = values.len() as f64;
    let mut s = 0.0;
    for (i, a) in values.iter().enumerate() {
        for b in values.iter().skip(i + 1) {
            s += f64::from(i8::from(b > a) - i8::from(b < a));
        }
    }
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let mut ties = 0.0;
    for run in sorted.chunk_by(|a, b| a == b) {
        let t = run.len() as f64;
        ties += t * (t - 1.0) * (2.0 * t + 5.0);
    }
    let variance = ((n * (n - 1.0) * (2.0 * n + 5.0) - ties) / 18.0).max(0.0);
    let z = if variance > 0.0 && s != 0.0 {
        (s - s.signum()) / variance.sqrt()
    } else {
        0.0
    };
    MannKendall { s, variance, z }
}

/// Variance factor for autocorrelated data (Hamed and Rao 1998): ranks of the detrended values, significant lags only,
/// never below 1.
#[must_use]
pub fn hamed_rao_factor(values: &[f64]) -> f64 {
    let n = values.len();
    if n < 8 {
        return 1.0;
    }
    let times: Vec<f64> = (0..n).map(|i| i as f64).collect();
    let Some(slope) = theil_sen(&times, values) else {
        return 1.0;
    };
    let detrended: Vec<f64> = values.iter().zip(&times).map(|(v, t)| v - slope * t).collect();
    let ranks = ranks(&detrended);
    let mean = ranks.iter().sum::<f64>() / n as f64;
    let variance: f64 = ranks.iter().map(|r| (r - mean) * (r - mean)).sum();
    if variance <= 0.0 {
        return 1.0;
    }
    let (m, limit) = (n as f64, 1.96 / (n as f64).sqrt());
    let mut sum = 0.0;
    for lag in 1..n - 2 {
        let products: f64 = ranks
            .iter()
            .zip(ranks.iter().skip(lag))
            .map(|(a, b)| (a - mean) * (b - mean))
            .sum();
        let r = products / variance;
        if r.abs() > limit {
            let k = lag as f64;
            sum += (m - k) * (m - k - 1.0) * (m - k - 2.0) * r;
        }
    }
    (1.0 + 2.0 / (m * (m - 1.0) * (m - 2.0)) * sum).max(1.0)
}

/// Ranks from 1, ties averaged.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut at = 0;
    for run in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let rank = at as f64 + (run.len() as f64 + 1.0) / 2.0;
        for &i in run {
            ranks[i] = rank;
        }
        at += run.len();
    }
    ranks
}

/// Median of all pairwise slopes (Theil 1950, Sen 1968). `None` without two different times.
#[must_use]
pub fn theil_sen(times: &[f64], values: &[f64]) -> Option<f64> {
    let n = times.len().min(values.len());
    let mut slopes = Vec::with_capacity(n.saturating_mul(n) / 2);
    for i in 0..n {
        for j in i + 1..n {
            let dt = times[j] - times[i];
            if dt > 0.0 {
                slopes.push((values[j] - values[i]) / dt);
            }
        }
    }
    if slopes.is_empty() {
        return None;
    }
    let middle = slopes.len() / 2;
    Some(*slopes.select_nth_unstable_by(middle, f64::total_cmp).1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mann_kendall_of_known_series() {
        // (values, S, variance): pairs counted and the tie formula worked out by hand.
        let cases: [(&[f64], f64, f64); 5] = [
            (&[1.0, 2.0, 3.0, 4.0, 5.0], 10.0, 16.666_666_666_666_668),
            (&[5.0, 4.0, 3.0, 2.0, 1.0], -10.0, 16.666_666_666_666_668),
            (&[7.0, 7.0, 7.0, 7.0], 0.0, 0.0),
            (&[1.0, 1.0, 2.0, 2.0], 4.0, 6.666_666_666_666_667),
            (&[3.0], 0.0, 0.0),
        ];
        for (values, s, variance) in cases {
            let mk = mann_kendall(values);
            assert_eq!(mk.s, s, "{values:?}");
            assert!(
                (mk.variance - variance).abs() < 1e-9,
                "{values:?}: {}",
                mk.variance
            );
        }
        assert_eq!(mann_kendall(&[]).z, 0.0);
        assert_eq!(mann_kendall(&[7.0; 9]).z, 0.0);
    }

    #[test]
    fn theil_sen_ignores_outliers_and_gaps_in_time() {
        let times = [0.0, 1.0, 2.0, 50.0, 51.0, 52.0, 53.0];
        let mut values: Vec<f64> = times.iter().map(|t| 3.0 * t + 1.0).collect();
        values[2] = 1e9;
        assert!((theil_sen(&times, &values).unwrap() - 3.0).abs() < 1e-9);
        assert_eq!(theil_sen(&[1.0], &[1.0]), None);
        assert_eq!(theil_sen(&[1.0, 1.0], &[1.0, 2.0]), None);
    }

    #[test]
    fn autocorrelation_only_ever_widens() {
        let white: Vec<f64> = (0..64).map(|i| f64::from((i * 7919) % 101)).collect();
        let waves: Vec<f64> = (0..64).map(|i| (f64::from(i) / 6.0).sin()).collect();
        assert!(hamed_rao_factor(&white) >= 1.0);
        assert!(hamed_rao_factor(&waves) > 1.5);
        assert_eq!(hamed_rao_factor(&[1.0; 40]), 1.0);
    }
}
