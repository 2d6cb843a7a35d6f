//! Objects that live without handles.

use super::{Context, Spec, evidence, weight};
use crate::thresholds as limit;
use crate::words::count;
use crate::{Finding, JudgedSeries, Severity, facts};
use snapshot::ObjectTypeFacts;

pub(super) const SPEC: Spec = Spec {
    code: "PS0202",
    title: "Objects are kept by references, not by handles",
    trigger: "an accused object tag has more than 1,000 outstanding allocations and at least twice as many as live \
              processes (`Proc`), threads (`Thre`) or handles of its type. `warning`.",
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
    ],
    find,
};

/// Below this many objects the difference may be a cache.
const LEAST: u64 = 1_000;

fn find(context: &Context<'_>, spec: &Spec) -> Vec<Finding> {
    let types = facts::newest(context.history, |f| f.object_types.as_ref()).map(|(_, t)| t.as_slice());
    let memory = facts::newest(context.history, |f| f.memory.as_ref()).map(|(_, m)| m);
    let mut out = Vec::new();
    for series in context.draft.series.iter().filter(|s| super::accused(s)) {
        let name = series.tag.to_string();
        let live = match name.trim_end() {
            "Proc" => memory.and_then(|m| m.process_count).map(|n| (n, "live processes")),
            "Thre" => memory.and_then(|m| m.thread_count).map(|n| (n, "live threads")),
            tag => types.and_then(|t| handles_of(t, tag)).map(|n| (n, "open handles of the type")),
        };
        let (Some(outstanding), Some((live, what))) = (series.judgement.outstanding, live) else { continue };
        if outstanding >= LEAST && outstanding as f64 >= live as f64 * limit::OBJECTS_TIMES_LIVE {
            out.push(of_tag(spec, series, outstanding, live, what));
        }
    }
    out
}

fn handles_of(types: &[ObjectTypeFacts], tag: &str) -> Option<u64> {
    types.iter().find(|t| t.tag.as_deref().map(str::trim_end) == Some(tag)).and_then(|t| t.handles)
}

fn of_tag(spec: &Spec, series: &JudgedSeries, outstanding: u64, live: u64, what: &str) -> Finding {
    let mut finding = spec.finding(
        Severity::Warning,
        format!("{}: {} objects, but only {} {what}", series.name(), count(outstanding), count(live)),
    );
    finding.evidence.push(format!("{} outstanding allocations against {} {what}.", count(outstanding), count(live)));
    finding.evidence.extend(evidence::growth(series));
    finding.series = vec![series.name()];
    finding.weight = weight::of_series(series);
    finding
}
