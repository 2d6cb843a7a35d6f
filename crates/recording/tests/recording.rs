//! What a recording promises: nothing acknowledged is lost, nothing damaged is fatal, old samples keep their extremes.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests say what they expect by panicking"
)]

mod common;

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use common::{Kernel, Rng};
use proptest::prelude::*;
use recording::{ImportErrorKind, OpenOptions, WriteError, Writer, WriterOptions, export, open, open_bytes};
use snapshot::{History, HostFacts, MomentFacts, Problem, Snapshot, Usage};

/// Tells this executable, started again, which part to play.
const ROLE: &str = "POOLSCOPE_TEST_ROLE";
const FILE: &str = "POOLSCOPE_TEST_FILE";

/// A folder that is gone after the test; in memory where the system offers that, since every sample is synced to disk.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .unwrap()
}

fn read(path: &Path) -> History {
    open(&[path.to_path_buf()], &OpenOptions::default()).unwrap()
}

fn writer(path: &Path) -> Writer {
    let options = WriterOptions {
        interval_s: Some(30.0),
        max_bytes: None,
        tool: "test".into(),
    };
    Writer::open(path, &Kernel::host(), &options).unwrap()
}

fn record(path: &Path, kernel: &mut Kernel, samples: usize) -> Vec<Snapshot> {
    let mut writer = writer(path);
    let taken: Vec<Snapshot> = (0..samples).map(|_| kernel.sample()).collect();
    for snapshot in &taken {
        writer.append(snapshot).unwrap();
    }
    writer.close().unwrap();
    taken
}

/// Usage of every series at `sample`, in order of name, absent ones left out.
fn state(history: &History, sample: usize) -> Vec<(String, Usage)> {
    let mut rows: Vec<(String, Usage)> = history
        .series
        .iter()
        .filter_map(|s| {
            let at = s
                .sample
                .partition_point(|&at| at as usize <= sample)
                .checked_sub(1)?;
            Some((s.key.to_string(), s.usage(at))).filter(|(_, usage)| !usage.is_absent())
        })
        .collect();
    rows.sort_by(|a, b| a.0.cmp(&b.0));
    rows
}

fn rows(snapshot: &Snapshot) -> Vec<(String, Usage)> {
    let mut rows: Vec<(String, Usage)> = snapshot
        .rows
        .iter()
        .map(|r| (format!("{}/{}", r.tag, r.pool), r.usage))
        .collect();
    rows.sort_by(|a, b| a.0.cmp(&b.0));
    rows
}

#[test]
fn what_was_recorded_is_read() {
    let folder = folder();
    let path = folder.path().join("a.poolscope");
    let mut kernel = Kernel::new(40, 200, 30);
    // More than one merge, and an unmerged rest.
    let taken = record(&path, &mut kernel, 500);
    let history = read(&path);
    assert_eq!(history.samples.len(), taken.len());
    assert_eq!(
        (history.host.name.as_deref(), history.clock_known),
        (Some("TESTHOST"), true)
    );
    for (n, snapshot) in taken.iter().enumerate() {
        assert_eq!(Some(history.samples[n].at), snapshot.taken_at);
        assert_eq!(history.samples[n].uptime_s, snapshot.kernel_uptime_s);
        assert!(!history.samples[n].after_gap);
        assert_eq!(state(&history, n), rows(snapshot), "sample {n}");
        assert_eq!(history.facts[n], (n as u32, snapshot.facts.clone()));
    }
    assert!(
        !folder.path().join("a.poolscope-lock").exists()
            && !folder.path().join("a.poolscope-journal").exists()
    );
}

#[test]
fn running_again_appends_and_keeps_gaps_and_reboots() {
    let folder = folder();
    let path = folder.path().join("a.poolscope");
    let mut kernel = Kernel::new(10, 300, 30);
    let mut taken = record(&path, &mut kernel, 5);
    taken.extend(record(&path, &mut kernel, 5)); // at once: no gap
    kernel.at += 3600;
    taken.extend(record(&path, &mut kernel, 5)); // an hour later
    kernel.reboot();
    taken.extend(record(&path, &mut kernel, 5)); // the next boot
    let history = read(&path);
    let gaps: Vec<usize> = (0..history.samples.len())
        .filter(|&n| history.samples[n].after_gap)
        .collect();
    assert_eq!(gaps, [10, 15]);
    assert_eq!(history.boots.len(), 2);
    assert_eq!(history.samples[15].boot, Some(1));
    for (n, snapshot) in taken.iter().enumerate() {
        assert_eq!(state(&history, n), rows(snapshot), "sample {n}");
    }
}

