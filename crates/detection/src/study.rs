//! The numbers that speak for or against a leak, for one quantity (bytes or outstanding allocations) on blocks.

use crate::grid::{Column, Design};
use crate::level::{Beside, Fit, Level};
use crate::shape;

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
    /// Log-odds that jumps are multiples of one size against chance.
    JumpRegularity,
    /// Drift of the minima with narrow peaks cut off.
    OpenedDriftT,
    /// Share of all movement that goes down.
    FallShare,
    /// Kendall's tau.
    Tau,
    /// Time since the last rise in parts of the usual time between rises.
    QuietTail,
    /// Drift of the logarithm.
    LogDriftT,
    /// Drift were all noise to pass.
    WhiteT,
    /// Drift were all noise to accumulate.
    WalkT,
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
    "fall_share",
    "tau",
    "quiet_tail",
    "log_drift_t",
    "white_t",
    "walk_t",
];

/// Number of statistics.
pub const STATISTIC_COUNT: usize = 32;

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
    /// Log-likelihood that allowing for saturation gains over a drift alone.
    pub late_gain: f64,
    /// Growth of the floor over the window.
    pub growth: f64,
    /// Share of the noise that accumulates.
    pub wander: f64,
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

    /// The study of a quantity that is `factor` times this one everywhere.
    #[must_use]
    pub fn scaled(&self, factor: f64) -> Self {
        let pair = |p: (f64, f64)| (p.0 * factor, p.1 * factor);
        Self {
            drift: pair(self.drift),
            since_onset: self.since_onset.map(pair),
            late: pair(self.late),
            growth: self.growth * factor,
            ..self.clone()
        }
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
    /// Values move in whole slabs, whose being multiples of one size says nothing.
    pub whole_slabs: bool,
}

/// A level with its design and the seasonal columns that are in use.
struct Bench<'a> {
    level: &'a Level,
    design: &'a Design,
    season: Vec<Beside<'a>>,
}

