//! Arbitrary bytes as the buffer of the classes of fixed layout (0, 2, 3, 21, 80, 103, 165, 182).
#![no_main]

use libfuzzer_sys::fuzz_target;
use nt_abi::PointerWidth;

fuzz_target!(|bytes: &[u8]| {
    for width in [PointerWidth::Bits32, PointerWidth::Bits64] {
        let _ = nt_abi::basic_info(bytes, width);
        let _ = nt_abi::file_cache(bytes, width);
        let _ = nt_abi::memory_list(bytes, width);
        let _ = nt_abi::performance(bytes);
        let _ = nt_abi::memory_usage(bytes);
        let _ = nt_abi::time_of_day(bytes).map(|t| (t.boot_identity(), t.uptime_s()));
        let _ = nt_abi::isolated_user_mode(bytes);
        let _ = nt_abi::code_integrity(bytes);
    }
});
