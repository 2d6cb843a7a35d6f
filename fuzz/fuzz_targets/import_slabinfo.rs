//! Arbitrary bytes under a heading of saved `/proc/slabinfo`.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use recording::{OpenOptions, open_bytes};

fuzz_target!(|bytes: &[u8]| {
    let text = [b"slabinfo - version: 2.1\n".as_slice(), bytes].concat();
    let options = OpenOptions { max_bytes: 1 << 24 };
    if let Ok(history) = open_bytes(Path::new("fuzz"), &text, &options) {
        for series in &history.series {
            assert!(series.sample.is_sorted());
            assert!(series.sample.last().is_none_or(|&last| (last as usize) < history.samples.len()));
        }
    }
});
