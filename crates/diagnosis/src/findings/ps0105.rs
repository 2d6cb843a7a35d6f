//! Suspects.

use detection::{Shape, Verdict};

use super::{Context, Spec, evidence, weight};
use crate::words::{list, plural};
use crate::{Finding, JudgedSeries, Severity};

pub(super) const SPEC: Spec = Spec {
    code: "PS0105",
    title: "Tags look like leaks, but the evidence is short of it",
    trigger: "verdict `suspect` outside a reported family. `notice`; `warning` when one would fill what is left within \
              a week. Suspects of equal severity share one finding.",
    explanation: "These series grow in a way that some ordinary caches do as well. A longer recording decides.",
    next: &["Record longer, over a whole working day if you can: `poolscope track 60`."],
    sources: &["docs/detection.md, verdicts"],
    find,
};

fn find(context: &Context<'_>, spec: &Spec) -> Vec<Finding> {
    let suspects: Vec<&JudgedSeries> = context
        .with_verdict(Verdict::Suspect)
        .filter(|s| s.judgement.family.is_none() && s.judgement.shape != Some(Shape::Stopped))
        .collect();
    [Severity::Warning, Severity::Notice]
        .into_iter()
        .filter_map(|severity| {
            let of_severity: Vec<&JudgedSeries> =
                suspects.iter().copied().filter(|s| weight::suspect(context, s) == severity).collect();
            (!of_severity.is_empty()).then(|| together(context, spec, severity, &of_severity))
        })
        .collect()
}

fn together(context: &Context<'_>, spec: &Spec, severity: Severity, suspects: &[&JudgedSeries]) -> Finding {
    let names: Vec<String> = suspects.iter().map(|s| s.name()).collect();
    let verb = if suspects.len() == 1 { "looks" } else { "look" };
    let title = format!("{} {verb} like {}", list(&names, 3), plural(suspects.len(), "leak", "leaks").replacen("1 leak", "a leak", 1));
    let mut finding = spec.finding(severity, title);
    for series in suspects.iter().take(5) {
        let numbers: Vec<String> =
            evidence::growth(series).into_iter().chain(evidence::held(context, series)).collect();
        let confidence =
            series.judgement.confidence.map(|c| format!(" Probability {c:.2}.")).unwrap_or_default();
        finding.evidence.push(format!("{}: {}{confidence}", series.name(), numbers.join(" ")));
        finding.evidence.push(evidence::owner(series));
    }
    let longest = suspects.iter().filter_map(|s| s.judgement.needs_s).fold(0.0, f64::max);
    if longest > 0.0 {
        finding.evidence.push(format!("About {} more of recording decides.", crate::words::duration(longest)));
    }
    finding.confidence = suspects.iter().filter_map(|s| s.judgement.confidence).reduce(f64::max);
    finding.weight = suspects.iter().map(|s| weight::of_series(s)).sum();
    finding.series = names;
    finding
}
