//! Caches that fill.

use detection::Verdict;

use super::{Context, Spec, evidence, weight};
use crate::words::{list, plural};
use crate::{Finding, JudgedSeries, Severity};

pub(super) const SPEC: Spec = Spec {
    code: "PS0106",
    title: "Caches fill up and slow down",
    trigger: "verdict `filling`, or a series that merely follows a reclaimable cache. Always `ok`.",
    explanation: "These series grow, but each hour less than the one before, or they follow a cache that the kernel \
                  empties under pressure. File caches, name caches and section objects do that after every boot.",
    next: &[],
    sources: &["docs/detection.md, saturation and passengers"],
    find,
};

fn find(context: &Context<'_>, spec: &Spec) -> Vec<Finding> {
    let mut filling: Vec<&JudgedSeries> = context
        .draft
        .series
        .iter()
        .filter(|s| s.judgement.verdict == Verdict::Filling || s.follows.is_some())
        .collect();
    if filling.is_empty() {
        return Vec::new();
    }
    filling.sort_by(|a, b| weight::of_series(b).total_cmp(&weight::of_series(a)));
    let names: Vec<String> = filling.iter().map(|s| s.name()).collect();
    let mut finding = spec.finding(
        Severity::Ok,
        format!("{} of an ordinary kind: {}", plural(names.len(), "cache", "caches"), list(&names, 3)),
    );
    for series in filling.iter().take(5) {
        let follows = series.follows.as_ref().map(|f| format!(" Follows {f}.")).unwrap_or_default();
        if let Some(held) = evidence::held(context, series) {
            finding.evidence.push(format!("{}: {held}{follows}", series.name()));
        }
    }
    finding.weight = filling.iter().map(|s| weight::of_series(s)).sum();
    finding.series = names;
    vec![finding]
}
