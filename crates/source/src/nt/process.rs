//! The process list to facts, and the working sets of the processes that are no programs.

use nt_abi::ProcessRow;
use snapshot::{MemoryCounters, ProcessFacts, Timestamp};

/// Processes as facts, largest working set first. The idle process, which is none, is left out.
pub(crate) fn facts(rows: &[ProcessRow]) -> Vec<ProcessFacts> {
    let mut facts: Vec<_> = rows.iter().filter(|row| row.pid != 0).map(fact).collect();
    facts.sort_by(|a, b| b.working_set.cmp(&a.working_set).then(a.pid.cmp(&b.pid)));
    facts
}

fn fact(row: &ProcessRow) -> ProcessFacts {
    ProcessFacts {
        pid: row.pid,
        name: row.name.clone(),
        created: (row.created > 0).then(|| Timestamp::from_nt_100ns(row.created)),
        working_set: Some(row.working_set),
        private_bytes: Some(row.private),
        handles: Some(row.handles.into()),
        handles_by_type: None,
        threads: Some(row.threads.into()),
        quota_nonpaged: Some(row.quota_nonpaged),
        quota_paged: Some(row.quota_paged),
    }
}

/// Sums over processes, and the working sets of `Secure System`, `Registry`, `Memory Compression` and `vmmem*`.
/// Those that do not run are absent: VBS may be off, old kernels have none of them.
pub(crate) fn sums(memory: &mut MemoryCounters, rows: &[ProcessRow]) {
    let rows = || rows.iter().filter(|row| row.pid != 0);
    let sum = |value: fn(&ProcessRow) -> u64| rows().map(value).fold(0_u64, u64::saturating_add);
    memory.process_count = Some(rows().count() as u64);
    memory.thread_count = Some(sum(|row| row.threads.into()));
    memory.handles = Some(sum(|row| row.handles.into()));
    // Kernels before Vista do not count it: every process then says 0, which no living process has.
    memory.processes_resident = Some(sum(|row| row.working_set_private)).filter(|&bytes| bytes > 0);
    let of = |matches: fn(&str) -> bool| {
        rows()
            .filter(|row| matches(&row.name))
            .map(|row| row.working_set)
            .reduce(u64::saturating_add)
    };
    memory.secure_system = of(|name| name == "Secure System");
    memory.registry = of(|name| name == "Registry");
    memory.memory_compression = of(|name| name == "MemCompression" || name == "Memory Compression");
    memory.virtual_machines = of(|name| {
        name.get(..5)
            .is_some_and(|start| start.eq_ignore_ascii_case("vmmem"))
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processes_that_are_no_programs_are_told_apart() {
        let row = |pid, name: &str, working_set| ProcessRow {
            pid,
            name: name.to_owned(),
            working_set,
            working_set_private: working_set / 2,
            handles: 10,
            threads: 2,
            ..ProcessRow::default()
        };
        let rows = [
            row(0, "", 8),
            row(4, "System", 100),
            row(88, "Secure System", 300),
            row(132, "Registry", 400),
            row(5000, "vmmemWSL", 70),
            row(5001, "vmmem", 30),
        ];
        let mut memory = MemoryCounters::default();
        sums(&mut memory, &rows);
        assert_eq!(
            (memory.process_count, memory.handles, memory.thread_count),
            (Some(5), Some(50), Some(10))
        );
        assert_eq!((memory.secure_system, memory.registry), (Some(300), Some(400)));
        assert_eq!(
            (memory.memory_compression, memory.virtual_machines),
            (None, Some(100))
        );
        assert_eq!(memory.processes_resident, Some(450));
        let old = rows.clone().map(|row| ProcessRow {
            working_set_private: 0,
            ..row
        });
        sums(&mut memory, &old);
        assert_eq!(memory.processes_resident, None, "not counted is not zero");
        let order: Vec<_> = facts(&rows).into_iter().map(|p| p.pid).collect();
        assert_eq!(order, [132, 88, 4, 5000, 5001]);
    }
}
