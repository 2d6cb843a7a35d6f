//! How many trace sessions run.

use super::{Context, Spec};
use crate::thresholds as limit;
use crate::words::{bytes, list};
use crate::{Finding, Severity};

pub(super) const SPEC: Spec = Spec {
    code: "PS0401",
    title: "Number of event-tracing sessions",
    trigger: "sessions were read. Up to 25 are ordinary (`ok`), from 26 `notice`, from 30 elevated (`warning` only if \
              their bill is large too, else `notice`), from 50 excessive (`warning`).",
    explanation: "Each session owns buffers, mostly in nonpaged pool, at least two for every processor. 15 to 25 are \
                  usual; Windows allows 64, and then new ones fail, those of monitors included.",
    next: &[
        "List them by memory: `poolscope etw`.",
        "Stop sessions that crashed tools left behind: `logman stop NAME -ets`; a Restart brings back those of \
         auto-loggers.",
    ],
    sources: &["https://learn.microsoft.com/windows/win32/etw/event-tracing-sessions", "https://github.com/fireeye/pywintrace/issues/45"],
    find,
};

fn find(context: &Context<'_>, spec: &Spec) -> Vec<Finding> {
    let Some(etw) = &context.draft.etw else { return Vec::new() };
    let n = etw.sessions.len();
    let (severity, word) = match n {
        n if n >= limit::ETW_EXCESSIVE => (Severity::Warning, "excessive"),
        n if n >= limit::ETW_ELEVATED && etw.total >= limit::ETW_BYTES => (Severity::Warning, "elevated, and costly"),
        n if n >= limit::ETW_ELEVATED => (Severity::Notice, "elevated"),
        n if n > limit::ETW_NORMAL => (Severity::Notice, "more than usual"),
        _ => (Severity::Ok, "ordinary"),
    };
    let mut finding = spec.finding(severity, format!("{n} event-tracing sessions: {word}"));
    finding.evidence.push(format!(
        "Usual: 15 to {}; elevated from {}, excessive from {}.",
        limit::ETW_NORMAL,
        limit::ETW_ELEVATED,
        limit::ETW_EXCESSIVE
    ));
    finding.evidence.push(format!("Their buffers hold {}.", bytes(etw.total)));
    if severity == Severity::Ok {
        finding.next.clear();
    } else {
        let heavy: Vec<&str> = etw.sessions.iter().map(|s| s.session.name.as_str()).collect();
        finding.evidence.push(format!("Largest: {}.", list(&heavy, 5)));
    }
    finding.weight = etw.total as f64;
    vec![finding]
}
