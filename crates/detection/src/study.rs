//! The numbers that speak for or against a leak, for one quantity (bytes or outstanding allocations) on blocks.

use crate::level::{Fit, Level, Regressor};

/// The statistics, in the order of [`Study::values`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stat {
    /// Drift of block means over its standard error.
    DriftT,
    /// Drift of the minima of a dozen stretches.
    FloorDriftT,
    /// Drift at the end when a saturating part is allowed for.
    LateDriftT,
    /// Log-likelihood that a saturating curve gains over a line.
    SaturationGain,
    /// Log-likelihood that one to three level shifts gain over a line.
    StepGain,
    /// Drift when the three largest jumps are allowed for.
    DriftTWithoutJumps,
    /// Log of the effective number of rises of the floor.
    EffectiveRises,
    /// Mean distance of record high and kept floor, in parts of the range.
    Backtrack,
    /// Share of the growth in the last tenth.
    TailShare,
    /// Share of the growth in the first quarter.
    FrontShare,
    /// Share of the growth in the second half.
    LateShare,
    /// Share of the growth between 70 and 90 % of the window.
    FreshShare,
    /// Least value of the last quarter minus greatest of the first, in parts of the range.
    Separation,
    /// Log-likelihood gained by a daily cycle.
    SeasonGain,
    /// Curvature over its standard error.
    AccelerationT,
    /// Log of growth in per cent of the mean level.
    RelativeGrowth,
    /// Median step in parts of the mean step.
    Sharpness,
    /// Log-likelihood that a late beginning gains over a line.
    OnsetGain,
    /// Log of the number of blocks.
    Blocks,
    /// Growth of outstanding allocations per allocation; -1 when unknown.
    Retained,
    /// Frees per allocation in the window; -1 when unknown.
    FreeRatio,
    /// Growth of the floor in parts of the range.
    LevelChange,
    /// Share of blocks in which the floor does not rise.
    QuietShare,
    /// Log of the growth in outstanding allocations.
    GrowthObjects,
    /// How far jumps are multiples of one size, times their number.
    JumpRegularity,
    /// Drift of the minima with narrow peaks cut off.
    OpenedDriftT,
}

/// Names of the statistics, in the order of [`Stat`].
pub const STATISTICS: [&str; STATISTIC_COUNT] = [
    "drift_t",
    "floor_drift_t",
    "late_drift_t",
    "saturation_gain",
    "step_gain",
    "drift_t_without_jumps",
    "effective_rises",
    "backtrack",
    "tail_share",
    "front_share",
    "late_share",
    "fresh_share",
    "separation",
    "season_gain",
    "acceleration_t",
    "relative_growth",
    "sharpness",
    "onset_gain",
    "blocks",
    "retained",
    "free_ratio",
    "level_change",
    "quiet_share",
    "growth_objects",
    "jump_regularity",
    "opened_drift_t",
];

/// Number of statistics.
pub const STATISTIC_COUNT: usize = 26;

/// Seconds in a day.
const DAY: f64 = 86_400.0;

/// Time constants of the saturating curve, in parts of the window.
const CONSTANTS: [f64; 5] = [0.05, 0.12, 0.3, 0.7, 1.6];

/// Places where growth may have begun, in parts of the window.
const ONSETS: [f64; 7] = [0.15, 0.3, 0.45, 0.6, 0.7, 0.8, 0.88];

/// Growing so little against its standard error, a series needs no more models.
const HOPELESS_T: f64 = 0.7;

/// Which description of the growth fits best.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Curve {
    /// A constant drift.
    Line,
    /// An approach to a plateau.
    Saturating,
    /// Few level shifts and no drift.
    Steps,
    /// Drift that begins part-way, at these seconds from the start of the window.
    Onset(f64),
    /// Drift that grows.
    Accelerating,
}

/// What was found in one quantity.
#[derive(Clone, Debug)]
pub struct Study {
    /// The statistics, named by [`STATISTICS`].
    pub values: [f64; STATISTIC_COUNT],
    /// The best curve.
    pub curve: Curve,
    /// Drift per second over the window and its standard error.
    pub drift: (f64, f64),
    /// Drift per second since the onset, where one was found.
    pub since_onset: Option<(f64, f64)>,
    /// Drift per second at the end, allowing for saturation.
    pub late: (f64, f64),
    /// Growth of the floor over the window.
    pub growth: f64,
    /// Share of the noise that accumulates.
    pub wander: f64,
    /// Unexplained standard deviation per block step.
    pub sigma: f64,
    /// Blocks used.
    pub blocks: usize,
    /// Seconds covered.
    pub length: f64,
    /// Range of the block means in parts of the greatest.
    pub swing: f64,
    /// Number of jumps that make nine tenths of the growth.
    pub jumps: usize,
}

