//! Bytes of arguments that imported routines of 32-bit x86 take off the stack.
//!
//! `data/stdcall.txt` lists name and bytes, from the decorated names in the import libraries of mingw-w64 (ntoskrnl, hal,
//! ndis, netio, scsiport, tdi, usbd, videoprt, ksecdd, ks, classpnp, hidclass, hidparse, usbport, usbcamd, wmilib, win32k) and,
//! for the filter manager, storport, portcls and the driver frameworks, from their documented prototypes. Fastcall routines
//! count what is left after two register arguments. Those of the C runtime and with a variable number of arguments pop
//! nothing: their callers do so, often after several calls at once.

use std::sync::LazyLock;

/// Most bytes of the list.
const MOST: usize = 1 << 20;

/// Lines of name, space and bytes, in the order of the names' bytes, as the build has checked. Scans of other instruction sets never
/// ask, and do not inflate it.
static BYTES: LazyLock<String> = LazyLock::new(|| {
    let deflated = include_bytes!(concat!(env!("OUT_DIR"), "/stdcall.deflate"));
    let inflated = miniz_oxide::inflate::decompress_to_vec_with_limit(deflated, MOST).unwrap_or_default();
    String::from_utf8(inflated).unwrap_or_default()
});

/// Bytes that `name` pops, when known.
pub(crate) fn popped(name: &str) -> Option<u16> {
    if let Some((_, bytes)) = name.rsplit_once('@')
        && let Ok(bytes) = bytes.parse()
    {
        return Some(bytes);
    }
    let mut rest = BYTES.as_str();
    while !rest.is_empty() {
        let (first, last) = around(rest, rest.len() / 2);
        let (known, bytes) = rest.get(first..last)?.split_once(' ')?;
        match name.cmp(known) {
            std::cmp::Ordering::Equal => return bytes.trim_end().parse().ok(),
            std::cmp::Ordering::Less => rest = rest.get(..first)?,
            std::cmp::Ordering::Greater => rest = rest.get(last..)?,
        }
    }
    None
}

/// Where the line that holds the byte at `middle` begins, and where the next one does.
fn around(text: &str, middle: usize) -> (usize, usize) {
    let bytes = text.as_bytes();
    let (head, tail) = bytes.split_at(middle.min(bytes.len()));
    let first = memchr::memrchr(b'\n', head).map_or(0, |at| at + 1);
    let last = memchr::memchr(b'\n', tail).map_or(bytes.len(), |at| middle + at + 1);
    (first, last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_is_found() {
        let mut lines = 0;
        for line in BYTES.lines() {
            let (name, bytes) = line.split_once(' ').expect("name and bytes");
            assert_eq!(popped(name), Some(bytes.parse().expect("bytes")), "{name}");
            lines += 1;
        }
        assert!(lines > 3_500);
    }

    #[test]
    fn names_say_their_bytes_or_are_looked_up() {
        for (name, bytes) in [
            ("ExAllocatePoolWithTag", Some(12)),
            ("memset", Some(0)),
            ("DbgPrint", Some(0)),
            ("StorPortExtendedFunction", Some(0)),
            ("_Anything@20", Some(20)),
            ("", None),
            ("A", None),
            ("zz", None),
            ("ExAllocatePoolWithTa", None),
        ] {
            assert_eq!(popped(name), bytes, "{name}");
        }
    }
}
