//! `/proc/PID`: processes, their memory, their open files by kind.
//!
//! Layouts: `proc_pid_stat(5)`, `proc_pid_statm(5)`, `proc_pid_fd(5)` of the Linux man-pages.

use std::io::ErrorKind;

use snapshot::{ProcessFacts, Timestamp};

use super::tree::{Tree, fields, number};

/// What `/proc/PID/stat` says, in the kernel's own units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stat {
    pub(super) name: String,
    /// User and system time, clock ticks.
    pub(super) cpu_ticks: u64,
    pub(super) threads: u64,
    /// Clock ticks between boot and start.
    pub(super) started_ticks: u64,
}

/// Reads `PID (name) state …`. The name may hold anything, parentheses too: the last one closes it.
pub(super) fn parse_stat(text: &[u8]) -> Option<Stat> {
    let open = text.iter().position(|&b| b == b'(')?;
    let close = text.iter().rposition(|&b| b == b')')?;
    let name = String::from_utf8_lossy(text.get(open + 1..close)?).into_owned();
    // Field 3 (state) is the first behind the name; the numbers are those of the manual page.
    let rest: Vec<&[u8]> = fields(text.get(close + 1..)?).take(22).collect();
    let field = |n: usize| rest.get(n.checked_sub(3)?).copied().and_then(number);
    Some(Stat {
        name,
        cpu_ticks: field(14)?.saturating_add(field(15)?),
        threads: field(20)?,
        started_ticks: field(22)?,
    })
}

/// Resident and shared pages of `/proc/PID/statm`.
pub(super) fn parse_statm(text: &[u8]) -> Option<(u64, u64)> {
    let mut parts = fields(text).skip(1).map(number);
    Some((parts.next()??, parts.next()??))
}

/// Sorts a link of `/proc/PID/fd` into a kind.
///
/// Sockets and pipes are named so by the kernel, anonymous inodes by what they are (`anon_inode:[eventpoll]` is
/// `eventpoll`); everything with a path is a `file`, except devices and memfds.
pub(super) fn kind_of(target: &[u8]) -> &str {
    if target.starts_with(b"socket:") {
        return "socket";
    }
    if target.starts_with(b"pipe:") {
        return "pipe";
    }
    if let Some(name) = target.strip_prefix(b"anon_inode:") {
        let name = name
            .strip_prefix(b"[")
            .and_then(|n| n.strip_suffix(b"]"))
            .unwrap_or(name);
        let plain = !name.is_empty() && name.len() <= 32 && name.iter().all(|b| b.is_ascii_graphic());
        return if plain {
            std::str::from_utf8(name).unwrap_or("anon_inode")
        } else {
            "anon_inode"
        };
    }
    if target.starts_with(b"/memfd:") {
        return "memfd";
    }
    if target.starts_with(b"/dmabuf:") {
        return "dmabuf";
    }
    if target.starts_with(b"/dev/") && !target.starts_with(b"/dev/shm/") {
        return "device";
    }
    if target.starts_with(b"/") {
        return "file";
    }
    match target.iter().position(|&b| b == b':') {
        // Namespaces: `net:[4026531840]`.
        Some(colon) if target.get(colon + 1) == Some(&b'[') => "namespace",
        _ => "other",
    }
}

/// How much of `/proc` one snapshot may read: a process with millions of files must not stall the sampling.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Links read in one process.
    pub(super) links_per_process_max: usize,
    /// Links read in all.
    pub(super) links_max: usize,
    /// Processes read.
    pub(super) processes_max: usize,
    /// Kinds told apart in one process.
    pub(super) kinds_max: usize,
}

impl Limits {
    pub(super) const DEFAULT: Self = Self {
        links_per_process_max: 100_000,
        links_max: 400_000,
        processes_max: 100_000,
        kinds_max: 64,
    };
}

/// Units of this kernel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Units {
    pub(super) page_bytes: u64,
    pub(super) ticks_per_s: u64,
    /// When the kernel booted, for the start times of processes.
    pub(super) booted_at: Option<Timestamp>,
}

/// What went missing while reading processes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Missed {
    /// Processes whose open files we may not see.
    pub(super) denied: u64,
    /// Processes whose open files were counted but not all told apart.
    pub(super) cut: u64,
    /// Processes left out because there are too many.
    pub(super) left_out: u64,
}

/// Reads all processes, largest first. A process that ends meanwhile is left out.
pub(super) fn read_all(
    tree: &Tree,
    units: Units,
    kinds: bool,
    limits: Limits,
    buffer: &mut Vec<u8>,
) -> std::io::Result<(Vec<ProcessFacts>, Missed)> {
    let mut out = Vec::new();
    let mut missed = Missed::default();
    let mut links_left = limits.links_max;
    for entry in std::fs::read_dir(tree.path("proc"))? {
        let Ok(entry) = entry else { continue };
        let Some(pid) = number(entry.file_name().as_encoded_bytes()) else {
            continue;
        };
        if out.len() >= limits.processes_max {
            missed.left_out += 1;
            continue;
        }
        let Some(mut process) = read_one(tree, pid, units, buffer) else {
            continue;
        };
        let budget = limits.links_per_process_max.min(links_left);
        match open_files(
            tree,
            &pid.to_string(),
            kinds.then_some((budget, limits.kinds_max)),
        ) {
            Ok(files) => {
                process.handles = Some(files.count);
                links_left = links_left.saturating_sub(files.read);
                missed.cut += u64::from(files.cut);
                process.handles_by_type = files.kinds;
            }
            Err(ErrorKind::PermissionDenied) => missed.denied += 1,
            Err(_) => {}
        }
        out.push(process);
    }
    out.sort_by(|a, b| b.working_set.cmp(&a.working_set).then(a.pid.cmp(&b.pid)));
    Ok((out, missed))
}

