//! Arbitrary bytes as the buffer of class 22.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nt_abi::PointerWidth;

fuzz_target!(|bytes: &[u8]| {
    for width in [PointerWidth::Bits32, PointerWidth::Bits64] {
        if let Ok(table) = nt_abi::pool_tags(bytes, width) {
            let mut walked = 0_usize;
            table.for_each(|_| walked += 1);
            assert_eq!(walked, table.iter().count());
        }
    }
});
