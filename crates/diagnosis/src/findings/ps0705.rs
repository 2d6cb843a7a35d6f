//! Leaks that others have described.

use attribution::rules::{Match, Scene, Suspect, matching};
use detection::Verdict;

use super::{Context, Spec, accused, weight};
use crate::words::list;
use crate::{Finding, JudgedSeries, Severity, facts};

pub(super) const SPEC: Spec = Spec {
    code: "PS0705",
    title: "The pattern matches a known leak",
    trigger: "accused tags, drivers, processes and build match a rule of the table of known leaks. Severity is that of \
              the heaviest series it names; a rule of which a condition could not be checked is a `notice` at most.",
    explanation: "Somebody has met this pattern before and written it down. The rule names its source and the remedy; a \
                  condition that could not be checked is said with it.",
    next: &[],
    sources: &["crates/attribution/data/rules.txt, each rule with its citations"],
    find,
};

fn find(context: &Context<'_>, spec: &Spec) -> Vec<Finding> {
    let series: Vec<&JudgedSeries> = context.draft.series.iter().filter(|s| accused(s)).collect();
    if series.is_empty() {
        return Vec::new();
    }
    let suspects: Vec<Suspect<'_>> = series
        .iter()
        .map(|s| Suspect {
            tag: &s.tag,
            growing: matches!(s.judgement.verdict, Verdict::Leak | Verdict::Suspect),
            allocs: s.judgement.allocs,
            frees: s.judgement.frees,
            bytes: s.judgement.bytes,
        })
        .collect();
    let history = context.history;
    let scene = Scene {
        suspects: &suspects,
        drivers: facts::newest(history, |f| f.drivers.as_deref()).map(|(_, d)| d),
        modules: facts::newest(history, |f| f.modules.as_deref()).map(|(_, m)| m),
        processes: facts::newest(history, |f| f.processes.as_deref()).map(|(_, p)| p),
        build: history.host.build.as_deref(),
    };
    matching(&scene).iter().take(3).map(|found| of_match(context, spec, found, &series)).collect()
}

fn of_match(context: &Context<'_>, spec: &Spec, found: &Match, series: &[&JudgedSeries]) -> Finding {
    let named: Vec<&&JudgedSeries> = series.iter().filter(|s| found.tags.contains(&s.tag)).collect();
    let heaviest = named.iter().filter_map(|s| weight::of_verdict(context, s)).min().unwrap_or(Severity::Notice);
    let severity = if found.unchecked.is_empty() { heaviest } else { heaviest.max(Severity::Notice) };
    let sure = if found.unchecked.is_empty() { "Matches" } else { "May be" };
    let mut finding = spec.finding(severity, format!("{sure} a known leak: {}", found.rule.title));
    finding.evidence = found.evidence.clone();
    finding.evidence.extend(found.unchecked.iter().map(|u| format!("Not checked: {u}")));
    finding.evidence.push(format!("{}: {}.", capital(found.rule.standing.as_str()), list(&found.rule.citations, 3)));
    finding.explanation = format!("{} {}", found.rule.why, spec.explanation);
    if !found.rule.trigger.is_empty() {
        finding.evidence.push(format!("Set off by: {}", found.rule.trigger));
    }
    finding.next = found.rule.remedies.clone();
    finding.series = named.iter().map(|s| s.name()).collect();
    // Just below the finding of the series themselves.
    finding.weight = named.iter().map(|s| weight::of_series(s)).sum::<f64>() * 0.98;
    finding
}

fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
