//! A driver file as it may lie on a disk: any bytes end in a scan or an error, in bounded time.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let limits = driver_scan::Limits {
        max_bytes: 1 << 20,
        ..driver_scan::Limits::default()
    };
    if let Ok(scan) = driver_scan::scan(bytes, &limits) {
        // Each finding lies in the image; every text is one that can be printed.
        assert!(scan.tags.iter().all(|found| !found.routine.is_empty()));
        assert!(scan.tags.len() <= limits.max_findings);
    }
    let tags = [*b"Proc", *b"Thre", *b"NtFC", *b"MmSt"];
    let _ = driver_scan::scan_bytes(bytes, &tags);
});
