//! Arbitrary bytes as the buffer of class 5.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nt_abi::PointerWidth;

fuzz_target!(|bytes: &[u8]| {
    for width in [PointerWidth::Bits32, PointerWidth::Bits64] {
        for base in [None, Some(0x1000)] {
            let _ = nt_abi::processes(bytes, width, base);
        }
    }
});
