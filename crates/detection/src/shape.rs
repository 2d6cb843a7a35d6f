//! Statistics of a curve's shape that need no model: floors, shares of growth, jumps.

use crate::study::{STATISTIC_COUNT, Stat, set};

/// Suffix minima: what a value never comes back below. Monotone.
#[must_use]
pub fn kept_floor(values: &[f64]) -> Vec<f64> {
    let mut floor = values.to_vec();
    let mut low = f64::INFINITY;
    for v in floor.iter_mut().rev() {
        low = low.min(*v);
        *v = low;
    }
    floor
}

/// Morphological opening (Serra 1982) over three blocks: peaks of one or two blocks go, a rising line stays as it is.
pub(crate) fn opened(values: &[f64]) -> Vec<f64> {
    let low: Vec<f64> = values.windows(3).map(|w| w[0].min(w[1]).min(w[2])).collect();
    (0..values.len())
        .map(|i| {
            let around = low
                .get(i.saturating_sub(2)..=i.min(low.len().saturating_sub(1)))
                .unwrap_or(&[]);
            around.iter().copied().fold(f64::NEG_INFINITY, f64::max)
        })
        .collect()
}

/// Least and greatest value.
pub(crate) fn extent(values: &[f64]) -> (f64, f64) {
    values
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), &v| {
            (a.min(v), b.max(v))
        })
}

/// Range in parts of the greatest value.
pub(crate) fn swing(values: &[f64]) -> f64 {
    let (low, high) = extent(values);
    if high > 0.0 { (high - low) / high } else { 0.0 }
}

/// How many of the largest rises of the floor make up nine tenths of its growth.
pub(crate) fn jumps(floor: &[f64]) -> usize {
    let mut rises: Vec<f64> = floor.windows(2).map(|w| w[1] - w[0]).collect();
    rises.sort_unstable_by(|a, b| b.total_cmp(a));
    let total: f64 = rises.iter().sum();
    let mut sum = 0.0;
    for (i, r) in rises.iter().enumerate() {
        sum += r;
        if sum >= 0.9 * total {
            return i + 1;
        }
    }
    rises.len()
}

/// Kendall's tau of values against their order: pairs that rise minus pairs that fall, in parts of all pairs.
pub(crate) fn tau(values: &[f64]) -> f64 {
    let mut sum = 0_i32;
    for (i, a) in values.iter().enumerate() {
        for b in values.iter().skip(i + 1) {
            sum += i32::from(b > a) - i32::from(b < a);
        }
    }
    let n = values.len() as f64;
    f64::from(sum) / (0.5 * n * (n - 1.0)).max(1.0)
}

/// Value at a part of the window.
fn at_part(values: &[f64], part: f64) -> f64 {
    let at = ((values.len() as f64 - 1.0) * part).round() as usize;
    values.get(at).copied().unwrap_or(0.0)
}

/// Fills in everything that the floor and the steps `d` of the level tell. `range` is that of the minima `y`.
pub(crate) fn statistics(
    y: &[f64],
    d: &[f64],
    floor: &[f64],
    range: f64,
    values: &mut [f64; STATISTIC_COUNT],
) {
    let n = y.len();
    let growth = floor[n - 1] - floor[0];
    let mut squares = 0.0;
    let mut quiet = 0_usize;
    for w in floor.windows(2) {
        let rise = w[1] - w[0];
        squares += rise * rise;
        quiet += usize::from(rise <= 0.02 * growth / n as f64);
    }
    let effective = if squares > 0.0 {
        growth * growth / squares
    } else {
        0.0
    };
    set(values, Stat::EffectiveRises, libm::log(1.0 + effective));
    set(values, Stat::QuietShare, quiet as f64 / (n as f64 - 1.0).max(1.0));
    let (mut high, mut gap) = (f64::NEG_INFINITY, 0.0);
    for (v, f) in y.iter().zip(floor) {
        high = high.max(*v);
        gap += high - f;
    }
    set(values, Stat::Backtrack, gap / n as f64 / range);
    let share = |from: f64, to: f64| {
        if growth <= 0.0 {
            return 0.0;
        }
        (at_part(floor, to) - at_part(floor, from)) / growth
    };
    set(values, Stat::TailShare, share(0.9, 1.0));
    set(values, Stat::FrontShare, share(0.0, 0.25));
    set(values, Stat::LateShare, share(0.5, 1.0));
    set(values, Stat::FreshShare, share(0.7, 0.9));
    let (first, last) = ((n / 4).max(1), n - (n / 4).max(1));
    let separation = extent(&y[last..]).0 - extent(&y[..first]).1;
    set(values, Stat::Separation, separation / range);
    let scale = y.iter().sum::<f64>() / n as f64;
    set(
        values,
        Stat::RelativeGrowth,
        libm::log1p(growth / scale.abs().max(1.0) * 100.0),
    );
    set(values, Stat::LevelChange, growth / range);
    let mut sizes: Vec<f64> = d.iter().map(|d| d.abs()).collect();
    let total: f64 = sizes.iter().sum();
    let falls: f64 = d.iter().filter(|d| **d < 0.0).map(|d| -d).sum();
    let median = quantile(&mut sizes, 0.5);
    set(values, Stat::Sharpness, median * d.len() as f64 / total.max(1e-9));
    set(values, Stat::FallShare, falls / total.max(1e-9));
    set(values, Stat::Blocks, libm::log(n as f64));
    set(values, Stat::QuietTail, quiet_tail(floor, growth));
}

