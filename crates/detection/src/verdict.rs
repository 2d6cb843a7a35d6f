//! Words, shapes, rates and ranks.

use snapshot::Pool;

use crate::Config;
use crate::axis::Blocks;
use crate::judge::Studied;
use crate::judgement::{Judgement, Rate, Shape, Verdict};
use crate::study::{Curve, Stat, Study};

/// Seconds in a day.
const DAY: f64 = 86_400.0;

/// Half width of a 90 % interval in standard errors, for the averaged model: 1.0 instead of the normal 1.645, because
/// averaging over noise colours is cautious; measured on generated recordings (`leak-bench known`) with [`JUMP_WIDTH`].
const HALF_WIDTH: f64 = 1.0;

/// What the half width gains for each jump of a growth that comes in jumps, in parts of the jump: how much of the next one
/// has already come due at either end is not known. A share evenly spread over -0.5..0.5 lies within 0.45 nine times in ten,
/// less what the standard error knows of it.
const JUMP_WIDTH: f64 = 0.4;

/// What the half width gains where a cache fills under the leak, in parts of what that takes off the rate: no cache fills
/// exactly like one of the curves tried.
const FILLING_WIDTH: f64 = 0.15;

/// Log-likelihood that allowing for a filling cache must gain to weigh as much as a drift alone: its time constant is the
/// best of several.
const FILLING_GAIN: f64 = 3.0;

/// Least half width of an interval in parts of the rate: counters move in whole pages and objects, and a rate is a
/// mean of something that is never quite even.
const LEAST_WIDTH: f64 = 0.0015;

/// From this probability on a growing series is "insufficient" instead of ordinary.
const OPEN: f64 = 0.12;

/// Fewer samples than this say nothing.
const MIN_SAMPLES: usize = 5;

/// How many times the least growth in bytes it takes when hardly any object was added.
const FEW_BUT_LARGE: f64 = 8.0;

/// How many times the least growth in bytes it takes where bytes come in whole slabs.
const IN_SLABS: f64 = 4.0;

/// Part of the least growth that is enough where it came evenly.
const EVENLY: f64 = 0.125;

/// Seconds within which a pool tag's even growth of kilobytes is ordinary where the kernel has just booted: it adds up to
/// 18 KB to a dozen tags as evenly as a leak does (raw captures of two minutes).
const MINUTES: f64 = 600.0;

/// How many times the least growth in bytes it takes then.
const IN_MINUTES: f64 = 2.0;

/// [`Stat::EffectiveRises`] (a logarithm) of twenty equal rises, from which growth counts as even.
const EVEN_RISES: f64 = 3.0;

/// Growth over the window that begins to matter, in parts of the greatest value.
const TELLING_CHANGE: f64 = 0.03;

/// Whether bytes of this pool come in whole slabs.
pub(crate) fn in_slabs(pool: Pool) -> bool {
    matches!(pool, Pool::Slab | Pool::SlabReclaimable)
}

/// Whether what grew is gone at the end, or the kernel's to take back: it takes reclaimable caches back under pressure, so
/// their growth is a filling cache by definition.
pub(crate) fn goes_again(pool: Pool, studied: &Studied) -> bool {
    pool == Pool::SlabReclaimable || studied.reduced.gone
}

