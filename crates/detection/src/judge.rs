//! The verdicts.

use snapshot::{History, Pool, Series};

use crate::Config;
use crate::axis::{Axis, Blocks, Span};
use crate::calibration::probability;
use crate::judgement::{Analysis, Evidence, HorizonRates, Judgement, Rate, Shape, Verdict};
use crate::reduce::{Channel, Reduced, reduce};
use crate::screen::{Held, Surroundings, is_unfreed};
use crate::study::{Context, Curve, STATISTICS, Stat, Study, study};

/// Seconds in a day.
const DAY: f64 = 86_400.0;

/// Judges every series of `history`.
#[must_use]
pub fn judge(history: &History, config: &Config) -> Analysis {
    let axis = Axis::new(history);
    let window = judged_window(&axis);
    let blocks = axis.blocks(window);
    let around = Surroundings::of(history, config.physical_bytes);
    let mut judgements: Vec<Judgement> = history
        .series
        .iter()
        .enumerate()
        .map(|(i, series)| judge_series(i, series, &axis, &blocks, &around, config))
        .collect();
    rank(&mut judgements);
    Analysis {
        judgements,
        families: Vec::new(),
        passengers: Vec::new(),
    }
}

/// The boot to judge: the last, unless it is too short to say anything and an earlier one is not.
fn judged_window(axis: &Axis) -> Span {
    let longest = axis
        .boots
        .iter()
        .copied()
        .max_by(|a, b| axis.length(*a).total_cmp(&axis.length(*b)));
    match (axis.boots.last().copied(), longest) {
        (Some(last), Some(longest)) => {
            let enough = last.len() >= 8 && axis.length(last) >= 0.05 * axis.length(longest);
            if enough { last } else { longest }
        }
        _ => Span { start: 0, end: 0 },
    }
}

/// Both quantities of a series.
pub struct Studied {
    /// Counters of the window.
    pub reduced: Reduced,
    /// Study of the bytes.
    pub bytes: Option<Study>,
    /// Study of the outstanding allocations.
    pub count: Option<Study>,
}

/// Reduces and studies one series.
#[must_use]
pub fn study_series(series: &Series, axis: &Axis, blocks: &Blocks) -> Studied {
    let reduced = reduce(series, blocks, &axis.seconds);
    let count_growth = match (first_known(&reduced.count), reduced.count.last) {
        (Some(a), Some(b)) => Some(b - a),
        _ => None,
    };
    let context = Context {
        allocated: reduced.allocated,
        freed: reduced.freed,
        count_growth,
    };
    let of = |channel: &Channel| {
        if channel.changes == 0 || channel.known < 4 {
            return None;
        }
        study(
            &blocks.seconds,
            &joined(&channel.min, blocks),
            &joined(&channel.mean, blocks),
            &context,
        )
    };
    Studied {
        bytes: of(&reduced.bytes),
        count: of(&reduced.count),
        reduced,
    }
}

fn first_known(channel: &Channel) -> Option<f64> {
    channel.min.iter().copied().find(|v| v.is_finite())
}

/// Block values with the level joined across long gaps.
fn joined(values: &[f64], blocks: &Blocks) -> Vec<f64> {
    let mut values = values.to_vec();
    for &joint in &blocks.joints {
        let at = usize::from(joint);
        if let (Some(a), Some(b)) = (
            at.checked_sub(1).and_then(|i| values.get(i).copied()),
            values.get(at).copied(),
        ) && a.is_finite()
            && b.is_finite()
        {
            let shift = b - a;
            values.iter_mut().skip(at).for_each(|v| *v -= shift);
        }
    }
    values
}

