//! Secure System against the pools.

use super::{Context, Spec};
use crate::words::{bytes, duration, number};
use crate::{Finding, Regression, Severity};

pub(super) const SPEC: Spec = Spec {
    code: "PS0601",
    title: "Secure System follows the pools",
    trigger: "the recording holds both over at least eight samples of one boot, the correlation is 0.8 or more, and \
              that of the changes between samples 0.3 or more (two things that merely both grow do not reach that). \
              `notice`. Otherwise, with Secure System above its limit: said to be not shown by this recording, `notice`.",
    explanation: "Hypothesis, marked as such: with memory integrity (HVCI) the secure kernel keeps records for kernel \
                  pages, so leaked pool that is never freed would make Secure System grow with it. Then it is a symptom, \
                  and the leaking tag the cause. A correlation supports this; it does not prove the mechanism.",
    next: &["Find the leaking tag first; Secure System should shrink with it after a Restart."],
    sources: &["https://learn.microsoft.com/windows-hardware/design/device-experiences/oem-vbs", "the regression itself: crates/diagnosis/src/vbs.rs"],
    find,
};

fn find(context: &Context<'_>, spec: &Spec) -> Vec<Finding> {
    let Some(vbs) = &context.draft.vbs else { return Vec::new() };
    let large = context
        .draft
        .memory
        .as_ref()
        .is_some_and(|m| m.flags.iter().any(|f| f.name == "secure_system" && (f.above_absolute || f.above_scaled)));
    let finding = match &vbs.regression {
        Some(regression) if regression.shown => {
            let title = format!("Secure System follows the pools (r {:.2})", regression.r);
            numbers(spec.finding(Severity::Notice, title), regression)
        }
        Some(regression) if large => {
            let title = "That Secure System follows the pools is not shown by this recording".to_owned();
            numbers(spec.finding(Severity::Notice, title), regression)
        }
        None if large => {
            let title = "Whether Secure System follows the pools: not shown by this recording".to_owned();
            let mut finding = spec.finding(Severity::Notice, title);
            finding.evidence.push("The recording holds too few moments with both.".to_owned());
            finding.next.insert(0, "Record for some hours: `poolscope track 60`.".to_owned());
            finding
        }
        _ => return Vec::new(),
    };
    vec![finding]
}

fn numbers(mut finding: Finding, r: &Regression) -> Finding {
    finding.evidence.push(format!(
        "{} of Secure System for each MiB of pool, over {} samples.",
        bytes((r.slope.max(0.0) * f64::from(1 << 20)) as u64),
        r.samples
    ));
    let changes = r.r_of_changes.map_or_else(|| "not known".to_owned(), number);
    finding.evidence.push(format!("Correlation {} of the levels, {changes} of the changes.", number(r.r)));
    let lag = match r.lag_s {
        s if s > 0.0 => format!("Secure System follows {} later", duration(s)),
        s if s < 0.0 => format!("Secure System comes {} earlier", duration(-s)),
        _ => "at the same time".to_owned(),
    };
    finding.evidence.push(format!("Best lag: {lag} (correlation {}).", number(r.r_at_lag)));
    finding
}
