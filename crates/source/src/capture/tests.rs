use std::fs;
use std::path::{Path, PathBuf};

use snapshot::{Pool, Tag, Timestamp};

use super::*;

/// A file as the capturing program writes it: 16 bytes more than the kernel returned.
fn file(class: u32, status: u32, bits: u32, at: u64, sequence: u32, buffer: &[u8]) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend([1, class, status, bits].map(u32::to_le_bytes).concat());
    bytes.extend(at.to_le_bytes());
    let length = buffer.len() as u32;
    bytes.extend(
        [1 << 22, length, length + 16, sequence, 0xC000_0004, 0, 0, 0]
            .map(u32::to_le_bytes)
            .concat(),
    );
    bytes.resize(HEADER_BYTES, 0);
    bytes.extend(buffer);
    bytes.extend([0xCC; 16]);
    bytes
}

fn tags(rows: &[(&[u8; 4], u32, u64)]) -> Vec<u8> {
    let mut bytes = vec![0xCC; 8];
    bytes[..4].copy_from_slice(&(rows.len() as u32).to_le_bytes());
    for (tag, allocs, nonpaged) in rows {
        let mut row = [0; 40];
        row[..4].copy_from_slice(&tag[..]);
        row[24..28].copy_from_slice(&allocs.to_le_bytes());
        row[32..40].copy_from_slice(&nonpaged.to_le_bytes());
        bytes.extend(row);
    }
    bytes
}

/// 2026-01-01T00:00:00Z in NT time.
const NEW_YEAR: u64 = 134_116_992_000_000_000;

