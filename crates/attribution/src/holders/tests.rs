use snapshot::{
    BigPoolBlock, Counter, CounterWidth, EtwSession, MemoryCounters, MinifilterFacts, ModuleFacts,
    ObjectTypeFacts, ProcessFacts, Sample, SeriesKey, Tag, Timestamp, Usage,
};

use super::*;
use crate::OwnerIndex;

/// A recording of `moments` samples, one a minute, with `live` outstanding allocations of `tag` at each end.
fn recording(tag: &str, pool: Pool, live: [u64; 2], facts: [MomentFacts; 2]) -> (History, Series) {
    let mut history = History::default();
    for minute in 0..2 {
        history.samples.push(Sample {
            at: Timestamp::from_unix_seconds(minute * 60),
            ..Sample::default()
        });
    }
    let [first, last] = facts;
    history.facts = vec![(0, first), (1, last)];
    let key = SeriesKey {
        tag: if pool.is_windows() {
            Tag::parse_nt(tag)
        } else {
            Tag::parse(tag)
        },
        pool,
    };
    let mut series = Series::new(key, CounterWidth::Bits64);
    for (sample, live) in live.into_iter().enumerate() {
        let usage = Usage {
            live: Counter::new(live),
            bytes: Counter::new(live * 256),
            ..Usage::ABSENT
        };
        series.push(u32::try_from(sample).unwrap(), usage);
    }
    (history, series)
}

fn types(name: &str, objects: u64, handles: u64) -> MomentFacts {
    let facts = ObjectTypeFacts {
        name: name.into(),
        objects: Some(objects),
        handles: Some(handles),
        ..ObjectTypeFacts::default()
    };
    MomentFacts {
        object_types: Some(vec![facts]),
        ..MomentFacts::default()
    }
}

fn process(pid: u64, name: &str, handles: u64, kind: Option<(&str, u64)>) -> ProcessFacts {
    ProcessFacts {
        pid,
        name: name.into(),
        handles: Some(handles),
        handles_by_type: kind.map(|(kind, count)| vec![(kind.to_string(), count)]),
        ..ProcessFacts::default()
    }
}

fn kinds(found: &[Holder]) -> Vec<HolderKind> {
    found.iter().map(|h| h.kind).collect()
}

#[test]
fn objects_that_grow_with_handles_are_a_handle_leak_of_a_process() {
    let mut before = types("Event", 10_000, 12_000);
    before.processes = Some(vec![
        process(8, "good.exe", 500, None),
        process(9, "bad.exe", 1_000, None),
    ]);
    let mut after = types("Event", 60_000, 61_000);
    after.processes = Some(vec![
        process(8, "good.exe", 510, None),
        process(9, "bad.exe", 50_000, None),
    ]);
    let (history, series) = recording("Even", Pool::Nonpaged, [10_000, 60_000], [before, after]);
    let found = holders_of(&history, &series);
    assert_eq!(kinds(&found), [HolderKind::HandleLeak]);
    assert_eq!(found[0].who.len(), 1);
    assert_eq!(
        found[0].first().map(|w| (w.name.as_str(), w.pid)),
        Some(("bad.exe", Some(9)))
    );
    assert!(
        found[0]
            .evidence
            .iter()
            .any(|e| e.contains("gained 49,000 handles, of all kinds")),
        "{:?}",
        found[0].evidence
    );
}

#[test]
fn handles_of_the_type_are_counted_where_they_were_told_apart() {
    let mut before = types("Token", 10_000, 10_000);
    before.processes = Some(vec![
        process(9, "a.exe", 90_000, Some(("Token", 0))),
        process(10, "b.exe", 100, Some(("token", 100))),
    ]);
    let mut after = types("Token", 60_000, 60_000);
    after.processes = Some(vec![
        process(9, "a.exe", 190_000, Some(("Token", 0))),
        process(10, "b.exe", 50_100, Some(("token", 50_000))),
    ]);
    let (history, series) = recording("Toke", Pool::Paged, [10_000, 60_000], [before, after]);
    let found = holders_of(&history, &series);
    assert_eq!(
        found[0].who.iter().map(|w| w.name.as_str()).collect::<Vec<_>>(),
        ["b.exe"]
    );
}

#[test]
fn objects_that_grow_without_handles_are_a_reference_leak() {
    let memory = MemoryCounters {
        process_count: Some(284),
        ..MemoryCounters::default()
    };
    let mut before = types("Process", 2_655, 900);
    before.memory = Some(memory.clone());
    let mut after = types("Process", 39_511, 930);
    after.memory = Some(memory);
    let (history, series) = recording("Proc", Pool::Nonpaged, [2_655, 39_511], [before, after]);
    let found = holders_of(&history, &series);
    assert_eq!(kinds(&found), [HolderKind::ReferenceLeak]);
    assert!(
        found[0]
            .evidence
            .iter()
            .any(|e| e.contains("39,227 objects are of dead ones")),
        "{:?}",
        found[0].evidence
    );
    assert!(found[0].how_to_find_out.iter().any(|s| s.contains("driver")));
}

