//! The inventory of drivers and minifilters.

use super::{Context, Spec};
use crate::words::{list, plural};
use crate::{Finding, Severity};

pub(super) const SPEC: Spec = Spec {
    code: "PS0502",
    title: "Third-party kernel drivers and minifilters",
    trigger: "drivers or minifilters were read. `ok`.",
    explanation: "What runs in the kernel and is not part of Windows. The list is where to look when a tag has no known \
                  owner.",
    next: &[],
    sources: &["https://learn.microsoft.com/windows-hardware/drivers/ifs/load-order-groups-and-altitudes-for-minifilter-drivers"],
    find,
};

fn find(context: &Context<'_>, spec: &Spec) -> Vec<Finding> {
    let Some(drivers) = &context.draft.drivers else { return Vec::new() };
    let names: Vec<&str> = drivers.third_party.iter().filter_map(|d| d.driver.file.as_deref()).collect();
    let mut finding = spec.finding(
        Severity::Ok,
        format!("{} among {} drivers", plural(drivers.third_party.len(), "third-party driver", "third-party drivers"), drivers.total),
    );
    if !names.is_empty() {
        finding.evidence.push(format!("Running: {}.", list(&names, 8)));
    }
    if !drivers.minifilters.is_empty() {
        let filters: Vec<String> = drivers
            .minifilters
            .iter()
            .map(|f| f.altitude.as_ref().map_or_else(|| f.name.clone(), |a| format!("{} {a}", f.name)))
            .collect();
        finding.evidence.push(format!("Minifilters from the application down: {}.", list(&filters, 8)));
    }
    vec![finding]
}
