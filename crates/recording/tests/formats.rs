//! Every format that is read, in the forms people have it in. The tables are made up, in the layouts of the tools.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests say what they expect by panicking"
)]

use std::io::Write;
use std::path::Path;

use proptest::prelude::*;
use recording::{ImportErrorKind, OpenOptions, export, open, open_bytes};
use snapshot::{Counter, History, OsKind, Pool, SeriesKey, SourceKind, Tag, Timestamp, Usage};

fn read(text: impl AsRef<[u8]>) -> History {
    open_bytes(Path::new("input"), text.as_ref(), &OpenOptions::default()).unwrap()
}

fn refused(text: impl AsRef<[u8]>) -> String {
    open_bytes(Path::new("input"), text.as_ref(), &OpenOptions::default())
        .unwrap_err()
        .to_string()
}

/// `Tag/pool allocs frees live bytes` of every series at its last change.
fn last(history: &History) -> Vec<String> {
    let number = |c: Counter| c.get().map_or("-".to_owned(), |v| v.to_string());
    let row = |s: &snapshot::Series| {
        let Usage {
            allocs,
            frees,
            live,
            bytes,
        } = s.last();
        format!(
            "{} {} {} {} {}",
            s.key,
            number(allocs),
            number(frees),
            number(live),
            number(bytes)
        )
    };
    history.series.iter().map(row).collect()
}

#[test]
fn csv_in_all_its_forms() {
    let header = "time,tag,pool,allocs,frees,bytes\n";
    let cases: [(&str, String, &[&str]); 13] = [
        (
            "plain",
            format!("{header}100,AbCd,nonpaged,7,5,64\n"),
            &["AbCd/nonpaged 7 5 - 64"],
        ),
        (
            "no last line end",
            format!("{header}100,AbCd,paged,7,5,64"),
            &["AbCd/paged 7 5 - 64"],
        ),
        (
            "carriage returns",
            format!("{header}100,AbCd,paged,7,5,64\n").replace('\n', "\r\n"),
            &["AbCd/paged 7 5 - 64"],
        ),
        (
            "unknown counters",
            format!("{header}100,AbCd,paged,,,64\n"),
            &["AbCd/paged - - - 64"],
        ),
        (
            "tag kept as written",
            format!("{header}100,Ab,paged,1,1,0\n"),
            &["Ab/paged 1 1 - 0"],
        ),
        (
            "quoted tag",
            format!("{header}100,\"A,\"\"B\",paged,1,1,0\n"),
            &["A,\"B/paged 1 1 - 0"],
        ),
        (
            "trailing space",
            format!("{header}100,\"Irp \",nonpaged,1,1,0\n"),
            &["Irp /nonpaged 1 1 - 0"],
        ),
        (
            "escaped bytes",
            format!("{header}100,Pro\\xE3,nonpaged,1,1,0\n"),
            &["Pro\\xE3/nonpaged 1 1 - 0"],
        ),
        (
            "full width",
            format!("{header}100,A,paged,18446744073709551614,1,0\n"),
            &["A/paged 18446744073709551614 1 - 0"],
        ),
        (
            "other order",
            "pool,bytes,tag,time\npaged,9,A,5\n".into(),
            &["A/paged - - - 9"],
        ),
        (
            "extra columns",
            "time,host,tag,pool,allocs,frees,bytes,live\n1,h,A,slab,,,4096,3\n".into(),
            &["A/slab - - 3 4096"],
        ),
        (
            "semicolons and a mark",
            "\u{feff}time;tag;pool;allocs;frees;bytes\n1;A;paged;1;1;8\n".into(),
            &["A/paged 1 1 - 8"],
        ),
        (
            "spreadsheet",
            format!("{header}\"100\",A,Nonp,7.0,\"5\",64\n"),
            &["A/nonpaged 7 5 - 64"],
        ),
    ];
    for (name, text, expected) in cases {
        let history = read(&text);
        assert_eq!(last(&history), expected, "{name}");
        assert_eq!(
            (history.kind, history.samples.len()),
            (Some(SourceKind::Csv), 1),
            "{name}"
        );
        assert_eq!(history.problems, [], "{name}");
    }
}

