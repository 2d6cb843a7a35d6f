//! No input panics, and what an independent builder writes is read back.

mod synth;

use nt_abi::PointerWidth::{self, Bits32, Bits64};
use proptest::collection::vec;
use proptest::prelude::*;
use synth::{Process, Tag};

/// Every entrance of the crate on the same bytes: none may panic, whatever it returns.
fn every_entrance(bytes: &[u8]) {
    for width in [Bits32, Bits64] {
        for table in [nt_abi::pool_tags(bytes, width), nt_abi::pool_tags_2(bytes, width)]
            .into_iter()
            .flatten()
        {
            let mut walked = 0_usize;
            table.for_each(|_| walked += 1);
            assert_eq!(walked, table.iter().count());
        }
        let _ = nt_abi::session_pool_tags(bytes, width)
            .map(|s| s.iter().map(|s| s.rows.iter().count()).sum::<usize>());
        let _ = nt_abi::big_pool(bytes, width).map(|rows| rows.iter().count());
        let _ = nt_abi::handles(bytes, width).map(|rows| rows.iter().count());
        let _ = nt_abi::handles_short(bytes, width).map(|rows| rows.iter().count());
        for base in [None, Some(0), Some(u64::MAX), Some(0x1000)] {
            let _ = nt_abi::processes(bytes, width, base);
            let _ = nt_abi::page_files(bytes, width, false, base);
            let _ = nt_abi::page_files(bytes, width, true, base);
        }
        let _ = nt_abi::modules(bytes, width).map(|rows| rows.iter().map(|m| m.name().len()).sum::<usize>());
        let _ =
            nt_abi::modules_ex(bytes, width).map(|rows| rows.iter().map(|m| m.name().len()).sum::<usize>());
        let _ = nt_abi::object_types(bytes, width);
        let _ = nt_abi::basic_info(bytes, width);
        let _ = nt_abi::file_cache(bytes, width);
        let _ = nt_abi::memory_list(bytes, width);
        let _ = nt_abi::etw_properties(bytes, width);
    }
    let _ = nt_abi::performance(bytes);
    let _ = nt_abi::memory_usage(bytes);
    let _ = nt_abi::time_of_day(bytes).map(|t| (t.boot_identity(), t.uptime_s()));
    let _ = nt_abi::isolated_user_mode(bytes);
    let _ = nt_abi::code_integrity(bytes);
    let _ = nt_abi::filter_aggregate(bytes);
    let _ = nt_abi::filter_full(bytes);
}

fn width() -> impl Strategy<Value = PointerWidth> {
    prop_oneof![Just(Bits32), Just(Bits64)]
}

fn tag() -> impl Strategy<Value = Tag> {
    (any::<[u8; 4]>(), any::<[u32; 3]>(), any::<[u32; 3]>()).prop_map(|(tag, paged, nonpaged)| Tag {
        tag,
        paged: paged.map(u64::from),
        nonpaged: nonpaged.map(u64::from),
    })
}

fn process() -> impl Strategy<Value = Process> {
    ("[ -~äöü]{0,30}", 0_u32..4, any::<[u32; 4]>(), any::<u32>()).prop_map(|(name, threads, n, created)| {
        Process {
            pid: n[0].into(),
            name,
            threads,
            handles: n[1],
            working_set: n[2].into(),
            private: n[3].into(),
            quota: [1, 2],
            created: created.into(),
        }
    })
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 0..700)) {
        every_entrance(&bytes);
    }

    /// Small numbers make counts and links that nearly fit.
    #[test]
    fn nearly_right_bytes_never_panic(words in vec(prop_oneof![0_u32..400, any::<u32>()], 0..200)) {
        let bytes: Vec<u8> = words.into_iter().flat_map(u32::to_le_bytes).collect();
        every_entrance(&bytes);
    }

    #[test]
    fn damaged_lists_never_panic(
        width in width(),
        list in vec(process(), 1..5),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut bytes = synth::process_list(width, 0x1000, &list);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        every_entrance(&bytes);
        every_entrance(&bytes[..at]);
    }

    #[test]
    fn tables_are_read_back(width in width(), rows in vec(tag(), 0..40)) {
        for (bytes, second) in [
            (synth::counted(width, rows.iter().map(|t| synth::pooltag(width, t))), false),
            (synth::counted(width, rows.iter().map(|t| synth::pooltag2(width, t))), true),
        ] {
            let table = if second { nt_abi::pool_tags_2(&bytes, width) } else { nt_abi::pool_tags(&bytes, width) };
            let seen: Vec<Tag> = table.unwrap().iter().map(|r| Tag {
                tag: r.tag,
                paged: [r.paged.allocs, r.paged.frees, r.paged.bytes],
                nonpaged: [r.nonpaged.allocs, r.nonpaged.frees, r.nonpaged.bytes],
            }).collect();
            let expected: Vec<Tag> = rows.iter().copied()
                .filter(|t| t.tag != [0; 4] || t.paged != [0; 3] || t.nonpaged != [0; 3]).collect();
            prop_assert_eq!(seen, expected);
        }
    }

    #[test]
    fn process_lists_are_read_back(width in width(), list in vec(process(), 1..6), base in 1_u64..0x7000_0000) {
        let bytes = synth::process_list(width, base, &list);
        for known in [Some(base), None] {
            let seen: Vec<(u64, String, u64)> = nt_abi::processes(&bytes, width, known).unwrap()
                .into_iter().map(|r| (r.pid, r.name, r.working_set)).collect();
            let expected: Vec<_> = list.iter().map(|p| (p.pid, p.name.clone(), p.working_set)).collect();
            prop_assert_eq!(seen, expected);
        }
    }
}
