//! Nonpaged pool is large.

use super::{Context, Spec};
use crate::findings::flag;
use crate::Finding;

pub(super) const SPEC: Spec = Spec {
    code: "PS0301",
    title: "Nonpaged pool is large",
    trigger: "nonpaged pool is above 500 MiB (absolute) or above 6 % of memory (scaled to this machine). `warning` when the scaled limit is passed, `notice` when only the absolute one is, `critical` from a quarter of memory.",
    explanation: "Nonpaged pool stays in physical memory whatever happens, so what it takes is taken from every program. A few hundred MiB are usual; drivers, network rings and trace buffers live here.",
    next: &["See which tag holds it: the ranking below, or `poolscope snapshot --pool nonpaged --top 10`.",
        "Record for an hour to tell a large tag from a growing one: `poolscope track 30 120`."],
    sources: &["https://learn.microsoft.com/windows/win32/memory/memory-pools"],
    find,
};

fn find(context: &Context<'_>, spec: &Spec) -> Vec<Finding> {
    flag::raise(context, spec, "nonpaged_pool", "Nonpaged pool").into_iter().collect()
}
