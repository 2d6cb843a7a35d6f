//! A leak under a tag nobody knows, or that everybody uses.

use super::{Context, Spec, ps0101};
use crate::Finding;

pub(super) const SPEC: Spec = Spec {
    code: "PS0107",
    title: "A tag leaks, and its owner is not known",
    trigger: "as PS0101, but the tag has no known owner or is shared by many drivers. Severity as PS0101.",
    explanation: "Nothing poolscope knows says who allocates under this tag, or too many drivers do. The driver files \
                  of the machine and a stack trace can tell.",
    next: &[
        "Scan the machine's own drivers: `poolscope owner TAG --drivers C:\\Windows\\System32\\drivers`.",
        "Record the allocation stacks with the trace below: the driver stands in the stack.",
    ],
    sources: &["https://learn.microsoft.com/windows-hardware/test/wpt/pooltags", "docs/attribution.md"],
    find,
};

fn find(context: &Context<'_>, spec: &Spec) -> Vec<Finding> {
    ps0101::leaks(context)
        .filter(|s| s.owner().is_none() || s.owners.shared)
        .map(|series| {
            let who = if series.owners.shared { "a tag shared by many drivers" } else { "owner unknown" };
            let mut finding = ps0101::of_leak(context, spec, series, who);
            let linux = context.draft.source.os == Some(snapshot::OsKind::Linux);
            // The tag's own advice says how to find its driver, and is about this tag.
            if linux || !series.owners.next.is_empty() {
                finding.next = series.owners.next.clone();
            } else {
                for step in &mut finding.next {
                    *step = step.replace("owner TAG", &format!("owner {}", quoted(&series.tag.to_string())));
                }
                finding.next.push(format!("Search for it: {}", context.options.search_address(&series.tag)));
            }
            finding
        })
        .collect()
}

/// A tag as a shell argument.
fn quoted(tag: &str) -> String {
    if tag.chars().all(|c| c.is_ascii_alphanumeric()) { tag.to_owned() } else { format!("\"{tag}\"") }
}
