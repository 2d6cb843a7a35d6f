//! The facts of a moment: memory, processes, modules, objects, big allocations; the rest from `platform`.

use nt_abi::{Interface, PointerWidth, ProcessRow, class};
use nt_query::{Buffer, Limits};
use snapshot::{MemoryCounters, ModuleFacts, MomentFacts, Problem, ProcessFacts};

use super::{fixed, platform, refused, table};
use crate::{Want, nt};

const WIDTH: PointerWidth = PointerWidth::HERE;

pub(super) fn read(buffer: &mut Buffer, want: &Want, problems: &mut Vec<Problem>) -> MomentFacts {
    let mut facts = MomentFacts::default();
    let rows = (want.memory || want.processes)
        .then(|| processes(buffer, problems))
        .flatten();
    if want.memory {
        facts.memory = Some(memory(buffer, rows.as_deref(), problems));
    }
    if want.processes {
        facts.processes = rows.as_deref().map(nt::process::facts);
    }
    if want.object_types || want.handle_types {
        objects(buffer, want, &mut facts, problems);
    }
    if want.big_pool {
        facts.big_pool = table(class::BIG_POOL, buffer, "big pool", problems, |buffer| {
            nt_abi::big_pool(buffer.bytes(), WIDTH).map(|rows| nt::rows::big_pool(&rows).0)
        });
    }
    let modules = (want.modules || want.drivers)
        .then(|| modules(buffer, problems))
        .flatten();
    if want.drivers {
        facts.drivers = platform::drivers(modules.as_deref().unwrap_or_default(), problems);
    }
    if want.modules {
        facts.modules = modules;
    }
    platform::read(want, &mut facts, problems);
    facts
}

fn processes(buffer: &mut Buffer, problems: &mut Vec<Problem>) -> Option<Vec<ProcessRow>> {
    table(class::PROCESS, buffer, "processes", problems, |buffer| {
        nt_abi::processes(buffer.bytes(), WIDTH, Some(buffer.address()))
    })
}

/// Memory from every witness there is: `GetPerformanceInfo` first, then the classes, which know more.
fn memory(buffer: &mut Buffer, rows: Option<&[ProcessRow]>, problems: &mut Vec<Problem>) -> MemoryCounters {
    let mut memory = MemoryCounters::default();
    let mut page = nt::PAGE_BYTES;
    match nt_query::performance_info() {
        Ok(info) => {
            let bytes = |pages: u64| Some(pages.saturating_mul(info.page_bytes));
            page = info.page_bytes.max(1);
            memory.physical = bytes(info.physical);
            memory.available = bytes(info.available);
            memory.committed = bytes(info.commit);
            memory.commit_limit = bytes(info.commit_limit);
            memory.handles = Some(info.handles.into());
            memory.process_count = Some(info.processes.into());
            memory.thread_count = Some(info.threads.into());
            // An emulated system says 0 for what it does not count; no kernel's pool is empty.
            memory.paged_pool = bytes(info.paged).filter(|&bytes| bytes > 0);
            memory.nonpaged_pool = bytes(info.nonpaged).filter(|&bytes| bytes > 0);
        }
        Err(error) => problems.push(Problem::new("memory", error.to_string())),
    }
    if let Some(counters) = fixed(
        class::PERFORMANCE,
        &[376, 344, 312],
        &[],
        "memory",
        problems,
        nt_abi::performance,
    ) {
        let (paged, nonpaged) = (memory.paged_pool, memory.nonpaged_pool);
        nt::memory::performance(&mut memory, &counters, page);
        memory.paged_pool = memory.paged_pool.filter(|&bytes| bytes > 0).or(paged);
        memory.nonpaged_pool = memory.nonpaged_pool.filter(|&bytes| bytes > 0).or(nonpaged);
    }
    let read = |bytes: &[u8]| nt_abi::file_cache(bytes, WIDTH);
    let lengths = [if WIDTH == PointerWidth::Bits64 { 64 } else { 36 }];
    if let Some(cache) = fixed(class::FILE_CACHE, &lengths, &[], "memory", problems, read) {
        nt::memory::file_cache(&mut memory, &cache);
    }
    if let Some(usage) = fixed(
        class::MEMORY_USAGE,
        &[56],
        &[],
        "memory",
        problems,
        nt_abi::memory_usage,
    ) {
        nt::memory::usage(&mut memory, &usage);
    }
    let lengths: [usize; 2] = if WIDTH == PointerWidth::Bits64 {
        [176, 168]
    } else {
        [88, 84]
    };
    let read = |bytes: &[u8]| nt_abi::memory_list(bytes, WIDTH);
    if let Some(lists) = fixed(class::MEMORY_LIST, &lengths, &[], "memory", problems, read) {
        nt::memory::lists(&mut memory, &lists, page);
    }
    page_files(buffer, &mut memory, page, problems);
    if let Some(rows) = rows {
        nt::process::sums(&mut memory, rows);
    }
    memory
}

