//! Grew by a step.

use detection::{Shape, Verdict};

use super::{Context, Spec, evidence, weight};
use crate::thresholds as limit;
use crate::words::{list, plural};
use crate::{Finding, JudgedSeries, Severity};

pub(super) const SPEC: Spec = Spec {
    code: "PS0108",
    title: "Tags rose in a step",
    trigger: "verdict `stepped` without having stopped a longer growth, holding at least 0.5 % of memory. Always `notice`.",
    explanation: "Something took memory once and keeps it: a service that started, a device that came, a setting that \
                  changed. One step is no leak. The same step again at every connect, login or job is one.",
    next: &["Compare the time of the step with what happened then; repeat that and see whether the step repeats."],
    sources: &["docs/detection.md, change points"],
    find,
};

fn find(context: &Context<'_>, spec: &Spec) -> Vec<Finding> {
    let least = context.memory_or_reference() as f64 * limit::SMALL_SHARE;
    let stepped: Vec<&JudgedSeries> = context
        .with_verdict(Verdict::Stepped)
        .filter(|s| s.judgement.shape != Some(Shape::Stopped))
        // What the kernel takes back under pressure may rise as it likes.
        .filter(|s| s.pool != snapshot::Pool::SlabReclaimable)
        .filter(|s| s.judgement.bytes.is_some_and(|b| b as f64 >= least))
        .collect();
    if stepped.is_empty() {
        return Vec::new();
    }
    let names: Vec<String> = stepped.iter().map(|s| s.name()).collect();
    let mut finding = spec.finding(
        Severity::Notice,
        format!("{} rose in a step: {}", plural(names.len(), "series", "series"), list(&names, 3)),
    );
    for series in stepped.iter().take(5) {
        finding.evidence.extend(evidence::held(context, series).map(|held| format!("{}: {held}", series.name())));
    }
    finding.weight = stepped.iter().map(|s| weight::of_series(s)).sum();
    finding.series = names;
    vec![finding]
}
