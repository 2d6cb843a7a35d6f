//! `/proc/slabinfo`: objects and slabs of each cache.
//!
//! Layout: `slabinfo(5)` of the Linux man-pages and `cache_show` in the kernel's `mm/slab_common.c`:
//! `name active_objs num_objs objsize objperslab pagesperslab : tunables … : slabdata active_slabs num_slabs …`.

use super::tree::{BadLines, fields, lines, number};

/// One cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SlabLine<'a> {
    /// The cache's name; the kernel lets it hold spaces.
    pub(super) name: &'a [u8],
    /// Objects in use. SLUB counts objects cached by a processor as in use.
    pub(super) active_objs: u64,
    /// Size of an object with padding, bytes.
    pub(super) object_bytes: u64,
    /// Pages of one slab.
    pub(super) pages_per_slab: u64,
    /// Slabs, whether in use or not.
    pub(super) slabs: u64,
}

impl SlabLine<'_> {
    /// Memory of the cache: whole slabs, as the kernel takes them from the page allocator.
    pub(super) fn bytes(&self, page_bytes: u64) -> u64 {
        self.slabs
            .saturating_mul(self.pages_per_slab)
            .saturating_mul(page_bytes)
    }
}

/// Calls `row` for each cache of `text`.
pub(super) fn parse<'a>(text: &'a [u8], mut row: impl FnMut(SlabLine<'a>)) -> BadLines {
    let mut bad = BadLines::default();
    for (at, line) in lines(text) {
        if line.starts_with(b"#") || line.starts_with(b"slabinfo - version:") {
            continue;
        }
        match parse_line(line) {
            Some(slab) => row(slab),
            None => bad.note(
                at,
                "expected `name` and five numbers, `: tunables …`, `: slabdata` and two numbers",
            ),
        }
    }
    bad
}

/// Reads from the right, because only the name may hold anything odd.
fn parse_line(line: &[u8]) -> Option<SlabLine<'_>> {
    let (before, slabdata) = split_last(line, b": slabdata")?;
    let (head, _tunables) = split_last(before, b": tunables")?;
    let slabs = number(fields(slabdata).nth(1)?)?;
    let mut numbers = [0u64; 5];
    let mut rest = head.trim_ascii_end();
    for slot in numbers.iter_mut().rev() {
        let start = rest.iter().rposition(u8::is_ascii_whitespace)?;
        let (left, field) = rest.split_at_checked(start + 1)?;
        *slot = number(field)?;
        rest = left.trim_ascii_end();
    }
    let [
        active_objs,
        _num_objs,
        object_bytes,
        _objs_per_slab,
        pages_per_slab,
    ] = numbers;
    (!rest.is_empty()).then_some(SlabLine {
        name: rest,
        active_objs,
        object_bytes,
        pages_per_slab,
        slabs,
    })
}

/// What stands before and after the last `mark`.
fn split_last<'a>(text: &'a [u8], mark: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = text.windows(mark.len()).rposition(|window| window == mark)?;
    Some((text.get(..at)?, text.get(at + mark.len()..)?))
}

/// Whether a merged cache's id (`:a-0000192`) says that its memory counts as reclaimable.
///
/// `create_unique_id` in the kernel's `mm/slub.c` writes one letter per flag between the colon and the dash: `a` for
/// `SLAB_RECLAIM_ACCOUNT`, others (`A`, `d`, `D`, `F`, …) for what does not matter here.
pub(super) fn merged_id_is_reclaimable(id: &str) -> Option<bool> {
    let flags = id.strip_prefix(':')?;
    Some(
        flags
            .split_once('-')
            .is_some_and(|(letters, _size)| letters.contains('a')),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(text: &[u8]) -> (Vec<SlabLine<'_>>, BadLines) {
        let mut rows = Vec::new();
        let bad = parse(text, |row| rows.push(row));
        (rows, bad)
    }

    #[test]
    fn reads_what_the_kernel_writes() {
        let text = b"slabinfo - version: 2.1\n\
# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables <limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>\n\
filp                 440    525    192   21    1 : tunables    0    0    0 : slabdata     25     26      0\n\
odd : name 7           1      2      3    4    5 : tunables    6    7    8 : slabdata      9     10     11\n";
        let (rows, bad) = all(text);
        assert_eq!(bad, BadLines::default());
        let filp = SlabLine {
            name: b"filp",
            active_objs: 440,
            object_bytes: 192,
            pages_per_slab: 1,
            slabs: 26,
        };
        let odd = SlabLine {
            name: b"odd : name 7",
            active_objs: 1,
            object_bytes: 3,
            pages_per_slab: 5,
            slabs: 10,
        };
        assert_eq!(rows, [filp, odd]);
        assert_eq!(filp.bytes(4096), 26 * 4096);
    }

    #[test]
    fn a_bad_line_is_named_and_the_others_are_kept() {
        let good = "a 1 2 3 4 5 : tunables 0 0 0 : slabdata 6 7 0";
        let cases = [
            "a 1 2 3 4",
            "1 2 3 4 5 : tunables 0 0 0 : slabdata 6 7 0",
            "a 1 -2 3 4 5 : tunables 0 0 0 : slabdata 6 7 0",
            "a 1 2 3 4 5 : tunables 0 0 0 : slabdata 6",
            "a 1 2 3 4 5 : slabdata 6 7 0 : tunables 0 0 0",
            "a 1 2 3 4 99999999999999999999 : tunables 0 0 0 : slabdata 6 7 0",
            "\u{0}\u{ff}",
        ];
        for case in cases {
            let text = format!("{good}\n{case}\n{good}\n");
            let (rows, bad) = all(text.as_bytes());
            assert_eq!(rows.len(), 2, "{case}");
            let problem = bad
                .problem("slabinfo", "/proc/slabinfo")
                .expect("the line is reported");
            assert!(
                problem.message.starts_with("/proc/slabinfo: line 2 skipped"),
                "{problem:?}"
            );
        }
    }

    #[test]
    fn the_merged_id_tells_reclaimable_caches() {
        let cases = [
            (":a-0000104", Some(true)),
            (":aA-0000032", Some(true)),
            (":A-0000192", Some(false)),
            (":0000064", Some(false)),
            ("filp", None),
        ];
        for (id, expected) in cases {
            assert_eq!(merged_id_is_reclaimable(id), expected, "{id}");
        }
    }

    proptest! {
        #[test]
        fn no_input_panics_or_overflows(text in proptest::collection::vec(any::<u8>(), 0..400)) {
            let (rows, _) = all(&text);
            for row in rows {
                row.bytes(u64::MAX);
            }
        }

        #[test]
        fn written_lines_are_read_back(name in "[a-z_:][a-z0-9_: -]{0,20}[a-z]", n in any::<[u32; 5]>()) {
            let line = format!(
                "{name} {} {} {} {} {} : tunables 0 0 0 : slabdata 0 {} 0",
                n[0], n[1], n[2], 1, n[3], n[4]
            );
            let (rows, bad) = all(line.as_bytes());
            prop_assert_eq!(bad, BadLines::default());
            let expected = SlabLine {
                name: name.as_bytes(),
                active_objs: n[0].into(),
                object_bytes: n[2].into(),
                pages_per_slab: n[3].into(),
                slabs: n[4].into(),
            };
            prop_assert_eq!(rows, vec![expected]);
        }
    }
}