fn judge_series(
    index: usize,
    series: &Series,
    axis: &Axis,
    blocks: &Blocks,
    around: &Surroundings,
    config: &Config,
) -> Judgement {
    let held = Held::of(series);
    let studied = study_series(series, axis, blocks);
    let chance = |s: &Option<Study>| s.as_ref().map(|s| probability(&s.values));
    let (in_bytes, in_count) = (chance(&studied.bytes), chance(&studied.count));
    let chosen = match (in_bytes, in_count) {
        (Some(b), Some(c)) if c > b => studied.count.as_ref(),
        (Some(_), _) => studied.bytes.as_ref(),
        (None, _) => studied.count.as_ref(),
    };
    let confidence = in_bytes.unwrap_or(0.0).max(in_count.unwrap_or(0.0));
    let mut verdict = word(series.key.pool, &studied, chosen, confidence, blocks, config);
    if verdict < Verdict::Unfreed || is_unfreed(&held, around) {
        verdict = verdict.min(if is_unfreed(&held, around) {
            Verdict::Unfreed
        } else {
            Verdict::Insufficient
        });
    }
    let mut evidence = Vec::new();
    if let Some(study) = chosen {
        evidence.extend(
            STATISTICS
                .iter()
                .zip(study.values)
                .map(|(name, value)| Evidence { name, value }),
        );
    }
    let rate = studied.bytes.as_ref().filter(|_| axis.clock_known).map(per_day);
    Judgement {
        series: index,
        verdict,
        confidence: (blocks.len() >= 4).then_some(confidence),
        shape: chosen.filter(|_| verdict <= Verdict::Suspect).map(shape),
        bytes: held.bytes,
        outstanding: held.outstanding,
        allocs: held.allocs,
        frees: held.frees,
        rate,
        count_rate: studied.count.as_ref().filter(|_| axis.clock_known).map(per_day),
        horizons: HorizonRates::default(),
        onset: None,
        exhaustion: None,
        needs_s: None,
        family: None,
        rank: 0,
        evidence,
    }
}

fn per_day(study: &Study) -> Rate {
    let (slope, se) = match study.curve {
        Curve::Onset(_) => study.since_onset.unwrap_or(study.drift),
        _ => study.drift,
    };
    let half = 1.645 * se;
    Rate {
        per_day: slope * DAY,
        low: (slope - half) * DAY,
        high: (slope + half) * DAY,
    }
}

fn shape(study: &Study) -> Shape {
    match study.curve {
        Curve::Accelerating => Shape::Accelerating,
        _ => Shape::Linear,
    }
}

/// The word for what was found.
fn word(
    pool: Pool,
    studied: &Studied,
    chosen: Option<&Study>,
    confidence: f64,
    blocks: &Blocks,
    config: &Config,
) -> Verdict {
    let Some(study) = chosen else {
        return if blocks.len() < 4 {
            Verdict::Insufficient
        } else {
            Verdict::Steady
        };
    };
    let grew = |s: &Option<Study>, least: f64| s.as_ref().is_some_and(|s| s.growth >= least);
    let worth =
        grew(&studied.bytes, config.min_growth_bytes) || grew(&studied.count, config.min_growth_count);
    let reclaimable = pool == Pool::SlabReclaimable;
    if worth && !reclaimable && !studied.reduced.gone {
        if confidence >= config.leak_confidence {
            return Verdict::Leak;
        }
        if confidence >= config.suspect_confidence {
            return Verdict::Suspect;
        }
    }
    let level_change = study.value(Stat::LevelChange);
    if !worth {
        return Verdict::Steady;
    }
    if level_change >= 0.5 {
        return match study.curve {
            Curve::Steps => Verdict::Stepped,
            _ if study.jumps <= 3 => Verdict::Stepped,
            _ => Verdict::Filling,
        };
    }
    Verdict::Cycling
}

/// Orders by attention and numbers from 1.
fn rank(judgements: &mut [Judgement]) {
    let weight = |j: &Judgement| {
        let rate = j.rate.map_or(0.0, |r| r.per_day.max(0.0));
        let bytes = j.bytes.map_or(0.0, |b| b as f64);
        match j.verdict {
            Verdict::Leak | Verdict::Suspect => rate.max(1.0),
            _ => bytes.max(j.outstanding.map_or(0.0, |n| n as f64)),
        }
    };
    judgements.sort_by(|a, b| {
        a.verdict
            .cmp(&b.verdict)
            .then(weight(b).total_cmp(&weight(a)))
            .then(a.series.cmp(&b.series))
    });
    for (i, judgement) in judgements.iter_mut().enumerate() {
        judgement.rank = u32::try_from(i + 1).unwrap_or(u32::MAX);
    }
}