/// The word for what was found.
pub(crate) fn word(
    pool: Pool,
    studied: &Studied,
    chosen: Option<&Study>,
    confidence: f64,
    blocks: &Blocks,
    just_booted: bool,
    config: &Config,
) -> Verdict {
    if blocks.len() < MIN_SAMPLES || studied.samples < MIN_SAMPLES {
        return Verdict::Insufficient;
    }
    let Some(study) = chosen else {
        return Verdict::Steady;
    };
    // Slab caches grow by whole slabs of several pages, a few of which are chance.
    let whole_slabs = in_slabs(pool);
    // What rises evenly and often needs less: it is no handful of things met for the first time.
    let evenly = study.value(Stat::EffectiveRises) >= EVEN_RISES;
    let least_bytes = config.min_growth_bytes
        * match (whole_slabs, just_booted && study.length < MINUTES) {
            (true, _) if evenly => IN_SLABS * EVENLY,
            (true, _) => IN_SLABS,
            (false, true) => IN_MINUTES,
            (false, false) if evenly => EVENLY,
            (false, false) => 1.0,
        };
    let grew = |s: &Option<Study>, least: f64| s.as_ref().is_some_and(|s| s.growth >= least);
    // Where objects are counted, a handful of them proves nothing unless they are large.
    let counted = studied.reduced.count.known >= MIN_SAMPLES;
    let piled_up = !counted
        || grew(&studied.count, config.min_growth_count)
        || grew(&studied.bytes, FEW_BUT_LARGE * least_bytes);
    // Where bytes are known they must have grown too: a kernel adds a few small objects for each thing it ever meets.
    let weighs = studied.reduced.bytes.known < MIN_SAMPLES
        || grew(&studied.bytes, least_bytes)
        || (whole_slabs && into_empty_slabs(studied).is_some_and(|grown| grown >= least_bytes));
    let worth = piled_up && weighs;
    let may_leak = worth && !goes_again(pool, studied);
    if may_leak {
        if confidence >= config.leak_confidence {
            return Verdict::Leak;
        }
        if confidence >= config.suspect_confidence {
            return Verdict::Suspect;
        }
        if confidence >= OPEN {
            return Verdict::Insufficient;
        }
    } else if !worth && study.length < MINUTES && confidence >= config.suspect_confidence {
        // It grows like a leak, but by too little for so short a time.
        return Verdict::Insufficient;
    }
    ordinary(study)
}

/// Bytes of the objects by which a cache grew into slabs that stood empty from before, which hide it.
fn into_empty_slabs(studied: &Studied) -> Option<f64> {
    /// Part of the growth for which there must have been room at the beginning.
    const ROOM: f64 = 0.5;
    let grown = studied.count.as_ref()?.growth;
    let mut blocks = studied
        .reduced
        .bytes
        .mean
        .iter()
        .zip(&studied.reduced.count.mean)
        .filter(|(bytes, count)| bytes.is_finite() && **count >= 1.0)
        .peekable();
    let (first_bytes, first_count) = blocks.peek().map(|(b, c)| (**b, **c))?;
    // The block in which slabs are fullest comes nearest to the size of an object.
    let size = blocks
        .map(|(bytes, count)| bytes / count)
        .fold(f64::INFINITY, f64::min);
    let room = first_bytes - size * first_count;
    (room >= ROOM * size * grown).then_some(size * grown)
}

/// The word for a series that is not accused.
fn ordinary(study: &Study) -> Verdict {
    if study.swing < TELLING_CHANGE {
        return Verdict::Steady;
    }
    // What the very last samples add may be noise: only growth that has lasted for a while counts.
    let lasting = study.value(Stat::LevelChange) * (1.0 - study.value(Stat::TailShare));
    if lasting >= 0.5 && study.value(Stat::Backtrack) < 0.3 {
        return if matches!(study.curve, Curve::Steps) || study.jumps <= 3 {
            Verdict::Stepped
        } else {
            Verdict::Filling
        };
    }
    Verdict::Cycling
}

/// How a growing series grows.
pub(crate) fn shape_of(study: &Study, verdict: Verdict) -> Shape {
    let jumpy = study.jumps * 4 <= study.blocks && study.value(Stat::QuietShare) > 0.5;
    if verdict == Verdict::Unfreed && study.late.0 <= study.late.1 {
        Shape::Stopped
    } else if study.value(Stat::SeasonGain) > 2.0 {
        Shape::Load
    } else if study.value(Stat::Backtrack) > 0.12 {
        Shape::Sawtooth
    } else if jumpy {
        Shape::Bursty
    } else if matches!(study.curve, Curve::Accelerating) {
        Shape::Accelerating
    } else {
        Shape::Linear
    }
}

