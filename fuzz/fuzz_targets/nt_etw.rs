//! Arbitrary bytes as the buffer of EVENT_TRACE_PROPERTIES.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nt_abi::PointerWidth;

fuzz_target!(|bytes: &[u8]| {
    for width in [PointerWidth::Bits32, PointerWidth::Bits64] {
        let _ = nt_abi::etw_properties(bytes, width);
    }
});