/// Class 144, which Windows 8.1 brought, else 18.
fn page_files(buffer: &mut Buffer, memory: &mut MemoryCounters, page: u64, problems: &mut Vec<Problem>) {
    let mut first = Vec::new();
    for (class, extended) in [(class::PAGE_FILE_EX, true), (class::PAGE_FILE, false)] {
        let files = table(class, buffer, "page files", &mut first, |buffer| {
            nt_abi::page_files(buffer.bytes(), WIDTH, extended, Some(buffer.address()))
        });
        if let Some(files) = files {
            return nt::memory::page_files(memory, &files, page);
        }
    }
    problems.append(&mut first);
}

/// Class 77, else 11.
fn modules(buffer: &mut Buffer, problems: &mut Vec<Problem>) -> Option<Vec<ModuleFacts>> {
    let mut refusals = Vec::new();
    let rows = table(class::MODULE_EX, buffer, "modules", &mut refusals, |buffer| {
        nt_abi::modules_ex(buffer.bytes(), WIDTH)
    })
    .filter(|rows| !rows.is_empty())
    .or_else(|| {
        table(class::MODULE, buffer, "modules", &mut refusals, |buffer| {
            nt_abi::modules(buffer.bytes(), WIDTH)
        })
    });
    if rows.is_none() {
        problems.append(&mut refusals);
    }
    rows.map(|rows| nt::rows::modules(&rows))
}

fn objects(buffer: &mut Buffer, want: &Want, facts: &mut MomentFacts, problems: &mut Vec<Problem>) {
    let types = match nt_query::object_types(buffer, Limits::TABLE) {
        Ok(()) => nt_abi::object_types(buffer.bytes(), WIDTH)
            .map_err(|error| problems.push(Problem::new("objects", error.to_string())))
            .ok(),
        Err(error) => {
            problems.push(refused("objects", Interface::ObjectTypes, &error));
            None
        }
    };
    if want.object_types {
        facts.object_types = types.as_deref().map(nt::handles::object_types);
    }
    if let (true, Some(processes)) = (want.handle_types, facts.processes.as_deref_mut()) {
        handles(buffer, processes, types.as_deref().unwrap_or_default(), problems);
    }
}

/// Class 64, else 16, which cuts process ids to 16 bits.
fn handles(
    buffer: &mut Buffer,
    processes: &mut [ProcessFacts],
    types: &[nt_abi::ObjectTypeRow],
    problems: &mut Vec<Problem>,
) {
    let mut refusals = Vec::new();
    let read = table(class::HANDLE_EX, buffer, "handles", &mut refusals, |buffer| {
        nt_abi::handles(buffer.bytes(), WIDTH).map(|rows| nt::handles::by_type(processes, &rows, types))
    });
    if read.is_some() {
        return;
    }
    let read = table(class::HANDLE, buffer, "handles", &mut refusals, |buffer| {
        nt_abi::handles_short(buffer.bytes(), WIDTH).map(|rows| nt::handles::by_type(processes, &rows, types))
    });
    if read.is_none() {
        problems.append(&mut refusals);
    }
}
