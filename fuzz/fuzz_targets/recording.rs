//! A sound recording with bytes overwritten: each five input bytes are a place and what is put there.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use recording::{OpenOptions, open_bytes};

static SOUND: &[u8] = include_bytes!("../../crates/recording/tests/golden/version-1.poolscope");

fuzz_target!(|bytes: &[u8]| {
    let mut file = SOUND.to_vec();
    for patch in bytes.chunks_exact(5) {
        if let [a, b, c, d, value] = *patch {
            let at = u32::from_le_bytes([a, b, c, d]) as usize % file.len();
            file[at] = value;
        }
    }
    if let Ok(history) = open_bytes(Path::new("fuzz"), &file, &OpenOptions::default()) {
        for series in &history.series {
            assert!(series.sample.is_sorted());
            assert!(series.sample.last().is_none_or(|&last| (last as usize) < history.samples.len()));
        }
    }
});