#[test]
fn csv_times_make_samples() {
    let header = "time,tag,pool,allocs,frees,bytes\n";
    let rows = |times: &[&str]| -> String {
        times
            .iter()
            .map(|t| format!("{t},A,paged,1,0,8\n{t},B,paged,1,0,8\n"))
            .collect()
    };
    let cases: [(&str, &[&str], &[i64]); 5] = [
        ("unix seconds", &["100", "130"], &[100, 130]),
        (
            "RFC 3339",
            &["1970-01-01T00:01:40Z", "1970-01-01T01:02:10+01:00"],
            &[100, 130],
        ),
        (
            "clock set back",
            &["100", "130", "90", "120"],
            &[100, 130, 90, 120],
        ),
        ("twice the same second", &["100", "100"], &[100, 100]),
        ("without a zone", &["1970-01-01 00:01:40"], &[100]),
    ];
    for (name, times, expected) in cases {
        let history = read(format!("{header}{}", rows(times)));
        let found: Vec<i64> = history.samples.iter().map(|s| s.at.0 / 1_000_000).collect();
        assert_eq!(found, expected, "{name}");
        assert!(history.clock_known);
    }
}

#[test]
fn csv_sorted_by_tag_is_the_same_recording() {
    let header = "time,tag,pool,allocs,frees,bytes\n";
    let row = |t: i64, tag: &str| format!("{t},{tag},paged,{t},0,{}\n", t * 8);
    let by_time: String = [1, 2, 3]
        .iter()
        .flat_map(|&t| ["A", "B", "C"].map(|tag| row(t, tag)))
        .collect();
    let by_tag: String = ["A", "B", "C"]
        .iter()
        .flat_map(|tag| [1, 2, 3].map(|t| row(t, tag)))
        .collect();
    let (by_time, by_tag) = (
        read(format!("{header}{by_time}")),
        read(format!("{header}{by_tag}")),
    );
    assert_eq!(by_time.samples, by_tag.samples);
    assert_eq!(by_time.series, by_tag.series);
}

#[test]
fn csv_tags_that_vanish_are_absent() {
    let history =
        read("time,tag,pool,bytes\n1,A,paged,8\n1,B,paged,8\n2,A,paged,8\n3,A,paged,8\n3,B,paged,9\n");
    let b = &history.series[1];
    assert_eq!(b.sample, [0, 1, 2]);
    assert!(b.usage(1).is_absent());
}

#[test]
fn csv_gaps_are_seen() {
    let times = (0..20).map(|n| if n < 10 { n * 30 } else { n * 30 + 3600 });
    let rows: String = times.map(|t| format!("{t},A,paged,8\n")).collect();
    let history = read(format!("time,tag,pool,bytes\n{rows}"));
    let gaps: Vec<usize> = (0..20).filter(|&n| history.samples[n].after_gap).collect();
    assert_eq!(gaps, [10]);
}

