//! The kernel's label of an allocation site.

use std::fmt;
use std::sync::Arc;

/// A tag: four bytes on Windows, a slab cache's (or call site's) name on Linux. Compared byte for byte, case kept.
///
/// The bytes are those the kernel shows; only bit 31 of a Windows tag (the "protected" bit of old kernels) may be
/// masked for look-ups, by [`Tag::unprotected`]. Printing follows the CSV contract: printable ASCII as it is, other
/// bytes as `\xNN`; a literal backslash that would read as such an escape is itself printed as `\x5C`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(Arc<[u8]>);

impl Tag {
    /// A Windows tag from its four bytes in memory order.
    #[must_use]
    pub fn from_nt(bytes: [u8; 4]) -> Self {
        Self(Arc::from(&bytes[..]))
    }

    /// A tag from raw bytes, kept as they are.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self(Arc::from(bytes))
    }

    /// Reads the printed form: `\xNN` (two hexadecimal digits) and `\0` become bytes, all else stands for itself.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut out = Vec::with_capacity(bytes.len());
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            if let Some(value) = escape_at(bytes, at) {
                out.push(value);
                at += 4;
            } else if byte == b'\\' && bytes.get(at + 1) == Some(&b'0') {
                out.push(0);
                at += 2;
            } else {
                out.push(byte);
                at += 1;
            }
        }
        Self(Arc::from(out))
    }

    /// As [`Tag::parse`], then filled with spaces to the four bytes that every Windows tag has: tools trim them.
    #[must_use]
    pub fn parse_nt(text: &str) -> Self {
        let tag = Self::parse(text);
        if tag.0.is_empty() || tag.0.len() >= 4 {
            return tag;
        }
        let mut four = *b"    ";
        four[..tag.0.len()].copy_from_slice(&tag.0);
        Self::from_nt(four)
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The four bytes of a Windows tag; `None` for any other length.
    #[must_use]
    pub fn nt_bytes(&self) -> Option<[u8; 4]> {
        self.0.as_ref().try_into().ok()
    }

    /// The same tag without bit 31, which old kernels set for protected allocations. Other lengths are unchanged.
    #[must_use]
    pub fn unprotected(&self) -> Self {
        match self.nt_bytes() {
            Some([a, b, c, d]) if d & 0x80 != 0 => Self::from_nt([a, b, c, d & 0x7F]),
            _ => self.clone(),
        }
    }
}

/// The value of a `\xNN` escape that begins at `at`, if there is one.
fn escape_at(bytes: &[u8], at: usize) -> Option<u8> {
    let &[b'\\', b'x', high, low] = bytes.get(at..at + 4)? else {
        return None;
    };
    let digit = |b: u8| (b as char).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::with_capacity(self.0.len());
        for (at, &byte) in self.0.iter().enumerate() {
            let ambiguous =
                byte == b'\\' && (escape_at(&self.0, at).is_some() || self.0.get(at + 1) == Some(&b'0'));
            if (0x20..0x7F).contains(&byte) && !ambiguous {
                text.push(byte as char);
            } else {
                text.push_str(&format!("\\x{byte:02X}"));
            }
        }
        f.pad(&text)
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tag({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn prints_what_the_csv_contract_says() {
        let cases: [(&[u8], &str); 6] = [
            (b"NtFC", "NtFC"),
            (b"Irp ", "Irp "),
            (b"Vpm\0", "Vpm\\x00"),
            (b"Pro\xE3", "Pro\\xE3"),
            (b"\\x4", "\\x4"),
            (b"a\\x41", "a\\x5Cx41"),
        ];
        for (bytes, text) in cases {
            assert_eq!(Tag::from_bytes(bytes).to_string(), text);
            assert_eq!(Tag::parse(text), Tag::from_bytes(bytes));
        }
        assert_eq!(Tag::parse("Vpm\\0"), Tag::from_nt(*b"Vpm\0"));
        assert_eq!(Tag::parse_nt("Irp"), Tag::from_nt(*b"Irp "));
        assert_eq!(Tag::from_nt(*b"Pro\xE3").unprotected(), Tag::from_nt(*b"Proc"));
    }

    proptest! {
        #[test]
        fn printing_and_reading_are_inverse(bytes in proptest::collection::vec(any::<u8>(), 0..12)) {
            let tag = Tag::from_bytes(&bytes);
            prop_assert_eq!(Tag::parse(&tag.to_string()), tag);
        }
    }
}