impl Study {
    /// One statistic.
    #[must_use]
    pub fn value(&self, stat: Stat) -> f64 {
        self.values.get(stat as usize).copied().unwrap_or(0.0)
    }
}

/// Facts of the whole series that go into the study of each of its quantities.
#[derive(Clone, Copy, Debug, Default)]
pub struct Context {
    /// Allocations in the window.
    pub allocated: Option<f64>,
    /// Frees in the window.
    pub freed: Option<f64>,
    /// Growth of outstanding allocations in the window.
    pub count_growth: Option<f64>,
}

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
fn opened(values: &[f64]) -> Vec<f64> {
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

/// Prefix maxima.
fn record_high(values: &[f64]) -> Vec<f64> {
    let mut high = f64::NEG_INFINITY;
    values
        .iter()
        .map(|v| {
            high = high.max(*v);
            high
        })
        .collect()
}

/// Minima of `parts` runs of neighbouring blocks, with the mean time of each.
fn segment_minima(level: &Level, parts: usize) -> (Vec<f64>, Vec<f64>) {
    let n = level.len();
    let parts = parts.min(n).max(1);
    (0..parts)
        .map(|p| {
            let (a, b) = (p * n / parts, (p + 1) * n / parts);
            let low = level.y[a..b].iter().copied().fold(f64::INFINITY, f64::min);
            let time = level.t[a..b].iter().sum::<f64>() / (b - a).max(1) as f64;
            (time, low)
        })
        .unzip()
}

/// Regressors of the day and its second and third harmonic, as far as the window holds whole days.
#[must_use]
pub fn seasonal(level: &Level) -> Vec<Regressor> {
    let days = level.length() / DAY;
    let step = level.length() / (level.len() as f64 - 1.0);
    if days < 0.9 || step > DAY / 8.0 {
        return Vec::new();
    }
    let harmonics = if days < 1.8 { 1 } else { 3 };
    let mut regressors = Vec::new();
    for h in 1..=harmonics {
        let w = std::f64::consts::TAU * f64::from(h) / DAY;
        regressors.push(level.regressor(|s| libm::sin(w * s)));
        regressors.push(level.regressor(|s| libm::cos(w * s)));
    }
    regressors
}

/// Fits `own` with the seasonal regressors behind them.
fn fit(level: &Level, own: &[&Regressor], season: &[Regressor]) -> Option<Fit> {
    let mut all: Vec<&Regressor> = own.to_vec();
    all.extend(season);
    level.fit(&all)
}

/// Studies one quantity: floors by its block minima, drift by its block means. `None` when there are too few blocks or nothing moves.
#[must_use]
pub fn study(seconds: &[f64], minima: &[f64], means: &[f64], context: &Context) -> Option<Study> {
    let floors = Level::new(seconds, minima)?;
    let level = Level::new(seconds, means)?;
    let n = level.len();
    let (low, high) = extent(&floors.y);
    if high <= low {
        return None;
    }
    let range = high - low;
    let mut season = seasonal(&level);
    let line = level.regressor(|s| s);
    let plain = fit(&level, &[&line], &[])?;
    let mut season_gain = 0.0;
    let mut base = plain;
    if !season.is_empty() {
        match fit(&level, &[&line], &season) {
            Some(with) if with.score > base.score + 3.0 => {
                season_gain = with.score - base.score;
                base = with;
            }
            _ => season.clear(),
        }
    }
    let drift_t = base.t(0);
    let floor = kept_floor(&floors.y);
    let growth = floor[n - 1] - floor[0];
    let mut values = [0.0; STATISTIC_COUNT];
    shape_statistics(&floors, &floor, range, &mut values);
    let mut study = Study {
        values,
        curve: Curve::Line,
        drift: (base.beta[0], base.se[0]),
        since_onset: None,
        late: (base.beta[0], base.se[0]),
        growth,
        wander: base.wander,
        sigma: base.sigma,
        blocks: n,
        length: level.length(),
        swing: swing(&level.y),
        jumps: jumps(&floor),
    };
    set(&mut study.values, Stat::DriftT, signed_root(drift_t));
    set(&mut study.values, Stat::SeasonGain, signed_root(season_gain));
    let (floor_t, floor_y) = segment_minima(&floors, if n >= 36 { 12 } else { n.div_ceil(2).max(5) });
    if let Some(fit) = Level::new(&floor_t, &floor_y).and_then(|l| l.fit(&[&l.regressor(|s| s)])) {
        set(&mut study.values, Stat::FloorDriftT, signed_root(fit.t(0)));
    }
    if let Some(fit) = Level::new(&floors.t, &opened(&floors.y)).and_then(|l| l.fit(&[&l.regressor(|s| s)])) {
        set(&mut study.values, Stat::OpenedDriftT, signed_root(fit.t(0)));
    }
    if drift_t > HOPELESS_T || study.value(Stat::Backtrack) < 0.5 {
        compare_curves(&level, &season, &line, &base, &mut study);
    }
    context_statistics(context, &mut study.values);
    set(&mut study.values, Stat::JumpRegularity, jump_regularity(&floor));
    Some(study)
}

/// Adds what saturating, stepped, late and accelerating curves say.
fn compare_curves(level: &Level, season: &[Regressor], line: &Regressor, base: &Fit, study: &mut Study) {
    let length = level.length();
    let mut best = (base.score, Curve::Line);
    let mut saturation = f64::NEG_INFINITY;
    let (mut late_weight, mut late_t) = (f64::NEG_INFINITY, base.t(0));
    for part in CONSTANTS {
        let tau = part * length;
        let curve = level.regressor(|s| 1.0 - libm::exp(-s / tau));
        if let Some(fit) = fit(level, &[&curve], season)
            && fit.beta[0] > 0.0
        {
            saturation = saturation.max(fit.score);
        }
        if let Some(fit) = fit(level, &[line, &curve], season)
            && fit.beta[1] > 0.0
            && fit.score > late_weight
        {
            late_weight = fit.score;
            late_t = fit.t(0);
            study.late = (fit.beta[0], fit.se[0]);
        }
    }
    // Without a positive saturating part the line itself says how it goes on.
    if late_weight < base.score - 3.0 {
        late_t = base.t(0);
        study.late = study.drift;
    }
    set(&mut study.values, Stat::LateDriftT, signed_root(late_t));
    set(
        &mut study.values,
        Stat::SaturationGain,
        signed_root((saturation - base.score).max(-40.0)),
    );
    if saturation > best.0 {
        best = (saturation, Curve::Saturating);
    }
    let (steps, without) = step_models(level, season, line);
    set(
        &mut study.values,
        Stat::StepGain,
        signed_root((steps - base.score).max(-40.0)),
    );
    set(&mut study.values, Stat::DriftTWithoutJumps, signed_root(without));
    if steps > best.0 {
        best = (steps, Curve::Steps);
    }
    let mut onset_gain: f64 = -5.0;
    for part in ONSETS {
        let start = part * length;
        let kink = level.regressor(|s| (s - start).max(0.0));
        if let Some(fit) = fit(level, &[&kink], season) {
            let gain = fit.score - base.score;
            onset_gain = onset_gain.max(gain);
            if fit.score > best.0 && fit.beta[0] > 0.0 {
                best = (fit.score, Curve::Onset(start));
                study.since_onset = Some((fit.beta[0], fit.se[0]));
            }
        }
    }
    set(&mut study.values, Stat::OnsetGain, signed_root(onset_gain));
    let square = level.regressor(|s| s * s / length);
    if let Some(fit) = fit(level, &[line, &square], season) {
        set(&mut study.values, Stat::AccelerationT, signed_root(fit.t(1)));
        if fit.score > best.0 && fit.beta[1] > 0.0 {
            best = (fit.score, Curve::Accelerating);
        }
    }
    study.curve = best.1;
    if !matches!(study.curve, Curve::Onset(_)) {
        study.since_onset = None;
    }
}

/// Score of the best one to three level shifts without drift, and the drift's t when those shifts are allowed for.
fn step_models(level: &Level, season: &[Regressor], line: &Regressor) -> (f64, f64) {
    let mut order: Vec<usize> = (0..level.d.len()).collect();
    order.sort_by(|&a, &b| level.d[b].abs().total_cmp(&level.d[a].abs()).then(a.cmp(&b)));
    let mut shifts: Vec<Regressor> = Vec::new();
    let mut best = f64::NEG_INFINITY;
    for &at in order.iter().take(3) {
        shifts.push(level.shift(at));
        let own: Vec<&Regressor> = shifts.iter().collect();
        if let Some(fit) = fit(level, &own, season) {
            best = best.max(fit.score);
        }
    }
    let mut own: Vec<&Regressor> = vec![line];
    own.extend(&shifts);
    let without = fit(level, &own, season).map_or(0.0, |f| f.t(0));
    (best, without)
}

/// Statistics of the curve's shape that need no model.
fn shape_statistics(level: &Level, floor: &[f64], range: f64, values: &mut [f64; STATISTIC_COUNT]) {
    let n = level.len();
    let growth = floor[n - 1] - floor[0];
    let rises: Vec<f64> = floor.windows(2).map(|w| w[1] - w[0]).collect();
    let squares: f64 = rises.iter().map(|r| r * r).sum();
    let effective = if squares > 0.0 {
        growth * growth / squares
    } else {
        0.0
    };
    set(values, Stat::EffectiveRises, libm::log(1.0 + effective));
    let high = record_high(&level.y);
    let gap: f64 = high.iter().zip(floor).map(|(h, f)| h - f).sum::<f64>() / n as f64;
    set(values, Stat::Backtrack, gap / range);
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
    let separation = extent(&level.y[last..]).0 - extent(&level.y[..first]).1;
    set(values, Stat::Separation, separation / range);
    let scale = level.y.iter().sum::<f64>() / n as f64;
    set(
        values,
        Stat::RelativeGrowth,
        libm::log1p(growth / scale.abs().max(1.0) * 100.0),
    );
    set(values, Stat::LevelChange, growth / range);
    let mut steps: Vec<f64> = level.d.iter().map(|d| d.abs()).collect();
    let middle = steps.len() / 2;
    let median = *steps.select_nth_unstable_by(middle, f64::total_cmp).1;
    let total: f64 = level.d.iter().map(|d| d.abs()).sum();
    set(
        values,
        Stat::Sharpness,
        median * level.d.len() as f64 / total.max(1e-9),
    );
    let quiet = rises.iter().filter(|&&r| r <= 0.02 * growth / n as f64).count();
    set(values, Stat::QuietShare, quiet as f64 / rises.len().max(1) as f64);
    set(values, Stat::Blocks, libm::log(n as f64));
}

/// Statistics that need the allocation counters.
fn context_statistics(context: &Context, values: &mut [f64; STATISTIC_COUNT]) {
    // Where the number of objects is not known, a middling growth stands for it.
    let objects = context.count_growth.map_or(6.0, |g| libm::log1p(g.max(0.0)));
    set(values, Stat::GrowthObjects, objects);
    let retained = match (context.allocated, context.count_growth) {
        (Some(a), Some(g)) if a > 0.0 => (g / a).clamp(-0.2, 1.0),
        _ => -1.0,
    };
    set(values, Stat::Retained, retained);
    let freed = match (context.allocated, context.freed) {
        (Some(a), Some(f)) if a > 0.0 => (f / a).clamp(0.0, 2.0),
        _ => -1.0,
    };
    set(values, Stat::FreeRatio, freed);
}

/// Value at a part of the window.
fn at_part(values: &[f64], part: f64) -> f64 {
    let at = ((values.len() as f64 - 1.0) * part).round() as usize;
    values.get(at).copied().unwrap_or(0.0)
}

/// Least and greatest value.
fn extent(values: &[f64]) -> (f64, f64) {
    values
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), &v| {
            (a.min(v), b.max(v))
        })
}

