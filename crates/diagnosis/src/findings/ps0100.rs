//! Nothing found.

use super::{Context, Spec};
use crate::{Finding, Severity, words};

pub(super) const SPEC: Spec = Spec {
    code: "PS0100",
    title: "Nothing here needs action",
    trigger: "no other finding is `warning` or `critical`, and the recording is not too short to judge (PS0703); always \
              `ok`.",
    explanation: "No series of the input leaks or holds an unusual share of memory, and no flag of the memory counters \
                  is up. That is a statement about the time that was recorded: a leak that works only under some load \
                  does not show while that load is away.",
    next: &["If memory still shrinks: record while it happens (`poolscope track 30`), for hours rather than minutes."],
    sources: &["the program's own method: docs/detection.md"],
    find,
};

fn find(context: &Context<'_>, spec: &Spec) -> Vec<Finding> {
    let draft = context.draft;
    let judged = draft.series.len();
    if judged == 0 && draft.memory.is_none() {
        return Vec::new();
    }
    let mut finding = spec.finding(Severity::Ok, spec.title.to_owned());
    if judged == 0 {
        // Nothing can be said of tags that were not read.
        finding.title = "No flag of the memory counters is up; tags were not read".to_owned();
        finding.explanation = "Where the memory is was looked at, what the kernel allocates was not.".to_owned();
    } else {
        finding.evidence.push(format!(
            "{} judged over {}.",
            words::plural(judged, "series", "series"),
            words::plural(draft.source.samples, "sample", "samples")
        ));
    }
    vec![finding]
}
