//! Arbitrary bytes as the buffer of class 255.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nt_abi::PointerWidth;

fuzz_target!(|bytes: &[u8]| {
    for width in [PointerWidth::Bits32, PointerWidth::Bits64] {
        if let Ok(table) = nt_abi::pool_tags_2(bytes, width) {
            assert!(table.iter().count() <= table.announced());
        }
    }
});
