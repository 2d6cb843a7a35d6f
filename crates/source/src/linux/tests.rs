//! The whole source over trees of files.

use std::fs;

use snapshot::{OsKind, Pool, Tag};

use super::*;

const SLABINFO: &str = "slabinfo - version: 2.1\n# name <active_objs> …\n\
filp 440 525 192 21 1 : tunables 0 0 0 : slabdata 25 26 0\n\
dentry 200 210 192 21 1 : tunables 0 0 0 : slabdata 10 10 0\n\
buffer_head 39 39 104 39 1 : tunables 0 0 0 : slabdata 1 1 0\n\
kmalloc-rcl-96 42 42 96 42 1 : tunables 0 0 0 : slabdata 1 1 0\n\
nfs_page 3 3 64 64 1 : tunables 0 0 0 : slabdata 1 1 0\n\
nfs_page 4 4 64 64 1 : tunables 0 0 0 : slabdata 1 2 0\n";

struct Kernel {
    folder: tempfile::TempDir,
}

impl Kernel {
    /// A tree with a kernel's most common files.
    fn new() -> Self {
        let kernel = Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
        };
        kernel
            .file("proc/slabinfo", SLABINFO)
            .file("proc/meminfo", "MemTotal: 1000 kB\nMemAvailable: 700 kB\n")
            .file("proc/uptime", "1287.10 1739.65\n")
            .file(
                "proc/sys/kernel/random/boot_id",
                "b252db17-9966-45cb-9210-abfd0b207aef\n",
            )
            .file("proc/sys/kernel/hostname", "build7\n")
            .file("proc/sys/kernel/osrelease", "6.18.44\n")
            .file("proc/sys/fs/file-nr", "385\t0\t2466174\n")
            .file("proc/stat", "cpu 1\nbtime 1700000000\n")
            .file("sys/devices/system/cpu/online", "0-1\n")
            .file("sys/kernel/slab/dentry/reclaim_account", "1\n")
            .file("sys/kernel/slab/filp/reclaim_account", "0\n")
            .file("sys/kernel/slab/nfs_page/reclaim_account", "0\n")
            .link("sys/kernel/slab/buffer_head", ":a-0000104")
            .link("sys/kernel/slab/ext4_fc_dentry_update", ":a-0000104")
            .file("sys/kernel/slab/kmalloc-rcl-96/reclaim_account", "1\n");
        kernel
    }

    fn file(&self, path: &str, content: impl AsRef<[u8]>) -> &Self {
        let path = self.folder.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        fs::write(path, content).expect("a file");
        self
    }

    #[cfg(unix)]
    fn link(&self, path: &str, target: &str) -> &Self {
        let path = self.folder.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        std::os::unix::fs::symlink(target, path).expect("a link");
        self
    }

    #[cfg(not(unix))]
    fn link(&self, _path: &str, _target: &str) -> &Self {
        self
    }

    fn without(&self, path: &str) -> &Self {
        fs::remove_file(self.folder.path().join(path)).expect("a file to remove");
        self
    }

    fn source(&self) -> LinuxSource {
        LinuxSource::with_root(self.folder.path())
    }
}

/// `tag pool live bytes` of each row, sorted.
fn rows(snapshot: &Snapshot) -> Vec<String> {
    let mut out: Vec<String> = snapshot
        .rows
        .iter()
        .map(|row| {
            format!(
                "{} {} {:?} {:?}",
                row.tag, row.pool, row.usage.live, row.usage.bytes
            )
        })
        .collect();
    out.sort();
    out
}

fn steps(problems: &[Problem]) -> Vec<&str> {
    problems.iter().map(|p| p.step.as_str()).collect()
}

#[cfg(unix)]
#[test]
fn slab_caches_become_rows_with_their_pool() {
    let snapshot = Kernel::new()
        .source()
        .snapshot(&Want::SAMPLE)
        .expect("slabinfo is there");
    let expected = [
        "buffer_head slab-reclaimable 39 4096",
        "dentry slab-reclaimable 200 40960",
        "filp slab 440 106496",
        "kmalloc-rcl-96 slab-reclaimable 42 4096",
        "nfs_page slab 7 12288",
    ];
    assert_eq!(rows(&snapshot), expected);
    assert!(
        snapshot
            .rows
            .iter()
            .all(|r| !r.usage.allocs.is_known() && !r.usage.frees.is_known())
    );
    assert_eq!(snapshot.kernel_uptime_s, Some(1287.10));
    assert_eq!(
        snapshot.boot,
        Some(snapshot::BootId(
            "b252db17-9966-45cb-9210-abfd0b207aef".to_owned()
        ))
    );
    assert_eq!(snapshot.width, CounterWidth::Bits64);
    let memory = snapshot.facts.memory.expect("meminfo is there");
    assert_eq!(
        (memory.physical, memory.open_files, memory.free),
        (Some(1000 << 10), Some(385), None)
    );
    assert_eq!(
        steps(&snapshot.problems),
        ["page size"],
        "the tree has no auxiliary vector"
    );
}

