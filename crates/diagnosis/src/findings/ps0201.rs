//! A process collects handles.

use attribution::holders::{Holder, HolderKind};

use super::{Context, Spec, accused, evidence, weight};
use crate::words::{count, list};
use crate::{Finding, JudgedSeries};

pub(super) const SPEC: Spec = Spec {
    code: "PS0201",
    title: "A process collects handles and keeps kernel objects alive",
    trigger: "an accused series counts objects, and handles (open files and sockets on Linux) grew with it by at least \
              half as much, or explain at least half of its objects. Severity is that of the series.",
    explanation: "Every handle keeps a kernel object. A program that opens and does not close makes the kernel's object \
                  tags or slab caches grow, although no driver is at fault.",
    next: &[
        "Stop or restart the process and look again: the memory comes back with its handles.",
        "Update the program, or report the leak with these numbers to its maker.",
    ],
    sources: &[
        "https://learn.microsoft.com/windows/win32/sysinfo/kernel-objects",
        "https://www.kernel.org/doc/html/latest/filesystems/proc.html (fd)",
        "docs/attribution.md, holders",
    ],
    find,
};

/// Series whose objects the same process keeps.
struct Group<'a> {
    holder: &'a Holder,
    series: Vec<&'a JudgedSeries>,
}

fn find(context: &Context<'_>, spec: &Spec) -> Vec<Finding> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for series in context.draft.series.iter().filter(|s| accused(s)) {
        let Some(holder) = series.holders.iter().find(|h| h.kind == HolderKind::HandleLeak) else { continue };
        let pid = holder.first().and_then(|who| who.pid);
        match groups.iter_mut().find(|g| g.holder.first().and_then(|w| w.pid) == pid && pid.is_some()) {
            Some(group) => group.series.push(series),
            None if pid.is_some() => groups.push(Group { holder, series: vec![series] }),
            // Handles explain it, but no process was read: the series' own finding says how to find out.
            None => {}
        }
    }
    groups.iter().filter_map(|group| of_group(context, spec, group)).collect()
}

fn of_group(context: &Context<'_>, spec: &Spec, group: &Group<'_>) -> Option<Finding> {
    let who = group.holder.first()?;
    let names: Vec<String> = group.series.iter().map(|s| s.name()).collect();
    let severity = group.series.iter().filter_map(|s| weight::of_verdict(context, s)).min()?;
    let holds = who.amount.map(|n| format!(" {} handles", count(n))).unwrap_or_default();
    let pid = who.pid.map(|pid| format!(" (process {pid})")).unwrap_or_default();
    let mut finding = spec.finding(severity, format!("{}{pid} keeps{holds}, and with them {}", who.name, list(&names, 3)));
    finding.evidence = group.holder.evidence.clone();
    for series in group.series.iter().take(3) {
        finding.evidence.extend(evidence::growth(series).map(|g| format!("{}: {g}", series.name())));
    }
    finding.next.extend(group.holder.how_to_find_out.iter().cloned());
    finding.confidence = group.series.iter().filter_map(|s| s.judgement.confidence).reduce(f64::max);
    // Above the leak it explains: the process is the answer.
    finding.weight = group.series.iter().map(|s| weight::of_series(s)).sum::<f64>() * 1.01;
    finding.series = names;
    Some(finding)
}
