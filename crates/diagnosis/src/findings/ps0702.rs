//! Reboots inside the recording.

use super::{Context, Spec, evidence};
use crate::words::{list, plural};
use crate::{Finding, Severity};

pub(super) const SPEC: Spec = Spec {
    code: "PS0702",
    title: "The recording spans several boots",
    trigger: "samples of more than one boot. `ok`.",
    explanation: "A restart begins with empty pools. Growth is judged within each boot, and earlier boots at the same \
                  uptime serve as the machine's own baseline.",
    next: &["To see what one boot changed: `poolscope compare FILE --boots 1,2`."],
    sources: &["docs/detection.md, baselines"],
    find,
};

fn find(context: &Context<'_>, spec: &Spec) -> Vec<Finding> {
    let samples = &context.history.samples;
    let reboots: Vec<String> = samples
        .iter()
        .zip(samples.iter().skip(1))
        .filter(|(a, b)| matches!((a.boot, b.boot), (Some(a), Some(b)) if a != b))
        .map(|(_, b)| b.at.to_rfc3339().map_or_else(|| "an unknown time".to_owned(), |at| evidence::to_second(&at)))
        .collect();
    if reboots.is_empty() {
        return Vec::new();
    }
    let mut finding =
        spec.finding(Severity::Ok, format!("{} inside the recording", plural(reboots.len(), "restart", "restarts")));
    finding.evidence.push(format!("First sample after each: {}.", list(&reboots, 5)));
    vec![finding]
}
