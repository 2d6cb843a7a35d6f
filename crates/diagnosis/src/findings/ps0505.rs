//! Dirty shutdowns.

use super::{Context, Spec, events};
use crate::words::{list, plural};
use crate::{Finding, Severity};

pub(super) const SPEC: Spec = Spec {
    code: "PS0505",
    title: "The machine was switched off hard",
    trigger: "dirty shutdowns (events 41, 6008) within thirty days. `notice`.",
    explanation: "A machine that no longer responds is often switched off by its user. When that happens at the end of \
                  a growth, it is the same story.",
    next: &["Compare the times with the growth charts."],
    sources: &["https://learn.microsoft.com/troubleshoot/windows-client/performance/event-id-41-restart"],
    find,
};

fn find(context: &Context<'_>, spec: &Spec) -> Vec<Finding> {
    let found = events::recent(context, |e| e.kind == "dirty-shutdown");
    if found.is_empty() {
        return Vec::new();
    }
    let mut finding =
        spec.finding(Severity::Notice, plural(found.len(), "dirty shutdown", "dirty shutdowns"));
    let times: Vec<String> = found.iter().rev().map(|e| events::when(e)).collect();
    finding.evidence.push(format!("At {}.", list(&times, 5)));
    vec![finding]
}