#[test]
fn one_bad_line_is_named_and_left_out_and_a_bad_file_is_refused() {
    let header = "time,tag,pool,allocs,frees,bytes\n";
    let sample = |t: u32| format!("{t},A,paged,1,0,8\n{t},B,paged,1,0,8\n");
    let good: String = (1..=20).map(sample).collect();
    let one_bad =
        format!("{header}{good}21,A,paged,1,0,8\n21,B,paged,1,x7,8\n22,A,paged,1,0,8\n22,B,paged,1,0,9\n");
    let history = read(&one_bad);
    assert_eq!(history.samples.len(), 22);
    assert_eq!(history.problems.len(), 1);
    assert!(
        history.problems[0]
            .message
            .contains("input:43:14: 'x7' is not a count"),
        "{:?}",
        history.problems
    );
    // What could not be read did not go away.
    assert_eq!(history.series[1].sample, [0, 21]);

    let cut = format!("{header}{good}21,A,paged,1,0,8\n21,B,pa");
    let history = read(&cut);
    assert_eq!((history.samples.len(), history.problems.len()), (21, 1));
    assert_eq!(history.series[1].sample, [0]);

    let cases = [
        (
            format!("{header}1,A,paged,1,0,eight\n"),
            "input:2:15: 'eight' is not a count",
        ),
        (
            format!("{header}1,A,swimming,1,0,8\n"),
            "input:2:1: 'swimming' is not a pool",
        ),
        (
            format!("{header}yesterday,A,paged,1,0,8\n"),
            "input:2:1: 'yesterday' is neither RFC 3339 nor unix seconds",
        ),
        (
            format!("{header}1,A,paged,1,0\n"),
            "input:2:14: 5 fields where the header names 6",
        ),
        (
            format!("{header}1,A,paged,1,0,8,9\n"),
            "input:2:17: more than 6 fields",
        ),
        (
            format!("{header}1,\"A,paged,1,0,8\n"),
            "input:2:3: a quote is not closed",
        ),
        (
            format!("{header}{good}21,A,paged,1,0,8\n21,B,paged,1,0,8\n21,B,paged,1,0,8\n"),
            "a second row of the same",
        ),
        (
            format!("{header}{good}{}", "junk\n".repeat(30)),
            "fields where the header names 6",
        ),
    ];
    for (text, expected) in cases {
        assert!(refused(&text).contains(expected), "{}", refused(&text));
    }
}

#[test]
fn gzip_is_unpacked_and_bounded() {
    let csv = format!("time,tag,pool,bytes\n{}", "1,A,paged,8\n");
    let pack = |text: &[u8]| {
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        gz.write_all(text).unwrap();
        gz.finish().unwrap()
    };
    assert_eq!(last(&read(pack(csv.as_bytes()))), ["A/paged - - - 8"]);
    // Two members, as `cat a.gz b.gz` makes.
    let two = [pack(csv.as_bytes()), pack(b"2,A,paged,9\n")].concat();
    assert_eq!(read(two).samples.len(), 2);

    let bomb = pack(&[b"time,tag,pool,bytes\n".to_vec(), vec![b'\n'; 50 << 20]].concat());
    let small = OpenOptions { max_bytes: 1 << 20 };
    assert_eq!(
        open_bytes(Path::new("b"), &bomb, &small).unwrap_err().kind,
        ImportErrorKind::TooLarge
    );
    let whole = pack(csv.as_bytes());
    assert!(
        open_bytes(
            Path::new("cut"),
            &whole[..whole.len() - 9],
            &OpenOptions::default()
        )
        .is_err()
    );
}

const SCREEN: &str = "\
 Memory:16468560K Avail:12072536K  PageFlts:468600648   InRam Krnl:56708K P:950888K
 Commit:4100436K Limit:17517136K Peak:11685564K            Pool N:710920K P:983564K
 System pool information
 Tag  Type     Allocs            Frees            Diff   Bytes       Per Alloc  Mapped_Driver

 Abcd Nonp    3971107 (   3)   3971077 (   0)       30    8456 (    64)    281 [acme.sys - (R) Acme filter]
 Io   Nonp    1021112 (   1)   1020985 (  -1)      127   91912 (     0)    723
  sm  Paged        10 (   0)         4 (   0)        6     960 (     0)    160 Unknown Driver
 a b  Paged        10 (   0)         4 (   0)        6     960 (     0)    160
";

#[test]
fn poolmon_screen_with_change_columns() {
    let history = read(SCREEN);
    assert_eq!(
        last(&history),
        [
            "Abcd/nonpaged 3971107 3971077 30 8456",
            "Io  /nonpaged 1021112 1020985 127 91912",
            " sm /paged 10 4 6 960",
            "a b /paged 10 4 6 960"
        ]
    );
    assert_eq!(
        (history.kind, history.host.os),
        (Some(SourceKind::Poolmon), Some(OsKind::Windows))
    );
    assert!(!history.clock_known);
    let key = SeriesKey {
        tag: Tag::parse("Abcd"),
        pool: Pool::Nonpaged,
    };
    assert_eq!(
        history.mapped.get(&key).map(String::as_str),
        Some("acme.sys - (R) Acme filter")
    );
    assert_eq!(history.mapped.len(), 1);
    let memory = history.facts[0].1.memory.as_ref().unwrap();
    let kib = |value: u64| Some(value << 10);
    assert_eq!(
        (memory.physical, memory.available),
        (kib(16_468_560), kib(12_072_536))
    );
    assert_eq!(
        (memory.committed, memory.commit_limit),
        (kib(4_100_436), kib(17_517_136))
    );
    assert_eq!(
        (memory.nonpaged_pool, memory.paged_pool),
        (kib(710_920), kib(983_564))
    );
    assert_eq!(memory.paged_pool_resident, kib(950_888));
}