#[test]
fn one_snapshot_decides_by_handles_against_objects() {
    // objects, handles, verdict
    let cases = [
        (500_000, 1_000, HolderKind::ReferenceLeak),
        (500_000, 480_000, HolderKind::Cache),
        (20_000, 9_000, HolderKind::Cache),
    ];
    for (objects, handles, kind) in cases {
        let facts = types("Section", objects, handles);
        let (history, series) = recording(
            "Sect",
            Pool::Paged,
            [objects, objects],
            [MomentFacts::default(), facts],
        );
        assert_eq!(
            kinds(&holders_of(&history, &series)),
            [kind],
            "{objects} {handles}"
        );
    }
}

#[test]
fn without_counts_it_says_what_to_do() {
    let (history, series) = recording("Thre", Pool::Nonpaged, [10_000, 90_000], Default::default());
    let found = holders_of(&history, &series);
    assert!(
        found[0]
            .how_to_find_out
            .iter()
            .any(|s| s.contains("administrator")),
        "{found:?}"
    );
    let (history, series) = recording("Thre", Pool::Nonpaged, [10, 20], Default::default());
    assert!(
        holders_of(&history, &series).is_empty(),
        "a usual count is nobody's"
    );
}

#[test]
fn sessions_are_billed_against_the_tag() {
    let session = |name: &str, buffers, paged| EtwSession {
        name: name.into(),
        buffers: Some(buffers),
        buffer_bytes: Some(65_536),
        paged: Some(paged),
        ..EtwSession::default()
    };
    let sessions = vec![
        session("small", 4, false),
        session("Big-Logger", 1_000, false),
        session("paged", 9_999, true),
    ];
    let facts = MomentFacts {
        etw_sessions: Some(sessions),
        ..MomentFacts::default()
    };
    // 65,800,000 bytes
    let (history, series) = recording(
        "EtwB",
        Pool::Nonpaged,
        [257_031, 257_031],
        [MomentFacts::default(), facts],
    );
    let found = holders_of(&history, &series);
    assert_eq!(kinds(&found), [HolderKind::EtwSessions]);
    assert_eq!(found[0].first().map(|w| w.name.as_str()), Some("Big-Logger"));
    assert!(
        found[0].evidence[0].contains("2 sessions") && found[0].evidence[0].contains("(100 %)"),
        "{:?}",
        found[0].evidence
    );
}

#[test]
fn large_blocks_that_survive_are_counted() {
    let block = |address, bytes| BigPoolBlock {
        address,
        bytes,
        tag: "Leak".into(),
        nonpaged: true,
    };
    let moment = |blocks: Vec<BigPoolBlock>| MomentFacts {
        big_pool: Some(blocks),
        ..MomentFacts::default()
    };
    let before = moment(vec![
        block(0x1000, 4096),
        block(0x2000, 4096),
        block(0x3000, 8192),
    ]);
    let after = moment(vec![
        block(0x1000, 4096),
        block(0x3000, 8192),
        block(0x4000, 4096),
        block(0x5000, 4096),
    ]);
    let (history, series) = recording("Leak", Pool::Nonpaged, [3, 4], [before, after]);
    let found = holders_of(&history, &series);
    assert_eq!(kinds(&found), [HolderKind::SurvivingBlocks]);
    assert!(
        found[0].evidence[0].starts_with("4 blocks") && found[0].evidence[0].contains("4.0 KB (3 times)")
    );
    assert!(
        found[0].evidence[1].contains("Of 3 blocks at the start 2 are still there; 2 came since"),
        "{:?}",
        found[0].evidence
    );
    let hidden = [moment(vec![block(0, 4096)]), moment(vec![block(0, 4096)])];
    let (history, series) = recording("Leak", Pool::Nonpaged, [1, 1], hidden);
    assert!(holders_of(&history, &series)[0].evidence[1].contains("hides"));
}