/// The value below which a part of `values` lies.
fn quantile(values: &mut [f64], part: f64) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    let at = ((values.len() as f64 * part) as usize).min(values.len() - 1);
    *values.select_nth_unstable_by(at, f64::total_cmp).1
}

/// Blocks since the floor last rose to speak of, in parts of the mean distance of such rises.
///
/// Events at a constant rate leave a quiet end whose length is exponential with mean 1 here; a cache that is full has
/// a long one.
fn quiet_tail(floor: &[f64], growth: f64) -> f64 {
    let n = floor.len();
    let least = 0.5 * growth / n as f64;
    let (mut last, mut rises) = (0, 0_usize);
    for (i, w) in floor.windows(2).enumerate() {
        if w[1] - w[0] > least {
            last = i + 1;
            rises += 1;
        }
    }
    if rises == 0 {
        return n as f64;
    }
    let usual = last as f64 / rises as f64;
    (n - 1 - last) as f64 / usual
}

/// Jumps that are whole multiples of one size are one event repeated: a launch, a request, a session.
///
/// For each size that a jump or a simple part of it suggests, the distances of the other jumps to their nearest
/// multiple are compared with a normal whose width is the noise, against a uniform distribution; the greatest
/// log-likelihood ratio counts, less the logarithm of the number of sizes tried.
pub(crate) fn jump_regularity(floor: &[f64], d: &[f64]) -> f64 {
    /// More jumps than this are a slope, about which other statistics say more.
    const MOST: usize = 16;
    /// What one jump may say at most, and against.
    const MOST_SAID: f64 = 4.0;
    let growth = floor.last().unwrap_or(&0.0) - floor.first().unwrap_or(&0.0);
    let mut sizes: Vec<f64> = d.iter().map(|d| d.abs()).collect();
    // The lower quartile: up to three in four steps may be jumps.
    let noise = (4.0 * quantile(&mut sizes, 0.25)).max(2e-3 * growth);
    let jumps: Vec<f64> = floor
        .windows(2)
        .map(|w| w[1] - w[0])
        .filter(|j| *j > (2.0 * noise).max(0.03 * growth))
        .collect();
    if jumps.len() < 3 || jumps.len() > MOST {
        return 0.0;
    }
    let mut best: f64 = 0.0;
    let (mut tried, mut said) = (0_usize, Vec::new());
    for (own, defining) in jumps.iter().enumerate() {
        for part in 1..=3 {
            let unit = defining / f64::from(part);
            if unit < 2.0 * noise {
                continue;
            }
            tried += 1;
            let others = jumps.iter().enumerate().filter(|o| o.0 != own);
            let odds: f64 = others
                .map(|(_, jump)| {
                    let turns = jump / unit;
                    let off = (turns - turns.round()).abs();
                    let width = 0.5 * noise / unit * (1.0 + jump / defining);
                    let odds = -libm::log(width * 2.507) - off * off / (2.0 * width * width);
                    odds.clamp(-MOST_SAID, MOST_SAID)
                })
                .sum();
            said.push(odds);
        }
    }
    for odds in said {
        best = best.max(odds - libm::log(tried as f64));
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Levels after each jump, and the regularity of the jumps.
    fn regularity(jumps: &[f64]) -> f64 {
        let mut level = 100.0;
        let mut floor = vec![level];
        for j in jumps {
            floor.push(level);
            level += j;
            floor.push(level);
        }
        let d: Vec<f64> = floor.windows(2).map(|w| w[1] - w[0]).collect();
        jump_regularity(&floor, &d)
    }

    #[test]
    fn equal_jumps_and_their_multiples_are_told_from_unrelated_ones() {
        assert!(regularity(&[500.0, 500.0, 1000.0, 500.0]) > 6.0);
        assert!(regularity(&[500.0, 1000.0, 1500.0]) > 4.0);
        assert!(regularity(&[500.0, 713.0, 1289.0]) < 2.0);
        assert_eq!(regularity(&[500.0, 500.0]), 0.0);
        assert_eq!(regularity(&[]), 0.0);
    }

    #[test]
    fn a_full_cache_is_quiet_for_longer_than_events_are() {
        let full: Vec<f64> = (0..40).map(|i| f64::from(i.min(10)) * 7.0).collect();
        let events: Vec<f64> = (0..40).map(|i| f64::from(i / 8) * 7.0).collect();
        assert!(quiet_tail(&full, 70.0) > 20.0);
        assert!(quiet_tail(&events, 28.0) <= 1.0);
    }

    #[test]
    fn tau_counts_pairs() {
        assert_eq!(tau(&[1.0, 2.0, 3.0]), 1.0);
        assert_eq!(tau(&[3.0, 2.0, 1.0]), -1.0);
        assert_eq!(tau(&[1.0, 1.0]), 0.0);
        assert_eq!(tau(&[]), 0.0);
    }

    #[test]
    fn floors_never_fall_and_opening_cuts_peaks() {
        assert_eq!(kept_floor(&[1.0, 5.0, 2.0, 3.0]), [1.0, 2.0, 2.0, 3.0]);
        assert_eq!(opened(&[1.0, 1.0, 9.0, 1.0, 1.0]), [1.0; 5]);
        let line = [1.0, 2.0, 3.0, 4.0, 5.0];
        assert_eq!(opened(&line)[..3], [1.0, 2.0, 3.0]);
    }
}
