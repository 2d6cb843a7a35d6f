//! Snapshots, families, passengers, exhaustion, comparison.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "tests say what they expect by panicking"
)]

mod common;

use common::{Made, churn, leak, of, scatter, slab, usage};
use detection::{Change, Limit, Verdict, compare, one_boot};
use snapshot::{Counter, CounterWidth, MemoryCounters, Pool, Usage};

const NP: Pool = Pool::Nonpaged;
const GIB: u64 = 1 << 30;

#[test]
fn one_snapshot_is_enough_to_suspect() {
    let bytes_only = |bytes: u64| Usage {
        bytes: Counter::new(bytes),
        ..Usage::ABSENT
    };
    // (tag, usage, unfreed)
    let rows = [
        ("Lost", usage(5_000_000, 3, 900_000_000), true),
        ("Blnc", usage(5_000_000, 4_990_000, 3_000_000), false),
        ("Buff", usage(3, 0, 134_000_000), false),
        ("Etw ", usage(6_300, 5_500, 260_000_000), false),
        ("Boot", usage(900, 0, 8_000_000), false),
        ("Big ", bytes_only(20 * GIB), true),
        ("Mid ", bytes_only(60_000_000), false),
        ("Some", usage(800_000, 200_000, 40_000_000), false),
    ];
    let mut made = Made::every(1, 1.0);
    for (tag, row, _) in rows {
        made = made.series(tag, NP, move |_| row);
    }
    for (tag, _, unfreed) in rows {
        assert_eq!(made.of(tag).verdict == Verdict::Unfreed, unfreed, "{tag}");
    }
    let first = made.judge().judgements[0].series;
    assert_eq!(made.history.series[first].key.tag.to_string(), "Big ");
}

#[test]
fn a_leak_that_stopped_is_unfreed() {
    let made = Made::every(120, 30.0)
        .series("Stat", NP, |_| usage(90_000_000, 500, 21 * GIB))
        .series("Chrn", NP, churn);
    let judgement = made.of("Stat");
    assert_eq!((judgement.verdict, judgement.rank), (Verdict::Unfreed, 1));
    assert_eq!(
        judgement.confidence, None,
        "how likely a standing tag once leaked was never measured"
    );
}

#[test]
fn series_in_small_ratios_are_one_family() {
    // An uneven leak of layers: one object each, two in one layer, none freed by the holder. Rates differ by chance.
    let mut lost = vec![0_u64];
    for i in 1..240 {
        lost.push(lost[i - 1] + 20 + scatter(i, 60));
    }
    let of_layer = |times: u64, freed: u64| {
        let lost = lost.clone();
        move |i: usize| {
            let live = 1_000 + times * lost[i];
            let frees = freed * i as u64;
            usage(live + frees, frees, live * 160)
        }
    };
    let made = Made::every(240, 60.0)
        .series("Hold", NP, of_layer(1, 0))
        .series("File", NP, of_layer(1, 900))
        .series("Twos", NP, of_layer(2, 50))
        .series("Else", NP, leak(0, 33, 100))
        .series("Chrn", NP, churn);
    let analysis = made.judge();
    assert_eq!(analysis.families.len(), 1, "{:?}", analysis.families);
    let family = &analysis.families[0];
    let mut named: Vec<(String, u32)> = family
        .members
        .iter()
        .map(|&m| made.history.series[m].key.tag.to_string())
        .zip(family.ratio.iter().copied())
        .collect();
    named.sort();
    assert_eq!(
        named,
        [("File".into(), 1), ("Hold".into(), 1), ("Twos".into(), 2)]
    );
    let holder = family.holder.expect("a holder");
    assert_eq!(made.history.series[holder].key.tag.to_string(), "Hold");
    assert_eq!(of(&made.history, &analysis, "File").family, Some(family.id));
    assert_eq!(of(&made.history, &analysis, "Else").family, None);
}

#[test]
fn equal_counts_without_frees_are_a_family_in_one_snapshot() {
    let made = Made::every(1, 1.0)
        .series("Aaaa", NP, |_| usage(87_400, 0, 8_000_000))
        .series("Bbbb", NP, |_| usage(90_300, 2_900, 9_000_000))
        .series("Cccc", NP, |_| usage(60_000, 100, 9_000_000));
    let families = made.judge().families;
    assert_eq!(families.len(), 1);
    assert_eq!(families[0].members.len(), 2);
    assert_eq!(families[0].holder, Some(0));
}

#[test]
fn counts_at_one_moment_are_a_family_only_beyond_chance() {
    // (counts without frees, members of the families)
    let cases: [(&[u64], &[usize]); 6] = [
        // Configured sizes.
        (&[1_024, 512], &[]),
        (&[3_000, 6_000, 3_000], &[]),
        // A small pair is a coincidence among many tags.
        (&[1_637, 1_637], &[]),
        // Five equal counts are not, nor are two large ones.
        (&[874, 874, 874, 874, 874], &[5]),
        (&[3_708_367, 3_708_367], &[2]),
        (&[3_708_367, 2 * 3_708_367], &[2]),
    ];
    for (counts, expected) in cases {
        let mut made = Made::every(1, 1.0);
        for (i, &n) in counts.iter().enumerate() {
            made = made.series(&format!("T{i:03}"), NP, |_| usage(n, 0, n * 48));
        }
        // The rest of a machine: start-up state of all sizes.
        for i in 0..40_u64 {
            let n = 530 + i * i * 97 + i * 13;
            made = made.series(&format!("o{i:03}"), NP, |_| usage(n, n / 9, n * 64));
        }
        let families = made.judge().families;
        let sizes: Vec<usize> = families.iter().map(|f| f.members.len()).collect();
        assert_eq!(sizes, expected, "{counts:?}");
    }
}

