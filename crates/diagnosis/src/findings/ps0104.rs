//! A leak that has stopped.

use detection::{Shape, Verdict};

use super::{Context, Spec, evidence, weight};
use crate::words::bytes;
use crate::{Finding, Severity};

pub(super) const SPEC: Spec = Spec {
    code: "PS0104",
    title: "A leak has stopped, and its memory is not given back",
    trigger: "verdict `leak`, `suspect` or `stepped` with shape `stopped`. `warning` from 2 % of memory (`critical` \
              from a quarter), else `notice`.",
    explanation: "The tag grew and stands still now. Whatever drove it is away at the moment; what it left behind stays \
                  until the kernel restarts.",
    next: &[
        "Ask what ran while it grew and has ended since: the chart and the onset give the time.",
        "Restart (not Shut down) gives the memory back.",
    ],
    sources: &["https://github.com/microsoft/WSL/issues/41644"],
    find,
};

fn find(context: &Context<'_>, spec: &Spec) -> Vec<Finding> {
    let verdicts = [Verdict::Leak, Verdict::Suspect, Verdict::Stepped];
    verdicts
        .into_iter()
        .flat_map(|verdict| context.with_verdict(verdict))
        .filter(|s| s.judgement.shape == Some(Shape::Stopped))
        .filter(|s| s.judgement.family.is_none())
        .map(|series| {
            let severity = weight::held(context, series).max(if context.memory_is_elsewhere() {
                Severity::Notice
            } else {
                Severity::Critical
            });
            let held = series.judgement.bytes.map(|b| format!(" and keeps {}", bytes(b))).unwrap_or_default();
            let mut finding = spec.finding(severity, format!("{} stopped growing{held}", series.name()));
            finding.evidence = evidence::of_series(context, series);
            finding.evidence.push(evidence::owner(series));
            finding.series = vec![series.name()];
            finding.confidence = series.judgement.confidence;
            finding.weight = weight::of_series(series);
            finding
        })
        .collect()
}
