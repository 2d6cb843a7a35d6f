//! Arbitrary bytes as the buffer of class 77.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nt_abi::PointerWidth;

fuzz_target!(|bytes: &[u8]| {
    for width in [PointerWidth::Bits32, PointerWidth::Bits64] {
        let _ =
            nt_abi::modules_ex(bytes, width).map(|rows| rows.iter().map(|m| m.name().len()).sum::<usize>());
    }
});