#[test]
fn without_sysfs_flags_are_a_problem_not_a_guess() {
    let kernel = Kernel::new();
    fs::remove_dir_all(kernel.folder.path().join("sys/kernel")).expect("a folder to remove");
    let snapshot = kernel
        .source()
        .snapshot(&Want::SAMPLE)
        .expect("slabinfo is there");
    assert!(steps(&snapshot.problems).contains(&"slab flags"));
    let reclaimable: Vec<_> = snapshot
        .rows
        .iter()
        .filter(|r| r.pool == Pool::SlabReclaimable)
        .map(|r| r.tag.to_string())
        .collect();
    assert_eq!(reclaimable, ["kmalloc-rcl-96"]);
}

#[test]
fn vmalloc_callers_and_call_sites_are_summed_and_fall_to_zero() {
    let kernel = Kernel::new();
    kernel
        .file("proc/slabinfo", "")
        .file("proc/vmallocinfo", "0x1-0x2 20480 kernel_clone+0xb8/0x400 pages=4 vmalloc N0=4\n0x3-0x4 20480 kernel_clone+0xb9/0x400 pages=4 vmalloc\n")
        .file("proc/allocinfo", "allocinfo - version: 1.0\n 4096 1 mm/a.c:1 func:a\n 0 0 mm/b.c:2 func:b\n");
    let mut source = kernel.source();
    let first = source.snapshot(&Want::SAMPLE).expect("readable");
    assert_eq!(
        rows(&first),
        ["kernel_clone vmalloc 2 32768", "mm/a.c:1 func:a call-site 1 4096"]
    );
    kernel
        .file("proc/vmallocinfo", "")
        .file("proc/allocinfo", "0 0 mm/a.c:1 func:a\n8 2 mm/b.c:2 func:b\n");
    let second = source.snapshot(&Want::SAMPLE).expect("readable");
    assert_eq!(
        rows(&second),
        [
            "kernel_clone vmalloc 0 0",
            "mm/a.c:1 func:a call-site 0 0",
            "mm/b.c:2 func:b call-site 2 8"
        ]
    );
}

#[test]
fn no_tags_at_all_is_unavailable_and_says_where() {
    let kernel = Kernel::new();
    kernel.without("proc/slabinfo");
    let error = kernel
        .source()
        .snapshot(&Want::SAMPLE)
        .expect_err("nothing to read");
    assert_eq!(error.to_string(), "/proc/slabinfo: not there");
    let rest = kernel
        .source()
        .snapshot(&Want {
            memory: true,
            ..Want::default()
        })
        .expect("no tags asked for");
    assert!(rest.facts.memory.is_some() && rest.rows.is_empty());

    kernel.file("proc/allocinfo", "8 1 mm/a.c:1 func:a\n");
    let partly = kernel
        .source()
        .snapshot(&Want::SAMPLE)
        .expect("call sites are there");
    assert_eq!(partly.rows.len(), 1);
    assert!(steps(&partly.problems).contains(&"slabinfo"));
}

#[test]
fn a_refused_file_says_how_to_get_the_right() {
    let refused = tree::unreadable("proc/slabinfo", &std::io::ErrorKind::PermissionDenied.into());
    let message = refused.problem("slabinfo").message;
    assert!(
        message.starts_with("/proc/slabinfo: permission denied") && message.contains("sudo"),
        "{message}"
    );
}

#[cfg(unix)]
#[test]
fn processes_show_who_holds_what() {
    let kernel = Kernel::new();
    let stat =
        |pid: u32, name: &str| format!("{pid} ({name}) S 1 2 3 0 -1 0 0 0 0 0 7 5 0 0 20 0 9 0 1500 0 0 0\n");
    kernel
        .file("proc/10/stat", stat(10, "small"))
        .file("proc/10/statm", "100 5 1 0 0 0 0\n")
        .link("proc/10/fd/0", "/dev/null")
        .file("proc/20/stat", stat(20, "leak) S ("))
        .file("proc/20/statm", "100 50 10 0 0 0 0\n")
        .link("proc/20/fd/0", "socket:[1]")
        .link("proc/20/fd/1", "socket:[2]")
        .link("proc/20/fd/2", "anon_inode:[eventpoll]")
        .file("proc/30/status", "gone meanwhile")
        .file("proc/net/sockstat", "sockets: used 5\n");
    let want = Want {
        processes: true,
        handle_types: true,
        object_types: true,
        memory: true,
        ..Want::default()
    };
    let snapshot = kernel.source().snapshot(&want).expect("no tags asked for");
    let processes = snapshot.facts.processes.expect("processes were asked for");
    let kinds = |p: &ProcessFacts| p.handles_by_type.clone().unwrap_or_default();
    let [leak, small] = &processes[..] else {
        panic!("two processes: {processes:?}")
    };
    assert_eq!(
        (leak.pid, leak.name.as_str(), leak.handles),
        (20, "leak) S (", Some(3))
    );
    assert_eq!(
        kinds(leak),
        [("socket".to_owned(), 2), ("eventpoll".to_owned(), 1)]
    );
    assert_eq!(
        (leak.working_set, leak.private_bytes),
        (Some(50 * 4096), Some(40 * 4096))
    );
    assert_eq!(leak.created, Some(Timestamp::from_unix_seconds(1_700_000_015)));
    assert_eq!((small.pid, small.handles), (10, Some(1)));

    let memory = snapshot.facts.memory.expect("memory was asked for");
    assert_eq!((memory.process_count, memory.handles), (Some(2), Some(4)));
    assert_eq!(memory.processes_resident, Some(55 * 4096));
    let types = snapshot.facts.object_types.expect("object types were asked for");
    let socket = types
        .iter()
        .find(|t| t.name == "socket")
        .expect("sockstat is there");
    assert_eq!(
        (socket.objects, socket.handles, socket.tag.as_deref()),
        (Some(5), Some(2), Some("sock_inode_cache"))
    );
}

