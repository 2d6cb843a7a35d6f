//! The bill of trace buffers against `EtwB`.

use super::{Context, Spec};
use crate::thresholds as limit;
use crate::words::{bytes, percent};
use crate::{Finding, Severity};

pub(super) const SPEC: Spec = Spec {
    code: "PS0402",
    title: "Trace buffers hold much memory",
    trigger: "the sessions' buffers, or the tag `EtwB`, hold 512 MiB or more: `warning`. Below that, and with the \
              sessions explaining 80 % or more of `EtwB`: `ok`.",
    explanation: "`EtwB` is buffers × size of the sessions: a setting, not a leak. The session with the largest share is \
                  the one to shrink. What the sessions do not explain may belong to sessions that could not be read.",
    next: &["Shrink or stop the largest session (its owner sets the buffer size): `logman query NAME -ets`."],
    sources: &["https://learn.microsoft.com/windows/win32/api/evntrace/ns-evntrace-event_trace_properties"],
    find,
};

fn find(context: &Context<'_>, spec: &Spec) -> Vec<Finding> {
    let Some(etw) = &context.draft.etw else { return Vec::new() };
    let held = etw.total.max(etw.etwb.unwrap_or(0));
    let explained = etw.etwb.filter(|&b| b > 0).map(|b| etw.total as f64 / b as f64);
    let severity = match (held >= limit::ETW_BYTES, explained) {
        (true, _) => Severity::Warning,
        (false, Some(share)) if share >= 0.8 => Severity::Ok,
        _ => return Vec::new(),
    };
    let mut finding = spec.finding(severity, format!("Trace buffers hold {}", bytes(held)));
    finding.evidence.push(format!("{} sessions bill {}, {} of it nonpaged.", etw.sessions.len(), bytes(etw.total), bytes(etw.nonpaged)));
    if let (Some(etwb), Some(share)) = (etw.etwb, explained) {
        finding.evidence.push(format!("The tag EtwB holds {}; the sessions explain {} of it.", bytes(etwb), percent(share.min(1.0))));
    }
    for billed in etw.sessions.iter().take(3).filter(|_| severity != Severity::Ok) {
        finding.evidence.extend(billed.bytes.map(|b| format!("{}: {}.", billed.session.name, bytes(b))));
    }
    if severity == Severity::Ok {
        finding.next.clear();
    }
    finding.series = context.draft.series.iter().filter(|s| s.tag.as_bytes() == b"EtwB").map(|s| s.name()).collect();
    finding.weight = held as f64;
    vec![finding]
}
