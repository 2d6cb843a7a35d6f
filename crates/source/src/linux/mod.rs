//! Linux, from the files of procfs and sysfs below a root folder.
//!
//! Tags are slab caches (`/proc/slabinfo`), vmalloc callers (`/proc/vmallocinfo`) and, where the kernel profiles
//! allocations, call sites (`/proc/allocinfo`). The root is a parameter, so a tree of copies is as good as a kernel.

mod allocinfo;
mod host;
mod memory;
mod process;
mod slab;
mod tags;
#[cfg(test)]
mod tests;
mod tree;
mod vmalloc;

use std::path::Path;
use std::time::{Instant, SystemTime};

use snapshot::{
    CounterWidth, HostFacts, MemoryCounters, ObjectTypeFacts, OwnCost, Problem, ProcessFacts, Snapshot,
    Timestamp,
};

use crate::{Source, SourceError, Want};
use process::{Limits, Units};
use tags::TagReader;
use tree::Tree;

/// What a kernel without an auxiliary vector to read is taken to use.
const PAGE_BYTES_ASSUMED: u64 = 4096;
const TICKS_PER_S_ASSUMED: u64 = 100;

/// The running kernel, or a folder that looks like one.
#[derive(Debug)]
pub struct LinuxSource {
    tree: Tree,
    units: Units,
    unit_problems: Vec<Problem>,
    tags: TagReader,
    /// Every file is read into this one, so sampling allocates nothing once it has grown.
    buffer: Vec<u8>,
    limits: Limits,
}

impl Default for LinuxSource {
    fn default() -> Self {
        Self::new()
    }
}

impl LinuxSource {
    /// The kernel this program runs on.
    #[must_use]
    pub fn new() -> Self {
        Self::with_root("/")
    }

    /// A folder with `proc`, `sys` and `etc` in it. Nothing is read outside it, links of `proc/PID/fd` are not
    /// followed, and nothing is written.
    #[must_use]
    pub fn with_root(root: impl AsRef<Path>) -> Self {
        let tree = Tree::new(root.as_ref());
        let mut buffer = Vec::new();
        let (page, ticks) = match tree.read("proc/self/auxv", &mut buffer) {
            Ok(()) => host::parse_auxv(&buffer),
            Err(_) => (None, None),
        };
        let mut unit_problems = Vec::new();
        if page.is_none() {
            unit_problems.push(Problem::new(
                "page size",
                format!("/proc/self/auxv does not tell it: {PAGE_BYTES_ASSUMED} bytes assumed"),
            ));
        }
        let booted_at = match tree.read("proc/stat", &mut buffer) {
            Ok(()) => host::parse_btime(&buffer).map(Timestamp::from_unix_seconds),
            Err(_) => None,
        };
        let units = Units {
            page_bytes: page.unwrap_or(PAGE_BYTES_ASSUMED),
            ticks_per_s: ticks.unwrap_or(TICKS_PER_S_ASSUMED),
            booted_at,
        };
        Self {
            tree,
            units,
            unit_problems,
            tags: TagReader::default(),
            buffer,
            limits: Limits::DEFAULT,
        }
    }

    fn memory(&mut self, problems: &mut Vec<Problem>) -> Option<MemoryCounters> {
        if let Err(error) = self.tree.read("proc/meminfo", &mut self.buffer) {
            problems.push(error.problem("memory"));
            return None;
        }
        let mut counters = memory::parse_meminfo(&self.buffer);
        let mut with = |path: &str, parse: fn(&[u8]) -> Option<u64>| {
            self.tree
                .read(path, &mut self.buffer)
                .ok()
                .and_then(|()| parse(&self.buffer))
        };
        counters.thread_count = with("proc/loadavg", memory::parse_loadavg_threads);
        counters.open_files = with("proc/sys/fs/file-nr", memory::open_files);
        Some(counters)
    }

    fn processes(&mut self, want: &Want, problems: &mut Vec<Problem>) -> Option<Vec<ProcessFacts>> {
        let read = process::read_all(
            &self.tree,
            self.units,
            want.handle_types,
            self.limits,
            &mut self.buffer,
        );
        let (processes, missed) = match read {
            Ok(read) => read,
            Err(error) => {
                problems.push(tree::unreadable("proc", &error).problem("processes"));
                return None;
            }
        };
        let mut say = |count: u64, text: &str| {
            if count > 0 {
                problems.push(Problem::new("open files", format!("{count} {text}")));
            }
        };
        say(
            missed.denied,
            "processes of other users: their open files can be seen by root only (sudo)",
        );
        say(
            missed.cut,
            "processes have more open files than were told apart: counts by kind are lower bounds",
        );
        say(missed.left_out, "processes left out: there are too many");
        Some(processes)
    }

