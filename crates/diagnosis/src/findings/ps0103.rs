//! Hardly ever freed since boot.

use detection::Verdict;

use super::{Context, Spec, evidence, weight};
use crate::words::{bytes, count, duration};
use crate::{Finding, JudgedSeries, Severity};

pub(super) const SPEC: Spec = Spec {
    code: "PS0103",
    title: "A tag is hardly ever freed and holds much",
    trigger: "verdict `unfreed` (by size alone where frees were not counted) outside a family that is already reported. `critical` from a quarter of memory, \
              `warning` from 2 %, else `notice`; a `notice` at most when memory is short for another reason.",
    explanation: "Since the kernel started, next to nothing that was allocated under this tag has come back. It need \
                  not grow now: a leak that has stopped still holds its memory until the kernel restarts.",
    next: &[
        "Record for an hour to see whether it still grows: `poolscope track 30 120`.",
        "Restart (not Shut down) clears it; note how fast it comes back.",
    ],
    sources: &["https://github.com/microsoft/WSL/issues/41644", "https://github.com/microsoft/Windows-Containers/issues/646"],
    find,
};

/// The explanation where allocations and frees were not counted.
const UNCOUNTED: &str = "No ordinary machine holds so much under one tag. How much of it is ever freed, and whether it \
                         grows now, this input does not say: a table with allocations and frees does, and a second one later.";

fn find(context: &Context<'_>, spec: &Spec) -> Vec<Finding> {
    let in_family = |s: &JudgedSeries| s.judgement.family.is_some();
    let mut all: Vec<Finding> = context
        .with_verdict(Verdict::Unfreed)
        .filter(|s| !in_family(s))
        .map(|series| of_series(context, spec, series))
        .collect();
    // A list of small ones drowns the rest: the heaviest few stand for them.
    all.sort_by(|a, b| a.severity.cmp(&b.severity).then_with(|| b.weight.total_cmp(&a.weight)));
    let heavy = all.iter().filter(|f| f.severity <= Severity::Warning).count();
    all.truncate(heavy.max(3));
    all
}

fn of_series(context: &Context<'_>, spec: &Spec, series: &JudgedSeries) -> Finding {
    let mut severity = weight::held(context, series);
    if context.memory_is_elsewhere() {
        severity = severity.max(Severity::Notice);
    }
    let held = match (series.judgement.bytes, series.judgement.outstanding) {
        (Some(held), _) => bytes(held),
        (None, Some(n)) => format!("{} allocations", count(n)),
        (None, None) => "its memory".to_owned(),
    };
    let who = series.owner().filter(|_| !series.owners.shared).map(|o| format!(" ({o})")).unwrap_or_default();
    let mut finding = spec.finding(severity, format!("{}{who} keeps {held}", series.name()));
    if series.judgement.frees.is_none() {
        // Some posted tables hold bytes alone: that nothing was freed cannot be read from them.
        finding.explanation = UNCOUNTED.to_owned();
    }
    finding.evidence.extend(evidence::held(context, series));
    let since_boot = series.judgement.outstanding.zip(context.draft.source.kernel_uptime_s);
    if let Some((outstanding, uptime)) = since_boot.filter(|&(_, uptime)| uptime > 60.0) {
        finding.evidence.push(format!(
            "The kernel has been up for {}: {} outstanding allocations an hour on average.",
            duration(uptime),
            count((outstanding as f64 / uptime * 3600.0) as u64)
        ));
    }
    finding.evidence.extend(evidence::growth(series));
    finding.evidence.push(evidence::owner(series));
    finding.evidence.extend(evidence::holders(series));
    if let Some(own) = &series.owners.explanation {
        finding.explanation = format!("{own} {}", finding.explanation);
    }
    finding.next = series.owners.next.iter().cloned().chain(finding.next).collect();
    finding.series = vec![series.name()];
    finding.confidence = series.judgement.confidence;
    finding.weight = weight::of_series(series);
    finding
}
