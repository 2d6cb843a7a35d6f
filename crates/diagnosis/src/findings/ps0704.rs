//! What could not be read.

use super::{Context, Spec};
use crate::words::plural;
use crate::{Finding, Severity};

pub(super) const SPEC: Spec = Spec {
    code: "PS0704",
    title: "Some facts could not be read",
    trigger: "the input lists problems. `notice`.",
    explanation: "What could not be read is absent from this report, not zero. A step whose facts are missing says \
                  nothing, neither good nor bad.",
    next: &["Where a privilege is missing: run again from an elevated prompt (Windows) or with sudo (Linux)."],
    sources: &["the problems themselves"],
    find,
};

fn find(context: &Context<'_>, spec: &Spec) -> Vec<Finding> {
    let problems = &context.draft.problems;
    if problems.is_empty() {
        return Vec::new();
    }
    let mut finding =
        spec.finding(Severity::Notice, format!("{} could not be read", plural(problems.len(), "fact", "facts")));
    finding.evidence = problems.iter().take(5).map(|p| format!("{}: {}", p.step, p.message)).collect();
    if problems.len() > 5 {
        finding.evidence.push(format!("{} more under problems.", problems.len() - 5));
    }
    finding.weight = -1.0;
    vec![finding]
}
