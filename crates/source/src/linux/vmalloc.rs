//! `/proc/vmallocinfo`: areas of the kernel's virtual address space, one a line, by caller.
//!
//! Layout: `vmalloc_info_show` in the kernel's `mm/vmalloc.c`:
//! `0xSTART-0xEND BYTES CALLER+0xOFFSET/0xLENGTH [MODULE] pages=N … vmalloc N0=…`. Only `pages=` is memory; the size
//! of the area holds a guard page besides, and `ioremap` and `vmap` areas show memory that belongs to others.

use super::tree::{BadLines, fields, lines, number};

/// One area.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Area<'a> {
    /// The function that asked for it, without offset; empty when the kernel does not say.
    pub(super) caller: &'a [u8],
    /// The module the function is in.
    pub(super) module: Option<&'a [u8]>,
    /// Pages of memory it owns: 0 for a mere mapping.
    pub(super) pages: u64,
}

impl Area<'_> {
    /// Writes the tag: `function` or `function [module]`.
    pub(super) fn write_tag(&self, out: &mut Vec<u8>) {
        out.clear();
        out.extend_from_slice(self.caller);
        if let Some(module) = self.module {
            out.extend_from_slice(b" [");
            out.extend_from_slice(module);
            out.push(b']');
        }
    }
}

/// Calls `row` for each area that has a caller. Lazily freed areas (`unpurged`) and `vm_map_ram` blocks have none and
/// own no pages.
pub(super) fn parse<'a>(text: &'a [u8], mut row: impl FnMut(Area<'a>)) -> BadLines {
    let mut bad = BadLines::default();
    for (at, line) in lines(text) {
        match parse_line(line) {
            Some(Some(area)) => row(area),
            Some(None) => {}
            None => bad.note(at, "expected `0xSTART-0xEND BYTES …`"),
        }
    }
    bad
}

/// `None`: not such a line. `Some(None)`: an area without caller.
fn parse_line(line: &[u8]) -> Option<Option<Area<'_>>> {
    let mut parts = fields(line);
    let range = parts.next()?;
    if !range.starts_with(b"0x") || !range.contains(&b'-') {
        return None;
    }
    number(parts.next()?)?;
    let Some(caller) = parts.next().filter(|field| is_caller(field)) else {
        return Some(None);
    };
    let mut area = Area {
        caller: without_offset(caller),
        module: None,
        pages: 0,
    };
    for part in parts {
        if let Some(pages) = part.strip_prefix(b"pages=") {
            area.pages = number(pages)?;
        } else if let Some(module) = part.strip_prefix(b"[").and_then(|p| p.strip_suffix(b"]")) {
            area.module = Some(module);
        }
    }
    Some(Some(area))
}

/// A caller is printed as `symbol+0x1/0x2`, or as an address where the kernel has no symbols.
fn is_caller(field: &[u8]) -> bool {
    field.contains(&b'+') || field.starts_with(b"0x")
}

fn without_offset(caller: &[u8]) -> &[u8] {
    let end = caller.iter().position(|&b| b == b'+').unwrap_or(caller.len());
    caller.get(..end).unwrap_or(caller)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_every_kind_of_line() {
        let area = |caller: &'static str, module: Option<&'static str>, pages| {
            Some(Some(Area {
                caller: caller.as_bytes(),
                module: module.map(str::as_bytes),
                pages,
            }))
        };
        let cases = [
            (
                "0x01-0x02   20480 kernel_clone+0xb8/0x400 pages=4 vmalloc N0=4",
                area("kernel_clone", None, 4),
            ),
            (
                "0x01-0x02   20480 irq_init+0xed/0x120 vmap",
                area("irq_init", None, 0),
            ),
            (
                "0x01-0x02    8192 acpi_os_map_iomem+0x1bc/0x1e0 phys=0x00000000000a0000 ioremap",
                area("acpi_os_map_iomem", None, 0),
            ),
            (
                "0x01-0x02 2101248 alloc_large+0x10/0x20 [nvidia] pages=512 vmalloc vpages N0=512",
                area("alloc_large", Some("nvidia"), 512),
            ),
            (
                "0x01-0x02 8192 0xffffffffc0de0000 pages=1 vmalloc",
                area("0xffffffffc0de0000", None, 1),
            ),
            ("0x01-0x02   32768 unpurged vm_area", Some(None)),
            ("0x01-0x02   32768 vm_map_ram", Some(None)),
            ("0x01-0x02   32768", Some(None)),
            ("0x01-0x02 many kernel_clone+0xb8/0x400 pages=4", None),
            ("0x01-0x02 4096 f+0x1/0x2 pages=-1", None),
            ("kernel_clone", None),
        ];
        for (line, expected) in cases {
            assert_eq!(parse_line(line.as_bytes()), expected, "{line}");
        }
        let mut tag = b"old".to_vec();
        Area {
            caller: b"f",
            module: Some(b"m"),
            pages: 0,
        }
        .write_tag(&mut tag);
        assert_eq!(tag, b"f [m]");
    }

    proptest! {
        #[test]
        fn no_input_panics(text in proptest::collection::vec(any::<u8>(), 0..300)) {
            parse(&text, |_| {});
        }
    }
}
