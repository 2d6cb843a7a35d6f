//! UTF-16 to and from Rust text, and pointers that lead into a buffer we hold.
#![cfg_attr(
    not(windows),
    expect(dead_code, reason = "used by the Windows calls; tested everywhere")
)]

/// NUL-terminated UTF-16.
pub(crate) fn wide(text: &str) -> Vec<u16> {
    text.encode_utf16().chain([0]).collect()
}

/// UTF-16 up to the first NUL; unpaired surrogates become U+FFFD.
pub(crate) fn from_wide(units: &[u16]) -> String {
    let end = units.iter().position(|&unit| unit == 0).unwrap_or(units.len());
    String::from_utf16_lossy(units.get(..end).unwrap_or_default())
}

/// Little-endian UTF-16 bytes up to the first NUL.
pub(crate) fn from_wide_bytes(bytes: &[u8]) -> String {
    let units: Vec<u16> = bytes
        .chunks_exact(2)
        .map_while(|unit| unit.first_chunk().copied().map(u16::from_le_bytes))
        .take_while(|&unit| unit != 0)
        .collect();
    String::from_utf16_lossy(&units)
}

/// The pointer-sized value at `at`.
pub(crate) fn word(bytes: &[u8], at: usize) -> Option<u64> {
    let bytes = bytes.get(at..at.checked_add(size_of::<usize>())?)?;
    Some(
        bytes
            .iter()
            .rev()
            .fold(0, |value, &byte| value << 8 | u64::from(byte)),
    )
}

/// The 32-bit value at `at`.
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().copied().map(u32::from_le_bytes)
}

/// The NUL-terminated text that the pointer at `at` leads to, if that lies in the same buffer, which is at `base`.
pub(crate) fn text_by_pointer(bytes: &[u8], base: u64, at: usize) -> Option<String> {
    let offset = word(bytes, at)?.checked_sub(base)?;
    Some(from_wide_bytes(bytes.get(usize::try_from(offset).ok()?..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_are_followed_only_inside_the_buffer() {
        let base = 0x5000_u64;
        let mut bytes = (base + 12).to_le_bytes()[..size_of::<usize>()].to_vec();
        bytes.resize(12, 0);
        bytes.extend(wide("Tcpip").into_iter().flat_map(u16::to_le_bytes));
        assert_eq!(text_by_pointer(&bytes, base, 0).as_deref(), Some("Tcpip"));
        for (base, at) in [(base + 13, 0), (0, 0), (base, 1 << 40), (base, usize::MAX)] {
            assert_eq!(text_by_pointer(&bytes, base, at), None);
        }
        assert_eq!(from_wide(&wide("a")), "a");
        assert_eq!(from_wide_bytes(&[0x41, 0, 0x42]), "A");
    }
}