#[test]
fn tags_that_go_away_are_absent_and_may_come_back() {
    let folder = folder();
    let path = folder.path().join("a.poolscope");
    let mut kernel = Kernel::new(3, 1000, 30);
    let mut taken: Vec<Snapshot> = (0..6).map(|_| kernel.sample()).collect();
    taken[2].rows.remove(1);
    taken[3].rows.remove(1);
    let mut first = writer(&path);
    for snapshot in &taken[..3] {
        first.append(snapshot).unwrap();
    }
    drop(first); // without closing
    let mut second = writer(&path);
    for snapshot in &taken[3..] {
        second.append(snapshot).unwrap();
    }
    second.close().unwrap();
    let history = read(&path);
    for (n, snapshot) in taken.iter().enumerate() {
        assert_eq!(state(&history, n), rows(snapshot), "sample {n}");
    }
}

#[test]
fn problems_are_kept_once() {
    let folder = folder();
    let path = folder.path().join("a.poolscope");
    let mut kernel = Kernel::new(2, 1000, 30);
    let mut writer = writer(&path);
    for _ in 0..3 {
        let mut snapshot = kernel.sample();
        snapshot.problems.push(Problem::new("class 66", "access denied"));
        writer.append(&snapshot).unwrap();
    }
    writer.close().unwrap();
    assert_eq!(read(&path).problems, [Problem::new("class 66", "access denied")]);
}

#[test]
fn a_reader_beside_the_writer_sees_every_acknowledged_sample() {
    let folder = folder();
    let path = folder.path().join("a.poolscope");
    let mut kernel = Kernel::new(20, 300, 30);
    let mut writer = writer(&path);
    for n in 1..=20 {
        writer.append(&kernel.sample()).unwrap();
        assert_eq!(read(&path).samples.len(), n);
    }
}

#[test]
fn the_second_writer_is_told_who_is_first() {
    let folder = folder();
    let path = folder.path().join("a.poolscope");
    let mut first = writer(&path);
    match Writer::open(&path, &HostFacts::default(), &WriterOptions::default()) {
        Err(WriteError::Busy { pid, .. }) => assert_eq!(pid, Some(std::process::id())),
        other => panic!("{other:?}"),
    }
    first.append(&Kernel::new(1, 1000, 30).sample()).unwrap();
    first.close().unwrap();
    writer(&path).close().unwrap();
}

#[test]
fn a_read_only_file_and_a_foreign_file_are_refused_and_left_alone() {
    let folder = folder();
    let path = folder.path().join("a.poolscope");
    record(&path, &mut Kernel::new(2, 1000, 30), 3);
    let mut permissions = std::fs::metadata(&path).unwrap().permissions();
    permissions.set_readonly(true);
    std::fs::set_permissions(&path, permissions).unwrap();
    let refused = Writer::open(&path, &HostFacts::default(), &WriterOptions::default());
    assert!(matches!(refused, Err(WriteError::ReadOnly { .. })), "{refused:?}");
    assert_eq!(read(&path).samples.len(), 3);

    let foreign = folder.path().join("notes.txt");
    std::fs::write(
        &foreign,
        "these are notes, not samples, and they are long enough to look at".repeat(20),
    )
    .unwrap();
    let before = std::fs::read(&foreign).unwrap();
    let refused = Writer::open(&foreign, &HostFacts::default(), &WriterOptions::default());
    assert!(
        matches!(refused, Err(WriteError::NotARecording { .. })),
        "{refused:?}"
    );
    assert_eq!(std::fs::read(&foreign).unwrap(), before);
}

