//! Objects against handles: handle leak, reference leak, or cache.
//!
//! An object lives as long as a handle or a reference keeps it. Outstanding allocations of its tag count the objects
//! that live; the object manager counts the open handles of the type. Objects that grow with their handles are leaked by
//! the process whose handles grow; objects that grow without handles are kept by a reference of a driver or the kernel.

use snapshot::{MomentFacts, ObjectTypeFacts};

use super::processes::{self, Growth};
use super::{Holder, HolderKind, Track, Who, census, grouped, humane};
use crate::linux::{HeldBy, cache_group};

/// Fewer outstanding objects than this are a usual machine's.
const LEAST: u64 = 1_000;

/// What was read of the type of a tag.
#[derive(Clone, Copy, Debug, Default)]
struct Census {
    /// Live objects and open handles at the end.
    objects: Option<u64>,
    handles: Option<u64>,
    /// By how much handles grew.
    handles_grown: Option<u64>,
}

/// Object tags of Windows.
pub(super) fn windows(track: &Track<'_>) -> Option<Holder> {
    let tag = track.tag();
    let name = census::type_of_tag(&tag)?;
    let outstanding = track.last.filter(|&n| n >= LEAST)?;
    let growth = track.growth();
    let census = read(track, name);
    let relevant = growth.filter(|&g| g >= LEAST).unwrap_or(outstanding);
    let mut holder = Holder::new(verdict(&tag, outstanding, growth, census));
    holder.evidence = numbers(&tag, name, outstanding, growth, census);
    holder.evidence.extend(dead_processes(track, name, outstanding));
    if holder.kind == HolderKind::HandleLeak {
        let growing = processes::growing(track, &[name], relevant);
        name_processes(&mut holder, &growing, "handles");
    }
    holder.how_to_find_out = steps(holder.kind, name, census, holder.who.is_empty());
    Some(holder)
}

/// Handle leak when handles explain at least half of the growth (or, without growth, of the objects), cache when
/// nothing grows and the objects are no more than handles explain, reference leak else.
fn verdict(tag: &str, outstanding: u64, growth: Option<u64>, census: Census) -> HolderKind {
    let half = |handles: u64, of: u64| handles >= of.div_ceil(2);
    match (
        growth.filter(|&g| g >= LEAST / 10),
        census.handles_grown,
        census.handles,
    ) {
        (Some(grown), Some(handles), _) if half(handles, grown) => HolderKind::HandleLeak,
        (Some(_), Some(_), _) => HolderKind::ReferenceLeak,
        (Some(_), None, Some(handles)) if half(handles, outstanding) => HolderKind::HandleLeak,
        (Some(_), None, Some(_)) => HolderKind::ReferenceLeak,
        // Nothing grows. Parts of objects and files are cached by file systems beyond their handles.
        (None, _, Some(handles)) if half(handles, outstanding) || census::is_part(tag) => HolderKind::Cache,
        (None, _, Some(handles)) if handles.saturating_mul(4) < outstanding => HolderKind::ReferenceLeak,
        (None, _, _) => HolderKind::Cache,
        (Some(_), None, None) => HolderKind::HandleLeak,
    }
}

fn read(track: &Track<'_>, name: &str) -> Census {
    let Some((first, last)) = track.ends(|facts: &MomentFacts| facts.object_types.as_deref()) else {
        return Census::default();
    };
    let find = |types: &[ObjectTypeFacts]| types.iter().find(|t| t.name.eq_ignore_ascii_case(name)).cloned();
    let Some(now) = find(last) else {
        return Census::default();
    };
    let was = find(first).filter(|_| !std::ptr::eq(first, last));
    let grown = was.and_then(|was| Some(now.handles?.saturating_sub(was.handles?)));
    Census {
        objects: now.objects,
        handles: now.handles,
        handles_grown: grown,
    }
}

