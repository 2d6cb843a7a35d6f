//! Arbitrary bytes as a file of unknown format: recognition, archives, encodings.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use recording::{OpenOptions, open_bytes};

fuzz_target!(|bytes: &[u8]| {
    let _ = open_bytes(Path::new("fuzz"), bytes, &OpenOptions { max_bytes: 1 << 24 });
});
