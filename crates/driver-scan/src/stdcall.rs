//! Bytes of arguments that imported routines of 32-bit x86 take off the stack.
//!
//! `stdcall.txt` lists name and bytes, from the decorated names in the import libraries of mingw-w64 (ntoskrnl, hal, ndis,
//! netio, scsiport, tdi, usbd, videoprt, ksecdd) and, for filter-manager routines, from their documented prototypes. Fastcall
//! routines count what is left after two register arguments. Those of the C runtime and with a variable number of arguments
//! pop nothing: their callers do so, often after several calls at once.

use std::collections::HashMap;
use std::sync::LazyLock;

static BYTES: LazyLock<HashMap<&'static str, u16>> = LazyLock::new(|| {
    include_str!("stdcall.txt")
        .lines()
        .filter_map(|line| {
            let (name, bytes) = line.split_once(' ')?;
            Some((name, bytes.parse().ok()?))
        })
        .collect()
});

/// Bytes that `name` pops, when known.
pub(crate) fn popped(name: &str) -> Option<u16> {
    if let Some((_, bytes)) = name.rsplit_once('@')
        && let Ok(bytes) = bytes.parse()
    {
        return Some(bytes);
    }
    BYTES.get(name).copied()
}
