//! Arbitrary bytes as the buffer of fltlib's filter records.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = nt_abi::filter_aggregate(bytes);
    let _ = nt_abi::filter_full(bytes);
});
