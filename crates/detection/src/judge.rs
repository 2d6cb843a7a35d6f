//! The way from a history to verdicts.

use std::borrow::Cow;

use snapshot::{History, Pool, Series};

use crate::Config;
use crate::axis::{Axis, Blocks, Span};
use crate::baseline::Baseline;
use crate::boot_age::just_booted;
use crate::calibration::probability;
use crate::company;
use crate::family::families;
use crate::grid::Design;
use crate::judgement::{Analysis, Evidence, Judgement, Verdict};
use crate::outlook::{Room, horizons, moment};
use crate::passenger::passengers;
use crate::reduce::{Channel, Reduced, reduce};
use crate::screen::{Held, Surroundings, is_unfreed};
use crate::study::{Context, Curve, STATISTICS, Study, count_unknown, study};
use crate::verdict::{goes_again, in_slabs, needed_seconds, rank, rate_of, shape_of, word};

/// A window in which a series' counters started anew more often than this is taken as one whole: a driver that comes
/// and goes is a cycle, not a series of beginnings.
const MAX_RESTARTS: usize = 3;

/// Judges every series of `history`.
#[must_use]
pub fn judge(history: &History, config: &Config) -> Analysis {
    let axis = Axis::new(history);
    let window = judged_window(&axis);
    let stage = Stage::new(&axis, window);
    let blocks = &stage.blocks;
    let studied: Vec<Studied> = history
        .series
        .iter()
        .map(|series| study_series(series, &axis, &stage))
        .collect();
    let around = Surroundings::of(history, config.physical_bytes);
    let scene = Scene {
        history,
        axis: &axis,
        window,
        around,
        room: Room::of(history),
        baseline: Baseline::new(&axis, window),
        just_booted: just_booted(history, window, &studied, axis.length(window)),
        config,
    };
    let mut judgements: Vec<Judgement> = studied
        .iter()
        .enumerate()
        .map(|(i, studied)| scene.judge_series(i, studied, blocks))
        .collect();
    let passengers = passengers(history, stage.design.as_ref(), &mut judgements, &studied);
    company::weigh(&mut judgements, config.leak_confidence);
    for judgement in &mut judgements {
        if !matches!(judgement.verdict, Verdict::Insufficient | Verdict::Suspect) {
            judgement.needs_s = None;
        }
    }
    let families = families(history, &judgements, &studied);
    for family in &families {
        for &member in &family.members {
            if let Some(judgement) = judgements.get_mut(member) {
                judgement.family = Some(family.id);
            }
        }
    }
    rank(&mut judgements);
    Analysis {
        judgements,
        families,
        passengers,
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

/// A series reduced to blocks, and the study of both of its quantities.
#[derive(Clone, Debug)]
pub struct Studied {
    /// Counters of the window.
    pub reduced: Reduced,
    /// Study of the bytes.
    pub bytes: Option<Study>,
    /// Study of the outstanding allocations.
    pub count: Option<Study>,
    /// Start of the part that was studied: later than the window's when the counters started anew.
    pub from: usize,
    /// Samples studied.
    pub samples: usize,
}

/// A window cut into blocks, with what follows from their times alone.
#[derive(Clone, Debug)]
pub struct Stage {
    /// The blocks.
    pub blocks: Blocks,
    /// Curves on their times; absent where there are too few.
    pub design: Option<Design>,
}

impl Stage {
    /// Of `span`.
    #[must_use]
    pub fn new(axis: &Axis, span: Span) -> Self {
        let blocks = axis.blocks(span);
        let design = Design::new(&blocks.seconds);
        Self { blocks, design }
    }
}

/// Reduces and studies one series in the window of `stage`, or in the longer part since its counters started anew.
#[must_use]
pub fn study_series(series: &Series, axis: &Axis, stage: &Stage) -> Studied {
    let span = stage.blocks.span;
    let whole_slabs = in_slabs(series.key.pool);
    let reduced = reduce(series, &stage.blocks, &axis.seconds);
    if (1..=MAX_RESTARTS).contains(&reduced.restarts.len()) {
        let mut edges = vec![span.start];
        edges.extend(&reduced.restarts);
        edges.push(span.end);
        let parts = edges.windows(2).map(|w| Span {
            start: w[0],
            end: w[1],
        });
        // The longest part, the later one of two alike.
        if let Some(part) = parts.max_by(|a, b| a.len().cmp(&b.len()).then(a.start.cmp(&b.start))) {
            let own = Stage::new(axis, part);
            let mut of_part = reduce(series, &own.blocks, &axis.seconds);
            of_part.restarts.clone_from(&reduced.restarts);
            of_part.gone = reduced.gone;
            return study_reduced(of_part, &own, whole_slabs);
        }
    }
    study_reduced(reduced, stage, whole_slabs)
}

fn study_reduced(reduced: Reduced, stage: &Stage, whole_slabs: bool) -> Studied {
    let first = reduced.count.min.iter().copied().find(|v| v.is_finite());
    let count_growth = first.zip(reduced.count.last).map(|(a, b)| b - a);
    let context = Context {
        allocated: reduced.allocated,
        freed: reduced.freed,
        count_growth,
        whole_slabs,
    };
    let of = |channel: &Channel| {
        if channel.changes == 0 || channel.known < 4 {
            return None;
        }
        study(
            stage.design.as_ref()?,
            &joined(&channel.min, &stage.blocks),
            &joined(&channel.mean, &stage.blocks),
            &context,
        )
    };
    let samples = reduced
        .first
        .zip(reduced.seen)
        .map_or(0, |(a, b)| b + 1 - a.min(b));
    let bytes = of(&reduced.bytes);
    // Objects of one size say everything twice.
    let count = match size_of_all(&reduced) {
        Some(size) => bytes.as_ref().map(|study| study.scaled(1.0 / size)),
        None => of(&reduced.count),
    };
    Studied {
        bytes,
        count,
        from: stage.blocks.span.start,
        reduced,
        samples,
    }
}

/// Bytes of each object, where bytes are that many times the count in every block.
fn size_of_all(reduced: &Reduced) -> Option<f64> {
    let (bytes, count) = (&reduced.bytes, &reduced.count);
    let size = bytes.last? / count.last.filter(|&n| n >= 1.0)?;
    let like = |b: &[f64], c: &[f64]| {
        b.len() == c.len()
            && b.iter()
                .zip(c)
                .all(|(b, c)| (b - size * c).abs() <= 1e-9 * b.abs() || (b.is_nan() && c.is_nan()))
    };
    let alike =
        bytes.changes == count.changes && like(&bytes.min, &count.min) && like(&bytes.mean, &count.mean);
    alike.then_some(size)
}

/// Block values with the level joined across long gaps.
fn joined<'a>(values: &'a [f64], blocks: &Blocks) -> Cow<'a, [f64]> {
    let mut values = Cow::Borrowed(values);
    for &joint in &blocks.joints {
        let at = usize::from(joint);
        let before = at.checked_sub(1).and_then(|i| values.get(i).copied());
        if let (Some(a), Some(b)) = (before, values.get(at).copied())
            && a.is_finite()
            && b.is_finite()
        {
            let shift = b - a;
            values.to_mut().iter_mut().skip(at).for_each(|v| *v -= shift);
        }
    }
    values
}

