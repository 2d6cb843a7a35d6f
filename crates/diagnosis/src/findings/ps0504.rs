//! The system itself recorded exhaustion.

use super::{Context, Spec, events};
use crate::words::{bytes, list, plural};
use crate::{Finding, Severity};

pub(super) const SPEC: Spec = Spec {
    code: "PS0504",
    title: "Windows itself recorded exhaustion",
    trigger: "events 2004 (Resource-Exhaustion-Detector), 2019 or 2020 (server: pool empty) within thirty days. \
              `warning`.",
    explanation: "Before poolscope looked, the system ran out: 2004 names the largest tags of that moment, 2019 says \
                  that nonpaged pool was empty, 2020 that paged pool was.",
    next: &["Compare the tags named then with the ranking now: the same tag twice is the one."],
    sources: &["https://learn.microsoft.com/archive/blogs/mikelag/detecting-low-virtual-memory-conditions-in-windows-2008-and-r2"],
    find,
};

fn find(context: &Context<'_>, spec: &Spec) -> Vec<Finding> {
    let found = events::recent(context, |e| {
        matches!(e.kind.as_str(), "pool-exhausted" | "low-memory") || matches!(e.id, Some(2004 | 2019 | 2020))
    });
    if found.is_empty() {
        return Vec::new();
    }
    let mut finding = spec.finding(Severity::Warning, format!("{} of exhaustion", plural(found.len(), "event", "events")));
    for event in found.iter().rev().take(5) {
        let id = event.id.map(|id| format!("event {id}")).unwrap_or_else(|| event.kind.clone());
        let mut tags: Vec<String> = Vec::new();
        for (tag, held) in event.tags.iter().flatten() {
            tags.push(format!("{tag} {}", bytes(*held)));
            let name = tag.trim_end();
            let same = context.draft.series.iter().filter(|s| s.tag.to_string().trim_end() == name && super::accused(s));
            finding.series.extend(same.map(|s| s.name()));
        }
        let named = if tags.is_empty() { String::new() } else { format!(", which names {}", list(&tags, 5)) };
        finding.evidence.push(format!("{}: {id}{named}.", events::when(event)));
    }
    finding.series.sort();
    finding.series.dedup();
    if !finding.series.is_empty() {
        finding.evidence.push(format!("Accused now as well: {}.", list(&finding.series, 5)));
    }
    vec![finding]
}
