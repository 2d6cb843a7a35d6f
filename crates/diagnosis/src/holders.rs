//! Processes that collect handles over a recording.

use std::collections::HashMap;

use snapshot::{History, ProcessFacts, Timestamp};

/// A gain below this is ordinary coming and going.
const LEAST_GAIN: u64 = 1_000;

/// A process whose handles grew.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Collector {
    pub(crate) pid: u64,
    pub(crate) name: String,
    pub(crate) before: u64,
    pub(crate) after: u64,
    pub(crate) gained: u64,
    /// Share of what all growing processes gained.
    pub(crate) share: Option<f64>,
    /// Kind that grew most (`socket`, `Event`), where kinds were read.
    pub(crate) kind: Option<String>,
    pub(crate) span_s: f64,
}

impl Collector {
    /// True when handles of this kind keep objects of this tag or cache. Without a kind, any object tag qualifies.
    pub(crate) fn keeps(&self, tag: &str) -> bool {
        let tag = tag.trim_end();
        let Some((_, kinds)) = KEPT.iter().find(|(name, _)| *name == tag) else {
            return false;
        };
        self.kind.as_deref().is_none_or(|kind| {
            let kind = kind.to_ascii_lowercase();
            kinds.iter().any(|k| kind.starts_with(k))
        })
    }
}

/// Tags and caches of objects, and the kinds of handles that keep them (`filp` and `File` back every open file).
const KEPT: [(&str, &[&str]); 34] = [
    ("Proc", &["process"]),
    ("Thre", &["thread"]),
    ("Toke", &["token"]),
    ("File", &["file", "socket", "pipe"]),
    ("IoFE", &["file"]),
    ("IoNm", &["file"]),
    ("NtfC", &["file"]),
    ("Ntfc", &["file"]),
    ("Even", &["event"]),
    ("Sema", &["semaphore"]),
    ("Muta", &["mutant"]),
    ("Time", &["timer"]),
    ("Key", &["key"]),
    ("CMkb", &["key"]),
    ("Sect", &["section"]),
    ("AfdE", &["file", "socket"]),
    ("AfdC", &["file", "socket"]),
    ("AfdB", &["file", "socket"]),
    ("TcpE", &["file", "socket"]),
    ("UdpA", &["file", "socket"]),
    ("Obtb", &[""]),
    ("filp", &[""]),
    ("sock_inode_cache", &["socket"]),
    ("TCP", &["socket"]),
    ("TCPv6", &["socket"]),
    ("UDP", &["socket"]),
    ("UDPv6", &["socket"]),
    ("UNIX", &["socket"]),
    ("PING", &["socket"]),
    ("dentry", &[""]),
    ("pipe_inode_cache", &["pipe"]),
    ("eventpoll_epi", &["eventpoll", "anon"]),
    ("shmem_inode_cache", &["file", "memfd", "dmabuf"]),
    ("lsm_inode_cache", &["socket", "pipe", "file"]),
];

/// Collectors of the recording, largest gain first.
pub(crate) fn collectors(history: &History) -> Vec<Collector> {
    let mut tracks: HashMap<(u64, &str, Option<Timestamp>), Vec<(f64, &ProcessFacts)>> = HashMap::new();
    for (at, facts) in &history.facts {
        let Some(sample) = history.samples.get(*at as usize) else {
            continue;
        };
        for process in facts.processes.iter().flatten() {
            let key = (process.pid, process.name.as_str(), process.created);
            tracks
                .entry(key)
                .or_default()
                .push((sample.at.unix_seconds(), process));
        }
    }
    let mut found: Vec<Collector> = tracks.values().filter_map(|track| of_track(track)).collect();
    let all: u64 = found.iter().map(|c| c.gained).fold(0, u64::saturating_add);
    for collector in &mut found {
        collector.share = (all > 0).then(|| collector.gained as f64 / all as f64);
    }
    found.retain(|c| c.gained >= LEAST_GAIN && c.share.is_none_or(|s| s >= 0.3));
    found.sort_by(|a, b| b.gained.cmp(&a.gained).then_with(|| a.pid.cmp(&b.pid)));
    found
}

