//! Bugchecks.

use super::{Context, Spec, events};
use crate::words::plural;
use crate::{Finding, Severity, bugcheck_name};

pub(super) const SPEC: Spec = Spec {
    code: "PS0503",
    title: "The machine crashed recently",
    trigger: "bugchecks within thirty days before the end of the recording. `notice`; `warning` when one is a pool or \
              memory bugcheck (0x19, 0x1A, 0x3F, 0x4E, 0x76, 0xC2, 0xC4, 0xC5).",
    explanation: "A crash may have the same reason as the growth, most likely when its code is about pools or when a \
                  driver of an accused tag stands in its dump.",
    next: &["Open the dump in WinDbg: `!analyze -v`, then `!poolused 2` and `!poolused 4` for the tags at that moment."],
    sources: &["https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-code-reference2"],
    find,
};

const OF_MEMORY: [u32; 8] = [0x19, 0x1A, 0x3F, 0x4E, 0x76, 0xC2, 0xC4, 0xC5];

fn find(context: &Context<'_>, spec: &Spec) -> Vec<Finding> {
    let crashes = events::recent(context, |e| e.kind == "bugcheck");
    if crashes.is_empty() {
        return Vec::new();
    }
    let of_memory = crashes.iter().any(|e| e.bugcheck.is_some_and(|code| OF_MEMORY.contains(&code)));
    let severity = if of_memory { Severity::Warning } else { Severity::Notice };
    let mut finding = spec.finding(severity, format!("{} in the last thirty days", plural(crashes.len(), "crash", "crashes")));
    for event in crashes.iter().rev().take(5) {
        let code = event.bugcheck.map(|code| {
            let name = bugcheck_name(code).map(|n| format!(" {n}")).unwrap_or_default();
            format!("bugcheck 0x{code:X}{name}")
        });
        let parameters = event.parameters.as_ref().map(|p| {
            let hex: Vec<String> = p.iter().map(|v| format!("0x{v:X}")).collect();
            format!("parameters {}", hex.join(" "))
        });
        let dump = event.dump.as_ref().map(|d| format!("dump {d}"));
        let parts: Vec<String> = [code, parameters, dump].into_iter().flatten().collect();
        finding.evidence.push(format!("{}: {}.", events::when(event), parts.join(", ")));
    }
    vec![finding]
}
