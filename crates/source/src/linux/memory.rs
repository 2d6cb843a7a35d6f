//! `/proc/meminfo` and the other system-wide counters.
//!
//! Meanings: `Documentation/filesystems/proc.rst` of the kernel.

use snapshot::{MemoryCounters, ObjectTypeFacts};

use super::tree::{fields, lines, number};

/// Counters of `/proc/meminfo`, in bytes. What is not listed there stays absent.
pub(super) fn parse_meminfo(text: &[u8]) -> MemoryCounters {
    let value = |name: &str| meminfo_value(text, name);
    let minus = |a: Option<u64>, b: Option<u64>| a?.checked_sub(b?);
    let parts = [value("Cached"), value("Buffers"), value("SwapCached")];
    let page_cache = parts[0].map(|_| {
        parts
            .iter()
            .flatten()
            .fold(0, |sum: u64, &part| sum.saturating_add(part))
    });
    MemoryCounters {
        physical: value("MemTotal"),
        available: value("MemAvailable"),
        free: value("MemFree"),
        committed: value("Committed_AS"),
        commit_limit: value("CommitLimit"),
        cache: page_cache,
        slab_unreclaimable: value("SUnreclaim"),
        slab_reclaimable: value("SReclaimable"),
        vmalloc: value("VmallocUsed"),
        kernel_stacks: value("KernelStack"),
        page_tables: value("PageTables").map(|b| b.saturating_add(value("SecPageTables").unwrap_or(0))),
        per_cpu: value("Percpu"),
        anonymous: value("AnonPages"),
        shared: value("Shmem"),
        huge_pages: value("Hugetlb"),
        memory_compression: value("Zswap"),
        page_file_total: value("SwapTotal"),
        page_file_used: minus(value("SwapTotal"), value("SwapFree")),
        ..MemoryCounters::default()
    }
}

/// `Name:   N kB` in bytes; a line without unit is a count and not wanted here.
fn meminfo_value(text: &[u8], name: &str) -> Option<u64> {
    let (_, line) = lines(text).find(|(_, line)| {
        line.strip_prefix(name.as_bytes())
            .is_some_and(|rest| rest.starts_with(b":"))
    })?;
    let mut parts = fields(line).skip(1);
    let value = number(parts.next()?)?;
    (parts.next() == Some(b"kB")).then(|| value.checked_mul(1024))?
}

/// Threads of the system from `/proc/loadavg` (`0.1 0.2 0.3 RUNNING/ALL LASTPID`).
pub(super) fn parse_loadavg_threads(text: &[u8]) -> Option<u64> {
    let field = fields(text).nth(3)?;
    let slash = field.iter().position(|&b| b == b'/')?;
    number(field.get(slash + 1..)?)
}

/// The object counters of `/proc/sys/fs` and `/proc/net/sockstat`, each with the cache that holds such objects.
pub(super) fn parse_object_counts(
    file_nr: Option<&[u8]>,
    dentry_state: Option<&[u8]>,
    inode_nr: Option<&[u8]>,
    sockstat: Option<&[u8]>,
) -> Vec<ObjectTypeFacts> {
    let nth = |text: &[u8], n: usize| fields(text).nth(n).and_then(number);
    let mut out = Vec::new();
    let mut push = |name: &str, tag: Option<&str>, objects: Option<u64>| {
        if objects.is_some() {
            out.push(ObjectTypeFacts {
                name: name.to_owned(),
                objects,
                handles: None,
                tag: tag.map(str::to_owned),
            });
        }
    };
    push("file", Some("filp"), file_nr.and_then(open_files));
    push("dentry", Some("dentry"), dentry_state.and_then(|t| nth(t, 0)));
    // Inodes live in one cache for each file system.
    push(
        "inode",
        None,
        inode_nr.and_then(|t| nth(t, 0)?.checked_sub(nth(t, 1)?)),
    );
    push(
        "socket",
        Some("sock_inode_cache"),
        sockstat.and_then(sockets_used),
    );
    out
}

/// Open files from `/proc/sys/fs/file-nr` (`ALLOCATED FREE MAXIMUM`).
pub(super) fn open_files(text: &[u8]) -> Option<u64> {
    let mut parts = fields(text).map(number);
    let (allocated, free) = (parts.next()??, parts.next()??);
    allocated.checked_sub(free)
}

/// `sockets: used N` of `/proc/net/sockstat`: sockets of this network namespace.
fn sockets_used(text: &[u8]) -> Option<u64> {
    let (_, line) = lines(text).find(|(_, line)| line.starts_with(b"sockets:"))?;
    number(fields(line).nth(2)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn meminfo_lines_become_bytes() {
        let text = b"MemTotal:       1000 kB\nMemFree:  400 kB\nBuffers: 10 kB\nCached: 200 kB\nShmem: 50 kB\n\
SwapTotal: 30 kB\nSwapFree: 10 kB\nHugePages_Total:       7\nHugetlb: 2048 kB\nSUnreclaim: x kB\nPageTables: 5 kB\n";
        let got = parse_meminfo(text);
        let expected = MemoryCounters {
            physical: Some(1000 << 10),
            free: Some(400 << 10),
            cache: Some(210 << 10),
            shared: Some(50 << 10),
            huge_pages: Some(2048 << 10),
            page_tables: Some(5 << 10),
            page_file_total: Some(30 << 10),
            page_file_used: Some(20 << 10),
            ..MemoryCounters::default()
        };
        assert_eq!(got, expected);
        assert_eq!(parse_meminfo(b""), MemoryCounters::default());
        assert_eq!(parse_meminfo(b"MemTotal: 18446744073709551615 kB").physical, None);
    }

    #[test]
    fn counts_of_objects_are_absent_where_the_file_is() {
        let all = parse_object_counts(
            Some(b"385\t5\t2466174\n"),
            Some(b"205149 190000 45 0 100 0\n"),
            Some(b"1000 900\n"),
            Some(b"sockets: used 76\nTCP: inuse 2\n"),
        );
        let got: Vec<_> = all
            .iter()
            .map(|o| (o.name.as_str(), o.objects, o.tag.as_deref()))
            .collect();
        let expected = [
            ("file", Some(380), Some("filp")),
            ("dentry", Some(205_149), Some("dentry")),
            ("inode", Some(100), None),
            ("socket", Some(76), Some("sock_inode_cache")),
        ];
        assert_eq!(got, expected);
        assert_eq!(
            parse_object_counts(Some(b"1 2 3"), None, None, Some(b"TCP: inuse")),
            []
        );
        assert_eq!(parse_loadavg_threads(b"0.00 0.01 0.05 2/317 4242\n"), Some(317));
        assert_eq!(parse_loadavg_threads(b"0.00 0.01 0.05 2 4242\n"), None);
    }

    proptest! {
        #[test]
        fn no_input_panics(text in proptest::collection::vec(any::<u8>(), 0..300)) {
            parse_meminfo(&text);
            parse_loadavg_threads(&text);
            parse_object_counts(Some(&text), Some(&text), Some(&text), Some(&text));
        }
    }
}