fn of_track(track: &[(f64, &ProcessFacts)]) -> Option<Collector> {
    let counts: Vec<(f64, u64, &ProcessFacts)> = track
        .iter()
        .filter_map(|(at, p)| p.handles.map(|handles| (*at, handles, *p)))
        .collect();
    let (first, last) = (counts.first()?, counts.last()?);
    let gained = last.1.checked_sub(first.1).filter(|&g| g > 0)?;
    // What falls back in between is use, not collecting.
    let mut peak = 0;
    for &(_, handles, _) in &counts {
        peak = peak.max(handles);
        if peak.saturating_sub(handles) > gained / 10 {
            return None;
        }
    }
    Some(Collector {
        pid: last.2.pid,
        name: last.2.name.clone(),
        before: first.1,
        after: last.1,
        gained,
        share: None,
        kind: kind_that_grew(first.2, last.2),
        span_s: last.0 - first.0,
    })
}

fn kind_that_grew(before: &ProcessFacts, after: &ProcessFacts) -> Option<String> {
    let old = before.handles_by_type.as_deref().unwrap_or_default();
    let (kind, gain) = after
        .handles_by_type
        .as_ref()?
        .iter()
        .map(|(kind, n)| {
            let was = old.iter().find(|(k, _)| k == kind).map_or(0, |(_, n)| *n);
            (kind, n.saturating_sub(was))
        })
        .max_by_key(|&(_, gain)| gain)?;
    (gain > 0).then(|| kind.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use snapshot::{MomentFacts, Sample};

    fn history(tracks: &[(u64, &[u64])]) -> History {
        let mut history = History::default();
        for at in 0..tracks.first().map_or(0, |t| t.1.len()) {
            history.samples.push(Sample {
                at: Timestamp::from_unix_seconds(at as i64 * 10),
                ..Sample::default()
            });
            let processes = tracks
                .iter()
                .map(|(pid, counts)| ProcessFacts {
                    pid: *pid,
                    name: format!("p{pid}"),
                    handles: counts.get(at).copied(),
                    ..ProcessFacts::default()
                })
                .collect();
            history.facts.push((
                at as u32,
                MomentFacts {
                    processes: Some(processes),
                    ..MomentFacts::default()
                },
            ));
        }
        history
    }

    #[test]
    fn collecting_is_told_from_use() {
        let cases: [(&[u64], bool); 5] = [
            (&[10, 1_500, 3_000], true),
            (&[10, 500, 900], false),
            (&[10, 9_000, 3_000], false),
            (&[3_000, 2_000, 10], false),
            (&[10], false),
        ];
        for (counts, expected) in cases {
            assert_eq!(
                !collectors(&history(&[(7, counts)])).is_empty(),
                expected,
                "{counts:?}"
            );
        }
        let two = collectors(&history(&[(1, &[0, 50_000]), (2, &[0, 2_000])]));
        assert_eq!(
            two.iter().map(|c| c.pid).collect::<Vec<_>>(),
            [1],
            "the small one is noise beside the large"
        );
    }

    #[test]
    fn a_kind_of_handle_keeps_its_own_objects() {
        let of = |kind: Option<&str>| Collector {
            pid: 1,
            name: String::new(),
            before: 0,
            after: 0,
            gained: 0,
            share: None,
            kind: kind.map(str::to_owned),
            span_s: 0.0,
        };
        assert!(of(Some("socket")).keeps("sock_inode_cache"));
        assert!(of(Some("socket")).keeps("filp"));
        assert!(!of(Some("pipe")).keeps("sock_inode_cache"));
        assert!(of(None).keeps("Even") && !of(None).keeps("ext4_inode_cache"));
        assert!(of(Some("Key")).keeps("Key "));
    }
}
