//! A family with its holder.

use super::{Context, Spec, evidence, weight};
use crate::words::{bytes, list, per_day};
use crate::{Finding, JudgedFamily, JudgedSeries};

pub(super) const SPEC: Spec = Spec {
    code: "PS0102",
    title: "Tags grow together in fixed ratios: one leak, one holder",
    trigger: "a family of two or more series of which one is a leak, a suspect or unfreed. Severity is that of its \
              heaviest member.",
    explanation: "Allocations of different components that grow in small whole-number ratios belong together: each time \
                  the holder keeps one of its own objects, it pins one of each of the others. The largest tag is often \
                  a victim. The member without frees whose driver sits highest in the stack is the one to ask.",
    next: &[
        "Update or remove the holder, not the largest tag's owner.",
        "For a minifilter: `fltmc instances` shows where it is attached, and detaching it on a test machine tells \
         whether the family stops growing.",
    ],
    sources: &["https://github.com/microsoft/WSL/issues/40804", "docs/detection.md, families"],
    find,
};

fn find(context: &Context<'_>, spec: &Spec) -> Vec<Finding> {
    context.draft.families.iter().filter_map(|family| of_family(context, spec, family)).collect()
}

fn of_family(context: &Context<'_>, spec: &Spec, family: &JudgedFamily) -> Option<Finding> {
    let members: Vec<&JudgedSeries> =
        context.draft.series.iter().filter(|s| s.judgement.family == Some(family.id)).collect();
    let severity = members
        .iter()
        .filter_map(|s| weight::of_verdict(context, s))
        .min()?;
    let holder = family.holder.as_ref().and_then(crate::Holder::name);
    let names: Vec<String> = members.iter().map(|s| s.tag.to_string().trim_end().to_owned()).collect();
    let who = holder.as_deref().map(|h| format!(", most likely held by {h}")).unwrap_or_default();
    let mut finding =
        spec.finding(severity, format!("{} tags grow together{who}: {}", members.len(), list(&names, 4)));
    finding.evidence.push(format!("Ratios {}.", ratios(family)));
    let total: Vec<String> =
        family.rate_per_day.map(per_day).into_iter().chain(family.bytes.map(|b| format!("{} held", bytes(b)))).collect();
    if !total.is_empty() {
        finding.evidence.push(format!("Together {}.", total.join(", ")));
    }
    if let Some(holder) = &family.holder {
        finding.evidence.extend(holder.reasons.iter().cloned());
    }
    let heaviest = members.iter().max_by(|a, b| weight::of_series(a).total_cmp(&weight::of_series(b)))?;
    finding.evidence.extend(evidence::exhaustion(context, heaviest));
    for member in &members {
        finding.evidence.push(evidence::owner(member));
    }
    if let Some(own) = members.iter().find_map(|s| s.owners.explanation.as_ref()) {
        finding.explanation = format!("{} {own}", spec.explanation);
    }
    finding.series = members.iter().map(|s| s.name()).collect();
    finding.confidence = members.iter().filter_map(|s| s.judgement.confidence).reduce(f64::max);
    finding.weight = members.iter().map(|s| weight::of_series(s)).sum();
    Some(finding)
}

fn ratios(family: &JudgedFamily) -> String {
    let parts: Vec<String> =
        family.members.iter().zip(&family.ratio).map(|(name, ratio)| format!("{name} {ratio}")).collect();
    parts.join(", ")
}