fn read_one(tree: &Tree, pid: u64, units: Units, buffer: &mut Vec<u8>) -> Option<ProcessFacts> {
    tree.read(&format!("proc/{pid}/stat"), buffer).ok()?;
    let stat = parse_stat(buffer)?;
    let statm = match tree.read(&format!("proc/{pid}/statm"), buffer) {
        Ok(()) => parse_statm(buffer),
        Err(_) => None,
    };
    let bytes = |pages: u64| pages.saturating_mul(units.page_bytes);
    let started_s = stat.started_ticks as f64 / units.ticks_per_s.max(1) as f64;
    Some(ProcessFacts {
        pid,
        name: stat.name,
        created: units.booted_at.map(|boot| boot.plus_seconds(started_s)),
        working_set: statm.map(|(resident, _)| bytes(resident)),
        private_bytes: statm.map(|(resident, shared)| bytes(resident.saturating_sub(shared))),
        threads: Some(stat.threads),
        ..ProcessFacts::default()
    })
}

/// Open files of one process.
#[derive(Debug, Default)]
pub(super) struct OpenFiles {
    pub(super) count: u64,
    /// Largest first, absent when not asked for.
    kinds: Option<Vec<(String, u64)>>,
    read: usize,
    cut: bool,
}

/// Counts the open files of `pid` and, within (`links`, `kinds`) limits, tells them apart.
pub(super) fn open_files(
    tree: &Tree,
    pid: &str,
    sort: Option<(usize, usize)>,
) -> Result<OpenFiles, ErrorKind> {
    let folder = tree.path(&format!("proc/{pid}/fd"));
    // Since Linux 6.2 the folder's size is the number of open files: one call instead of a listing.
    let size = std::fs::metadata(&folder).map_err(|e| e.kind())?.len();
    if sort.is_none() && size > 0 && tree.is_procfs() {
        return Ok(OpenFiles {
            count: size,
            ..OpenFiles::default()
        });
    }
    let mut files = OpenFiles::default();
    let mut kinds: Vec<(String, u64)> = Vec::new();
    let (links_max, kinds_max) = sort.unwrap_or((0, 0));
    for entry in std::fs::read_dir(&folder).map_err(|e| e.kind())? {
        let Ok(entry) = entry else { continue };
        files.count += 1;
        if sort.is_none() {
            continue;
        }
        if files.read >= links_max {
            files.cut = true;
            continue;
        }
        files.read += 1;
        let target = std::fs::read_link(entry.path()).unwrap_or_default();
        add_kind(
            &mut kinds,
            kind_of(target.as_os_str().as_encoded_bytes()),
            kinds_max,
        );
    }
    if sort.is_some() {
        kinds.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        files.kinds = Some(kinds);
    }
    Ok(files)
}

fn add_kind(kinds: &mut Vec<(String, u64)>, kind: &str, kinds_max: usize) {
    let kind = if kinds.len() >= kinds_max && !kinds.iter().any(|(k, _)| k == kind) {
        "other"
    } else {
        kind
    };
    match kinds.iter_mut().find(|(k, _)| k == kind) {
        Some((_, count)) => *count += 1,
        None => kinds.push((kind.to_owned(), 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn stat_survives_every_name() {
        let tail = "S 1 2 3 0 -1 4194560 11 0 0 0 7 5 0 0 20 0 9 0 1234 5678 90 18446744073709551615";
        for name in ["bash", "a b", ") S 1 (", "((sd-pam))", ""] {
            let got = parse_stat(format!("42 ({name}) {tail}").as_bytes());
            let expected = Stat {
                name: name.to_owned(),
                cpu_ticks: 12,
                threads: 9,
                started_ticks: 1234,
            };
            assert_eq!(got, Some(expected), "{name}");
        }
        for bad in ["", "42", "42 (x", "42 (x) S 1", ")(", "42 ) ("] {
            assert_eq!(parse_stat(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(parse_statm(b"1000 200 50 1 0 80 0"), Some((200, 50)));
        assert_eq!(parse_statm(b"1000"), None);
    }

    #[test]
    fn links_fall_into_kinds() {
        let cases = [
            ("socket:[12]", "socket"),
            ("pipe:[3]", "pipe"),
            ("anon_inode:[eventpoll]", "eventpoll"),
            ("anon_inode:bpf-map", "bpf-map"),
            ("anon_inode:", "anon_inode"),
            ("/memfd:wayland (deleted)", "memfd"),
            ("/dmabuf:", "dmabuf"),
            ("/dev/null", "device"),
            ("/dev/shm/x", "file"),
            ("/var/log/a:[b]", "file"),
            ("net:[4026531840]", "namespace"),
            ("", "other"),
        ];
        for (target, kind) in cases {
            assert_eq!(kind_of(target.as_bytes()), kind, "{target}");
        }
    }

    #[test]
    fn kinds_without_end_become_other() {
        let mut kinds = Vec::new();
        for i in 0..10 {
            add_kind(&mut kinds, &format!("k{i}"), 3);
        }
        let names: Vec<_> = kinds.iter().map(|(k, n)| (k.as_str(), *n)).collect();
        assert_eq!(names, [("k0", 1), ("k1", 1), ("k2", 1), ("other", 7)]);
    }

    proptest! {
        #[test]
        fn no_input_panics(text in proptest::collection::vec(any::<u8>(), 0..300)) {
            parse_stat(&text);
            parse_statm(&text);
            kind_of(&text);
        }
    }
}
