//! Each layout against a model of the C compiler: sizes for 32- and 64-bit kernels, and every field read back.

mod synth;

use nt_abi::PointerWidth::{self, Bits32, Bits64};
use nt_abi::{BigPoolRow, CounterBits, PoolCounters, PoolTagRow, class};
use synth::{CStruct, Process, Tag};

const BOTH: [PointerWidth; 2] = [Bits32, Bits64];

/// Sizes that public symbols state (ntdiff/headers; phnt for class 255), 32-bit and 64-bit.
#[test]
fn structures_have_the_sizes_of_the_public_symbols() {
    let tag = Tag {
        tag: *b"NtFC",
        paged: [1; 3],
        nonpaged: [2; 3],
    };
    let process = Process {
        pid: 4,
        name: String::new(),
        threads: 0,
        handles: 0,
        working_set: 0,
        private: 0,
        quota: [0; 2],
        created: 0,
    };
    for (what, bits32, bits64, build) in [
        (
            "SYSTEM_POOLTAG",
            28,
            40,
            &(|w| synth::pooltag(w, &tag)) as &dyn Fn(PointerWidth) -> CStruct,
        ),
        ("SYSTEM_POOLTAG2", 28, 56, &|w| synth::pooltag2(w, &tag)),
        ("SYSTEM_BIGPOOL_ENTRY", 12, 24, &big_pool_entry),
        ("SYSTEM_PROCESS_INFORMATION", 184, 256, &|w| {
            synth::process_fixed(w, 0, &process, 0)
        }),
        ("SYSTEM_THREAD_INFORMATION", 64, 80, &synth::thread),
        ("RTL_PROCESS_MODULE_INFORMATION", 284, 296, &|w| {
            synth::module(w, 1, 2, "x")
        }),
        ("RTL_PROCESS_MODULE_INFORMATION_EX", 300, 320, &|w| {
            synth::module_ex(w, 0, 1, 2, "x")
        }),
        ("OBJECT_TYPE_INFORMATION", 96, 104, &|w| {
            synth::object_type(w, "x", 1, 1, 1).0
        }),
        ("SYSTEM_HANDLE_TABLE_ENTRY_INFO", 16, 24, &|w| {
            handle_short(w, 1, 1, 1)
        }),
        ("SYSTEM_HANDLE_TABLE_ENTRY_INFO_EX", 28, 40, &|w| {
            handle(w, 1, 1, 1)
        }),
        ("SYSTEM_MEMORY_LIST_INFORMATION", 88, 176, &|w| {
            CStruct::new(w).words(&[0; 22])
        }),
        ("SYSTEM_FILECACHE_INFORMATION", 36, 64, &file_cache),
        ("SYSTEM_PAGEFILE_INFORMATION", 24, 32, &|w| page_file(w, 0)),
        ("SYSTEM_BASIC_INFORMATION", 44, 64, &basic_info),
        ("EVENT_TRACE_PROPERTIES", 120, 120, &|w| etw(w, 0, 0)),
    ] {
        for (width, size) in [(Bits32, bits32), (Bits64, bits64)] {
            assert_eq!(build(width).finish().len(), size, "{what} {width:?}");
        }
    }
}

fn tags() -> [Tag; 4] {
    [
        Tag {
            tag: *b"NtFC",
            paged: [1, 2, 3],
            nonpaged: [4, 5, 6],
        },
        Tag {
            tag: [0; 4],
            paged: [0; 3],
            nonpaged: [0; 3],
        },
        Tag {
            tag: *b"Vpm\0",
            paged: [0; 3],
            nonpaged: [u32::MAX.into(), 7, 1 << 31],
        },
        Tag {
            tag: *b"SCSI",
            paged: [9, 8, 77],
            nonpaged: [19, 18, 177],
        },
    ]
}

fn row(tag: &Tag) -> PoolTagRow {
    let pool = |[allocs, frees, bytes]: [u64; 3]| PoolCounters { allocs, frees, bytes };
    PoolTagRow {
        tag: tag.tag,
        paged: pool(tag.paged),
        nonpaged: pool(tag.nonpaged),
    }
}

