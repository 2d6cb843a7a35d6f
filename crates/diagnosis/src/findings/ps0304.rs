//! Commit far above physical memory.

use super::{Context, Spec};
use crate::thresholds as limit;
use crate::words::{bytes, percent};
use crate::{Finding, Severity};

pub(super) const SPEC: Spec = Spec {
    code: "PS0304",
    title: "More memory is promised than the machine has",
    trigger: "commit charge above 1.5 times physical memory: `warning`; above 90 % of the commit limit: `critical`.",
    explanation: "Commit is what programs and the kernel were promised. Far above physical memory the difference lives \
                  in the page file, and near the limit the next request fails: programs crash although memory looks free.",
    next: &[
        "See who committed it: processes by private bytes, and the pools in the memory picture.",
        "Give the page file room (system-managed size) until the reason is found.",
    ],
    sources: &["https://learn.microsoft.com/troubleshoot/windows-client/performance/introduction-to-the-page-file"],
    find,
};

fn find(context: &Context<'_>, spec: &Spec) -> Vec<Finding> {
    let Some(memory) = &context.draft.memory else { return Vec::new() };
    // Linux overcommits by design: what is promised there says nothing.
    if context.draft.source.os == Some(snapshot::OsKind::Linux) {
        return Vec::new();
    }
    let counters = &memory.counters;
    let Some(committed) = counters.committed else { return Vec::new() };
    let of_physical = counters.physical.filter(|&p| p > 0).map(|p| committed as f64 / p as f64);
    let of_limit = counters.commit_limit.filter(|&l| l > 0).map(|l| committed as f64 / l as f64);
    let near_limit = of_limit.is_some_and(|s| s >= limit::COMMIT_OF_LIMIT);
    if !near_limit && of_physical.is_none_or(|times| times <= limit::COMMIT_TIMES_PHYSICAL) {
        return Vec::new();
    }
    let severity = if near_limit { Severity::Critical } else { Severity::Warning };
    let mut finding = spec.finding(severity, format!("{} are committed", bytes(committed)));
    finding.evidence.extend(of_physical.map(|t| format!("{t:.1} times physical memory (flag: {:.1}).", limit::COMMIT_TIMES_PHYSICAL)));
    if let (Some(share), Some(all)) = (of_limit, counters.commit_limit) {
        finding.evidence.push(format!("{} of the commit limit of {}.", percent(share), bytes(all)));
    }
    finding.weight = committed as f64;
    vec![finding]
}
