//! Families: series whose outstanding counts grow in fixed small-integer ratios are one leak.
//!
//! One lost reference at the top of a stack of drivers keeps one object of every layer below it, so the counts of all
//! layers grow 1:1 (or 2:1 where a layer holds two). The layer that itself frees nothing is the likely holder.

use snapshot::History;

use crate::judge::Studied;
use crate::judgement::{Family, Judgement, Verdict};
use crate::screen::Held;

/// Largest ratio that counts as "small".
const MAX_RATIO: u32 = 8;

/// Growth in objects below which ratios are too coarse to mean anything.
const MIN_OBJECTS: f64 = 100.0;

/// Largest part by which two counts may leave their ratio, all along the window, when both move together.
const TOLERANCE: f64 = 0.03;

/// The same for smooth lines, whose ratio at the end is all there is: any two rates come this near to a small ratio in
/// one case in fifty.
const TOLERANCE_SMOOTH: f64 = 0.005;

/// The same for counts at one moment.
const TOLERANCE_STANDING: f64 = 0.002;

/// Families of equal counts at one moment that chance may give on a whole machine.
const MOST_CHANCE: f64 = 0.01;

/// Width, as a natural logarithm, of the range over which counts that are hardly ever freed lie: a few hundred to half
/// a million.
const SPREAD: f64 = 7.0;

/// Most candidates, largest growth first: comparison is quadratic.
const MAX_CANDIDATES: usize = 256;

/// A series that may belong to a family.
struct Candidate {
    series: usize,
    /// Outstanding objects over the blocks, from 0.
    path: Vec<f64>,
    growth: f64,
    free_ratio: Option<f64>,
}

/// Finds families among growing series and, where a recording has one moment only, among equal counts.
pub(crate) fn families(history: &History, judgements: &[Judgement], studied: &[Studied]) -> Vec<Family> {
    let mut candidates = growing(history, judgements, studied);
    let mut tolerance_one = TOLERANCE;
    let one_moment = candidates.len() < 2 && history.samples.len() < 4;
    if one_moment {
        candidates = standing(history);
        tolerance_one = TOLERANCE_STANDING;
    }
    candidates.sort_by(|a, b| b.growth.total_cmp(&a.growth).then(a.series.cmp(&b.series)));
    candidates.truncate(MAX_CANDIDATES);
    let mut families = Vec::new();
    let mut taken = vec![false; candidates.len()];
    // The member with most partners is the unit of its family.
    loop {
        let mut best: Option<(usize, Vec<(usize, u32)>)> = None;
        for (u, unit) in candidates.iter().enumerate() {
            if taken.get(u).copied().unwrap_or(true) {
                continue;
            }
            let members: Vec<(usize, u32)> = candidates
                .iter()
                .enumerate()
                .filter(|(i, _)| !taken.get(*i).copied().unwrap_or(true))
                .filter_map(|(i, c)| Some((i, if i == u { 1 } else { ratio(unit, c, tolerance_one)? })))
                .collect();
            let by_chance = one_moment && chance(unit, &members, &candidates) > MOST_CHANCE;
            if members.len() > best.as_ref().map_or(1, |b| b.1.len()) && !by_chance {
                best = Some((u, members));
            }
        }
        let Some((_, members)) = best else { break };
        for &(i, _) in &members {
            if let Some(t) = taken.get_mut(i) {
                *t = true;
            }
        }
        families.push(family(families.len(), &members, &candidates));
    }
    families
}

fn family(before: usize, members: &[(usize, u32)], candidates: &[Candidate]) -> Family {
    let of = |i: usize| candidates.get(i);
    // No frees at all, or next to none; the smallest count is the one that others are built on.
    let holder = members
        .iter()
        .filter_map(|&(i, _)| of(i))
        .filter(|c| c.free_ratio.is_some_and(|r| r < 0.01))
        .min_by(|a, b| {
            let ratio = |c: &Candidate| c.free_ratio.unwrap_or(1.0);
            ratio(a)
                .total_cmp(&ratio(b))
                .then(a.growth.total_cmp(&b.growth))
                .then(a.series.cmp(&b.series))
        });
    Family {
        id: u32::try_from(before + 1).unwrap_or(u32::MAX),
        members: members
            .iter()
            .filter_map(|&(i, _)| of(i).map(|c| c.series))
            .collect(),
        ratio: members.iter().map(|m| m.1).collect(),
        holder: holder.map(|c| c.series),
    }
}