#[test]
fn a_follower_of_a_reclaimable_cache_is_a_passenger() {
    // Files are scanned in bouts; each inode brings a security blob. A leak beside it does not follow.
    let mut inodes = vec![40_000_u64];
    for i in 1..600 {
        let bout = if (i / 40) % 3 == 0 { 0 } else { scatter(i, 300) };
        inodes.push(inodes[i - 1] + bout);
    }
    let (cache, blob) = (inodes.clone(), inodes);
    let made = Made::every(600, 1.0)
        .wide(
            "ext4_inode_cache",
            Pool::SlabReclaimable,
            CounterWidth::Bits64,
            |i| slab(cache[i], cache[i] * 1_184),
        )
        .wide("lsm_inode_cache", Pool::Slab, CounterWidth::Bits64, |i| {
            let live = blob[i] + 2_000 + scatter(i, 40);
            slab(live, live.div_ceil(128) * 4_096)
        })
        .wide("sock_inode_cache", Pool::Slab, CounterWidth::Bits64, |i| {
            let live = 300 + 5 * i as u64;
            slab(live, live.div_ceil(19) * 16_384)
        });
    let analysis = made.judge();
    for tag in ["ext4_inode_cache", "lsm_inode_cache"] {
        let verdict = of(&made.history, &analysis, tag).verdict;
        assert!(verdict > Verdict::Unfreed, "{tag}: {verdict:?}");
    }
    assert_eq!(
        of(&made.history, &analysis, "sock_inode_cache").verdict,
        Verdict::Leak
    );
}

#[test]
fn exhaustion_comes_from_the_limits_that_were_read() {
    let memory = |available: Option<u64>, committed: u64| MemoryCounters {
        physical: Some(16 * GIB),
        available,
        committed: Some(committed),
        commit_limit: Some(24 * GIB),
        ..MemoryCounters::default()
    };
    // 100 objects of 1 MiB a minute: 1 GiB in 10.24 minutes.
    let made = |m| {
        Made::every(120, 60.0)
            .series("Leak", NP, leak(0, 100, 1 << 20))
            .memory(m)
    };
    let by_memory = made(memory(Some(4 * GIB), 10 * GIB));
    let ends = by_memory.of("Leak").exhaustion.expect("an end");
    assert_eq!(ends.limit, Limit::Memory);
    let minutes = ends.at.seconds_since(by_memory.history.samples[119].at) / 60.0;
    assert!((minutes - 40.96).abs() < 1.0, "{minutes}");
    assert!(ends.earliest <= ends.at && ends.latest.is_none_or(|l| l >= ends.at));
    let by_commit = made(memory(Some(4 * GIB), 22 * GIB));
    assert_eq!(
        by_commit.of("Leak").exhaustion.map(|e| e.limit),
        Some(Limit::Commit)
    );
    let unknown = made(MemoryCounters::default());
    assert_eq!(unknown.of("Leak").exhaustion, None);
}

#[test]
fn comparison_says_what_is_new_gone_better_and_worse() {
    let side = |slow: u64, fast: u64, fixed: bool, new: bool| {
        Made::every(120, 60.0)
            .series("Slow", NP, leak(0, slow, 100))
            .series("Fast", NP, leak(0, fast, 100))
            .series(
                "Fixd",
                NP,
                move |i| if fixed { churn(i) } else { leak(0, 50, 100)(i) },
            )
            .series(
                "Newl",
                NP,
                move |i| if new { leak(0, 50, 100)(i) } else { churn(i) },
            )
            .series("Chrn", NP, churn)
    };
    let (before, after) = (side(90, 10, false, false), side(20, 60, true, true));
    let (a, b) = (before.judge(), after.judge());
    let comparison = compare((&before.history, &a), (&after.history, &b));
    let change = |tag: &str| {
        comparison
            .series
            .iter()
            .find(|c| c.key.tag.to_string() == tag)
            .map(|c| c.change)
    };
    assert_eq!(change("Newl"), Some(Change::New));
    assert_eq!(change("Fixd"), Some(Change::Gone));
    assert_eq!(change("Slow"), Some(Change::Better));
    assert_eq!(change("Fast"), Some(Change::Worse));
    assert_eq!(change("Chrn"), Some(Change::Ordinary));
    assert_eq!(
        comparison.series[0].change,
        Change::New,
        "what is new comes first"
    );
}

#[test]
fn two_boots_are_compared_at_the_same_uptime() {
    let made = Made::every(200, 60.0)
        .boots(&[(0, 0, 60.0), (150, 1, 60.0)])
        .series("Leak", NP, |i| {
            leak(0, 30, 100)(if i < 150 { i } else { i - 150 })
        });
    let (first, second) = (
        one_boot(&made.history, 0).unwrap(),
        one_boot(&made.history, 1).unwrap(),
    );
    assert_eq!((first.samples.len(), second.samples.len()), (150, 50));
    assert_eq!(one_boot(&made.history, 2).map(|h| h.samples.len()), None);
    let config = detection::Config::default();
    let (a, b) = (
        detection::judge(&first, &config),
        detection::judge(&second, &config),
    );
    let comparison = compare((&first, &a), (&second, &b));
    assert_eq!(comparison.at_uptime_s, Some(60.0 + 49.0 * 60.0));
    let (before, after) = comparison.series[0].bytes;
    let ratio = before.unwrap() as f64 / after.unwrap() as f64;
    assert!((ratio - 1.0).abs() < 0.02, "{before:?} {after:?}");
}
