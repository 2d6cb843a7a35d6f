//! `/proc/allocinfo`: bytes and live allocations of every call site, on kernels built with
//! `CONFIG_MEM_ALLOC_PROFILING` and with `vm.mem_profiling` on.
//!
//! Layout: `Documentation/mm/allocation-profiling.rst` and `alloc_tag_to_text` in the kernel's `lib/alloc_tag.c`:
//! `BYTES CALLS FILE:LINE [MODULE] func:NAME`, with further words behind since version 2.0.

use super::tree::{BadLines, fields, lines, number};

/// One call site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CallSite<'a> {
    /// Bytes in use.
    pub(super) bytes: u64,
    /// Allocations in use.
    pub(super) live: u64,
    /// `FILE:LINE [MODULE] func:NAME`, as the kernel writes it.
    pub(super) site: &'a [u8],
}

/// Calls `row` for each call site.
pub(super) fn parse<'a>(text: &'a [u8], mut row: impl FnMut(CallSite<'a>)) -> BadLines {
    let mut bad = BadLines::default();
    for (at, line) in lines(text) {
        if line.starts_with(b"#") || line.starts_with(b"allocinfo - version:") {
            continue;
        }
        match parse_line(line) {
            Some(site) => row(site),
            None => bad.note(at, "expected `BYTES CALLS FILE:LINE func:NAME`"),
        }
    }
    bad
}

fn parse_line(line: &[u8]) -> Option<CallSite<'_>> {
    let (bytes, rest) = first_field(line)?;
    let (calls, rest) = first_field(rest)?;
    let site = site_only(rest)?;
    Some(CallSite {
        bytes: number(bytes)?,
        live: number(calls)?,
        site,
    })
}

fn first_field(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let text = text.trim_ascii_start();
    let end = text.iter().position(u8::is_ascii_whitespace)?;
    Some((text.get(..end)?, text.get(end..)?))
}

/// Up to and with `func:NAME`; what a later version appends (`accurate:no`) is no part of the name.
fn site_only(text: &[u8]) -> Option<&[u8]> {
    let text = text.trim_ascii();
    fields(text).next()?;
    let Some(func) = text.windows(6).position(|window| window == b" func:") else {
        return Some(text);
    };
    let tail = text.get(func + 6..)?;
    let end = tail
        .iter()
        .position(u8::is_ascii_whitespace)
        .unwrap_or(tail.len());
    text.get(..func + 6 + end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_every_version() {
        let text = b"allocinfo - version: 2.0\n#     <size>  <calls> <tag info>\n\
    12582912     3072 mm/execmem.c:31 func:execmem_vmalloc\n\
           0        0 kernel/fork.c:164 [mod] func:alloc_task accurate:no\n\
        4096        1 weird\n\
        oops\n";
        let mut rows = Vec::new();
        let bad = parse(text, |row| {
            rows.push((
                row.bytes,
                row.live,
                String::from_utf8_lossy(row.site).into_owned(),
            ))
        });
        let expected = [
            (12_582_912, 3072, "mm/execmem.c:31 func:execmem_vmalloc"),
            (0, 0, "kernel/fork.c:164 [mod] func:alloc_task"),
            (4096, 1, "weird"),
        ];
        assert_eq!(rows, expected.map(|(b, l, s)| (b, l, s.to_owned())));
        let problem = bad
            .problem("allocinfo", "/proc/allocinfo")
            .expect("one line is bad");
        assert!(problem.message.contains("line 6 skipped"), "{problem:?}");
    }

    proptest! {
        #[test]
        fn no_input_panics(text in proptest::collection::vec(any::<u8>(), 0..300)) {
            parse(&text, |_| {});
        }
    }
}
