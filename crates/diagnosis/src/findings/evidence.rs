//! Sentences with numbers about a series, shared by the findings.

use detection::{Limit, Shape};

use super::Context;
use crate::JudgedSeries;
use crate::words::{bytes, count, duration, interval, per_day, percent};

/// All numbers of a series that speak for its verdict.
pub(super) fn of_series(context: &Context<'_>, series: &JudgedSeries) -> Vec<String> {
    let mut out = Vec::new();
    out.extend(growth(series));
    out.extend(held(context, series));
    out.extend(horizons(series));
    out.extend(onset(context, series));
    out.extend(exhaustion(context, series));
    out
}

/// The rate with its interval, of bytes or of counts.
pub(super) fn growth(series: &JudgedSeries) -> Option<String> {
    let j = &series.judgement;
    let shape = match j.shape {
        Some(Shape::Linear) => ", evenly",
        Some(Shape::Bursty) => ", in bursts",
        Some(Shape::Accelerating) => ", faster and faster",
        Some(Shape::Load) => ", with the load of the day",
        Some(Shape::Sawtooth) => ", a rising floor under a sawtooth",
        _ => "",
    };
    match (j.rate, j.count_rate) {
        (Some(rate), _) if rate.per_day.abs() >= 1.0 => Some(format!("Grows by {}{shape}.", interval(&rate))),
        (_, Some(rate)) if rate.per_day.abs() >= 1.0 => Some(format!(
            "Outstanding allocations grow by {} a day (90 %: {} to {}){shape}.",
            count(rate.per_day.max(0.0) as u64),
            count(rate.low.max(0.0) as u64),
            count(rate.high.max(0.0) as u64)
        )),
        _ => None,
    }
}

/// What it holds: bytes, share of memory, outstanding, frees against allocations.
pub(super) fn held(context: &Context<'_>, series: &JudgedSeries) -> Option<String> {
    let j = &series.judgement;
    let mut parts = Vec::new();
    if let Some(held) = j.bytes {
        let share = context
            .draft
            .source
            .physical_bytes
            .map(|all| held as f64 / all as f64);
        parts.push(match share {
            Some(share) if share >= 0.001 => format!("{} ({} of memory)", bytes(held), percent(share)),
            _ => bytes(held),
        });
    }
    if let Some(outstanding) = j.outstanding {
        parts.push(format!("{} outstanding allocations", count(outstanding)));
    }
    if let (Some(allocs), Some(frees)) = (j.allocs, j.frees) {
        parts.push(format!("{} allocated and {} freed", count(allocs), count(frees)));
    }
    (!parts.is_empty()).then(|| format!("Holds {}.", parts.join(", ")))
}

/// Rates over several horizons, when there are at least two.
fn horizons(series: &JudgedSeries) -> Option<String> {
    let h = &series.judgement.horizons;
    let known: Vec<String> = [
        ("last minute", h.minute),
        ("last hour", h.hour),
        ("last day", h.day),
        ("since boot", h.boot),
    ]
    .into_iter()
    .filter_map(|(name, rate)| rate.map(|rate| format!("{name} {}", per_day(rate))))
    .collect();
    (known.len() >= 2).then(|| format!("Rates: {}.", known.join(", ")))
}

fn onset(context: &Context<'_>, series: &JudgedSeries) -> Option<String> {
    let onset = series.judgement.onset?;
    let end = context.history.samples.last()?.at;
    let ago = duration(end.seconds_since(onset));
    match onset.to_rfc3339().filter(|_| context.history.clock_known) {
        Some(at) => Some(format!(
            "Began {ago} before the last sample, at {}.",
            to_second(&at)
        )),
        None => Some(format!("Began {ago} before the last sample.")),
    }
}

/// When what is left is filled.
pub(super) fn exhaustion(context: &Context<'_>, series: &JudgedSeries) -> Option<String> {
    let exhaustion = series.judgement.exhaustion?;
    let end = context.history.samples.last()?.at;
    let within = |at: snapshot::Timestamp| duration(at.seconds_since(end).max(0.0));
    let what = match exhaustion.limit {
        Limit::Memory => "physical memory",
        Limit::Commit => "the commit limit",
        Limit::Pool => "the pool's limit",
    };
    let latest = exhaustion.latest.map_or_else(|| "open end".to_owned(), within);
    Some(format!(
        "At this rate {what} is reached in {} (90 %: {} to {latest}).",
        within(exhaustion.at),
        within(exhaustion.earliest)
    ))
}

/// Owners as a sentence; for unknown and shared tags what that means.
pub(super) fn owner(series: &JudgedSeries) -> String {
    let owners = &series.owners;
    if owners.shared {
        return format!("{} is shared by many drivers and names none.", series.tag);
    }
    let Some(first) = owners.owners.first() else {
        return format!("No owner of {} is known.", series.tag);
    };
    let name = [first.image.as_deref(), first.component.as_deref()]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(", ");
    let vendor = first
        .vendor
        .as_deref()
        .map(|v| format!(" ({v})"))
        .unwrap_or_default();
    let others = match owners.owners.len() {
        0 | 1 => String::new(),
        more => format!("; {} less trusted", more - 1),
    };
    format!(
        "{} belongs to {name}{vendor}, known from {}{others}.",
        series.tag,
        trust(first.trust)
    )
}

const fn trust(trust: attribution::Trust) -> &'static str {
    use attribution::Trust;
    match trust {
        Trust::LoadedCode => "the code of the loaded driver",
        Trust::DriverCode => "the code of a driver file",
        Trust::DriverSource => "the driver's source",
        Trust::UserList => "the pooltag.txt of this machine",
        Trust::MicrosoftList => "a list of Microsoft's",
        Trust::PublicReport => "a public report",
        Trust::KmdfName => "KMDF's naming rule",
        Trust::Bytes => "its bytes in a driver file",
        Trust::Inference => "tags with the same beginning",
    }
}

/// RFC 3339 without the fraction.
pub(super) fn to_second(rfc3339: &str) -> String {
    match rfc3339.split_once('.') {
        Some((whole, _)) => format!("{whole}Z"),
        None => rfc3339.to_owned(),
    }
}

/// What is known of who holds: at most two sentences of each kind.
pub(super) fn holders(series: &JudgedSeries) -> Vec<String> {
    series
        .holders
        .iter()
        .flat_map(|h| h.evidence.iter().take(2))
        .cloned()
        .collect()
}