#[test]
fn poolmon_in_all_its_forms() {
    let heading = "Tag  Type  Allocs  Frees  Diff  Bytes  Per Alloc\n";
    let cases: [(&str, String, &[&str]); 12] = [
        (
            "one space",
            format!("{heading}Abcd Nonp 9 4 5 640 128\n"),
            &["Abcd/nonpaged 9 4 5 640"],
        ),
        (
            "trimmed tag",
            format!("{heading}Io Nonp 9 4 5 640 128\n"),
            &["Io  /nonpaged 9 4 5 640"],
        ),
        (
            "unknowns",
            format!("{heading}Abcd - - - 5 640 -\n"),
            &["Abcd/unknown - - 5 640"],
        ),
        (
            "commas",
            format!("{heading}Abcd Paged 1,234,567 4 1,234,563 640 128\n"),
            &["Abcd/paged 1234567 4 1234563 640"],
        ),
        (
            "points",
            format!("{heading}Abcd Paged 1.234.567 4 5 640 128\n"),
            &["Abcd/paged 1234567 4 5 640"],
        ),
        (
            "no-break spaces",
            format!("{heading}Abcd Paged 1\u{a0}234 4 5 640 128\n"),
            &["Abcd/paged 1234 4 5 640"],
        ),
        (
            "average cut off",
            format!("{heading}Abcd Paged 9 4 5 640\n"),
            &["Abcd/paged 9 4 5 640"],
        ),
        (
            "no heading",
            " Abcd Paged 9 4 5 640 128\n Bbcd Nonp 1 1 0 0 0\n".into(),
            &["Abcd/paged 9 4 5 640", "Bbcd/nonpaged 1 1 0 0"],
        ),
        (
            "marked heading",
            format!("## {heading}\nCM    Paged   9  ( 0)  4  ( 0)   5  640   ( 0)  128\n"),
            &["CM  /paged 9 4 5 640"],
        ),
        (
            "ruled heading",
            format!(
                " {heading}-------\n\n Cm   Paged 9 ( 0) 4 ( 0) 5 640 ( 0) 128\nStrg  Paged 1 ( 10) 1 ( 4) 0 0 ( 512) 0\n"
            ),
            &["Cm  /paged 9 4 5 640", "Strg/paged 1 1 0 0"],
        ),
        (
            "torn read",
            format!("{heading}Abcd Nonp 4 9 -5 640 128\n"),
            &["Abcd/nonpaged 4 9 - 640"],
        ),
        (
            "totals below",
            format!("{heading}Abcd Nonp 9 4 5 640 128\n\n Nonp 9 (0) 4 (0) 5 640 (0)\n"),
            &["Abcd/nonpaged 9 4 5 640"],
        ),
    ];
    for (name, text, expected) in cases {
        assert_eq!(last(&read(&text)), expected, "{name}");
        assert_eq!(
            last(&read(text.replace('\n', "\r\n"))),
            expected,
            "{name}, carriage returns"
        );
        let wide: Vec<u8> = "\u{feff}"
            .chars()
            .chain(text.chars())
            .flat_map(|c| (c as u16).to_le_bytes())
            .collect();
        assert_eq!(last(&read(wide)), expected, "{name}, UTF-16");
    }
}

