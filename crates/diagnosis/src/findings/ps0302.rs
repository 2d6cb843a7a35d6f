//! Paged pool is large.

use super::{Context, Spec};
use crate::findings::flag;
use crate::Finding;

pub(super) const SPEC: Spec = Spec {
    code: "PS0302",
    title: "Paged pool is large",
    trigger: "paged pool is above 1.5 GiB (absolute) or above 12 % of memory (scaled to this machine). `warning` when the scaled limit is passed, `notice` when only the absolute one is, `critical` from a quarter of memory.",
    explanation: "Paged pool can be written to the page file, but its address space, commit and much of it resident cost memory all the same. File servers hold a lot of it as caches (`MmSt`, `FMfn`); tokens and registry hives do not belong there in gigabytes.",
    next: &["See which tag holds it: the ranking below, or `poolscope snapshot --pool paged --top 10`."],
    sources: &["https://learn.microsoft.com/windows/win32/memory/memory-pools"],
    find,
};

fn find(context: &Context<'_>, spec: &Spec) -> Vec<Finding> {
    flag::raise(context, spec, "paged_pool", "Paged pool").into_iter().collect()
}
