//! Damaged images never panic and never take long.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use driver_scan::{ByteSearch, Limits, ScanError, scan, scan_bytes};
use proptest::prelude::*;

fn image(name: &str) -> Vec<u8> {
    std::fs::read(
        PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("tests/drivers")
            .join(name),
    )
    .unwrap()
}

const NAMES: [&str; 6] = [
    "wdf_table.x64.gcc.O2.sys",
    "nested.x86.gcc.O0.sys",
    "jumps.arm64.clang.O2.sys",
    "filter.x64.clang.O2.sys",
    "loops.x86.gcc.Os.sys",
    "resolved.x64.gcc.O0.sys",
];

#[test]
fn what_is_no_driver_is_refused_with_the_reason() {
    assert!(matches!(
        scan(b"", &Limits::default()),
        Err(ScanError::NotPe { .. })
    ));
    assert!(matches!(
        scan(&[0x4d, 0x5a, 0, 0], &Limits::default()),
        Err(ScanError::NotPe { .. })
    ));
    let limits = Limits {
        max_bytes: 100,
        ..Limits::default()
    };
    assert_eq!(
        scan(&[0; 101], &limits),
        Err(ScanError::TooLarge {
            size: 101,
            limit: 100
        })
    );
    let mut other = image(NAMES[0]);
    let header = u32::from_le_bytes(other[0x3c..0x40].try_into().unwrap()) as usize;
    other[header + 4..header + 6].copy_from_slice(&0x1c4u16.to_le_bytes());
    assert!(matches!(
        scan(&other, &Limits::default()),
        Err(ScanError::Machine(0x1c4))
    ));
}

#[test]
fn every_truncation_is_survived() {
    for name in NAMES {
        let bytes = image(name);
        for length in (0..bytes.len()).step_by(37) {
            let _ = scan(&bytes[..length], &Limits::default());
        }
    }
}

/// Offset of the first section header, and the number of sections, of an image.
fn section_table(bytes: &[u8]) -> (usize, usize) {
    let header = u32::from_le_bytes(bytes[0x3c..0x40].try_into().unwrap()) as usize;
    let count = u16::from_le_bytes(bytes[header + 6..header + 8].try_into().unwrap());
    let optional = u16::from_le_bytes(bytes[header + 20..header + 22].try_into().unwrap());
    (header + 24 + usize::from(optional), usize::from(count))
}

#[test]
fn sections_that_share_the_file_do_not_multiply_the_work() {
    let mut bytes = image("nested.x64.gcc.O2.sys");
    let (table, count) = section_table(&bytes);
    let mut larger = bytes.split_off(table + 40 * count);
    let header = bytes[table..table + 40].to_vec();
    // As many headers as fit, all of the whole file.
    for index in 0..60_000u32 {
        let mut section = header.clone();
        section[8..12].copy_from_slice(&0x0100_0000u32.to_le_bytes());
        section[12..16].copy_from_slice(&(0x1000 + index * 0x1000).to_le_bytes());
        section[16..20].copy_from_slice(&0x0100_0000u32.to_le_bytes());
        section[20..24].copy_from_slice(&0u32.to_le_bytes());
        bytes.extend(section);
    }
    bytes.append(&mut larger);
    let at = u32::from_le_bytes(bytes[0x3c..0x40].try_into().unwrap()) as usize + 6;
    bytes[at..at + 2].copy_from_slice(&60_000u16.to_le_bytes());
    let started = Instant::now();
    let scan = scan(&bytes, &Limits::default()).unwrap();
    assert!(scan.problems.iter().any(|problem| problem.contains("overlap")));
    assert!(started.elapsed() < Duration::from_secs(20));
}

#[test]
fn code_that_runs_into_itself_is_bounded() {
    // Thousands of branches into one long run of instructions, each to another byte of it.
    let mut bytes = image("nested.x64.gcc.O2.sys");
    let (table, _) = section_table(&bytes);
    let mut code = Vec::new();
    let branches = 40_000u32;
    for index in 0..branches {
        let to = branches * 6 + index;
        code.extend([0x0f, 0x85]);
        code.extend((to - (index + 1) * 6).to_le_bytes());
    }
    code.extend(std::iter::repeat_n([0xff, 0xc0], branches as usize).flatten());
    code.extend([0xcc; 16]);
    let start = bytes.len().next_multiple_of(0x200);
    bytes.resize(start, 0);
    let size = code.len() as u32;
    bytes.extend(code);
    bytes[table + 8..table + 12].copy_from_slice(&size.to_le_bytes());
    bytes[table + 16..table + 20].copy_from_slice(&size.to_le_bytes());
    bytes[table + 20..table + 24].copy_from_slice(&(start as u32).to_le_bytes());
    let started = Instant::now();
    let _ = scan(&bytes, &Limits::default());
    assert!(started.elapsed() < Duration::from_secs(20));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damage_is_survived_in_bounded_time(
        which in 0..NAMES.len(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..24),
    ) {
        let mut bytes = image(NAMES[which]);
        for (place, value) in damage {
            let at = place.index(bytes.len());
            bytes[at] = value;
        }
        let started = Instant::now();
        let _ = scan(&bytes, &Limits::default());
        prop_assert!(started.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn random_code_is_survived(code in prop::collection::vec(any::<u8>(), 0x200), which in 0..NAMES.len()) {
        let mut bytes = image(NAMES[which]);
        let start = 0x400.min(bytes.len() - code.len());
        bytes[start..start + code.len()].copy_from_slice(&code);
        let _ = scan(&bytes, &Limits::default());
    }

    #[test]
    fn one_search_and_many_searches_find_the_same(bytes in prop::collection::vec(0u8..3, 0..200), count in 1usize..8) {
        let tags: Vec<[u8; 4]> = (0..count as u8).map(|n| [n & 1, n >> 1 & 1, n >> 2 & 1, 0]).collect();
        let all = ByteSearch::new(&tags);
        let each: usize = tags.iter().filter(|tag| !scan_bytes(&bytes, &[**tag]).is_empty()).count();
        let mut seen: Vec<[u8; 4]> = all.find(&bytes).iter().map(|found| found.tag).collect();
        seen.sort_unstable();
        seen.dedup();
        prop_assert_eq!(seen.len(), each);
        prop_assert_eq!(all.is_match(&bytes), each > 0);
    }
}