#[test]
fn several_tables_are_samples() {
    let table = |bytes: u32| {
        format!(
            " Tag  Type  Allocs  Frees  Diff  Bytes  Per Alloc\n\n Abcd Nonp 9 4 5 {bytes} 128\n Gone Nonp 1 0 1 8 8\n"
        )
    };
    let again = " Tag  Type  Allocs  Frees  Diff  Bytes  Per Alloc\n\n Abcd Nonp 9 4 5 900 128\n";
    let history = read(format!("{}{}{again}", table(640), table(640)));
    assert_eq!(history.samples.len(), 3);
    assert_eq!(history.series[0].sample, [0, 2]);
    assert!(history.series[1].last().is_absent());
    assert!(!history.clock_known);

    let history = read(format!(
        "2026-11-20 10:00:00\n{}\n# 2026-11-20T11:00:00Z\n{again}",
        table(640)
    ));
    assert!(history.clock_known);
    assert_eq!(history.samples[1].at.seconds_since(history.samples[0].at), 3600.0);

    let folder = tempfile::tempdir().unwrap();
    let paths = [("a", table(640)), ("b", again.to_owned())].map(|(name, text)| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    });
    let history = open(&paths, &OpenOptions::default()).unwrap();
    assert_eq!((history.samples.len(), history.clock_known), (2, false));
    assert_eq!(history.samples[1].at, Timestamp::from_unix_seconds(1));
    assert_eq!(history.series[0].sample, [0, 1]);
    assert!(history.series[1].last().is_absent());
}

#[test]
fn poolmon_session_tables_are_session_pool() {
    let text = "\
 Memory: 1000K Avail: 500K  PageFlts: 0   InRam Krnl: 1K P: 1K
 Commit: 100K Limit: 1000K Peak: 100K            Pool N: 10K P: 10K
 Session 1 pool information
 Tag  Type     Allocs            Frees            Diff   Bytes       Per Alloc

 Gh05 Paged    10 (   0)   4 (   0)       6    960 (     0)    160
";
    assert_eq!(last(&read(text)), ["Gh05/session 10 4 6 960"]);
}

#[test]
fn tables_that_are_mostly_broken_are_refused() {
    let heading = "Tag  Type  Allocs  Frees  Diff  Bytes  Per Alloc\n";
    let cases = [
        (
            format!("{heading}Abcd Nonp 9 4 five 640 128\n"),
            "input:2:15: 'five' is not a count",
        ),
        (heading.to_owned(), "no row under it"),
        (
            format!("{heading}Abcd Nonp 9 4\n"),
            "2 numbers where 4 are needed",
        ),
    ];
    for (text, expected) in cases {
        assert!(refused(&text).contains(expected), "{}", refused(&text));
    }
}

#[test]
fn poolused_in_both_forms() {
    let short = "\
0: kd> !poolused 2
Sorting by NonPaged Pool Consumed

               NonPaged                  Paged
 Tag     Allocs         Used     Allocs         Used

 Abcd      1094      6525216          0            0\tAcme buffers , Binary: acme.sys
 Io          31      2031616          2           64\tUNKNOWN pooltag 'Io  ', please update pooltag.txt
 1394         1          520          0            0UNKNOWN pooltag '1394', please update pooltag.txt

TOTAL      1126      8557352          2           64
";
    let history = read(short);
    assert_eq!(
        last(&history),
        [
            "Abcd/nonpaged - - 1094 6525216",
            "Io  /nonpaged - - 31 2031616",
            "Io  /paged - - 2 64",
            "1394/nonpaged - - 1 520"
        ]
    );
    assert_eq!(history.kind, Some(SourceKind::Poolused));
    assert_eq!(
        history.mapped.values().collect::<Vec<_>>(),
        ["Acme buffers , Binary: acme.sys"]
    );

    let verbose = "\
                            NonPaged                                         Paged
 Tag       Allocs       Frees      Diff         Used       Allocs       Frees      Diff         Used

 Abcd        4528        2111      2417      1440624            0           0         0            0\tAcme
 -UMD           0           0         0            0          968           8       960       124112\t
";
    assert_eq!(
        last(&read(verbose)),
        [
            "Abcd/nonpaged 4528 2111 2417 1440624",
            "-UMD/paged 968 8 960 124112"
        ]
    );
    assert_eq!(last(&read(format!("0: kd> !poolused 8\n{verbose}"))).len(), 2);
    assert!(last(&read(format!("0: kd> !poolused 8\n{verbose}")))[0].starts_with("Abcd/session"));
    assert_eq!(read(format!("{short}{short}")).samples.len(), 2);
}