fn numbers(tag: &str, name: &str, outstanding: u64, growth: Option<u64>, census: Census) -> Vec<String> {
    let mut out = Vec::new();
    let mut line = format!("{} allocations of {tag} are outstanding", grouped(outstanding));
    if let Some(objects) = census.objects {
        line.push_str(&format!(", {} live objects of type {name}", grouped(objects)));
    }
    if let Some(handles) = census.handles {
        line.push_str(&format!(", {} open handles to them", grouped(handles)));
    }
    out.push(line + ".");
    if let (Some(grown), Some(handles)) = (growth.filter(|&g| g > 0), census.handles_grown) {
        out.push(format!(
            "Over the recording {} allocations and {} handles were added.",
            grouped(grown),
            grouped(handles)
        ));
    }
    out
}

/// Process and thread objects against what is alive.
fn dead_processes(track: &Track<'_>, name: &str, outstanding: u64) -> Option<String> {
    let (_, memory) = track.ends(|facts: &MomentFacts| facts.memory.as_ref())?;
    let (alive, what) = match name {
        "Process" => (memory.process_count?, "processes"),
        "Thread" => (memory.thread_count?, "threads"),
        _ => return None,
    };
    let dead = outstanding.checked_sub(alive).filter(|&d| d > alive)?;
    Some(format!(
        "{} {what} are alive: {} objects are of dead ones that something still refers to.",
        grouped(alive),
        grouped(dead)
    ))
}

fn name_processes(holder: &mut Holder, growing: &[Growth], unit: &str) {
    for growth in growing {
        let kind = if growth.by_kind { "" } else { ", of all kinds" };
        let pid = growth.who.pid.unwrap_or(0);
        let line = match growth.grown {
            Some(grown) => format!(
                "{} (process {pid}) gained {} {unit}{kind} and holds {}.",
                growth.who.name,
                grouped(grown),
                grouped(growth.now)
            ),
            None => format!(
                "{} (process {pid}) holds {} {unit}{kind}.",
                growth.who.name,
                grouped(growth.now)
            ),
        };
        holder.evidence.push(line);
        holder.who.push(growth.who.clone());
    }
}

fn steps(kind: HolderKind, name: &str, census: Census, nobody: bool) -> Vec<String> {
    let mut steps: Vec<String> = Vec::new();
    if census.handles.is_none() {
        steps.push(
            "Object counts by type were not read; run on the machine itself with administrator rights."
                .into(),
        );
    }
    match kind {
        HolderKind::HandleLeak if nobody => steps.push(format!(
            "Show the column Handles in Task Manager and find the process that grows; its handles of type {name} are the leak."
        )),
        HolderKind::HandleLeak => {
            steps.push("Stop or restart that process and see whether the objects go away.".into());
        }
        HolderKind::ReferenceLeak => {
            steps.push("No process holds these objects: a driver does. Stop filters, security and virtualisation products one at a time, or compare with Safe Mode.".into());
            steps.push("With a kernel debugger, object reference tracing (`gflags /ko`, `!obtrace`) names who took the references.".into());
        }
        _ => steps.push("Record longer: nothing grows in this recording.".into()),
    }
    steps
}

/// Slab caches of Linux: the processes by what they hold open.
pub(super) fn linux(track: &Track<'_>) -> Option<Holder> {
    let tag = track.tag();
    let group = cache_group(tag.as_bytes())?;
    let outstanding = track.last.filter(|&n| n >= LEAST)?;
    let kinds: &[&str] = match group.held_by {
        HeldBy::Sockets => &["socket"],
        HeldBy::Files => file_kinds(&tag),
        HeldBy::Processes => return tasks(track, outstanding),
        HeldBy::Nothing => return of_module(track, group.module.as_deref(), outstanding),
    };
    let relevant = track.growth().filter(|&g| g >= LEAST).unwrap_or(outstanding);
    let growing = processes::growing(track, kinds, relevant);
    let mut holder = Holder::new(HolderKind::HandleLeak);
    holder.evidence.push(count_line(track, &tag, outstanding));
    if growing.is_empty() {
        holder.kind = HolderKind::ReferenceLeak;
        holder.how_to_find_out.push(
            "No process that can be seen holds that many: run as root to see all, then suspect descriptors in flight or a kernel module.".into(),
        );
    } else {
        name_processes(
            &mut holder,
            &growing,
            if kinds == ["socket"] {
                "sockets"
            } else {
                "open files"
            },
        );
        holder
            .how_to_find_out
            .push("Stop or restart that process and see whether the objects go away.".into());
    }
    holder.how_to_find_out.extend(group.checks.iter().cloned());
    Some(holder)
}