#[test]
fn class_22_skips_rows_of_zeros_and_never_reads_padding() {
    for width in BOTH {
        let buffer = synth::counted(width, tags().iter().map(|t| synth::pooltag(width, t)));
        let table = nt_abi::pool_tags(&buffer, width).unwrap();
        assert_eq!(
            (table.announced(), table.counter_bits()),
            (4, CounterBits::Bits32)
        );
        let expected: Vec<_> = [0, 2, 3].iter().map(|&i| row(&tags()[i])).collect();
        assert_eq!(table.iter().collect::<Vec<_>>(), expected);
        let mut walked = Vec::new();
        table.for_each(|row| walked.push(row));
        assert_eq!(walked, expected);
    }
}

#[test]
fn class_255_has_counters_as_wide_as_pointers() {
    let mut wide = tags();
    wide[0].paged = [1 << 40, 1 << 39, 1 << 50];
    let buffer = synth::counted(Bits64, wide.iter().map(|t| synth::pooltag2(Bits64, t)));
    let table = nt_abi::pool_tags_2(&buffer, Bits64).unwrap();
    assert_eq!(table.counter_bits(), CounterBits::Bits64);
    assert_eq!(table.iter().next(), Some(row(&wide[0])));
    let buffer = synth::counted(Bits32, tags().iter().map(|t| synth::pooltag2(Bits32, t)));
    let table = nt_abi::pool_tags_2(&buffer, Bits32).unwrap();
    assert_eq!(
        (table.counter_bits(), table.iter().next()),
        (CounterBits::Bits32, Some(row(&tags()[0])))
    );
}

#[test]
fn counts_beyond_the_buffer_are_errors_that_name_class_and_offset() {
    let mut buffer = synth::counted(Bits64, tags().iter().map(|t| synth::pooltag(Bits64, t)));
    buffer[0] = 5;
    let error = nt_abi::pool_tags(&buffer, Bits64).unwrap_err();
    assert_eq!(
        error.to_string(),
        "NtQuerySystemInformation class 22 (SystemPoolTagInformation): at byte 0: 5 rows announced, the buffer has \
         room for 4"
    );
    let error = nt_abi::pool_tags(&[1, 0, 0], Bits64).unwrap_err();
    assert_eq!(
        error.to_string(),
        "NtQuerySystemInformation class 22 (SystemPoolTagInformation): at byte 0: 4 bytes needed, 3 there"
    );
    assert_eq!(
        nt_abi::pool_tags(&[0; 4], Bits64).unwrap().iter().count(),
        0,
        "no tags need no row"
    );
}

fn session(width: PointerWidth, next: u64, id: u32, rows: &[Tag]) -> Vec<u8> {
    let header = CStruct::new(width).word(next).ulong(id).ulong(rows.len() as u32);
    rows.iter()
        .fold(header, |record, row| record.member(synth::pooltag(width, row)))
        .finish()
}

#[test]
fn class_67_is_a_chain_of_sessions() {
    for width in BOTH {
        let size = session(width, 0, 0, &tags()[..2]).len() as u64;
        let mut buffer = session(width, size, 1, &tags()[..2]);
        buffer.extend(session(width, 0, 7, &tags()[2..]));
        let sessions = nt_abi::session_pool_tags(&buffer, width).unwrap();
        let seen: Vec<_> = sessions
            .iter()
            .map(|s| (s.session, s.rows.iter().count()))
            .collect();
        assert_eq!(seen, [(1, 1), (7, 2)]);
        for link in [1, size - 1, size * 2, u64::from(u32::MAX)] {
            let mut broken = session(width, link, 1, &tags()[..2]);
            broken.extend(session(width, 0, 7, &tags()[2..]));
            let error = nt_abi::session_pool_tags(&broken, width).unwrap_err();
            assert_eq!(
                (error.offset, error.reason),
                (0, nt_abi::Reason::Link { next: link }),
                "{width:?}"
            );
        }
        assert!(nt_abi::session_pool_tags(&[], width).unwrap().is_empty());
    }
}

fn big_pool_entry(width: PointerWidth) -> CStruct {
    CStruct::new(width)
        .words(&[0x8000_1001, 8192])
        .ulong(u32::from_le_bytes(*b"EtwB"))
}