#[test]
fn slabinfo_as_saved() {
    let text = "\
slabinfo - version: 2.1
# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables <limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>
ext4_inode_cache   31044  31116   1184   27    8 : tunables    0    0    0 : slabdata   1152   1153      0
sock_inode_cache     420    480    832   39    8 : tunables    0    0    0 : slabdata     12     12      0
kmalloc-64          1000   1024     64   64    1 : tunables    0    0    0 : slabdata     16     16      0
";
    let history = read(text);
    assert_eq!(
        last(&history),
        [
            "ext4_inode_cache/slab-reclaimable - - 31044 37781504",
            "sock_inode_cache/slab-reclaimable - - 420 393216",
            "kmalloc-64/slab - - 1000 65536"
        ]
    );
    assert_eq!(
        (history.kind, history.host.os),
        (Some(SourceKind::Slabinfo), Some(OsKind::Linux))
    );
    assert_eq!(read(format!("{text}{text}")).samples.len(), 2);
    let timed = read(format!(
        "2026-11-20T10:00:00Z\n{text}2026-11-20T10:00:30Z\n{text}"
    ));
    assert!(timed.clock_known && timed.samples.len() == 2);
    assert_eq!(read(format!("{text}dentry 12")).problems.len(), 1);
    assert!(
        refused(text.replace("kmalloc-64          1000", "kmalloc-64          many") + text)
            .contains("not a cache")
    );
}

#[test]
fn what_is_no_format_is_refused_with_a_reason() {
    let cases: [(&[u8], &str); 6] = [
        (b"", "empty"),
        (b"hello, world\n", "not a recording"),
        (b"NTQSIRAW....", "folder"),
        (b"SQLite format 3\0 and then nothing", "SQLite"),
        (b"PK\x03\x04 and then nothing", "zip"),
        (b"\x1F\x8B and then nothing", "input"),
    ];
    for (bytes, expected) in cases {
        assert!(refused(bytes).contains(expected), "{}", refused(bytes));
    }
    let missing = open(&["/no/such/file".into()], &OpenOptions::default()).unwrap_err();
    assert_eq!(missing.kind, ImportErrorKind::Io);
    assert!(missing.to_string().starts_with("/no/such/file: "));
}

#[test]
fn zips_of_tables_are_read_in_order_of_names() {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    for (name, bytes) in [("2.txt", 900), ("1.txt", 640), ("read.me", 0)] {
        zip.start_file(name, options).unwrap();
        let text = format!("Tag  Type  Allocs  Frees  Diff  Bytes  Per Alloc\nAbcd Nonp 9 4 5 {bytes} 128\n");
        zip.write_all(if bytes == 0 {
            b"nothing to see"
        } else {
            text.as_bytes()
        })
        .unwrap();
    }
    let history = read(zip.finish().unwrap().into_inner());
    let bytes: Vec<_> = history.series[0].bytes.iter().map(|b| b.get()).collect();
    assert_eq!(bytes, [Some(640), Some(900)]);
}