    /// Objects by type from the counters of `/proc/sys/fs`; open handles of each from the processes, where those
    /// were told apart.
    fn object_types(&self, processes: Option<&[ProcessFacts]>) -> Option<Vec<ObjectTypeFacts>> {
        let file = |path: &str| {
            let mut text = Vec::new();
            self.tree.read(path, &mut text).ok().map(|()| text)
        };
        let (files, dentries) = (file("proc/sys/fs/file-nr"), file("proc/sys/fs/dentry-state"));
        let (inodes, sockets) = (file("proc/sys/fs/inode-nr"), file("proc/net/sockstat"));
        let mut types = memory::parse_object_counts(
            files.as_deref(),
            dentries.as_deref(),
            inodes.as_deref(),
            sockets.as_deref(),
        );
        for object in &mut types {
            object.handles = match object.name.as_str() {
                "file" => processes.and_then(|all| sum(all.iter().map(|p| p.handles))),
                "socket" => processes.and_then(|all| sum(all.iter().map(sockets_of))),
                _ => None,
            };
        }
        (!types.is_empty()).then_some(types)
    }

    fn own_cost(&mut self, started: Instant) -> OwnCost {
        let read = |path: &str, buffer: &mut Vec<u8>| self.tree.read(path, buffer).is_ok();
        let stat = read("proc/self/stat", &mut self.buffer)
            .then(|| process::parse_stat(&self.buffer))
            .flatten();
        let statm = read("proc/self/statm", &mut self.buffer)
            .then(|| process::parse_statm(&self.buffer))
            .flatten();
        let handles = process::open_files(&self.tree, "self", None)
            .ok()
            .map(|files| files.count);
        OwnCost {
            cpu_s: stat.map(|s| s.cpu_ticks as f64 / self.units.ticks_per_s as f64),
            resident: statm.map(|(resident, _)| resident.saturating_mul(self.units.page_bytes)),
            handles,
            sample_s: Some(started.elapsed().as_secs_f64()),
        }
    }
}

impl Source for LinuxSource {
    fn host(&mut self) -> (HostFacts, Vec<Problem>) {
        let mut problems = self.unit_problems.clone();
        let physical = self.memory(&mut problems).and_then(|m| m.physical);
        let (host, more) = host::read(&self.tree, self.units.page_bytes, physical);
        problems.extend(more);
        (host, problems)
    }

    fn snapshot(&mut self, want: &Want) -> Result<Snapshot, SourceError> {
        let started = Instant::now();
        let mut out = Snapshot {
            taken_at: now(),
            kernel_uptime_s: self
                .tree
                .read("proc/uptime", &mut self.buffer)
                .ok()
                .and_then(|()| host::parse_uptime(&self.buffer)),
            boot: self
                .tree
                .read("proc/sys/kernel/random/boot_id", &mut self.buffer)
                .ok()
                .and_then(|()| host::parse_boot_id(std::str::from_utf8(&self.buffer).ok()?)),
            width: CounterWidth::Bits64,
            ..Snapshot::default()
        };
        if want.tags {
            let reading = self
                .tags
                .read(&self.tree, self.units.page_bytes, &mut self.buffer);
            if let Some(error) = reading.nothing {
                return Err(SourceError::Unavailable {
                    interface: error.path.clone(),
                    reason: error.reason(),
                });
            }
            out.rows = reading.rows;
            out.problems.extend(reading.problems);
            out.problems.extend(self.unit_problems.iter().cloned());
        }
        if want.memory {
            out.facts.memory = self.memory(&mut out.problems);
        }
        if want.processes || want.handle_types {
            out.facts.processes = self.processes(want, &mut out.problems);
            if let (Some(memory), Some(processes)) = (&mut out.facts.memory, &out.facts.processes) {
                memory.process_count = Some(processes.len() as u64);
                memory.processes_resident = sum(processes.iter().map(|p| p.working_set));
                memory.handles = sum(processes.iter().map(|p| p.handles));
            }
        }
        if want.object_types {
            out.facts.object_types = self.object_types(out.facts.processes.as_deref());
            match tags::slab_caches(&self.tree, &mut self.buffer) {
                Ok(caches) => out.facts.slab_caches = Some(caches),
                Err(error) => out.problems.push(error.problem("slab caches")),
            }
        }
        if want.modules {
            match self.tree.read("proc/modules", &mut self.buffer) {
                Ok(()) => {
                    let (modules, bad) = host::parse_modules(&self.buffer);
                    out.facts.modules = Some(modules);
                    out.problems.extend(bad.problem("modules", "/proc/modules"));
                }
                Err(error) if error.kind == std::io::ErrorKind::NotFound => {
                    let message = "/proc/modules: not there: this kernel is built without loadable modules";
                    out.problems.push(Problem::new("modules", message));
                }
                Err(error) => out.problems.push(error.problem("modules")),
            }
        }
        if want.own_cost {
            out.facts.own_cost = Some(self.own_cost(started));
        }
        Ok(out)
    }
}

/// Sum of what is known; `None` when nothing is.
fn sum(values: impl Iterator<Item = Option<u64>>) -> Option<u64> {
    values.flatten().fold(None, |sum: Option<u64>, value| {
        Some(sum.unwrap_or(0).saturating_add(value))
    })
}

/// Open sockets of a process, where its files were told apart.
fn sockets_of(process: &ProcessFacts) -> Option<u64> {
    let kinds = process.handles_by_type.as_ref()?;
    Some(
        kinds
            .iter()
            .find(|(kind, _)| kind == "socket")
            .map_or(0, |(_, count)| *count),
    )
}

fn now() -> Option<Timestamp> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok()?;
    i64::try_from(since.as_micros()).ok().map(Timestamp)
}
