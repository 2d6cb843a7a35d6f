//! Arbitrary bytes as the buffer of class 67.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nt_abi::PointerWidth;

fuzz_target!(|bytes: &[u8]| {
    for width in [PointerWidth::Bits32, PointerWidth::Bits64] {
        if let Ok(sessions) = nt_abi::session_pool_tags(bytes, width) {
            assert!(
                sessions
                    .iter()
                    .all(|s| s.rows.iter().count() <= s.rows.announced())
            );
        }
    }
});