#[test]
fn filters_are_listed_from_the_top() {
    let filter = |name: &str, altitude: &str, instances| MinifilterFacts {
        name: name.into(),
        altitude: Some(altitude.into()),
        instances: Some(instances),
        ..MinifilterFacts::default()
    };
    let filters = vec![
        filter("low", "45000", 3),
        filter("wcifs", "189900", 1),
        filter("idle", "400000", 0),
        filter("av", "328010.5", 5),
    ];
    let facts = MomentFacts {
        minifilters: Some(filters),
        ..MomentFacts::default()
    };
    let (history, series) = recording(
        "NtFC",
        Pool::Nonpaged,
        [100, 900_000],
        [MomentFacts::default(), facts],
    );
    let found = holders_of(&history, &series);
    assert_eq!(kinds(&found), [HolderKind::Filters]);
    assert_eq!(
        found[0].who.iter().map(|w| w.name.as_str()).collect::<Vec<_>>(),
        ["av", "wcifs", "low"]
    );
    let (history, series) = recording("NtFC", Pool::Nonpaged, [100, 900_000], Default::default());
    assert!(holders_of(&history, &series)[0].how_to_find_out[0].contains("fltmc"));
}

#[test]
fn the_highest_owner_that_never_frees_holds_a_family() {
    let index = OwnerIndex::builtin();
    let tags = ["NtfC", "File", "FMfc", "WCsc", "WCfn"];
    let owners: Vec<_> = tags.iter().map(|tag| index.owners(&Tag::parse_nt(tag))).collect();
    let frees = [10_000, 10_000, 10_000, 0, 500_000];
    let members: Vec<Member<'_>> = tags
        .iter()
        .zip(&owners)
        .zip(frees)
        .map(|((tag, owners), frees)| Member {
            name: format!("{tag}/nonpaged"),
            owners,
            allocs: Some(503_677),
            frees: Some(frees),
        })
        .collect();
    let holder = holder_of_family(&members, &[]).unwrap();
    assert_eq!(holder.first().map(|w| w.name.as_str()), Some("wcifs.sys"));
    assert!(
        holder.evidence[0].contains("503,677 allocations and 0 frees"),
        "{:?}",
        holder.evidence
    );
    assert!(
        holder.evidence.iter().any(|e| e.contains("NtfC/nonpaged")),
        "{:?}",
        holder.evidence
    );
    let filter = MinifilterFacts {
        name: "WcIfs".into(),
        altitude: Some("189900".into()),
        instances: Some(1),
        ..MinifilterFacts::default()
    };
    let holder = holder_of_family(&members, &[filter]).unwrap();
    assert!(
        holder
            .evidence
            .iter()
            .any(|e| e.contains("altitude 189900 with 1 instances")),
        "{:?}",
        holder.evidence
    );
    assert_eq!(holder_of_family(&[], &[]), None);
}

#[test]
fn linux_caches_lead_to_processes_and_modules() {
    let before = MomentFacts {
        processes: Some(vec![
            process(1, "init", 50, Some(("socket", 5))),
            process(7, "leaky", 10, Some(("socket", 2))),
        ]),
        ..MomentFacts::default()
    };
    let after = MomentFacts {
        processes: Some(vec![
            process(1, "init", 50, Some(("socket", 5))),
            process(7, "leaky", 9_010, Some(("socket", 9_002))),
        ]),
        modules: Some(vec![ModuleFacts {
            name: "nf_conntrack".into(),
            references: Some(3),
            ..ModuleFacts::default()
        }]),
        ..MomentFacts::default()
    };
    for tag in ["sock_inode_cache", "filp"] {
        let (history, series) = recording(
            tag,
            Pool::SlabReclaimable,
            [900, 9_900],
            [before.clone(), after.clone()],
        );
        let found = holders_of(&history, &series);
        assert_eq!(kinds(&found), [HolderKind::HandleLeak], "{tag}");
        assert_eq!(
            found[0].who.iter().map(|w| w.name.as_str()).collect::<Vec<_>>(),
            ["leaky"],
            "{tag}"
        );
    }
    let (history, series) = recording("nf_conntrack", Pool::Slab, [900, 9_900], [before.clone(), after]);
    assert_eq!(
        holders_of(&history, &series)[0].first().map(|w| w.name.as_str()),
        Some("nf_conntrack")
    );
    let (history, series) = recording(
        "sock_inode_cache",
        Pool::Slab,
        [900, 9_900],
        [before.clone(), before],
    );
    let found = holders_of(&history, &series);
    assert_eq!(
        kinds(&found),
        [HolderKind::ReferenceLeak],
        "no process that can be seen"
    );
}

#[test]
fn numbers_for_people() {
    assert_eq!(
        (grouped(0), grouped(999), grouped(1_000), grouped(12_345_678)),
        ("0".into(), "999".into(), "1,000".into(), "12,345,678".into())
    );
    assert_eq!(
        (humane(12), humane(1_536), humane(5 << 30)),
        ("12 bytes".into(), "1.5 KB".into(), "5.0 GB".into())
    );
}
