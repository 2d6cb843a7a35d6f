//! How much a tag's trouble weighs on this machine.

use detection::Verdict;

use super::Context;
use crate::thresholds as limit;
use crate::words::DAY_S;
use crate::{JudgedSeries, Severity};

/// A leak: critical when it holds a quarter of memory or fills it within a day, a notice when a month of it is small.
pub(crate) fn leak(context: &Context<'_>, series: &JudgedSeries) -> Severity {
    let memory = context.memory_or_reference() as f64;
    let held = series.judgement.bytes.map(|b| b as f64);
    let per_day = series.judgement.rate.map(|r| r.per_day);
    let days_left = days_to_exhaustion(context, series);
    if held.is_some_and(|b| b >= memory * limit::CRITICAL_SHARE)
        || days_left.is_some_and(|d| d <= limit::CRITICAL_DAYS)
    {
        return Severity::Critical;
    }
    let small = memory * limit::SMALL_SHARE;
    let days = horizon_days(context);
    match (held, per_day) {
        (Some(held), Some(rate)) if held < small && rate * days < small => Severity::Notice,
        (Some(held), None) if held < small => Severity::Notice,
        _ => Severity::Warning,
    }
}

/// A suspect: a notice, unless it would soon fill the machine.
pub(super) fn suspect(context: &Context<'_>, series: &JudgedSeries) -> Severity {
    match days_to_exhaustion(context, series) {
        Some(days) if days <= limit::SUSPECT_DAYS => Severity::Warning,
        _ => Severity::Notice,
    }
}

/// What is never freed: by the share of memory it holds.
pub(super) fn held(context: &Context<'_>, series: &JudgedSeries) -> Severity {
    let memory = context.memory_or_reference() as f64;
    match series.judgement.bytes.map(|b| b as f64 / memory) {
        Some(share) if share >= limit::CRITICAL_SHARE => Severity::Critical,
        Some(share) if share >= limit::UNFREED_SHARE => Severity::Warning,
        _ => Severity::Notice,
    }
}

fn days_to_exhaustion(context: &Context<'_>, series: &JudgedSeries) -> Option<f64> {
    let end = context.history.samples.last()?.at;
    series
        .judgement
        .exhaustion
        .map(|e| e.at.seconds_since(end) / DAY_S)
}

/// Orders findings about series: what they hold and a month of what they gain, bytes.
pub(super) fn of_series(series: &JudgedSeries) -> f64 {
    let gain = series.judgement.rate.map_or(0.0, |r| r.per_day.max(0.0) * 30.0);
    series.judgement.bytes.unwrap_or(0) as f64 + gain
}

/// The severity that a series' own verdict has; `None` for verdicts that name no trouble.
pub(super) fn of_verdict(context: &Context<'_>, series: &JudgedSeries) -> Option<Severity> {
    match series.judgement.verdict {
        Verdict::Leak => Some(leak(context, series)),
        Verdict::Suspect => Some(suspect(context, series)),
        Verdict::Unfreed => Some(held(context, series)),
        _ => None,
    }
}

/// How far ahead a rate counts: thirty days, but not beyond what the recording can carry.
fn horizon_days(context: &Context<'_>) -> f64 {
    let samples = &context.history.samples;
    let span = samples
        .first()
        .zip(samples.last())
        .map_or(0.0, |(first, last)| last.at.seconds_since(first.at));
    (span * limit::SPAN_AHEAD / DAY_S).clamp(0.0, limit::DAYS_AHEAD)
}
