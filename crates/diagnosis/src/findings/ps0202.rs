//! Objects that live without handles.

use attribution::holders::HolderKind;

use super::{Context, Spec, accused, evidence, weight};
use crate::words::count;
use crate::{Finding, Severity};

pub(super) const SPEC: Spec = Spec {
    code: "PS0202",
    title: "Objects are kept by references, not by handles",
    trigger: "an accused object tag grows, or outnumbers, at least twice what the handles of its type explain. Severity \
              is that of the series, `warning` at most.",
    explanation: "The objects outnumber every handle to them, so no program holds them open: a kernel component took a \
                  reference and did not return it. For dead processes that is mostly a security product, a display \
                  driver or a filter.",
    next: &[
        "Compare in Safe Mode: third-party drivers are not loaded there.",
        "Update the display driver and the security products first; both have done this.",
        "Trace references of the type with the kernel's object reference tracing (`gflags /ko`).",
    ],
    sources: &[
        "https://github.com/microsoft/Windows-Dev-Performance/issues/137",
        "https://learn.microsoft.com/windows-hardware/drivers/debugger/configuring-object-reference-tracing",
        "docs/attribution.md, holders",
    ],
    find,
};

fn find(context: &Context<'_>, spec: &Spec) -> Vec<Finding> {
    let mut out = Vec::new();
    for series in context.draft.series.iter().filter(|s| accused(s)) {
        let Some(holder) = series.holders.iter().find(|h| h.kind == HolderKind::ReferenceLeak) else { continue };
        let Some(severity) = weight::of_verdict(context, series) else { continue };
        let objects = series.judgement.outstanding.map(|n| format!("{} objects", count(n)));
        let title = format!("{}: {} are kept by references, not by handles", series.name(), objects.unwrap_or_else(|| "objects".to_owned()));
        let mut finding = spec.finding(severity.max(Severity::Warning), title);
        finding.evidence = holder.evidence.clone();
        finding.evidence.extend(evidence::growth(series));
        finding.next = holder.how_to_find_out.iter().cloned().chain(finding.next).collect();
        finding.series = vec![series.name()];
        finding.confidence = series.judgement.confidence;
        finding.weight = weight::of_series(series);
        out.push(finding);
    }
    out
}
