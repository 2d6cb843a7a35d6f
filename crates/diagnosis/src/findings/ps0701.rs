//! Fast Startup keeps the kernel.

use super::{Context, Spec, events};
use crate::thresholds as limit;
use crate::words::duration;
use crate::{Finding, Severity};

pub(super) const SPEC: Spec = Spec {
    code: "PS0701",
    title: "The last shutdown did not restart the kernel (Fast Startup)",
    trigger: "the last boot event is of type `fast-startup`, or a shutdown or boot event lies inside the kernel's \
              uptime by an hour or more. `warning` when a tag is accused, else `notice`.",
    explanation: "With Fast Startup a Shut down writes the kernel to disk and the next start reads it back, leaks and \
                  all. Only Restart begins with a fresh kernel.",
    next: &[
        "Choose Restart instead of Shut down to clear leaked kernel memory.",
        "To make every shutdown a real one: `powercfg /h off`, or clear \"Turn on fast startup\" in the power options.",
    ],
    sources: &[
        "https://learn.microsoft.com/windows-hardware/drivers/kernel/distinguishing-fast-startup-from-wake-from-hibernation",
        "https://github.com/anthropics/claude-code/issues/94198",
    ],
    find,
};

fn find(context: &Context<'_>, spec: &Spec) -> Vec<Finding> {
    let Some(evidence) = kept_kernel(context) else { return Vec::new() };
    let accused = context.draft.series.iter().any(|s| {
        super::accused(s) && super::weight::held(context, s) <= Severity::Warning
    });
    let severity = if accused { Severity::Warning } else { Severity::Notice };
    let mut finding = spec.finding(severity, "The kernel is older than the last shutdown: use Restart".to_owned());
    finding.evidence = evidence;
    vec![finding]
}

/// The evidence that the kernel outlived a shutdown.
pub(crate) fn kept_kernel(context: &Context<'_>) -> Option<Vec<String>> {
    let all = context.draft.events.as_deref()?;
    let last_boot = all.iter().rev().find(|e| e.kind == "boot");
    let mut out = Vec::new();
    if let Some(boot) = last_boot.filter(|b| b.boot_type.as_deref() == Some("fast-startup")) {
        out.push(format!("The last start, {}, was a Fast Startup.", events::when(boot)));
    }
    if let (Some(end), Some(uptime)) = (context.draft.source.end, context.draft.source.kernel_uptime_s) {
        let inside = all.iter().rev().find(|e| {
            matches!(e.kind.as_str(), "boot" | "shutdown")
                && e.boot_type.as_deref() != Some("resume")
                && e.at.is_some_and(|at| {
                    let ago = end.seconds_since(at);
                    ago >= 0.0 && ago + limit::FAST_STARTUP_GAP_S < uptime
                })
        });
        if let Some(event) = inside {
            let ago = event.at.map(|at| end.seconds_since(at)).unwrap_or_default();
            out.push(format!(
                "The kernel has been up for {}, but the last {} was {} ago.",
                duration(uptime),
                event.kind,
                duration(ago)
            ));
        }
    }
    (!out.is_empty()).then_some(out)
}
