//! Arbitrary bytes as the buffer of classes 18 and 144.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nt_abi::PointerWidth;

fuzz_target!(|bytes: &[u8]| {
    for width in [PointerWidth::Bits32, PointerWidth::Bits64] {
        for extended in [false, true] {
            let _ = nt_abi::page_files(bytes, width, extended, Some(0x1000));
        }
    }
});
