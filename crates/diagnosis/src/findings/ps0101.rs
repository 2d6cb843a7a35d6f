//! A leak under a tag whose owner is known.

use detection::{Shape, Verdict};

use super::{Context, Spec, evidence, weight};
use crate::words::per_day;
use crate::{Finding, JudgedSeries};

pub(super) const SPEC: Spec = Spec {
    code: "PS0101",
    title: "A tag leaks, and its owner is known",
    trigger: "verdict `leak` that has not stopped, outside a family, owner known and not shared. \
              `critical` when it holds a quarter of memory or fills it within a day, `notice` when thirty days of it \
              (at most 200 times the recording) stay below 0.5 % of memory, else `warning`.",
    explanation: "What this component allocates is not given back. The tag names the allocator: for kernel objects \
                  (files, processes, tokens) someone else usually keeps them alive, for a driver's own tag the driver \
                  itself is the first suspect.",
    next: &[
        "Update the component that owns the tag, or roll it back if the growth began with an update.",
        "Stop or unload it for a while and compare: `poolscope compare BEFORE AFTER`.",
    ],
    sources: &[
        "https://learn.microsoft.com/windows-hardware/drivers/debugger/using-poolmon-to-find-a-kernel-mode-memory-leak",
        "docs/detection.md for the verdict, docs/attribution.md for the owner",
    ],
    find,
};

fn find(context: &Context<'_>, spec: &Spec) -> Vec<Finding> {
    leaks(context)
        .filter(|s| s.owner().is_some() && !s.owners.shared)
        .map(|series| {
            let owner = series.owner().unwrap_or_default();
            of_leak(context, spec, series, &format!("owned by {owner}"))
        })
        .collect()
}

/// Leaks that still grow and that no family explains.
pub(super) fn leaks<'a>(context: &'a Context<'a>) -> impl Iterator<Item = &'a JudgedSeries> {
    context.with_verdict(Verdict::Leak).filter(|s| s.judgement.shape != Some(Shape::Stopped)).filter(|s| {
        !context.draft.families.iter().any(|f| Some(f.id) == s.judgement.family)
    })
}

/// A finding about one leaking series; the tag's own explanation and advice come first.
pub(super) fn of_leak(context: &Context<'_>, spec: &Spec, series: &JudgedSeries, who: &str) -> Finding {
    let grows = series.judgement.rate.map(|r| format!(" {}", per_day(r.per_day))).unwrap_or_default();
    let mut finding =
        spec.finding(weight::leak(context, series), format!("{} leaks{grows}, {who}", series.name()));
    finding.evidence = evidence::of_series(context, series);
    finding.evidence.push(evidence::owner(series));
    finding.evidence.extend(evidence::holders(series));
    if let Some(own) = &series.owners.explanation {
        finding.explanation = format!("{own} {}", spec.explanation);
    }
    finding.next = series.owners.next.iter().cloned().chain(finding.next).collect();
    finding.series = vec![series.name()];
    finding.confidence = series.judgement.confidence;
    finding.weight = weight::of_series(series);
    finding
}
