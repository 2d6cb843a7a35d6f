//! Where the memory is.

use std::collections::BTreeMap;

use snapshot::{History, MemoryCounters, OsKind, Pool, ProcessFacts};

use crate::thresholds as limit;
use crate::{MemoryFlag, MemoryPart, MemoryPicture, ProcessGroup, facts};

/// Names in the list of processes.
const GROUPS_MAX: usize = 100;

/// The picture at the end of a recording; absent when no memory counters were read.
pub(crate) fn of_history(history: &History) -> Option<MemoryPicture> {
    let (_, counters) = facts::newest(history, |f| f.memory.as_ref())?;
    let mut counters = counters.clone();
    counters.physical = counters.physical.or(history.host.physical_bytes);
    let mut picture = picture(&counters, history.host.os);
    picture.tagged = tagged(history);
    if let Some((_, processes)) = facts::newest(history, |f| f.processes.as_ref()) {
        picture.processes = groups(processes);
    }
    Some(picture)
}

/// Counters in, parts and flags out. Also used for the `memory` command, which has no recording.
#[must_use]
pub fn picture(counters: &MemoryCounters, os: Option<OsKind>) -> MemoryPicture {
    let linux = os == Some(OsKind::Linux) || counters.slab_unreclaimable.is_some();
    let parts = if linux {
        linux_parts(counters)
    } else {
        windows_parts(counters)
    };
    let complete =
        counters.processes_resident.or(counters.anonymous).is_some() && counters.available.is_some();
    let sum: u64 = parts
        .iter()
        .fold(0, |sum: u64, part| sum.saturating_add(part.bytes));
    let pool = if linux {
        counters
            .slab_unreclaimable
            .map(|s| s.saturating_add(counters.slab_reclaimable.unwrap_or(0)))
    } else {
        let paged = counters.paged_pool_resident.or(counters.paged_pool);
        counters
            .nonpaged_pool
            .map(|n| n.saturating_add(paged.unwrap_or(0)))
    };
    let share = |part: u64, whole: u64| (whole > 0).then(|| part as f64 / whole as f64);
    MemoryPicture {
        counters: counters.clone(),
        parts,
        unaccounted: counters
            .physical
            .filter(|_| complete)
            .and_then(|all| all.checked_sub(sum)),
        pool_share: pool
            .zip(counters.physical)
            .and_then(|(pool, all)| share(pool, all)),
        tagged: Vec::new(),
        flags: flags(counters),
        processes: Vec::new(),
    }
}

/// Parts of a Windows machine. Working sets of the special processes are taken out of the processes' sum.
fn windows_parts(m: &MemoryCounters) -> Vec<MemoryPart> {
    let special = [
        m.secure_system,
        m.registry,
        m.memory_compression,
        m.virtual_machines,
    ];
    let special_sum = special
        .iter()
        .flatten()
        .fold(0_u64, |sum, &b| sum.saturating_add(b));
    let free = m
        .free
        .or_else(|| m.available.zip(m.standby).and_then(|(a, s)| a.checked_sub(s)));
    let rows = [
        ("nonpaged pool", m.nonpaged_pool, true),
        ("paged pool, resident", m.paged_pool_resident, true),
        ("Secure System", m.secure_system, true),
        ("Registry", m.registry, true),
        ("memory compression", m.memory_compression, true),
        ("virtual machines", m.virtual_machines, false),
        ("locked by drivers", m.driver_locked, true),
        ("page tables", m.page_tables, true),
        ("kernel stacks", m.kernel_stacks, true),
        (
            "processes",
            m.processes_resident.map(|p| p.saturating_sub(special_sum)),
            false,
        ),
        ("modified list", m.modified, false),
        ("standby (cache)", m.standby, false),
        (
            "free",
            free.or(m.available.filter(|_| m.standby.is_none())),
            false,
        ),
    ];
    present(&rows)
}

/// Parts of a Linux machine. Kernel stacks lie in the vmalloc area, shared memory in the page cache.
fn linux_parts(m: &MemoryCounters) -> Vec<MemoryPart> {
    let stacks = m.kernel_stacks.unwrap_or(0);
    let rows = [
        ("slab, unreclaimable", m.slab_unreclaimable, true),
        ("slab, reclaimable", m.slab_reclaimable, true),
        ("vmalloc", m.vmalloc.map(|v| v.saturating_sub(stacks)), true),
        ("kernel stacks", m.kernel_stacks, true),
        ("page tables", m.page_tables, true),
        ("per-CPU", m.per_cpu, true),
        ("processes (anonymous)", m.anonymous, false),
        ("shared memory and tmpfs", m.shared, false),
        (
            "page cache",
            m.cache.map(|c| c.saturating_sub(m.shared.unwrap_or(0))),
            false,
        ),
        ("huge pages", m.huge_pages, false),
        ("compressed swap (zswap)", m.memory_compression, false),
        ("free", m.free, false),
    ];
    present(&rows)
}

