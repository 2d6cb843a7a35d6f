//! Not enough data.

use detection::Verdict;

use super::{Context, Spec};
use crate::words::{bytes, count, duration, plural};
use crate::{Finding, JudgedSeries, Severity};

pub(super) const SPEC: Spec = Spec {
    code: "PS0703",
    title: "The recording is too short to judge growth",
    trigger: "at least half of the series are `insufficient`, or there is only one sample. `notice`.",
    explanation: "A single snapshot shows what is large and never freed, not what grows. A few samples tell fast leaks \
                  only.",
    next: &["Record longer: `poolscope track 30 120` takes an hour."],
    sources: &["docs/detection.md, how long it takes"],
    find,
};

fn find(context: &Context<'_>, spec: &Spec) -> Vec<Finding> {
    let series = &context.draft.series;
    let open: Vec<_> = series.iter().filter(|s| s.judgement.verdict == Verdict::Insufficient).collect();
    let single = context.draft.source.samples == 1;
    if series.is_empty() || (!single && open.len() * 2 < series.len()) {
        return Vec::new();
    }
    let title = if single {
        "One snapshot shows what is large, not what grows".to_owned()
    } else {
        format!("{} of {} cannot be judged yet", open.len(), plural(series.len(), "series", "series"))
    };
    let mut finding = spec.finding(Severity::Notice, title);
    finding.evidence.push(format!("{}.", plural(context.draft.source.samples, "sample", "samples")));
    // Whom to look at again, without a word of blame.
    let first: Vec<String> = open.iter().take(3).map(|s| at_a_glance(s)).collect();
    if single && !first.is_empty() {
        finding.evidence.push(format!("First to look at again: {}.", first.join("; ")));
    }
    // The time most of them need; a single odd series must not send anyone away for a month.
    let mut needs: Vec<f64> = open.iter().filter_map(|s| s.judgement.needs_s).filter(|n| n.is_finite()).collect();
    needs.sort_by(f64::total_cmp);
    if let Some(needed) = needs.get(needs.len() / 2) {
        finding.evidence.push(format!("Half of them can be judged after {} more.", duration(*needed)));
    }
    vec![finding]
}

/// `AfdE/nonpaged (afd.sys) 48.8 MiB in 110,340 allocations`.
fn at_a_glance(series: &JudgedSeries) -> String {
    let owner = series.owner().filter(|_| !series.owners.shared).map(|o| format!(" ({o})")).unwrap_or_default();
    let held = series.judgement.bytes.map(|b| format!(" {}", bytes(b))).unwrap_or_default();
    let counted = match series.judgement.outstanding {
        Some(n) if held.is_empty() => format!(" {} allocations", count(n)),
        Some(n) => format!(" in {} allocations", count(n)),
        None => String::new(),
    };
    format!("{}{owner}{held}{counted}", series.name())
}
