//! The memory is not in the pools.

use super::{Context, Spec};
use crate::thresholds as limit;
use crate::words::{bytes, percent};
use crate::{Finding, MemoryPart, Severity};

pub(super) const SPEC: Spec = Spec {
    code: "PS0305",
    title: "Memory is short, but the kernel's pools are not the reason",
    trigger: "less than 20 % of memory is available and the pools (slabs on Linux) hold less than 15 % of what is in \
              use. `warning`. Tags that hold little are then reported as `notice` at most.",
    explanation: "The question that brought people here is answered elsewhere: what is in use lies in the parts named \
                  here. Chasing tags would waste time.",
    next: &[
        "For processes: sort by private bytes (Task Manager, Details) and look at the largest.",
        "For locked or unaccounted memory: virtual machines, display drivers and large pages take memory without a \
         process to show for it; RAMMap shows `Driver Locked` and `Large Page`.",
    ],
    sources: &["https://learn.microsoft.com/sysinternals/downloads/rammap"],
    find,
};

/// Processes named in the evidence: enough to see whether one stands out.
const LARGEST_PROCESSES: usize = 3;

/// The parts that hold the memory instead, largest first; `None` unless the trigger holds.
pub(super) fn elsewhere(context: &Context<'_>) -> Option<Vec<MemoryPart>> {
    let memory = context.draft.memory.as_ref()?;
    let physical = memory.counters.physical.filter(|&p| p > 0)? as f64;
    let available = memory.counters.available? as f64;
    let used = physical - available;
    let pools = memory.pool_share? * physical;
    if available >= physical * limit::AVAILABLE_SHORT || used <= 0.0 || pools >= used * limit::POOL_INNOCENT_SHARE {
        return None;
    }
    let idle = ["free", "standby (cache)", "page cache", "slab, reclaimable"];
    let pool_parts = ["nonpaged pool", "paged pool, resident", "slab, unreclaimable"];
    let mut parts: Vec<MemoryPart> = memory
        .parts
        .iter()
        .filter(|p| !idle.contains(&p.name) && !pool_parts.contains(&p.name))
        .cloned()
        .collect();
    parts.extend(memory.unaccounted.map(|bytes| MemoryPart { name: "unaccounted", bytes, kernel: true }));
    parts.sort_by_key(|p| std::cmp::Reverse(p.bytes));
    Some(parts)
}

fn find(context: &Context<'_>, spec: &Spec) -> Vec<Finding> {
    let Some(parts) = elsewhere(context) else { return Vec::new() };
    let physical = context.memory_or_reference() as f64;
    let title = match parts.first() {
        Some(first) => format!("Memory is short, and {} hold {} of it, not the pools", first.name, bytes(first.bytes)),
        None => spec.title.to_owned(),
    };
    let mut finding = spec.finding(Severity::Warning, title);
    if let Some(share) = context.draft.memory.as_ref().and_then(|m| m.pool_share) {
        finding.evidence.push(format!("The pools hold {} of memory.", percent(share)));
    }
    for part in parts.iter().take(5) {
        finding.evidence.push(format!("{}: {} ({}).", part.name, bytes(part.bytes), percent(part.bytes as f64 / physical)));
    }
    let largest = context.draft.memory.iter().flat_map(|m| &m.processes).filter_map(|p| Some((p, p.working_set?)));
    for (process, held) in largest.take(LARGEST_PROCESSES) {
        let times = if process.count > 1 { format!(" ({} processes)", process.count) } else { String::new() };
        finding.evidence.push(format!("{}{times} holds {}.", process.name, bytes(held)));
    }
    finding.weight = parts.first().map_or(0.0, |p| p.bytes as f64);
    vec![finding]
}