#[test]
fn class_66_takes_bit_0_of_the_address_for_the_pool() {
    for width in BOTH {
        let rows = [big_pool_entry(width), CStruct::new(width).words(&[0, 0]).ulong(0)];
        let buffer = synth::counted(width, rows.into_iter());
        let seen: Vec<_> = nt_abi::big_pool(&buffer, width).unwrap().iter().collect();
        assert_eq!(
            seen,
            [BigPoolRow {
                address: 0x8000_1000,
                bytes: 8192,
                tag: *b"EtwB",
                nonpaged: true
            }]
        );
        assert!(nt_abi::big_pool(&buffer[..buffer.len() - 1], width).is_err());
    }
}

fn processes() -> Vec<Process> {
    let p = |pid, name: &str, threads| Process {
        pid,
        name: name.to_owned(),
        threads,
        handles: 100 + pid as u32,
        working_set: 4096 * pid,
        private: 8192 * pid,
        quota: [50 + pid, 60 + pid],
        created: 132_000_000_000_000_000 + pid,
    };
    vec![
        p(0, "", 2),
        p(4, "System", 3),
        p(88, "Secure System", 0),
        p(1234, "poolscope-ü.exe", 1),
    ]
}

#[test]
fn class_5_reads_names_by_pointer_and_by_place() {
    for width in BOTH {
        let base = 0x0050_0000;
        let buffer = synth::process_list(width, base, &processes());
        for known in [Some(base), None] {
            let rows = nt_abi::processes(&buffer, width, known).unwrap();
            let seen: Vec<_> = rows
                .into_iter()
                .map(|r| Process {
                    pid: r.pid,
                    name: r.name,
                    threads: r.threads,
                    handles: r.handles,
                    working_set: r.working_set,
                    private: r.private,
                    quota: [r.quota_paged, r.quota_nonpaged],
                    created: r.created as u64,
                })
                .collect();
            assert_eq!(seen, processes(), "{width:?} {known:?}");
        }
        let outside = nt_abi::processes(&buffer, width, Some(base + 0x10_0000)).unwrap_err();
        assert!(matches!(outside.reason, nt_abi::Reason::Text { .. }), "{outside}");
    }
}

#[test]
fn class_5_chains_that_loop_or_run_out_are_errors() {
    let good = synth::process_list(Bits64, 0, &processes());
    for next in [1_u32, 8, 255, u32::MAX, good.len() as u32] {
        let mut bad = good.clone();
        bad[..4].copy_from_slice(&next.to_le_bytes());
        let error = nt_abi::processes(&bad, Bits64, None).unwrap_err();
        assert_eq!(
            (error.interface, error.offset),
            (nt_abi::Interface::System(class::PROCESS), 0),
            "{next}"
        );
    }
    assert!(nt_abi::processes(&[], Bits64, None).is_err());
}

#[test]
fn classes_11_and_77_give_modules_with_their_file_names() {
    const PATH: &str = "\\SystemRoot\\System32\\drivers\\ntfs.sys";
    for width in BOTH {
        let rows = [
            synth::module(width, 0x8000_0000, 0x1000, PATH),
            synth::module(width, 1, 2, "hal.dll"),
        ];
        let buffer = synth::counted(width, rows.into_iter());
        let seen = nt_abi::modules(&buffer, width).unwrap();
        let names: Vec<_> = seen
            .iter()
            .map(|m| (m.name(), m.base, m.bytes, m.loads))
            .collect();
        assert_eq!(
            names,
            [("ntfs.sys", 0x8000_0000, 0x1000, 3), ("hal.dll", 1, 2, 3)]
        );

        let size = synth::module_ex(width, 0, 0, 0, "").finish().len() as u16;
        let mut chain = synth::module_ex(width, size, 0x8000_0000, 0x1000, PATH).finish();
        chain.extend([0, 0]);
        let seen = nt_abi::modules_ex(&chain, width).unwrap();
        assert_eq!(seen.len(), 1, "a lone link of 0 ends the chain");
        assert_eq!(
            (seen[0].name(), seen[0].time_date_stamp),
            ("ntfs.sys", Some(0x6543_2100))
        );

        let mut chain = synth::module_ex(width, size, 1, 2, PATH).finish();
        chain.extend(synth::module_ex(width, 0, 3, 4, "last.sys").finish());
        assert_eq!(nt_abi::modules_ex(&chain, width).unwrap()[1].name(), "last.sys");

        let looping = synth::module_ex(width, 2, 1, 2, PATH).finish();
        assert!(matches!(
            nt_abi::modules_ex(&looping, width).unwrap_err().reason,
            nt_abi::Reason::Link { next: 2 }
        ));
    }
}