/// Not a test of its own: what a child process does when a test starts this executable again.
#[test]
fn child() {
    let (Ok(role), Ok(file)) = (std::env::var(ROLE), std::env::var(FILE)) else {
        return;
    };
    let mut kernel = Kernel::new(60, 300, 30);
    kernel.at += 10_000_000 * i64::from(std::process::id() % 7);
    let mut writer = writer(Path::new(&file));
    let mut out = std::io::stdout();
    for _ in 0.. {
        match writer.append(&kernel.sample()) {
            Ok(appended) => writeln!(out, "ack {}", appended.sample).unwrap(),
            Err(error) if role == "until-full" => {
                writeln!(out, "error {error}").unwrap();
                return;
            }
            Err(error) => panic!("{error}"),
        }
        out.flush().unwrap();
    }
}

fn start_child(command: &mut Command, role: &str, file: &Path) -> Child {
    command
        .env(ROLE, role)
        .env(FILE, file)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn this_test() -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["child", "--exact", "--nocapture", "--test-threads=1"]);
    command
}

/// Acknowledged samples in what a child printed.
fn acknowledged(line: &str) -> Option<u64> {
    line.split_once("ack ")
        .and_then(|(_, number)| number.trim().parse().ok())
}

#[test]
fn every_acknowledged_sample_survives_kill_minus_nine() {
    const KILLS: usize = 200;
    let folder = folder();
    let mut rng = Rng(std::process::id().into());
    let mut path = PathBuf::new();
    let mut last_acknowledged = None;
    for kill in 0..KILLS {
        // A new file now and then, so that creation is hit as well as appending and merging.
        if kill % 20 == 0 {
            path = folder.path().join(format!("{kill}.poolscope"));
            last_acknowledged = None;
        }
        let mut child = start_child(&mut this_test(), "until-killed", &path);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let wanted = rng.below(12);
        let mut heard = 0;
        while heard < wanted {
            let Some(Ok(line)) = lines.next() else { break };
            if let Some(number) = acknowledged(&line) {
                last_acknowledged = Some(number);
                heard += 1;
            }
        }
        std::thread::sleep(std::time::Duration::from_micros(rng.below(3000)));
        child.kill().unwrap();
        child.wait().unwrap();
        // What it said before it died counts too.
        last_acknowledged = lines
            .map_while(Result::ok)
            .filter_map(|l| acknowledged(&l))
            .last()
            .or(last_acknowledged);
        if let Some(last) = last_acknowledged {
            let history = read(&path);
            assert!(
                history.samples.len() as u64 > last,
                "kill {kill}: {last} was acknowledged"
            );
            assert_eq!(history.problems, []);
        }
    }
}

#[cfg(unix)]
#[test]
fn a_full_disk_is_an_error_and_the_file_stays_valid() {
    let folder = folder();
    let path = folder.path().join("a.poolscope");
    // 200 KB a file, and no signal: writes beyond fail as on a full disk.
    let mut command = Command::new("sh");
    let exe = std::env::current_exe().unwrap();
    let script = format!(
        "trap '' XFSZ; ulimit -f 400; exec '{}' child --exact --nocapture --test-threads=1",
        exe.display()
    );
    command.args(["-c", &script]);
    let output = start_child(&mut command, "until-full", &path)
        .wait_with_output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let last = text.lines().filter_map(acknowledged).next_back().unwrap();
    assert!(text.contains("error "), "{text}");
    let history = read(&path);
    assert_eq!(history.samples.len() as u64, last + 1);
    assert_eq!(history.problems, []);
    let mut again = writer(&path);
    let mut kernel = Kernel::new(60, 300, 30);
    kernel.at += 100_000_000;
    assert_eq!(again.append(&kernel.sample()).unwrap().sample, last + 1);
}

