//! Third-party drivers whose tags are accused.

use super::{Context, Spec};
use crate::drivers::is_third_party;
use crate::words::list;
use crate::{Finding, ListedDriver, Severity};

pub(super) const SPEC: Spec = Spec {
    code: "PS0501",
    title: "A running third-party driver owns an accused tag",
    trigger: "the first owner of a leaking, suspect or unfreed tag is a running driver whose company is not Microsoft. \
              `notice`: the leak itself is reported with its own weight.",
    explanation: "The tag and the driver are on the same machine, and the driver is no part of Windows. Version and \
                  date say whether an update may help.",
    next: &["Look for a newer version at the maker's; roll back if the growth began with an update."],
    sources: &["docs/attribution.md"],
    find,
};

fn find(context: &Context<'_>, spec: &Spec) -> Vec<Finding> {
    let Some(drivers) = &context.draft.drivers else { return Vec::new() };
    drivers
        .third_party
        .iter()
        .filter(|d| !d.suspects.is_empty() && is_third_party(&d.driver))
        .map(|listed| of_driver(spec, listed))
        .collect()
}

fn of_driver(spec: &Spec, listed: &ListedDriver) -> Finding {
    let d = &listed.driver;
    let file = d.file.as_deref().unwrap_or("a driver without a file name");
    let mut finding = spec.finding(Severity::Notice, format!("{file} owns {}", list(&listed.suspects, 3)));
    let facts: Vec<String> = [
        ("company", &d.company),
        ("product", &d.product),
        ("version", &d.version),
        ("date", &d.date),
        ("service", &d.service),
        ("signer", &d.signer),
        ("path", &d.path),
    ]
    .into_iter()
    .filter_map(|(name, value)| value.as_ref().map(|value| format!("{name} {value}")))
    .collect();
    if !facts.is_empty() {
        finding.evidence.push(format!("{file}: {}.", facts.join(", ")));
    }
    finding.series = listed.suspects.clone();
    finding.weight = listed.suspects.len() as f64;
    finding
}