fn folder(files: &[(&str, Vec<u8>)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

#[test]
fn samples_are_in_the_order_taken_whatever_the_files_are_called() {
    let folder = folder(&[
        (
            "z.bin",
            file(
                22,
                0,
                64,
                NEW_YEAR,
                0,
                &tags(&[(b"Leak", 1, 4096), (b"Gone", 1, 10)]),
            ),
        ),
        (
            "a.bin",
            file(
                22,
                0,
                64,
                NEW_YEAR + 50_000_000,
                1,
                &tags(&[(b"Leak", 3, 12_288), (b"New ", 1, 64)]),
            ),
        ),
        ("README.md", b"words".to_vec()),
    ]);
    let history = read_folder(folder.path()).unwrap();
    let at: Vec<_> = history
        .samples
        .iter()
        .map(|s| s.at.to_rfc3339().unwrap())
        .collect();
    assert_eq!(at, ["2026-01-01T00:00:00Z", "2026-01-01T00:00:05Z"]);
    let bytes = |tag: &[u8; 4]| {
        let series = history
            .series
            .iter()
            .find(|s| s.key.tag == Tag::from_nt(*tag))
            .unwrap();
        (
            series.sample.clone(),
            series.bytes.iter().map(|b| b.get()).collect::<Vec<_>>(),
        )
    };
    assert_eq!(bytes(b"Leak"), (vec![0, 1], vec![Some(4096), Some(12_288)]));
    assert_eq!(
        bytes(b"Gone"),
        (vec![0, 1], vec![Some(10), None]),
        "a tag that vanished is absent, not zero"
    );
    assert_eq!(bytes(b"New "), (vec![1], vec![Some(64)]));
    assert!(history.problems.is_empty(), "{:?}", history.problems);
    assert_eq!(history.kind, Some(SourceKind::Capture));
}

#[test]
fn refusals_and_broken_files_are_problems_not_failures() {
    let mut cut = file(22, 0, 64, NEW_YEAR + 1, 2, &tags(&[(b"Leak", 1, 4096)]));
    cut.truncate(70);
    let mut lying = tags(&[(b"Leak", 1, 4096)]);
    lying[0] = 200;
    let folder = folder(&[
        (
            "0.bin",
            file(22, 0, 64, NEW_YEAR, 0, &tags(&[(b"Leak", 1, 4096)])),
        ),
        ("1.bin", file(66, 0xC000_0003, 64, NEW_YEAR, 1, &[])),
        ("2.bin", cut),
        ("3.bin", file(22, 0, 64, NEW_YEAR + 2, 3, &lying)),
        ("4.bin", file(2, 0, 64, NEW_YEAR + 3, 4, &[0; 100])),
    ]);
    let history = read_folder(folder.path()).unwrap();
    assert_eq!(history.samples.len(), 1);
    let messages: Vec<_> = history.problems.iter().map(|p| p.message.clone()).collect();
    let expected = [
        "2.bin: at byte 40: 64 bytes announced, 6 there",
        "3.bin: NtQuerySystemInformation class 22 (SystemPoolTagInformation): at byte 0: 200 rows announced, the \
         buffer has room for 1",
        "4.bin: NtQuerySystemInformation class 2 (SystemPerformanceInformation): at byte 0: 312 bytes needed, 100 \
         there",
        "NtQuerySystemInformation class 66 (SystemBigPoolInformation): 0xC0000003 STATUS_INVALID_INFO_CLASS",
    ];
    assert_eq!(messages.len(), expected.len(), "{messages:?}");
    for expected in expected {
        let said = messages.iter().any(|message| message.ends_with(expected));
        assert!(said, "{expected} is not among {messages:?}");
    }
}

#[test]
fn what_is_no_capture_is_refused_with_the_reason() {
    let none = folder(&[("a.txt", b"hello".to_vec())]);
    assert!(matches!(
        read_folder(none.path()),
        Err(CaptureError::NoTags { .. })
    ));
    assert!(!is_capture_path(none.path()));
    let single = none.path().join("a.txt");
    assert!(
        read_folder(&single)
            .unwrap_err()
            .to_string()
            .ends_with("at byte 0: not a raw capture (NTQSIRAW)")
    );
    let refused = folder(&[("a.bin", file(22, 0xC000_0022, 64, NEW_YEAR, 0, &[]))]);
    assert!(is_capture_path(refused.path()) && is_capture_path(&refused.path().join("a.bin")));
    assert!(!is_capture_path(&single));
    let error = read_folder(refused.path()).unwrap_err().to_string();
    assert!(
        error.ends_with("class 22 (SystemPoolTagInformation): 0xC0000022 STATUS_ACCESS_DENIED"),
        "{error}"
    );
    assert!(matches!(
        read_folder(Path::new("/no/such/place")),
        Err(CaptureError::Io { .. })
    ));
}

#[test]
fn boot_and_memory_come_from_the_classes_beside_the_tags() {
    let mut time = [0; 48];
    time[..8].copy_from_slice(&(NEW_YEAR - 600_000_000).to_le_bytes());
    let mut performance = [0; 312];
    performance[116..120].copy_from_slice(&7_u32.to_le_bytes());
    let folder = folder(&[
        (
            "0.bin",
            file(22, 0, 64, NEW_YEAR, 0, &tags(&[(b"Leak", 1, 4096)])),
        ),
        (
            "1.bin",
            file(22, 0, 64, NEW_YEAR + 10, 1, &tags(&[(b"Leak", 1, 4096)])),
        ),
        ("2.bin", file(2, 0, 64, NEW_YEAR + 20, 2, &performance)),
        ("3.bin", file(3, 0, 64, NEW_YEAR + 30, 3, &time)),
    ]);
    let history = read_folder(folder.path()).unwrap();
    assert_eq!(history.boots, [BootId((NEW_YEAR - 600_000_000).to_string())]);
    assert_eq!(history.samples[0].uptime_s, Some(60.0));
    let (sample, moment) = &history.facts[0];
    assert_eq!(
        (*sample, moment.memory.as_ref().unwrap().nonpaged_pool),
        (1, Some(7 * 4096))
    );
}

/// The capture of a real NT kernel with a driver that leaks, where it lies beside the repository.
fn real() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/captures/nt64-leak");
    path.is_dir().then_some(path)
}

#[test]
fn a_real_kernels_leak_is_read_to_the_byte() {
    let Some(path) = real() else { return };
    assert!(is_capture_path(&path));
    let history = read_folder(&path).unwrap();
    assert_eq!(history.samples.len(), 24);
    let find = |tag: &str, pool| {
        history
            .series
            .iter()
            .find(|s| s.key.tag == Tag::parse_nt(tag) && s.key.pool == pool)
            .unwrap()
    };
    for (tag, pool, growth) in [
        ("Leak", Pool::Nonpaged, 3_387_392),
        ("LekP", Pool::Paged, 846_848),
    ] {
        let series = find(tag, pool);
        assert_eq!(
            series.sample[0], 3,
            "the leak begins between the third and the fourth sample"
        );
        let (first, last) = (
            series.usage(0).bytes.get().unwrap(),
            series.last().bytes.get().unwrap(),
        );
        assert_eq!(last - first, growth, "{tag}: from {first} to {last}");
    }
    let leak = find("Leak", Pool::Nonpaged).last();
    assert_eq!((leak.allocs.get(), leak.frees.get()), (Some(919), Some(91)));
    let scsi = history
        .series
        .iter()
        .filter(|s| s.key.tag == Tag::parse_nt("SCSI"))
        .count();
    assert_eq!(scsi, 2, "one tag in both pools");
    let span = history.samples[23].at.seconds_since(history.samples[0].at);
    assert!((100.0..140.0).contains(&span), "{span} s");
    assert!(history.samples[0].at > Timestamp::parse("2020-01-01T00:00:00Z").unwrap());

    let modules = history
        .facts
        .iter()
        .filter_map(|(_, m)| m.modules.as_ref())
        .next_back()
        .unwrap();
    assert!(
        modules.iter().any(|m| m.name.eq_ignore_ascii_case("leaky.sys")),
        "{modules:?}"
    );
    let memory = history.facts.iter().find_map(|(_, m)| m.memory.as_ref()).unwrap();
    let pools = memory.nonpaged_pool.unwrap() + memory.paged_pool.unwrap();
    assert!((1 << 20..64 << 20).contains(&pools), "{pools} bytes of pool");
    assert!(history.problems.iter().any(|p| {
        p.message
            .contains("class 66 (SystemBigPoolInformation): 0xC0000002")
    }));
}

proptest::proptest! {
    #[test]
    fn no_file_panics(
        class in proptest::sample::select(vec![0_u32, 2, 3, 5, 11, 18, 21, 22, 66, 77, 80, 144, 182, 255, 999]),
        bits in proptest::sample::select(vec![0_u32, 32, 64]),
        at in proptest::num::u64::ANY,
        buffer in proptest::collection::vec(0_u8.., 0..400),
        cut in 0_usize..500,
    ) {
        let whole = file(class, 0, bits, at, 0, &buffer);
        let _ = read_bytes(Path::new("whole"), &whole);
        let _ = read_bytes(Path::new("cut"), &whole[..cut.min(whole.len())]);
        let _ = read_bytes(Path::new("bare"), &buffer);
        let mut beside = vec![parse(&file(22, 0, 64, at >> 2, 0, &tags(&[(b"Leak", 1, 2)])), "tags".to_owned()).unwrap()];
        beside.extend(parse(&whole, "whole".to_owned()));
        let history = assemble::history(beside, Vec::new());
        assert!(!history.samples.is_empty());
    }
}