/// Most confidence that something leaks whose growth has another explanation.
pub(crate) const EXPLAINED: f64 = 0.1;

/// Probability that bytes leak. A number of objects that never changes says nothing of objects that grow, and counts as unknown.
fn chance_in_bytes(study: &Study, reduced: &Reduced) -> f64 {
    if reduced.count.changes > 0 {
        return probability(&study.values);
    }
    let mut values = study.values;
    count_unknown(&mut values);
    probability(&values)
}

/// What all series of a history share.
struct Scene<'a> {
    history: &'a History,
    axis: &'a Axis,
    window: Span,
    around: Surroundings,
    room: Room,
    baseline: Baseline,
    just_booted: bool,
    config: &'a Config,
}

impl Scene<'_> {
    fn judge_series(&self, index: usize, studied: &Studied, blocks: &Blocks) -> Judgement {
        let none = Series::new(
            snapshot::SeriesKey {
                tag: snapshot::Tag::from_bytes(b""),
                pool: Pool::Unknown,
            },
            snapshot::CounterWidth::Unknown,
        );
        let series = self.history.series.get(index).unwrap_or(&none);
        let held = Held::of(series);
        let in_bytes = studied
            .bytes
            .as_ref()
            .map(|s| chance_in_bytes(s, &studied.reduced));
        let in_count = studied.count.as_ref().map(|s| probability(&s.values));
        let chosen = match (in_bytes, in_count) {
            (Some(b), Some(c)) if c > b => studied.count.as_ref(),
            (Some(_), _) => studied.bytes.as_ref(),
            (None, _) => studied.count.as_ref(),
        };
        let mut confidence = in_bytes.unwrap_or(0.0).max(in_count.unwrap_or(0.0));
        let mut evidence = Vec::new();
        let mut verdict = word(
            series.key.pool,
            studied,
            chosen,
            confidence,
            blocks,
            self.just_booted,
            self.config,
        );
        if matches!(verdict, Verdict::Leak | Verdict::Suspect | Verdict::Insufficient)
            && let Some(level) = self.baseline.explains(series, self.axis, &held)
        {
            evidence.push(Evidence {
                name: "earlier_boot_level",
                value: level,
            });
            verdict = Verdict::Filling;
            confidence = confidence.min(EXPLAINED);
        }
        if goes_again(series.key.pool, studied) {
            confidence = confidence.min(EXPLAINED);
        }
        if is_unfreed(&held, &self.around) && verdict > Verdict::Unfreed && !studied.reduced.gone {
            verdict = Verdict::Unfreed;
        }
        let tells = blocks.len() >= 4 && studied.samples >= 4 && verdict != Verdict::Unfreed;
        let accused = verdict <= Verdict::Unfreed;
        let growing = chosen.filter(|_| accused);
        self.describe(chosen, studied, &held, &mut evidence);
        let timed = self.axis.clock_known;
        let rate = studied.bytes.as_ref().filter(|_| timed).map(rate_of);
        Judgement {
            series: index,
            verdict,
            confidence: tells.then_some(confidence),
            shape: growing.map(|s| shape_of(s, verdict)),
            bytes: held.bytes,
            outstanding: held.outstanding,
            allocs: held.allocs,
            frees: held.frees,
            rate,
            count_rate: studied.count.as_ref().filter(|_| timed).map(rate_of),
            horizons: horizons(self.history, series, self.axis, self.window, &studied.reduced),
            onset: growing.and_then(|s| self.onset(s, studied)),
            exhaustion: rate
                .filter(|_| verdict <= Verdict::Suspect)
                .and_then(|r| self.room.ends(&r)),
            // A leak may become a suspect beside the others.
            needs_s: matches!(verdict, Verdict::Insufficient | Verdict::Suspect | Verdict::Leak)
                .then(|| needed_seconds(chosen, studied, blocks)),
            family: None,
            rank: 0,
            evidence,
        }
    }

    /// When growth began, where that lies inside the recording.
    fn onset(&self, study: &Study, studied: &Studied) -> Option<snapshot::Timestamp> {
        let part = Span {
            start: studied.from,
            end: self.window.end,
        };
        if let Curve::Onset(seconds) = study.curve {
            return moment(self.history, self.axis, part, seconds);
        }
        // A tag that appeared inside the recording began then.
        let first = studied.reduced.first.filter(|&f| f > part.start)?;
        self.history
            .samples
            .get(first)
            .filter(|_| self.history.clock_known)
            .map(|s| s.at)
    }

    fn describe(&self, chosen: Option<&Study>, studied: &Studied, held: &Held, out: &mut Vec<Evidence>) {
        let mut say = |name: &'static str, value: Option<f64>| {
            out.extend(
                value
                    .filter(|v| v.is_finite())
                    .map(|value| Evidence { name, value }),
            );
        };
        say("free_ratio_since_boot", held.free_ratio());
        say(
            "share_of_tagged_bytes",
            held.bytes.map(|b| b as f64 / self.around.total.max(1.0)),
        );
        say(
            "share_of_memory",
            held.bytes
                .zip(self.around.physical)
                .map(|(b, p)| b as f64 / p.max(1) as f64),
        );
        say(
            "outstanding_per_s_of_uptime",
            held.outstanding
                .zip(self.around.uptime_s)
                .map(|(n, u)| n as f64 / u),
        );
        say(
            "mean_size_bytes",
            held.bytes
                .zip(held.outstanding)
                .filter(|p| p.1 > 0)
                .map(|(b, n)| b as f64 / n as f64),
        );
        say("floor_growth_bytes", studied.bytes.as_ref().map(|s| s.growth));
        say("floor_growth_count", studied.count.as_ref().map(|s| s.growth));
        if !studied.reduced.restarts.is_empty() {
            say("counter_restarts", Some(studied.reduced.restarts.len() as f64));
        }
        if let Some(study) = chosen {
            for (name, value) in STATISTICS.iter().zip(study.values) {
                say(name, Some(value));
            }
        }
    }
}
