//! Rates over several horizons, the onset of growth, and when it ends.

use snapshot::{History, Series, Timestamp};

use crate::axis::{Axis, Span};
use crate::judgement::{Exhaustion, HorizonRates, Limit, Rate};
use crate::reduce::Reduced;

/// Seconds in a day.
const DAY: f64 = 86_400.0;

/// Byte rates per day over the last minute, hour and day, and since boot.
pub(crate) fn horizons(
    history: &History,
    series: &Series,
    axis: &Axis,
    window: Span,
    reduced: &Reduced,
) -> HorizonRates {
    let mut rates = HorizonRates::default();
    if reduced.gone || window.is_empty() {
        return rates;
    }
    let last = window.end - 1;
    let now = bytes_at(series, last);
    let over = |seconds: f64| {
        let end = *axis.seconds.get(last)?;
        let start = axis
            .seconds
            .partition_point(|&t| t <= end - seconds + 1e-6)
            .checked_sub(1)?;
        let floor = reduced
            .restarts
            .last()
            .copied()
            .unwrap_or(window.start)
            .max(window.start);
        // The sample at or before the horizon's start; it may be a little longer than asked, never much.
        let length = end - axis.seconds.get(start)?;
        if start < floor || length > 1.5 * seconds || length <= 0.0 || crosses_joint(axis, start, last) {
            return None;
        }
        Some((now? - bytes_at(series, start)?) / length * DAY)
    };
    if axis.clock_known {
        rates.minute = over(60.0);
        rates.hour = over(3600.0);
        rates.day = over(DAY);
    }
    let uptime = history
        .samples
        .get(last)
        .and_then(|s| s.uptime_s)
        .filter(|u| *u >= 1.0);
    rates.boot = uptime.and_then(|u| now.map(|n| n / u * DAY));
    rates
}

fn crosses_joint(axis: &Axis, from: usize, to: usize) -> bool {
    axis.joints.iter().any(|&j| j > from && j <= to)
}

/// Bytes in force at `sample`.
pub(crate) fn bytes_at(series: &Series, sample: usize) -> Option<f64> {
    let i = series
        .sample
        .partition_point(|&s| s as usize <= sample)
        .checked_sub(1)?;
    series.usage(i).bytes.get().map(|b| b as f64)
}

/// Wall-clock time at `seconds` after the start of `window`.
pub(crate) fn moment(history: &History, axis: &Axis, window: Span, seconds: f64) -> Option<Timestamp> {
    if !history.clock_known {
        return None;
    }
    let start = *axis.seconds.get(window.start)?;
    let at = axis
        .seconds
        .partition_point(|&t| t < start + seconds)
        .min(window.end.checked_sub(1)?);
    history.samples.get(at).map(|s| s.at)
}

/// What is left of memory and commit at the end of the recording.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Room {
    left: [Option<(Limit, f64)>; 2],
    now: Option<Timestamp>,
}

impl Room {
    /// From the last memory counters of the recording.
    pub(crate) fn of(history: &History) -> Self {
        let memory = history.facts.iter().rev().find_map(|(_, f)| f.memory.as_ref());
        let available = memory
            .and_then(|m| m.available)
            .map(|a| (Limit::Memory, a as f64));
        let commit = memory
            .and_then(|m| Some(m.commit_limit?.saturating_sub(m.committed?)))
            .map(|left| (Limit::Commit, left as f64));
        Self {
            left: [available, commit],
            now: history
                .samples
                .last()
                .filter(|_| history.clock_known)
                .map(|s| s.at),
        }
    }

    /// When growth at `rate` fills what is left first; beyond a century it does not end.
    pub(crate) fn ends(&self, rate: &Rate) -> Option<Exhaustion> {
        let now = self.now?;
        if rate.per_day <= 0.0 {
            return None;
        }
        let (limit, left) = self
            .left
            .iter()
            .flatten()
            .copied()
            .min_by(|a, b| a.1.total_cmp(&b.1))?;
        let after = |per_day: f64| {
            let days = left / per_day;
            (per_day > 0.0 && days < 36_525.0).then(|| now.plus_seconds(days * DAY))
        };
        Some(Exhaustion {
            limit,
            at: after(rate.per_day)?,
            earliest: after(rate.high)?,
            latest: after(rate.low),
        })
    }
}
