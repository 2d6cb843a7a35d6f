//! Arbitrary bytes as the buffer of class 66.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nt_abi::PointerWidth;

fuzz_target!(|bytes: &[u8]| {
    for width in [PointerWidth::Bits32, PointerWidth::Bits64] {
        if let Ok(rows) = nt_abi::big_pool(bytes, width) {
            assert!(rows.iter().count() <= rows.announced());
        }
    }
});