#[test]
fn thinning_keeps_the_limit_and_every_minimum_and_maximum() {
    const LIMIT: u64 = 3_000_000;
    const SAMPLES: usize = 600;
    let folder = folder();
    let path = folder.path().join("thin.poolscope");
    let options = WriterOptions {
        interval_s: Some(30.0),
        max_bytes: Some(LIMIT),
        tool: "test".into(),
    };
    let mut writer = Writer::open(&path, &Kernel::host(), &options).unwrap();
    let mut kernel = Kernel::new(1500, 1000, 30);
    let mut extremes: HashMap<String, [u64; 4]> = HashMap::new();
    let (mut largest, mut newest, mut seam) = (0, Vec::new(), None);
    for n in 0..SAMPLES {
        if n == SAMPLES / 2 {
            kernel.reboot();
        }
        let snapshot = kernel.sample();
        let appended = writer.append(&snapshot).unwrap();
        largest = largest.max(appended.file_bytes);
        seam = seam.or(snapshot.taken_at.filter(|_| appended.after_gap));
        newest = rows(&snapshot);
        for (name, usage) in &newest {
            let values = extremes_of(usage);
            let known = extremes.entry(name.clone()).or_insert(values);
            *known = widen(*known, values);
        }
    }
    writer.close().unwrap();
    let history = read(&path);
    assert_eq!(history.problems, []);
    assert!(largest < LIMIT + LIMIT / 4, "{largest} bytes");
    let size = std::fs::metadata(&path).unwrap().len();
    assert!(size < LIMIT + LIMIT / 4, "{size} bytes");
    let changes: usize = history.series.iter().map(snapshot::Series::len).sum();
    assert!(changes < 1500 * SAMPLES * 2 / 3, "{changes} changes");
    assert_eq!(history.boots.len(), 2);
    assert_eq!(history.samples.iter().find(|s| s.after_gap).map(|s| s.at), seam);
    for series in &history.series {
        let values = (0..series.len()).map(|i| extremes_of(&series.usage(i)));
        assert_eq!(
            values.reduce(widen),
            extremes.get(&series.key.to_string()).copied(),
            "{}",
            series.key
        );
    }
    assert_eq!(state(&history, history.samples.len() - 1), newest);
}

/// Least and greatest bytes, least and greatest outstanding allocations.
fn extremes_of(usage: &Usage) -> [u64; 4] {
    let bytes = usage.bytes.get().unwrap();
    let outstanding = usage.outstanding(snapshot::CounterWidth::Bits64).unwrap();
    [bytes, bytes, outstanding, outstanding]
}

fn widen(a: [u64; 4], b: [u64; 4]) -> [u64; 4] {
    [a[0].min(b[0]), a[1].max(b[1]), a[2].min(b[2]), a[3].max(b[3])]
}

/// A recording of two merged blocks and some single samples.
fn sound_file() -> &'static [u8] {
    static FILE: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
    FILE.get_or_init(|| {
        let folder = folder();
        let path = folder.path().join("a.poolscope");
        let mut kernel = Kernel::new(30, 300, 30);
        record(&path, &mut kernel, 260);
        let mut writer = writer(&path);
        for _ in 0..5 {
            writer.append(&kernel.sample()).unwrap();
        }
        drop(writer);
        std::fs::read(&path).unwrap()
    })
}

/// Reads damaged bytes in every way there is: an error or fewer samples, never a panic.
fn survives(bytes: &[u8]) -> Result<(), TestCaseError> {
    let name = Path::new("damaged.poolscope");
    if let Ok(history) = open_bytes(name, bytes, &OpenOptions::default()) {
        prop_assert!(history.samples.len() <= 265);
        for series in &history.series {
            prop_assert!(series.sample.windows(2).all(|w| w[0] < w[1]));
            prop_assert!(
                series
                    .sample
                    .last()
                    .is_none_or(|&s| (s as usize) < history.samples.len())
            );
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_truncated_file_is_an_error_or_shorter(at: prop::sample::Index) {
        let bytes = sound_file();
        survives(&bytes[..at.index(bytes.len())])?;
    }

    #[test]
    fn flipped_bits_are_an_error_or_fewer_samples(flips in proptest::collection::vec(any::<(prop::sample::Index, u8)>(), 1..8)) {
        let mut bytes = sound_file().to_vec();
        for (at, bit) in flips {
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << (bit % 8);
        }
        survives(&bytes)?;
    }
}

#[test]
fn a_damaged_block_costs_its_own_samples_only() {
    let folder = folder();
    let path = folder.path().join("a.poolscope");
    let mut kernel = Kernel::new(30, 300, 30);
    let mut writer = writer(&path);
    let taken: Vec<Snapshot> = (0..20).map(|_| kernel.sample()).collect();
    for snapshot in &taken {
        writer.append(snapshot).unwrap();
    }
    drop(writer);
    let db = rusqlite::Connection::open(&path).unwrap();
    db.execute("UPDATE block SET data = zeroblob(50) WHERE first = 7", [])
        .unwrap();
    drop(db);
    let history = read(&path);
    assert_eq!(history.samples.len(), 19);
    assert!(history.samples[7].after_gap);
    assert_eq!(history.problems.len(), 2, "{:?}", history.problems);
}

#[test]
fn forged_files_are_refused() {
    let folder = folder();
    let forge = |name: &str, sql: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, sound_file()).unwrap();
        let db = rusqlite::Connection::open(&path).unwrap();
        db.execute_batch(sql).unwrap();
        drop(db);
        open(&[path], &OpenOptions::default())
            .map(|h| h.samples.len())
            .map_err(|e| e.kind)
    };
    let endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x AS first, x AS last, 0 AS tier, 1 AS changes, x'00' AS data FROM n";
    let cases = [
        (
            "view",
            format!("DROP TABLE block; CREATE VIEW block AS {endless};"),
            Err(ImportErrorKind::Unrecognised),
        ),
        (
            "column",
            "ALTER TABLE sample ADD COLUMN x".to_owned(),
            Err(ImportErrorKind::Unrecognised),
        ),
        (
            "newer",
            "PRAGMA user_version = 99".to_owned(),
            Err(ImportErrorKind::TooNew),
        ),
        (
            "foreign",
            "PRAGMA application_id = 5".to_owned(),
            Err(ImportErrorKind::Unrecognised),
        ),
        (
            "extra",
            "CREATE TABLE notes(x); CREATE TRIGGER t AFTER INSERT ON notes BEGIN SELECT 1; END".to_owned(),
            Ok(265),
        ),
    ];
    for (name, sql, expected) in cases {
        assert_eq!(forge(name, &sql), expected, "{name}");
    }
}