/// Range in parts of the greatest value.
fn swing(values: &[f64]) -> f64 {
    let (low, high) = extent(values);
    if high > 0.0 { (high - low) / high } else { 0.0 }
}

/// How many of the largest rises of the floor make up nine tenths of its growth.
fn jumps(floor: &[f64]) -> usize {
    let mut rises: Vec<f64> = floor.windows(2).map(|w| w[1] - w[0]).collect();
    rises.sort_by(|a, b| b.total_cmp(a));
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

/// Square root that keeps the sign: tames t values and likelihood gains without cutting them off.
fn signed_root(x: f64) -> f64 {
    if x.is_finite() {
        x.signum() * x.abs().min(1e4).sqrt()
    } else {
        0.0
    }
}

/// Jumps that are whole multiples of the smallest one are one event repeated: a launch, a request, a session.
///
/// The mean distance to the nearest multiple is 1/4 for unrelated sizes; the result is 0 there and the number of
/// jumps where all fit.
fn jump_regularity(floor: &[f64]) -> f64 {
    let growth = floor.last().unwrap_or(&0.0) - floor.first().unwrap_or(&0.0);
    let jumps: Vec<f64> = floor
        .windows(2)
        .map(|w| w[1] - w[0])
        .filter(|d| *d > 0.05 * growth)
        .collect();
    if jumps.len() < 3 {
        return 0.0;
    }
    let unit = jumps.iter().copied().fold(f64::INFINITY, f64::min);
    let off: f64 = jumps
        .iter()
        .map(|j| (j / unit - (j / unit).round()).abs())
        .sum::<f64>()
        / jumps.len() as f64;
    jumps.len() as f64 * (1.0 - 4.0 * off).max(0.0)
}

fn set(values: &mut [f64; STATISTIC_COUNT], stat: Stat, value: f64) {
    if let Some(slot) = values.get_mut(stat as usize) {
        *slot = if value.is_finite() { value } else { 0.0 };
    }
}