impl<'a> Bench<'a> {
    /// Fits `own` with the seasonal columns behind them.
    fn fit(&self, own: &[&Beside<'a>]) -> Option<Fit> {
        let mut all: Vec<&Beside> = own.to_vec();
        all.extend(&self.season);
        self.level.fit(self.design, &all)
    }
}

/// Studies one quantity: floors by its block minima, drift by its block means. `None` when there are too few blocks
/// or nothing moves. `design` is that of all blocks; blocks without a value get one of their own.
#[must_use]
pub fn study(design: &Design, minima: &[f64], means: &[f64], context: &Context) -> Option<Study> {
    let whole = minima.len() == design.grid.len() && means.len() == minima.len();
    if whole && minima.iter().chain(means).all(|v| v.is_finite()) {
        return study_whole(design, minima, means, context);
    }
    let mut kept = (Vec::new(), Vec::new(), Vec::new());
    for ((&t, &low), &mean) in design.grid.t.iter().zip(minima).zip(means) {
        if low.is_finite() && mean.is_finite() {
            kept.0.push(t);
            kept.1.push(low);
            kept.2.push(mean);
        }
    }
    study_whole(&Design::new(&kept.0)?, &kept.1, &kept.2, context)
}

fn study_whole(design: &Design, minima: &[f64], means: &[f64], context: &Context) -> Option<Study> {
    let n = design.grid.len();
    let (low, high) = shape::extent(minima);
    if high <= low {
        return None;
    }
    let level = Level::new(&design.grid, means);
    let mut bench = Bench {
        level: &level,
        design,
        season: Vec::new(),
    };
    let line = level.beside(&design.line);
    let plain = bench.fit(&[&line])?;
    let ends = plain.ends;
    let mut season_gain = 0.0;
    let mut base = plain;
    if !design.season.is_empty() {
        bench.season = design.season.iter().map(|c| level.beside(c)).collect();
        match bench.fit(&[&line]) {
            Some(with) if with.score > base.score + 3.0 => {
                season_gain = with.score - base.score;
                base = with;
            }
            _ => bench.season.clear(),
        }
    }
    let drift_t = base.t(0);
    let floor = shape::kept_floor(minima);
    let growth = floor[n - 1] - floor[0];
    let mut values = [0.0; STATISTIC_COUNT];
    shape::statistics(minima, &level.d, &floor, high - low, &mut values);
    let mut study = Study {
        values,
        curve: Curve::Line,
        drift: (base.beta[0], base.se[0]),
        since_onset: None,
        late: (base.beta[0], base.se[0]),
        late_gain: f64::NEG_INFINITY,
        growth,
        wander: base.wander,
        blocks: n,
        length: design.grid.length(),
        swing: shape::swing(means),
        jumps: shape::jumps(&floor),
    };
    context_statistics(context, &mut study.values);
    set(&mut study.values, Stat::DriftT, signed_root(drift_t));
    set(&mut study.values, Stat::WhiteT, signed_root(ends.0));
    set(&mut study.values, Stat::WalkT, signed_root(ends.1));
    set(&mut study.values, Stat::SeasonGain, signed_root(season_gain));
    // What never rose over its window keeps nothing; no curve can make a leak of it.
    if growth > 0.0 && (drift_t > HOPELESS_T || study.value(Stat::Backtrack) < 0.5) {
        floor_drifts(design, minima, means, &mut study.values);
        if !context.whole_slabs {
            let regularity = shape::jump_regularity(&floor, &level.d);
            set(&mut study.values, Stat::JumpRegularity, regularity);
        }
        compare_curves(&bench, &line, &base, &mut study);
    }
    Some(study)
}

/// Drift of the floors of stretches, of what is left when peaks are cut off, and of the logarithm.
fn floor_drifts(design: &Design, minima: &[f64], means: &[f64], values: &mut [f64; STATISTIC_COUNT]) {
    let drift_t = |grid, column: &Column, y: &[f64]| {
        let fit = Level::new(grid, y).fit_one(column);
        fit.map_or(0.0, |f| signed_root(f.t(0)))
    };
    if let Some(segments) = &design.segments {
        let floors = segments.minima(minima);
        let t = drift_t(&segments.grid, &segments.line, &floors);
        set(values, Stat::FloorDriftT, t);
        set(
            values,
            Stat::Tau,
            shape::tau(if minima.len() <= 3 * floors.len() {
                minima
            } else {
                &floors
            }),
        );
    }
    set(
        values,
        Stat::OpenedDriftT,
        drift_t(&design.grid, &design.line, &shape::opened(minima)),
    );
    let logs: Vec<f64> = means.iter().map(|v| libm::log1p(v.max(0.0))).collect();
    set(
        values,
        Stat::LogDriftT,
        drift_t(&design.grid, &design.line, &logs),
    );
}

/// Adds what saturating, stepped, late and accelerating curves say.
fn compare_curves<'a>(bench: &Bench<'a>, line: &Beside<'a>, base: &Fit, study: &mut Study) {
    let (level, design) = (bench.level, bench.design);
    let mut best = (base.score, Curve::Line);
    let mut saturation = f64::NEG_INFINITY;
    let (mut late_weight, mut late_t) = (f64::NEG_INFINITY, base.t(0));
    for column in &design.saturating {
        let curve = level.beside(column);
        if let Some(fit) = bench.fit(&[&curve])
            && fit.beta[0] > 0.0
        {
            saturation = saturation.max(fit.score);
        }
        if let Some(fit) = bench.fit(&[line, &curve])
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
    study.late_gain = late_weight - base.score;
    set(&mut study.values, Stat::LateDriftT, signed_root(late_t));
    set(
        &mut study.values,
        Stat::SaturationGain,
        signed_root((saturation - base.score).max(-40.0)),
    );
    if saturation > best.0 {
        best = (saturation, Curve::Saturating);
    }
    let (steps, without) = step_models(bench, line);
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
    for (start, column) in &design.kinks {
        if let Some(fit) = bench.fit(&[&level.beside(column)]) {
            let gain = fit.score - base.score;
            onset_gain = onset_gain.max(gain);
            if fit.score > best.0 && fit.beta[0] > 0.0 {
                best = (fit.score, Curve::Onset(*start));
                study.since_onset = Some((fit.beta[0], fit.se[0]));
            }
        }
    }
    set(&mut study.values, Stat::OnsetGain, signed_root(onset_gain));
    if let Some(fit) = bench.fit(&[line, &level.beside(&design.square)]) {
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
fn step_models(bench: &Bench<'_>, line: &Beside<'_>) -> (f64, f64) {
    let level = bench.level;
    let mut order: Vec<usize> = (0..level.d.len()).collect();
    order.sort_unstable_by(|&a, &b| level.d[b].abs().total_cmp(&level.d[a].abs()).then(a.cmp(&b)));
    let shifts: Vec<Column> = order
        .iter()
        .take(3)
        .map(|&at| bench.design.grid.shift(at))
        .collect();
    let shifts: Vec<Beside> = shifts.iter().map(|c| level.beside(c)).collect();
    let mut best = f64::NEG_INFINITY;
    for count in 1..=shifts.len() {
        let own: Vec<&Beside> = shifts.iter().take(count).collect();
        if let Some(fit) = bench.fit(&own) {
            best = best.max(fit.score);
        }
    }
    let mut own: Vec<&Beside> = vec![line];
    own.extend(&shifts);
    let without = bench.fit(&own).map_or(0.0, |f| f.t(0));
    (best, without)
}

/// Sets the statistics of the growth in objects as where their number is not known: a middling growth stands for it.
pub(crate) fn count_unknown(values: &mut [f64; STATISTIC_COUNT]) {
    set(values, Stat::GrowthObjects, 6.0);
    set(values, Stat::Retained, -1.0);
}

/// Statistics that need the allocation counters.
fn context_statistics(context: &Context, values: &mut [f64; STATISTIC_COUNT]) {
    count_unknown(values);
    if let Some(growth) = context.count_growth {
        set(values, Stat::GrowthObjects, libm::log1p(growth.max(0.0)));
        if let Some(allocated) = context.allocated.filter(|&a| a > 0.0) {
            set(values, Stat::Retained, (growth / allocated).clamp(-0.2, 1.0));
        }
    }
    let freed = match (context.allocated, context.freed) {
        (Some(a), Some(f)) if a > 0.0 => (f / a).clamp(0.0, 2.0),
        _ => -1.0,
    };
    set(values, Stat::FreeRatio, freed);
}

/// Square root that keeps the sign: tames t values and likelihood gains without cutting them off.
fn signed_root(x: f64) -> f64 {
    if x.is_finite() {
        x.signum() * x.abs().min(1e4).sqrt()
    } else {
        0.0
    }
}

pub(crate) fn set(values: &mut [f64; STATISTIC_COUNT], stat: Stat, value: f64) {
    if let Some(slot) = values.get_mut(stat as usize) {
        *slot = if value.is_finite() { value } else { 0.0 };
    }
}
