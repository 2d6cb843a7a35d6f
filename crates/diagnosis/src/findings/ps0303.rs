//! Secure System is large.

use super::{Context, Spec};
use crate::findings::flag;
use crate::Finding;

pub(super) const SPEC: Spec = Spec {
    code: "PS0303",
    title: "Secure System is large",
    trigger: "the working set of Secure System is above 1 GiB (absolute) or above 6 % of memory (scaled to this machine). `warning` when the scaled limit is passed, `notice` when only the absolute one is, `critical` from a quarter of memory.",
    explanation: "Secure System is the process of the secure kernel, which hosts memory integrity (HVCI). 80 to 100 MB are usual. A hypothesis, not a proven mechanism: HVCI keeps records for kernel pages, so Secure System would grow as pool leaks; then it is a symptom, and the leaking tag is the cause.",
    next: &["Look at PS0601: whether this recording shows that it follows the pools.",
        "Do not turn memory integrity off for this; find the leaking tag first."],
    sources: &["https://learn.microsoft.com/windows-hardware/design/device-experiences/oem-vbs"],
    find,
};

fn find(context: &Context<'_>, spec: &Spec) -> Vec<Finding> {
    flag::raise(context, spec, "secure_system", "Secure System").into_iter().collect()
}
