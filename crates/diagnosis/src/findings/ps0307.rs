//! Unreclaimable slab on Linux.

use super::{Context, Spec, flag};
use crate::Finding;

pub(super) const SPEC: Spec = Spec {
    code: "PS0307",
    title: "Unreclaimable slab is large",
    trigger: "Linux: unreclaimable slab above 12 % of memory: `warning`; above a quarter: `critical`.",
    explanation: "The kernel cannot give this memory back under pressure. Caches of inodes and directory entries do not \
                  count here; objects that somebody still holds do.",
    next: &["See which cache holds it: `poolscope snapshot --pool slab --top 10`, and record it: `poolscope track 10`."],
    sources: &["https://www.kernel.org/doc/html/latest/filesystems/proc.html (SUnreclaim)"],
    find,
};

fn find(context: &Context<'_>, spec: &Spec) -> Vec<Finding> {
    flag::raise(context, spec, "slab_unreclaimable", "Unreclaimable slab").into_iter().collect()
}
