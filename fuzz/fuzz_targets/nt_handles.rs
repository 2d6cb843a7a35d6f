//! Arbitrary bytes as the buffer of classes 64 and 16.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nt_abi::PointerWidth;

fuzz_target!(|bytes: &[u8]| {
    for width in [PointerWidth::Bits32, PointerWidth::Bits64] {
        let _ = nt_abi::handles(bytes, width).map(|rows| rows.iter().count());
        let _ = nt_abi::handles_short(bytes, width).map(|rows| rows.iter().count());
    }
});