/// Series that grow in objects and were not explained otherwise.
fn growing(history: &History, judgements: &[Judgement], studied: &[Studied]) -> Vec<Candidate> {
    judgements
        .iter()
        .filter(|j| {
            matches!(j.verdict, Verdict::Leak | Verdict::Suspect | Verdict::Unfreed)
                || j.confidence.is_some_and(|c| c >= 0.2)
        })
        .filter_map(|j| {
            let reduced = &studied.get(j.series)?.reduced;
            let first = reduced.count.mean.iter().copied().find(|v| v.is_finite())?;
            let path: Vec<f64> = reduced.count.mean.iter().map(|v| v - first).collect();
            let growth = path.iter().rev().copied().find(|v| v.is_finite())?;
            let held = Held::of(history.series.get(j.series)?);
            let free_ratio = match (reduced.allocated, reduced.freed) {
                (Some(a), Some(f)) if a > 0.0 => Some(f / a),
                _ => held.free_ratio(),
            };
            (growth >= MIN_OBJECTS).then_some(Candidate {
                series: j.series,
                path,
                growth,
                free_ratio,
            })
        })
        .collect()
}

/// One moment: many objects that were hardly ever freed.
fn standing(history: &History) -> Vec<Candidate> {
    history
        .series
        .iter()
        .enumerate()
        .filter_map(|(i, series)| {
            let held = Held::of(series);
            let outstanding = held.outstanding? as f64;
            let free_ratio = held.free_ratio()?;
            let fits = outstanding >= 5.0 * MIN_OBJECTS && free_ratio <= 0.3 && !is_round(outstanding as u64);
            fits.then(|| Candidate {
                series: i,
                path: vec![outstanding],
                growth: outstanding,
                free_ratio: Some(free_ratio),
            })
        })
        .collect()
}

/// How many families as near to whole ratios as this one chance would give among all candidates.
///
/// Were the logarithms of unrelated counts uniform over [`SPREAD`], one would come this near to one of the allowed
/// multiples of the unit with the probability of the intervals' share of it; every member must do so, and every
/// candidate could have been the unit.
fn chance(unit: &Candidate, members: &[(usize, u32)], candidates: &[Candidate]) -> f64 {
    let many = candidates.len() as f64;
    let mut expected = many;
    for &(i, ratio) in members {
        let Some(other) = candidates.get(i).filter(|c| c.series != unit.series) else {
            continue;
        };
        let off = (other.growth - f64::from(ratio) * unit.growth).abs() + 0.5;
        let share = 2.0 * f64::from(MAX_RATIO) * off / other.growth / SPREAD;
        expected *= (many * share).min(1.0);
    }
    expected
}

/// Sizes that somebody configured: few binary or decimal digits and then zeros. Equal ones mean nothing.
fn is_round(count: u64) -> bool {
    /// Largest number before the zeros.
    const DIGITS: u64 = 63;
    if count == 0 {
        return true;
    }
    let mut decimal = count;
    while decimal.is_multiple_of(10) {
        decimal /= 10;
    }
    count >> count.trailing_zeros() <= DIGITS || decimal <= DIGITS
}

/// The whole number that `other` is of `unit`, all along the window.
fn ratio(unit: &Candidate, other: &Candidate, tolerance: f64) -> Option<u32> {
    let raw = other.growth / unit.growth;
    let whole = raw.round();
    if !(1.0..=f64::from(MAX_RATIO)).contains(&whole) || (raw / whole - 1.0).abs() > tolerance {
        return None;
    }
    let worst = unit
        .path
        .iter()
        .zip(&other.path)
        .map(|(u, o)| (o - whole * u).abs())
        .filter(|d| d.is_finite())
        .fold(0.0, f64::max);
    if worst > 2.0 * tolerance * other.growth {
        return None;
    }
    if unit.path.len() >= 4
        && !move_together(&unit.path, &other.path)
        && (raw / whole - 1.0).abs() > TOLERANCE_SMOOTH
    {
        return None;
    }
    Some(whole as u32)
}

/// True when the steps of both, freed of their mean, go the same way.
fn move_together(a: &[f64], b: &[f64]) -> bool {
    correlation(&differences(a), &differences(b)) > 0.7
}

/// Steps from one value to the next.
pub(crate) fn differences(values: &[f64]) -> Vec<f64> {
    values.windows(2).map(|w| w[1] - w[0]).collect()
}

/// Pearson's correlation over pairs where both are known; 0 when either does not vary.
pub(crate) fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let pairs: Vec<(f64, f64)> = a
        .iter()
        .copied()
        .zip(b.iter().copied())
        .filter(|(x, y)| x.is_finite() && y.is_finite())
        .collect();
    let n = pairs.len() as f64;
    if n < 4.0 {
        return 0.0;
    }
    let (ma, mb) = (
        pairs.iter().map(|p| p.0).sum::<f64>() / n,
        pairs.iter().map(|p| p.1).sum::<f64>() / n,
    );
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (x, y) in pairs {
        ab += (x - ma) * (y - mb);
        aa += (x - ma) * (x - ma);
        bb += (y - mb) * (y - mb);
    }
    if aa > 1e-12 * (ma * ma + 1e-12) * n && bb > 1e-12 * (mb * mb + 1e-12) * n {
        ab / (aa * bb).sqrt()
    } else {
        0.0
    }
}
