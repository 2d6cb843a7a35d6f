//! Sessions that stand out.

use super::{Context, Spec};
use crate::thresholds as limit;
use crate::words::{bytes, count, plural};
use crate::{BilledSession, Finding, Severity};

pub(super) const SPEC: Spec = Spec {
    code: "PS0403",
    title: "Trace sessions known to be heavy, or losing events",
    trigger: "a session holds 64 MiB or more, or sessions lost events. `notice`.",
    explanation: "Endpoint protection, DLP, VPN clients, telemetry and vendors' auto-loggers keep sessions with large \
                  buffers. Lost events say that a session's buffers are too small or its reader is stuck.",
    next: &["Ask the product's owner whether the session is needed at this size; auto-loggers are under \
             `HKLM\\SYSTEM\\CurrentControlSet\\Control\\WMI\\Autologger`."],
    sources: &["https://learn.microsoft.com/windows/win32/etw/configuring-and-starting-an-autologger-session"],
    find,
};

fn find(context: &Context<'_>, spec: &Spec) -> Vec<Finding> {
    let Some(etw) = &context.draft.etw else { return Vec::new() };
    let heavy: Vec<&BilledSession> =
        etw.sessions.iter().filter(|s| s.bytes.is_some_and(|b| b >= limit::ETW_SESSION_BYTES)).collect();
    let losing: Vec<&BilledSession> = etw.sessions.iter().filter(|s| s.session.events_lost.unwrap_or(0) > 0).collect();
    if heavy.is_empty() && losing.is_empty() {
        return Vec::new();
    }
    let title = match heavy.first() {
        Some(first) => format!(
            "{} with {} or more: {}",
            plural(heavy.len(), "trace session", "trace sessions"),
            bytes(limit::ETW_SESSION_BYTES),
            first.session.name
        ),
        None => format!("{} lost events", plural(losing.len(), "trace session", "trace sessions")),
    };
    let mut finding = spec.finding(Severity::Notice, title);
    for billed in &heavy {
        let known = billed.known.map(|k| format!(" ({k})")).unwrap_or_default();
        finding.evidence.push(format!("{}{known}: {}.", billed.session.name, bytes(billed.bytes.unwrap_or(0))));
    }
    for billed in losing.iter().take(5) {
        finding.evidence.push(format!(
            "{} lost {} events.",
            billed.session.name,
            count(billed.session.events_lost.unwrap_or(0))
        ));
    }
    finding.weight = heavy.iter().filter_map(|s| s.bytes).fold(0_u64, u64::saturating_add) as f64;
    vec![finding]
}