fn handle(width: PointerWidth, pid: u64, value: u64, kind: u16) -> CStruct {
    CStruct::new(width)
        .words(&[0xFFFF, pid, value])
        .ulong(0)
        .ushort(0)
        .ushort(kind)
        .ulongs(&[0, 0])
}

fn handle_short(width: PointerWidth, pid: u16, value: u16, kind: u8) -> CStruct {
    CStruct::new(width)
        .ushort(pid)
        .ushort(0)
        .uchar(kind)
        .uchar(0)
        .ushort(value)
        .word(0xFFFF)
        .ulong(0)
}

#[test]
fn handle_tables_give_process_value_and_type() {
    for width in BOTH {
        let header = CStruct::new(width).words(&[2, 0]);
        let table = header
            .member(handle(width, 70_000, 0x44, 300))
            .member(handle(width, 4, 8, 7))
            .finish();
        let rows = nt_abi::handles(&table, width).unwrap();
        let seen: Vec<_> = rows.iter().map(|h| (h.pid, h.value, h.type_index)).collect();
        assert_eq!((seen, rows.len()), (vec![(70_000, 0x44, 300), (4, 8, 7)], 2));
        assert!(nt_abi::handles(&table[..table.len() - 9], width).is_err());

        let table = synth::counted(width, [handle_short(width, 900, 0x44, 37)].into_iter());
        let rows: Vec<_> = nt_abi::handles_short(&table, width).unwrap().iter().collect();
        assert_eq!((rows[0].pid, rows[0].value, rows[0].type_index), (900, 0x44, 37));
    }
}

#[test]
fn object_types_follow_each_other_behind_their_names() {
    for width in BOTH {
        let buffer = synth::object_types(
            width,
            &[("Type", 60, 0, 2), ("Token", 900, 1200, 5), ("File", 1, 2, 37)],
        );
        let rows = nt_abi::object_types(&buffer, width).unwrap();
        let seen: Vec<_> = rows
            .iter()
            .map(|t| (t.name.as_str(), t.objects, t.handles, t.type_index))
            .collect();
        assert_eq!(
            seen,
            [("Type", 60, 0, 2), ("Token", 900, 1200, 5), ("File", 1, 2, 37)]
        );
        assert_eq!(
            (rows[1].objects_peak, rows[1].handles_peak, rows[1].pool_type),
            (905, 1206, 512)
        );
        assert!(nt_abi::object_types(&buffer[..buffer.len() - 8], width).is_err());
        assert!(nt_abi::object_types(&u32::MAX.to_le_bytes(), width).is_err());
    }
}

fn basic_info(width: PointerWidth) -> CStruct {
    CStruct::new(width)
        .ulongs(&[0, 156_250, 4096, 4_000_000, 1, 5_000_000, 65_536])
        .words(&[1, 2, 0xF])
        .uchar(4)
}

fn file_cache(width: PointerWidth) -> CStruct {
    CStruct::new(width)
        .words(&[100, 200])
        .ulong(3)
        .words(&[4, 5, 600, 7])
        .ulongs(&[8, 9])
}

fn page_file(width: PointerWidth, next: u32) -> CStruct {
    CStruct::new(width)
        .ulongs(&[next, 1000, 250, 300])
        .unicode_string(0, 0, 0)
}

/// Every field holds its own position, so a reader that is off by one field shows at once.
fn performance(length: usize) -> Vec<u8> {
    (0..length / 4)
        .flat_map(|index| (index as u32).to_le_bytes())
        .collect()
}

