//! Flags of the memory counters, absolute and scaled.

use super::{Context, Spec};
use crate::thresholds as limit;
use crate::words::{bytes, percent};
use crate::{Finding, Severity};

/// The finding of one flag, when it is up either way.
pub(super) fn raise(context: &Context<'_>, spec: &Spec, name: &str, what: &str) -> Option<Finding> {
    let memory = context.draft.memory.as_ref()?;
    let flag = memory.flags.iter().find(|f| f.name == name)?;
    if !flag.above_absolute && !flag.above_scaled {
        return None;
    }
    let physical = memory.counters.physical;
    let share = physical
        .filter(|&all| all > 0)
        .map(|all| flag.value as f64 / all as f64);
    let severity = match (flag.above_scaled, share) {
        (true, Some(share)) if share >= limit::POOL_CRITICAL_SHARE => Severity::Critical,
        (true, _) => Severity::Warning,
        // Without the machine's size the absolute limit is all there is.
        (false, None) => Severity::Warning,
        (false, Some(_)) => Severity::Notice,
    };
    let of_memory = share
        .map(|s| format!(", {} of memory", percent(s)))
        .unwrap_or_default();
    let mut finding = spec.finding(
        severity,
        format!("{what} is large: {}{of_memory}", bytes(flag.value)),
    );
    if let Some(absolute) = flag.absolute {
        finding.evidence.push(format!(
            "{} the absolute limit of {} (made for a machine of {}).",
            side(flag.above_absolute),
            bytes(absolute),
            bytes(limit::REFERENCE_PHYSICAL)
        ));
    }
    if let (Some(scaled), Some(physical)) = (flag.scaled, physical) {
        finding.evidence.push(format!(
            "{} the limit scaled to this machine's {}: {}.",
            side(flag.above_scaled),
            bytes(physical),
            bytes(scaled)
        ));
    }
    finding.weight = flag.value as f64;
    Some(finding)
}

const fn side(above: bool) -> &'static str {
    if above { "Above" } else { "Below" }
}
