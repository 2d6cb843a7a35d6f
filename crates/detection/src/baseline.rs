//! Earlier boots in the same recording are the machine's own baseline.

use snapshot::Series;

use crate::axis::{Axis, Span};
use crate::calibration::probability;
use crate::judge::Stage;
use crate::reduce::reduce;
use crate::screen::Held;
use crate::study::{Context, study};

/// Samples that an earlier boot needs to count.
const MIN_SAMPLES: usize = 8;

/// An earlier boot must have lasted this many times as long as the judged one, so that it shows what comes next.
const LONGER: f64 = 1.2;

/// The level now, in parts of what the earlier boot ended with, up to which growth is what that boot showed too.
const ALIKE: f64 = 1.15;

/// Probability of a leak up to which an earlier boot counts as healthy.
const HEALTHY: f64 = 0.2;

/// Earlier boots, cut into blocks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Baseline {
    boots: Vec<Stage>,
}

impl Baseline {
    /// Boots before `window` that are long enough.
    pub(crate) fn new(axis: &Axis, window: Span) -> Self {
        let length = axis.length(window);
        let boots = axis
            .boots
            .iter()
            .filter(|b| {
                b.end <= window.start && b.len() >= MIN_SAMPLES && axis.length(**b) >= LONGER * length
            })
            .map(|b| Stage::new(axis, *b))
            .collect();
        Self { boots }
    }

    /// When every earlier boot grew to about the present level and stayed there, the growth is no leak: the highest
    /// level of those boots, in bytes (objects where bytes are unknown).
    pub(crate) fn explains(&self, series: &Series, axis: &Axis, held: &Held) -> Option<f64> {
        if self.boots.is_empty() {
            return None;
        }
        let mut highest: f64 = 0.0;
        for stage in &self.boots {
            let blocks = &stage.blocks;
            let reduced = reduce(series, blocks, &axis.seconds);
            let in_bytes = reduced.bytes.known >= MIN_SAMPLES;
            let channel = if in_bytes { &reduced.bytes } else { &reduced.count };
            let now = if in_bytes { held.bytes } else { held.outstanding }? as f64;
            if channel.known < MIN_SAMPLES.min(blocks.len()) {
                return None;
            }
            let level = channel
                .min
                .iter()
                .copied()
                .filter(|v| v.is_finite())
                .fold(0.0, f64::max);
            let leaked = stage
                .design
                .as_ref()
                .and_then(|design| study(design, &channel.min, &channel.mean, &Context::default()))
                .is_some_and(|s| probability(&s.values) > HEALTHY);
            if leaked || now > ALIKE * level {
                return None;
            }
            highest = highest.max(level);
        }
        Some(highest)
    }
}
