//! A process collects handles.

use crate::holders::{Collector, collectors};
use crate::words::{count, duration};
use crate::{Finding, Severity, findings};
use findings::{Context, Spec};

pub(super) const SPEC: Spec = Spec {
    code: "PS0201",
    title: "A process collects handles and keeps kernel objects alive",
    trigger: "over the recording one process gained at least 1,000 handles (open files on Linux), never fell back by \
              a tenth of that, and gained most of what all processes gained. `warning` when a series is accused \
              whose objects such handles keep, or from 10,000 handles, else `notice`.",
    explanation: "Every handle keeps a kernel object. A program that opens and does not close makes the kernel's object \
                  tags or slab caches grow, although no driver is at fault.",
    next: &[
        "Stop or restart the process and look again: the memory comes back with its handles.",
        "Update the program, or report the leak with the numbers above to its maker.",
    ],
    sources: &[
        "https://learn.microsoft.com/windows/win32/sysinfo/kernel-objects",
        "https://www.kernel.org/doc/html/latest/filesystems/proc.html (fd)",
    ],
    find,
};

/// From here a collector is a warning by itself.
const MANY: u64 = 10_000;

fn find(context: &Context<'_>, spec: &Spec) -> Vec<Finding> {
    collectors(context.history).iter().take(3).map(|c| of_process(context, spec, c)).collect()
}

fn of_process(context: &Context<'_>, spec: &Spec, collector: &Collector) -> Finding {
    let held: Vec<_> = context
        .draft
        .series
        .iter()
        .filter(|s| findings::accused(s) && collector.keeps(&s.tag.to_string()))
        .collect();
    let severity =
        if !held.is_empty() || collector.gained >= MANY { Severity::Warning } else { Severity::Notice };
    let what = collector.kind.as_deref().unwrap_or("handle");
    let mut finding = spec.finding(
        severity,
        format!("{} (process {}) gained {} {what}s", collector.name, collector.pid, count(collector.gained)),
    );
    finding.evidence.push(format!(
        "From {} to {} in {}{}.",
        count(collector.before),
        count(collector.after),
        duration(collector.span_s),
        collector.share.map(|s| format!(", {} of what all processes gained", crate::words::percent(s))).unwrap_or_default()
    ));
    for series in &held {
        finding.evidence.extend(super::evidence::growth(series).map(|g| format!("{}: {g}", series.name())));
    }
    finding.series = held.iter().map(|s| s.name()).collect();
    finding.weight = held.iter().map(|s| super::weight::of_series(s)).sum::<f64>() + collector.gained as f64;
    finding
}