#[test]
fn a_history_written_as_a_recording_is_the_same() {
    let folder = folder();
    let path = folder.path().join("a.poolscope");
    let mut kernel = Kernel::new(30, 300, 30);
    record(&path, &mut kernel, 300);
    let history = read(&path);
    let copy = folder.path().join("copy.poolscope");
    export::recording(&history, &copy).unwrap();
    let again = read(&copy);
    assert_eq!(again.samples, history.samples);
    assert_eq!(again.series, history.series);
    assert_eq!(again.facts, history.facts);
    assert_eq!(
        (again.host, again.boots),
        (history.host.clone(), history.boots.clone())
    );
    assert!(
        matches!(
            export::recording(&history, &copy),
            Err(WriteError::ReadOnly { .. })
        ),
        "it is there already"
    );
}

#[test]
fn samples_without_a_time_are_refused() {
    let folder = folder();
    let mut writer = writer(&folder.path().join("a.poolscope"));
    let timeless = Snapshot {
        facts: MomentFacts::default(),
        ..Snapshot::default()
    };
    assert!(matches!(writer.append(&timeless), Err(WriteError::Unfit { .. })));
}

#[test]
fn a_bundle_is_read_back_redacted_and_refused_when_cut() {
    let folder = folder();
    let path = folder.path().join("a.poolscope");
    record(&path, &mut Kernel::new(5, 300, 30), 10);
    let bundle = folder.path().join("b.zip");
    let history = read(&path);
    let parts = recording::bundle::Bundle {
        history: &history,
        report_json: r#"{"source":{"host":"TESTHOST"},"note":"C:\\Users\\jane\\x.etl"}"#,
        texts: vec![("report.txt".into(), "TESTHOST of jane".into())],
        tool: "poolscope test",
        redact: true,
    };
    recording::bundle::write(&bundle, &parts).unwrap();
    let again = read(&bundle);
    assert_eq!(again.samples, history.samples);
    assert_eq!(again.series, history.series);
    assert_eq!(again.host.name.as_deref(), Some("host-1"));

    let bytes = std::fs::read(&bundle).unwrap();
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(bytes.clone())).unwrap();
    for name in ["report.json", "report.txt", "facts.json", "versions.json"] {
        let mut text = String::new();
        zip.by_name(name).unwrap().read_to_string(&mut text).unwrap();
        assert!(
            !text.contains("TESTHOST") && !text.contains("jane"),
            "{name}: {text}"
        );
    }
    for length in (1..bytes.len()).step_by(97) {
        assert!(open_bytes(Path::new("cut.zip"), &bytes[..length], &OpenOptions::default()).is_err());
    }
}