/// Rate per day with its interval: since the onset where there is one, else over the window.
pub(crate) fn rate_of(study: &Study) -> Rate {
    let ((slope, se), filled) = match study.since_onset {
        Some(drift) => (drift, 0.0),
        None => {
            let over = drift_over_filling(study);
            (over, (over.0 - study.drift.0).abs())
        }
    };
    let half = HALF_WIDTH * se + JUMP_WIDTH * jump_per_second(study) + FILLING_WIDTH * filled;
    let half = half.max(LEAST_WIDTH * slope.abs());
    Rate {
        per_day: slope * DAY,
        low: (slope - half) * DAY,
        high: (slope + half) * DAY,
    }
}

/// Drift and standard error, averaged by likelihood over a leak alone and one over a cache that fills: there the drift over
/// the window is not how it goes on.
fn drift_over_filling(study: &Study) -> (f64, f64) {
    let ((plain, plain_se), (late, late_se)) = (study.drift, study.late);
    if late <= 0.0 {
        return study.drift;
    }
    let weight = 1.0 / (1.0 + libm::exp(FILLING_GAIN - study.late_gain));
    let mean = weight * late + (1.0 - weight) * plain;
    let variance = |slope: f64, se: f64| se * se + (slope - mean) * (slope - mean);
    let variance = weight * variance(late, late_se) + (1.0 - weight) * variance(plain, plain_se);
    (mean, variance.sqrt())
}

/// The usual rise of the floor beyond that of an even growth, in parts of the time over which the rate is taken.
fn jump_per_second(study: &Study) -> f64 {
    let seconds = match (study.curve, study.since_onset) {
        (Curve::Onset(from), Some(_)) => study.length - from,
        _ => study.length,
    };
    // The mean rise, each weighed by its size, is the growth over the effective number of rises.
    let rises = libm::exp(study.value(Stat::EffectiveRises)) - 1.0;
    if rises <= 0.0 || seconds <= 0.0 {
        return 0.0;
    }
    let even = 1.0 / (study.blocks as f64 - 1.0).max(1.0);
    study.growth.max(0.0) * (1.0 / rises - even).max(0.0) / seconds
}

/// Seconds of recording still needed to decide, from the noise so far.
///
/// The standard error of a drift falls with the length of the recording to the power 3/2 under white noise and 1/2
/// under a random walk; the noise found lies between.
pub(crate) fn needed_seconds(chosen: Option<&Study>, studied: &Studied, blocks: &Blocks) -> f64 {
    /// Drift over standard error that decides.
    const DECIDES: f64 = 6.0;
    /// Samples that make a shortest useful recording.
    const SHORTEST: f64 = 11.0;
    /// Seconds between samples when there is only one.
    const USUAL_INTERVAL: f64 = 30.0;
    let interval = if blocks.sample_s > 0.0 {
        blocks.sample_s
    } else {
        USUAL_INTERVAL
    };
    let missing = (SHORTEST - studied.samples as f64).max(1.0) * interval;
    let Some(study) = chosen else { return missing };
    let t = (study.drift.0 / study.drift.1.max(1e-12)).abs().clamp(0.5, 1e3);
    let power = 1.5 - study.wander;
    let factor = (libm::pow(DECIDES / t, 1.0 / power) - 1.0).clamp(0.25, 20.0);
    missing.max(factor * study.length)
}

/// Orders by attention and numbers from 1.
pub(crate) fn rank(judgements: &mut [Judgement]) {
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

/// What a series weighs among those with the same verdict: growth for those that grow, else what it holds and does
/// not give back.
fn weight(judgement: &Judgement) -> f64 {
    /// Bytes of an object where only the number of objects is known.
    const OBJECT: f64 = 128.0;
    if judgement.verdict <= Verdict::Suspect
        && let Some(rate) = judgement
            .rate
            .map(|r| r.per_day)
            .or(judgement.count_rate.map(|r| r.per_day * OBJECT))
    {
        return rate;
    }
    let bytes = judgement.bytes.map(|b| b as f64);
    let held = bytes
        .or(judgement.outstanding.map(|n| n as f64 * OBJECT))
        .unwrap_or(0.0);
    let kept = match (judgement.allocs, judgement.frees) {
        (Some(a), Some(f)) if a > 0 => (1.0 - f as f64 / a as f64).clamp(0.05, 1.0),
        _ => 0.7,
    };
    held * kept
}
