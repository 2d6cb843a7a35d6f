//! The findings: one file each, registered here, documented by [`reference()`].
//!
//! A code is stable: it is never given to another finding, and a finding that goes leaves its number unused.

mod events;
mod evidence;
mod flag;
mod reference;
pub(crate) mod weight;

use detection::Verdict;
use snapshot::History;

use crate::{Diagnosis, Finding, JudgedSeries, Options, Severity};
pub use reference::{page, reference};

macro_rules! registry {
    ($($module:ident),* $(,)?) => {
        $(mod $module;)*
        /// Every finding there is, by code.
        pub const ALL: &[&Spec] = &[$(&$module::SPEC),*];
    };
}

registry!(
    ps0100, ps0101, ps0102, ps0103, ps0104, ps0105, ps0106, ps0107, ps0108, ps0201, ps0202, ps0301, ps0302,
    ps0303, ps0304, ps0305, ps0306, ps0307, ps0401, ps0402, ps0403, ps0501, ps0502, ps0503, ps0504, ps0505,
    ps0601, ps0602, ps0701, ps0702, ps0703, ps0704, ps0705,
);

/// What a finding is, and how it is found.
pub struct Spec {
    /// Stable code.
    pub code: &'static str,
    /// What it says, without the numbers.
    pub title: &'static str,
    /// What makes it appear, and with which severity.
    pub trigger: &'static str,
    /// Why it matters.
    pub explanation: &'static str,
    /// What to do, first things first.
    pub next: &'static [&'static str],
    /// Where its statements come from.
    pub sources: &'static [&'static str],
    /// Finds it.
    pub find: fn(&Context<'_>, &Spec) -> Vec<Finding>,
}

impl Spec {
    /// A finding of this kind with the kind's own explanation and next steps.
    fn finding(&self, severity: Severity, title: String) -> Finding {
        Finding {
            code: self.code,
            severity,
            title,
            evidence: Vec::new(),
            explanation: self.explanation.to_owned(),
            next: self.next.iter().map(|&step| step.to_owned()).collect(),
            series: Vec::new(),
            confidence: None,
            weight: 0.0,
        }
    }
}

/// What findings look at: the diagnosis so far, and the history behind it.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The recording.
    pub history: &'a History,
    /// Settings.
    pub options: &'a Options,
    /// Everything but findings, actions and summary.
    pub draft: &'a Diagnosis,
}

impl Context<'_> {
    /// Physical memory, or that of the reference machine when the input does not say.
    pub(crate) fn memory_or_reference(&self) -> u64 {
        self.draft
            .source
            .physical_bytes
            .unwrap_or(crate::thresholds::REFERENCE_PHYSICAL)
    }

    /// The series of this verdict, by rank, without mere followers.
    fn with_verdict(&self, verdict: Verdict) -> impl Iterator<Item = &JudgedSeries> {
        self.draft
            .series
            .iter()
            .filter(move |s| s.judgement.verdict == verdict && s.follows.is_none())
    }

    /// True when memory is short but the kernel's pools are not where it went.
    pub(crate) fn memory_is_elsewhere(&self) -> bool {
        ps0305::elsewhere(self).is_some()
    }
}

/// True for verdicts that name a series as the trouble.
pub(crate) fn accused(series: &JudgedSeries) -> bool {
    crate::names_trouble(series.judgement.verdict) && series.follows.is_none()
}

/// All findings, heaviest first.
#[must_use]
pub fn run(context: &Context<'_>) -> Vec<Finding> {
    let mut found: Vec<Finding> = ALL
        .iter()
        .filter(|spec| spec.code != ps0100::SPEC.code)
        .flat_map(|spec| (spec.find)(context, spec))
        .collect();
    let open = |f: &Finding| f.severity <= Severity::Warning || f.code == ps0703::SPEC.code;
    if !found.iter().any(open) {
        found.extend((ps0100::SPEC.find)(context, &ps0100::SPEC));
    }
    found.sort_by(|a, b| {
        a.severity
            .cmp(&b.severity)
            .then_with(|| b.weight.total_cmp(&a.weight))
            .then_with(|| a.code.cmp(b.code))
    });
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_rising_and_named_as_their_files() {
        let codes: Vec<_> = ALL.iter().map(|s| s.code).collect();
        assert!(codes.is_sorted_by(|a, b| a < b), "{codes:?}");
        for spec in ALL {
            assert!(
                spec.code.len() == 6 && spec.code.starts_with("PS"),
                "{}",
                spec.code
            );
            for (what, text) in [
                ("title", spec.title),
                ("trigger", spec.trigger),
                ("explanation", spec.explanation),
            ] {
                assert!(!text.is_empty(), "{} has no {what}", spec.code);
            }
            assert!(!spec.sources.is_empty(), "{} names no source", spec.code);
        }
    }
}
