//! When it ends.

use detection::Verdict;

use super::{Context, Spec, evidence, weight};
use crate::words::{DAY_S, duration};
use crate::{Finding, Severity};

pub(super) const SPEC: Spec = Spec {
    code: "PS0306",
    title: "Memory runs out at a foreseeable time",
    trigger: "a leak fills memory, commit or the pool's limit within thirty days. `critical` within a day, `warning` \
              within a week, else `notice`.",
    explanation: "At the measured rate the first of the limits that the recording holds is reached then. Allocations \
                  fail, and the machine stalls or stops, some time before.",
    next: &["Plan a Restart (not a Shut down) before that time, and take a recording up to it."],
    sources: &["docs/detection.md, exhaustion"],
    find,
};

fn find(context: &Context<'_>, spec: &Spec) -> Vec<Finding> {
    let Some(end) = context.history.samples.last().map(|s| s.at) else { return Vec::new() };
    let first = context
        .with_verdict(Verdict::Leak)
        .filter_map(|s| s.judgement.exhaustion.map(|e| (e.at, s)))
        .min_by_key(|(at, _)| *at);
    let Some((at, series)) = first else { return Vec::new() };
    let left_s = at.seconds_since(end).max(0.0);
    let severity = match left_s / DAY_S {
        days if days <= 1.0 => Severity::Critical,
        days if days <= 7.0 => Severity::Warning,
        days if days <= 30.0 => Severity::Notice,
        _ => return Vec::new(),
    };
    let mut finding =
        spec.finding(severity, format!("Memory runs out in {} because of {}", duration(left_s), series.name()));
    finding.evidence.extend(evidence::exhaustion(context, series));
    finding.evidence.extend(evidence::growth(series));
    finding.series = vec![series.name()];
    finding.confidence = series.judgement.confidence;
    // Just below the leak itself, which says what to do.
    finding.weight = weight::of_series(series) * 0.99;
    vec![finding]
}