#[test]
fn memory_classes_read_back() {
    for width in BOTH {
        let basic = nt_abi::basic_info(&basic_info(width).finish(), width).unwrap();
        assert_eq!(
            (basic.page_bytes, basic.physical_pages, basic.processors),
            (4096, 4_000_000, 4)
        );
        let cache = nt_abi::file_cache(&file_cache(width).finish(), width).unwrap();
        assert_eq!(
            (cache.current_bytes, cache.peak_bytes, cache.with_transition_pages),
            (100, 200, 600)
        );
        let words: Vec<u64> = (1..=22).collect();
        let list = CStruct::new(width).words(&words).finish();
        let lists = nt_abi::memory_list(&list, width).unwrap();
        assert_eq!(
            (
                lists.zeroed,
                lists.free,
                lists.modified,
                lists.modified_no_write,
                lists.bad
            ),
            (1, 2, 3, 4, 5)
        );
        assert_eq!(
            (lists.standby, lists.standby_total()),
            ([6, 7, 8, 9, 10, 11, 12, 13], 76)
        );
        assert!(
            nt_abi::memory_list(&list[..list.len() - width.bytes()], width).is_ok(),
            "the form of Windows 7"
        );
        assert!(nt_abi::memory_list(&list[..list.len() - 2 * width.bytes()], width).is_err());
        for (extended, tail) in [(false, vec![]), (true, vec![500, 2000])] {
            let one = |next| page_file(width, next).ulongs(&tail).finish();
            let mut chain = one(one(0).len() as u32);
            chain.extend(one(0));
            let rows = nt_abi::page_files(&chain, width, extended, None).unwrap();
            assert_eq!(
                (
                    rows.len(),
                    rows[1].total_pages,
                    rows[1].used_pages,
                    rows[1].peak_pages
                ),
                (2, 1000, 250, 300)
            );
            assert_eq!(rows[0].maximum_pages, extended.then_some(2000));
            assert!(nt_abi::page_files(&one(4), width, extended, None).is_err());
        }
    }
    let usage: Vec<u8> = (1..=7_u64).flat_map(u64::to_le_bytes).collect();
    let usage = nt_abi::memory_usage(&usage).unwrap();
    assert_eq!(
        (
            usage.physical,
            usage.committed,
            usage.commit_limit,
            usage.peak_commitment
        ),
        (1, 4, 6, 7)
    );
}

#[test]
fn class_2_accepts_every_known_length_and_longer() {
    for (length, mdl) in [
        (312, None),
        (344, None),
        (376, Some(86 | 87 << 32)),
        (4096, Some(86 | 87 << 32)),
    ] {
        let p = nt_abi::performance(&performance(length)).unwrap();
        assert_eq!(
            (p.available_pages, p.committed_pages, p.commit_limit),
            (11, 12, 13)
        );
        assert_eq!((p.paged_pool_pages, p.nonpaged_pool_pages), (28, 29));
        assert_eq!((p.paged_pool_allocs, p.paged_pool_frees), (30, 31));
        assert_eq!((p.nonpaged_pool_allocs, p.nonpaged_pool_frees), (32, 33));
        assert_eq!(
            (p.resident_system_cache_pages, p.resident_paged_pool_pages),
            (41, 42)
        );
        assert_eq!(p.shared_committed_pages, (length >= 344).then_some(84 | 85 << 32));
        assert_eq!(p.mdl_pages_allocated, mdl);
    }
    let error = nt_abi::performance(&[0; 311]).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("class 2 (SystemPerformanceInformation)"),
        "{error}"
    );
}

#[test]
fn class_3_tells_one_boot_from_another_even_when_the_clock_is_set() {
    let time = |boot: u64, now: u64, bias: u64| {
        let fields = CStruct::new(Bits64)
            .ulonglongs(&[boot, now, 0])
            .ulongs(&[0, 0])
            .ulonglongs(&[bias, 5]);
        nt_abi::time_of_day(&fields.finish()).unwrap()
    };
    let before = time(1_000_000_000, 1_050_000_000, 0);
    let after = time(1_000_000_000 + 777, 1_060_000_000 + 777, 777);
    assert_eq!(before.boot_identity(), after.boot_identity());
    assert_eq!(before.uptime_s(), Some(5.0));
    assert_eq!(time(10, 9, 0).uptime_s(), None);
    assert!(nt_abi::time_of_day(&[0; 32]).unwrap().boot_bias.is_none());
    assert!(nt_abi::time_of_day(&[0; 31]).is_err());
}