fn present(rows: &[(&'static str, Option<u64>, bool)]) -> Vec<MemoryPart> {
    rows.iter()
        .filter_map(|&(name, bytes, kernel)| bytes.map(|bytes| MemoryPart { name, bytes, kernel }))
        .collect()
}

fn flags(m: &MemoryCounters) -> Vec<MemoryFlag> {
    let scaled = |share: f64| m.physical.map(|all| (all as f64 * share) as u64);
    let rows = [
        (
            "nonpaged_pool",
            m.nonpaged_pool,
            Some(limit::NONPAGED),
            scaled(limit::NONPAGED_SHARE),
        ),
        (
            "paged_pool",
            m.paged_pool,
            Some(limit::PAGED),
            scaled(limit::PAGED_SHARE),
        ),
        (
            "secure_system",
            m.secure_system,
            Some(limit::SECURE_SYSTEM),
            scaled(limit::SECURE_SYSTEM_SHARE),
        ),
        ("commit", m.committed, None, scaled(limit::COMMIT_TIMES_PHYSICAL)),
        (
            "slab_unreclaimable",
            m.slab_unreclaimable,
            None,
            scaled(limit::PAGED_SHARE),
        ),
    ];
    rows.into_iter()
        .filter_map(|(name, value, absolute, scaled)| {
            let value = value?;
            Some(MemoryFlag {
                name,
                value,
                absolute,
                above_absolute: absolute.is_some_and(|limit| value > limit),
                scaled,
                above_scaled: scaled.is_some_and(|limit| value > limit),
            })
        })
        .collect()
}

/// Processes by name, largest working sets first.
fn groups(processes: &[ProcessFacts]) -> Vec<ProcessGroup> {
    fn add(sum: &mut Option<u64>, value: Option<u64>) {
        if let Some(value) = value {
            *sum = Some(sum.unwrap_or(0).saturating_add(value));
        }
    }
    let mut by_name: BTreeMap<&str, ProcessGroup> = BTreeMap::new();
    for process in processes {
        let group = by_name.entry(&process.name).or_insert_with(|| ProcessGroup {
            name: process.name.clone(),
            ..ProcessGroup::default()
        });
        group.count += 1;
        add(&mut group.working_set, process.working_set);
        add(&mut group.private_bytes, process.private_bytes);
        add(&mut group.handles, process.handles);
        add(&mut group.pool_quota, process.quota_nonpaged);
        add(&mut group.pool_quota, process.quota_paged);
    }
    let mut groups: Vec<ProcessGroup> = by_name.into_values().collect();
    // The names are sorted already, and the sort keeps their order among equals.
    groups.sort_by_key(|group| std::cmp::Reverse(group.working_set));
    groups.truncate(GROUPS_MAX);
    groups
}

/// Bytes of all tags at the end, by pool. Call sites overlap the other pools and are left out.
fn tagged(history: &History) -> Vec<(Pool, u64)> {
    Pool::ALL
        .into_iter()
        .filter(|&pool| pool != Pool::CallSite)
        .filter_map(|pool| {
            let bytes = history
                .series
                .iter()
                .filter(|s| s.key.pool == pool)
                .filter_map(|s| s.last().bytes.get());
            let sum = bytes.fold(0_u64, u64::saturating_add);
            (sum > 0).then_some((pool, sum))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::{GIB, MIB};

    #[test]
    fn parts_do_not_overlap_and_the_rest_is_unaccounted() {
        let counters = MemoryCounters {
            physical: Some(16 * GIB),
            available: Some(4 * GIB),
            standby: Some(3 * GIB),
            free: Some(GIB),
            nonpaged_pool: Some(2 * GIB),
            paged_pool_resident: Some(GIB),
            secure_system: Some(100 * MIB),
            processes_resident: Some(6 * GIB),
            ..MemoryCounters::default()
        };
        let picture = picture(&counters, Some(OsKind::Windows));
        let sum: u64 = picture.parts.iter().map(|p| p.bytes).sum();
        assert_eq!(picture.unaccounted, Some(16 * GIB - sum));
        assert_eq!(picture.unaccounted, Some(3 * GIB));
        assert!(
            picture.parts.iter().all(|p| p.name != "modified list"),
            "absent is not zero"
        );
    }

    #[test]
    fn processes_of_a_name_are_added_up_and_what_is_absent_stays_so() {
        let process = |name: &str, working_set, handles| ProcessFacts {
            name: name.to_owned(),
            working_set,
            handles,
            ..ProcessFacts::default()
        };
        let groups = groups(&[
            process("a", Some(10), None),
            process("b", Some(100), Some(7)),
            process("a", Some(20), None),
            process("c", None, Some(1)),
        ]);
        let got: Vec<_> = groups
            .iter()
            .map(|g| (g.name.as_str(), g.count, g.working_set, g.handles))
            .collect();
        assert_eq!(
            got,
            [
                ("b", 1, Some(100), Some(7)),
                ("a", 2, Some(30), None),
                ("c", 1, None, Some(1))
            ]
        );
    }

    #[test]
    fn flags_tell_the_absolute_limit_from_the_scaled_one() {
        let of = |physical: u64, nonpaged: u64| {
            let counters = MemoryCounters {
                physical: Some(physical),
                nonpaged_pool: Some(nonpaged),
                ..MemoryCounters::default()
            };
            let flags = picture(&counters, Some(OsKind::Windows)).flags;
            flags
                .iter()
                .find(|f| f.name == "nonpaged_pool")
                .map(|f| (f.above_absolute, f.above_scaled))
        };
        assert_eq!(of(256 * GIB, 2 * GIB), Some((true, false)));
        assert_eq!(of(4 * GIB, 400 * MIB), Some((false, true)));
        assert_eq!(of(16 * GIB, 2 * GIB), Some((true, true)));
        assert_eq!(of(16 * GIB, 300 * MIB), Some((false, false)));
    }
}