/// The kinds of open files that keep objects of a cache; all for the caches that every open file has.
fn file_kinds(tag: &str) -> &'static [&'static str] {
    match tag {
        "pipe_inode_info" => &["pipe"],
        "eventpoll_epi" | "eventpoll_pwq" => &["eventpoll"],
        "eventfd_ctx" => &["eventfd"],
        t if t.contains("inotify") || t.contains("fsnotify") || t.contains("fanotify") => {
            &["inotify", "fanotify"]
        }
        t if t.starts_with("io_") || t.contains("kiocb") => &["io_uring"],
        t if t.starts_with("bpf") => &["bpf-map", "bpf-prog", "bpf-link"],
        _ => &[],
    }
}

fn count_line(track: &Track<'_>, tag: &str, outstanding: u64) -> String {
    let grown = track.growth().filter(|&g| g > 0 && track.seconds() > 0.0);
    let more = grown
        .map(|g| format!(", {} more than at the start", grouped(g)))
        .unwrap_or_default();
    let bytes = track
        .bytes()
        .map(|b| format!(" ({})", humane(b)))
        .unwrap_or_default();
    format!(
        "{} objects of {tag} are in use{bytes}{more}.",
        grouped(outstanding)
    )
}

/// Caches of tasks: the processes with the most threads.
fn tasks(track: &Track<'_>, outstanding: u64) -> Option<Holder> {
    let (_, last) = track.ends(|facts: &MomentFacts| facts.processes.as_deref())?;
    let mut holder = Holder::new(HolderKind::Cache);
    holder.evidence.push(count_line(track, &track.tag(), outstanding));
    let mut by_threads: Vec<_> = last.iter().filter_map(|p| Some((p.threads?, p))).collect();
    by_threads.sort_by_key(|(threads, _)| std::cmp::Reverse(*threads));
    for (threads, process) in by_threads
        .into_iter()
        .take(3)
        .filter(|(threads, _)| *threads >= LEAST / 10)
    {
        holder.evidence.push(format!(
            "{} (process {}) has {} threads.",
            process.name,
            process.pid,
            grouped(threads)
        ));
        holder.who.push(Who {
            name: process.name.clone(),
            pid: Some(process.pid),
            amount: Some(threads),
        });
    }
    holder
        .how_to_find_out
        .push("Count tasks and zombies: `ps -eLf | wc -l`, `ps -eo stat,ppid,comm | grep ^Z`.".into());
    Some(holder)
}

/// Caches that no process shows: the module, where it is loaded.
fn of_module(track: &Track<'_>, module: Option<&str>, outstanding: u64) -> Option<Holder> {
    let module = module?;
    let (_, loaded) = track.ends(|facts: &MomentFacts| facts.modules.as_deref())?;
    let found = loaded.iter().find(|m| m.name == module)?;
    let mut holder = Holder::new(HolderKind::Cache);
    holder.evidence.push(count_line(track, &track.tag(), outstanding));
    let users = found
        .references
        .map(|n| format!(", used {n} times"))
        .unwrap_or_default();
    holder
        .evidence
        .push(format!("The module {module} is loaded{users}."));
    holder.who.push(Who {
        name: module.to_string(),
        pid: None,
        amount: Some(outstanding),
    });
    Some(holder)
}