#[test]
fn vbs_classes_are_bits() {
    let ium = nt_abi::isolated_user_mode(&[0x03, 0x01, 0, 0, 0, 0, 0, 0]).unwrap();
    assert!(ium.secure_kernel_running && ium.hvci_enabled && !ium.hvci_strict && ium.trustlet_running);
    let ci = nt_abi::code_integrity(&CStruct::new(Bits64).ulongs(&[8, 0x1401]).finish()).unwrap();
    assert!(ci.hvci_enabled() && ci.hvci_strict() && !ci.hvci_audit() && !ci.test_signing());
    assert!(nt_abi::isolated_user_mode(&[1]).is_err());
    assert!(nt_abi::code_integrity(&[8, 0, 0, 0]).is_err());
}

fn etw(width: PointerWidth, log_file_at: u32, name_at: u32) -> CStruct {
    let header = CStruct::new(width)
        .ulongs(&[120, 0])
        .ulonglongs(&[1, 2])
        .raw(&[0xEE; 16])
        .ulongs(&[1, 0x20000]);
    header
        .ulongs(&[
            64,
            4,
            26,
            0,
            nt_abi::EVENT_TRACE_USE_PAGED_MEMORY | 0x100,
            1,
            0,
            0,
            8,
            3,
            17,
            900,
            1,
            2,
        ])
        .word(0x1234)
        .ulongs(&[log_file_at, name_at])
}

#[test]
fn etw_sessions_have_their_texts_behind_the_structure() {
    for width in BOTH {
        let mut buffer = etw(width, 120, 160).finish();
        buffer.extend(synth::utf16("C:\\trace.etl\0"));
        buffer.resize(160, 0);
        buffer.extend(synth::utf16("NT Kernel Logger\0rest"));
        let session = nt_abi::etw_properties(&buffer, width).unwrap();
        assert_eq!(
            (session.name.as_str(), session.log_file.as_deref()),
            ("NT Kernel Logger", Some("C:\\trace.etl"))
        );
        assert_eq!(
            (
                session.buffer_kb,
                session.buffers,
                session.buffers_min,
                session.buffers_max
            ),
            (64, 8, 4, 26)
        );
        assert_eq!(
            (session.events_lost, session.buffers_lost, session.buffers_free),
            (17, 3, 3)
        );
        assert_ne!(session.log_mode & nt_abi::EVENT_TRACE_USE_PAGED_MEMORY, 0);
        assert!(nt_abi::etw_properties(&etw(width, 0, 5000).finish(), width).is_err());
    }
}

#[test]
fn filters_have_names_and_altitudes() {
    let record = |next: u32, flags: u32| {
        let name = synth::utf16("WdFilter");
        let altitude = synth::utf16("328010");
        CStruct::new(Bits64)
            .ulongs(&[next, flags, 0, 5])
            .ushort(name.len() as u16)
            .ushort(24)
            .ushort(altitude.len() as u16)
            .ushort(24 + name.len() as u16)
            .raw(&name)
            .raw(&altitude)
            .finish()
    };
    let size = record(0, 1).len() as u32;
    let mut chain = record(size, 1);
    chain.extend(record(0, 1));
    let rows = nt_abi::filter_aggregate(&chain).unwrap();
    assert_eq!(rows.len(), 2);
    assert_eq!(
        (rows[1].name.as_str(), rows[1].altitude.as_deref()),
        ("WdFilter", Some("328010"))
    );
    assert_eq!((rows[1].instances, rows[1].frame), (Some(5), Some(0)));
    assert!(nt_abi::filter_aggregate(&record(60_000, 1)).is_err());
    assert!(nt_abi::filter_aggregate(&record(0, 1)[..30]).is_err());

    let name = synth::utf16("luafv");
    let full = CStruct::new(Bits64)
        .ulongs(&[0, 0, 1])
        .ushort(name.len() as u16)
        .raw(&name)
        .finish();
    let rows = nt_abi::filter_full(&full).unwrap();
    assert_eq!((rows[0].name.as_str(), rows[0].instances), ("luafv", Some(1)));
}