#[cfg(unix)]
#[test]
fn merged_caches_list_the_other_names() {
    let want = Want {
        object_types: true,
        ..Want::default()
    };
    let facts = Kernel::new()
        .source()
        .snapshot(&want)
        .expect("no tags asked for")
        .facts;
    let caches = facts.slab_caches.expect("slabinfo is there");
    let head = caches.iter().find(|c| c.name == "buffer_head").expect("a row");
    assert_eq!(
        head.aliases.as_deref(),
        Some(&["ext4_fc_dentry_update".to_owned()][..])
    );
    assert_eq!((head.reclaimable, head.object_bytes), (Some(true), Some(104)));
    let filp = caches.iter().find(|c| c.name == "filp").expect("a row");
    assert_eq!(filp.aliases.as_deref(), Some(&[][..]));
}

#[test]
fn the_host_is_described_with_what_is_there() {
    let kernel = Kernel::new();
    kernel.file("etc/os-release", "PRETTY_NAME=\"Debian GNU/Linux 13\"\n");
    let (host, problems) = kernel.source().host();
    assert_eq!(steps(&problems), ["page size"]);
    assert_eq!(host.os, Some(OsKind::Linux));
    assert_eq!(host.name.as_deref(), Some("build7"));
    assert_eq!(host.build.as_deref(), Some("6.18.44"));
    assert_eq!(host.product.as_deref(), Some("Debian GNU/Linux 13"));
    assert_eq!(
        (host.physical_bytes, host.page_bytes, host.processors),
        (Some(1000 << 10), Some(4096), Some(2))
    );

    let nothing = tempfile::tempdir().expect("a temporary folder");
    let (host, problems) = LinuxSource::with_root(nothing.path()).host();
    assert_eq!((host.name, host.physical_bytes), (None, None));
    assert!(problems.len() >= 4, "{problems:?}");
}

#[test]
fn hostile_files_are_problems_not_panics() {
    let garbage: [&[u8]; 5] = [
        b"\xff\xfe\x00",
        b"name",
        b"-1 -1 -1",
        &[b'9'; 5000],
        b"\n\n: : : :\n",
    ];
    let paths = [
        "proc/slabinfo",
        "proc/vmallocinfo",
        "proc/allocinfo",
        "proc/meminfo",
        "proc/modules",
        "proc/uptime",
        "proc/stat",
        "proc/self/auxv",
        "proc/self/stat",
        "proc/1/stat",
        "proc/1/statm",
        "proc/sys/fs/file-nr",
        "proc/sys/kernel/random/boot_id",
        "etc/os-release",
        "sys/devices/system/cpu/online",
    ];
    for content in garbage {
        let kernel = Kernel::new();
        for path in paths {
            kernel.file(path, content);
        }
        let mut source = kernel.source();
        source.host();
        assert!(source.snapshot(&Want::EVERYTHING).is_ok(), "{content:?}");
    }
    // A cache named like a way out of the folder is not followed.
    let kernel = Kernel::new();
    kernel.file(
        "proc/slabinfo",
        "../../../etc 1 1 1 1 1 : tunables 0 0 0 : slabdata 1 1 0\n",
    );
    let snapshot = kernel.source().snapshot(&Want::SAMPLE).expect("readable");
    assert_eq!(snapshot.rows[0].tag, Tag::from_bytes(b"../../../etc"));
    assert!(steps(&snapshot.problems).contains(&"slab flags"));
}

#[cfg(target_os = "linux")]
#[test]
fn the_running_kernel_answers_or_says_why_not() {
    let mut source = LinuxSource::new();
    let (host, _) = source.host();
    assert!(host.page_bytes.is_some_and(u64::is_power_of_two));
    match source.snapshot(&Want::EVERYTHING) {
        Ok(snapshot) => {
            assert!(!snapshot.rows.is_empty());
            assert!(
                snapshot
                    .facts
                    .own_cost
                    .is_some_and(|cost| cost.resident.is_some_and(|r| r > 0))
            );
            let mut keys: Vec<_> = snapshot.rows.iter().map(|r| (&r.tag, r.pool)).collect();
            keys.sort();
            keys.dedup();
            assert_eq!(keys.len(), snapshot.rows.len(), "a (tag, pool) stands once");
        }
        Err(error) => assert!(error.to_string().contains("/proc/slabinfo"), "{error}"),
    }
}