#[test]
fn json_and_openmetrics_say_what_was_read() {
    let history = read(
        "time,tag,pool,allocs,frees,bytes\n100,\"A\"\"b\",nonpaged,7,5,64\n130,\"A\"\"b\",nonpaged,8,5,96\n",
    );
    let mut out = Vec::new();
    export::json(&history, &mut out).unwrap();
    let value: serde_json::Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(value["schema"], "poolscope.history/1");
    assert_eq!(value["samples"][1]["at"], "1970-01-01T00:02:10Z");
    assert_eq!(value["series"][0]["allocs"], serde_json::json!([7, 8]));
    out.clear();
    export::openmetrics(&history, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(
        text.contains("poolscope_pool_bytes{tag=\"A\\\"b\",pool=\"nonpaged\"} 96\n"),
        "{text}"
    );
    assert!(
        text.contains("poolscope_pool_allocations_total{") && text.ends_with("# EOF\n"),
        "{text}"
    );
}

fn any_counter() -> impl Strategy<Value = Option<u64>> {
    prop_oneof![
        Just(None),
        (0..u64::MAX).prop_map(Some),
        (0..100_u64).prop_map(Some)
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Export and import are inverse: counters byte for byte, tags of any bytes, gaps in presence.
    #[test]
    fn csv_gives_back_what_was_read(
        rows in proptest::collection::vec(
            (0..4_usize, any_counter(), any_counter(), any_counter(), any_counter()), 1..40),
        tags in proptest::collection::btree_set(proptest::collection::vec(any::<u8>(), 1..6), 4),
    ) {
        let tags: Vec<Tag> = tags.iter().map(|t| Tag::from_bytes(t)).collect();
        let key = |n: usize| SeriesKey { tag: tags[n].clone(), pool: Pool::ALL[n] };
        let mut history = History { clock_known: true, ..History::default() };
        history.series = (0..4).map(|n| snapshot::Series::new(key(n), snapshot::CounterWidth::Unknown)).collect();
        for (n, (which, allocs, frees, live, bytes)) in rows.into_iter().enumerate() {
            history.samples.push(snapshot::Sample { at: Timestamp(n as i64 * 1_500_000), ..Default::default() });
            let mut usage = Usage { allocs: allocs.into(), frees: frees.into(), live: live.into(), bytes: bytes.into() };
            // The first series is always there, once a sample, so that no sample is without a row.
            let always = Counter::new(n as u64);
            if which == 0 {
                usage.bytes = always;
            } else {
                history.series[0].push(n as u32, Usage { bytes: always, ..Usage::ABSENT });
            }
            history.series[which].push(n as u32, usage);
        }
        let mut out = Vec::new();
        export::csv(&history, &mut out).unwrap();
        let again = read(&out);
        prop_assert_eq!(again.samples.len(), history.samples.len());
        for series in history.series.iter().filter(|s| !s.is_empty()) {
            let found = again.series.iter().find(|s| s.key == series.key).unwrap();
            prop_assert_eq!(&found.sample, &series.sample);
            for n in 0..series.len() {
                prop_assert_eq!(found.usage(n), series.usage(n));
            }
        }
        let mut twice = Vec::new();
        export::csv(&again, &mut twice).unwrap();
        let sorted = |text: &[u8]| {
            let mut lines: Vec<Vec<u8>> = text.split(|&b| b == b'\n').map(<[u8]>::to_vec).collect();
            lines.sort();
            lines
        };
        prop_assert_eq!(sorted(&out), sorted(&twice));
    }

    #[test]
    fn no_text_makes_an_importer_panic(
        start in prop_oneof![
            Just("time,tag,pool,allocs,frees,bytes\n"),
            Just(" Tag  Type  Allocs  Frees  Diff  Bytes  Per Alloc\n"),
            Just(" Tag     Allocs         Used     Allocs         Used\n"),
            Just("slabinfo - version: 2.1\n"),
        ],
        lines in proptest::collection::vec(prop_oneof![
            "[ -~]{0,40}",
            "[0-9 ,.()-]{0,60}",
            " [A-Za-z ]{4} (Nonp|Paged|-) [0-9]{1,20} [0-9]{1,4} [0-9-]{1,4} [0-9]{1,4} [0-9]{1,4}",
            "[0-9]{1,3},[A-C],paged,[0-9]{0,3},[0-9]{0,3},[0-9]{0,3}",
            "[a-z]{1,5} [0-9]{1,5} 1 1 1 [0-9]{1,20} : tunables 0 0 0 : slabdata 1 [0-9]{1,20} 0",
        ], 0..20),
        tail in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let text = [start.as_bytes(), lines.join("\n").as_bytes(), &tail].concat();
        let _ = open_bytes(Path::new("any"), &text, &OpenOptions::default());
    }
}
