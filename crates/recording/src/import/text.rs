//! Text as people save it: encodings, line ends, numbers with separators, times.

use std::borrow::Cow;

use snapshot::Timestamp;

/// Brings text to bytes in an ASCII-compatible encoding: removes byte order marks and turns UTF-16 into bytes, where
/// characters up to U+00FF become one byte (that is what a console's tag bytes were) and others UTF-8.
pub(crate) fn decode(bytes: &[u8]) -> Cow<'_, [u8]> {
    match bytes {
        [0xEF, 0xBB, 0xBF, rest @ ..] => Cow::Borrowed(rest),
        [0xFF, 0xFE, rest @ ..] => Cow::Owned(from_utf16(rest, u16::from_le_bytes)),
        [0xFE, 0xFF, rest @ ..] => Cow::Owned(from_utf16(rest, u16::from_be_bytes)),
        [a, 0, b, 0, ..] if *a != 0 && *b != 0 => Cow::Owned(from_utf16(bytes, u16::from_le_bytes)),
        [0, a, 0, b, ..] if *a != 0 && *b != 0 => Cow::Owned(from_utf16(bytes, u16::from_be_bytes)),
        _ => Cow::Borrowed(bytes),
    }
}

/// True when [`decode`] would have to convert, so the text cannot be read as a stream.
pub(crate) fn is_wide(head: &[u8]) -> bool {
    matches!(head, [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..])
        || matches!(head, [a, 0, b, 0, ..] | [0, a, 0, b, ..] if *a != 0 && *b != 0)
}

fn from_utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Vec<u8> {
    let units = bytes.as_chunks::<2>().0.iter().map(|&pair| unit(pair));
    let mut out = Vec::with_capacity(bytes.len() / 2);
    for decoded in char::decode_utf16(units) {
        let c = decoded.unwrap_or(char::REPLACEMENT_CHARACTER);
        match u8::try_from(u32::from(c)) {
            Ok(byte) => out.push(byte),
            Err(_) => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    out
}

/// Lines with their number from 1, without line ends.
pub(crate) fn lines(text: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    text.split(|&byte| byte == b'\n')
        .zip(1_u64..)
        .map(|(line, number)| (number, trim_line_end(line)))
}

/// Without carriage returns at the end.
pub(crate) fn trim_line_end(line: &[u8]) -> &[u8] {
    let end = line.iter().rposition(|&b| b != b'\r').map_or(0, |at| at + 1);
    line.get(..end).unwrap_or(line)
}

/// Replaces what separates thousands on some systems but is no ASCII (no-break spaces, the typographic apostrophe): gone
/// between digits, a space elsewhere. Lines of plain ASCII are not copied.
pub(crate) fn plain_spaces(line: &[u8]) -> Cow<'_, [u8]> {
    if line.is_ascii() {
        return Cow::Borrowed(line);
    }
    let mut out = Vec::with_capacity(line.len());
    let mut rest = line;
    while let Some(&byte) = rest.first() {
        let Some(length) = odd_separator(rest) else {
            out.push(byte);
            rest = rest.get(1..).unwrap_or_default();
            continue;
        };
        rest = rest.get(length..).unwrap_or_default();
        let before = out.last().is_some_and(u8::is_ascii_digit);
        let after = rest
            .get(..3)
            .is_some_and(|group| group.iter().all(u8::is_ascii_digit));
        if !(before && after) {
            out.push(b' ');
        }
    }
    Cow::Owned(out)
}

/// Length of a no-break space, narrow no-break space, thin space or right quotation mark at the start of `text`.
fn odd_separator(text: &[u8]) -> Option<usize> {
    match text {
        [0xC2, 0xA0, ..] => Some(2),
        [0xE2, 0x80, 0xAF | 0x89 | 0x99, ..] => Some(3),
        // A byte 0xA0 alone is a no-break space of the Windows code pages.
        [0xA0, ..] => Some(1),
        _ => None,
    }
}

/// What a field of a table says about a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Number {
    /// A value.
    Value(u64),
    /// The table says that it is not known (`-`, `?`, `n/a`).
    Unknown,
    /// A number below zero: a torn read of two counters. There is no such count.
    Negative,
}

/// Reads a count with or without thousands separators (`,`, `.`, `'`, `_`). `None` when it is no number.
pub(crate) fn number(token: &[u8]) -> Option<Number> {
    if matches!(token, b"-" | b"--" | b"?" | b"n/a" | b"N/A") {
        return Some(Number::Unknown);
    }
    if let Some(rest) = token.strip_prefix(b"-") {
        return digits(rest).map(|_| Number::Negative);
    }
    digits(token).map(Number::Value)
}

/// Digits, possibly in groups of three. A group of another length makes it no number: `12.5` is not 125.
fn digits(token: &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    let mut group = 0_usize;
    let mut groups = 0_usize;
    let mut separator = None;
    for &byte in token {
        if byte.is_ascii_digit() {
            value = value.checked_mul(10)?.checked_add(u64::from(byte - b'0'))?;
            group += 1;
        } else {
            let sound = matches!(byte, b',' | b'.' | b'\'' | b'_')
                && separator.is_none_or(|s| s == byte)
                && if groups == 0 {
                    (1..=3).contains(&group)
                } else {
                    group == 3
                };
            if !sound {
                return None;
            }
            separator = Some(byte);
            groups += 1;
            group = 0;
        }
    }
    let complete = if groups == 0 { group > 0 } else { group == 3 };
    complete.then_some(value)
}

/// Reads a time as the CSV contract has it, and also a date and time without a zone, which is taken as UTC.
pub(crate) fn time(text: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(text).ok()?.trim();
    let parsed = Timestamp::parse(text).or_else(|| {
        let civil: jiff::civil::DateTime = text.parse().ok()?;
        let zoned = civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
        Some(Timestamp(zoned.timestamp().as_microsecond()))
    })?;
    parsed.to_rfc3339().map(|_| parsed)
}

/// A line that only says when the table after it was taken: a date with a time, with or without a leading `#`.
pub(crate) fn time_line(line: &[u8]) -> Option<Timestamp> {
    let line = line.trim_ascii();
    let line = line.strip_prefix(b"#").unwrap_or(line).trim_ascii();
    let looks_like_date =
        (16..=40).contains(&line.len()) && line.get(..4).is_some_and(|y| y.iter().all(u8::is_ascii_digit));
    if looks_like_date && line.get(4) == Some(&b'-') {
        time(line)
    } else {
        None
    }
}

/// Bytes as text for a message: at most 60 characters, unprintable ones escaped.
pub(crate) fn shown(bytes: &[u8]) -> String {
    const MOST: usize = 60;
    let short = bytes.get(..MOST).unwrap_or(bytes);
    let dots = if bytes.len() > MOST { "…" } else { "" };
    format!("{}{dots}", short.escape_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_with_and_without_separators() {
        use Number::{Negative, Unknown, Value};
        let cases: [(&str, Option<Number>); 18] = [
            ("0", Some(Value(0))),
            ("1579279", Some(Value(1_579_279))),
            ("1,579,279", Some(Value(1_579_279))),
            ("1.579.279", Some(Value(1_579_279))),
            ("1'579'279", Some(Value(1_579_279))),
            ("18446744073709551615", Some(Value(u64::MAX))),
            ("-", Some(Unknown)),
            ("n/a", Some(Unknown)),
            ("-12", Some(Negative)),
            ("", None),
            ("12.5", None),
            ("1,23", None),
            ("1,234.567", None),
            (",123", None),
            ("1234,567", None),
            ("0x10", None),
            ("1e3", None),
            ("18446744073709551616", None),
        ];
        for (text, expected) in cases {
            assert_eq!(number(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn encodings_of_one_text() {
        let utf16 =
            |unit: fn(u16) -> [u8; 2]| -> Vec<u8> { "Tag é".encode_utf16().flat_map(unit).collect() };
        let cases = [
            (b"Tag \xE9".to_vec(), b"Tag \xE9".to_vec()),
            (
                [b"\xEF\xBB\xBF".to_vec(), b"Tag".to_vec()].concat(),
                b"Tag".to_vec(),
            ),
            (
                [b"\xFF\xFE".to_vec(), utf16(u16::to_le_bytes)].concat(),
                b"Tag \xE9".to_vec(),
            ),
            (
                [b"\xFE\xFF".to_vec(), utf16(u16::to_be_bytes)].concat(),
                b"Tag \xE9".to_vec(),
            ),
            (utf16(u16::to_le_bytes), b"Tag \xE9".to_vec()),
        ];
        for (raw, expected) in cases {
            assert_eq!(decode(&raw).as_ref(), expected.as_slice(), "{raw:?}");
        }
    }

    #[test]
    fn no_break_spaces_vanish_between_digits_only() {
        let cases = [
            ("NtFC 1\u{a0}579\u{a0}279 8", "NtFC 1579279 8"),
            ("NtFC 1\u{202f}579 8", "NtFC 1579 8"),
            ("NtFC\u{a0}12", "NtFC 12"),
            ("1\u{a0}12", "1 12"),
        ];
        for (text, expected) in cases {
            assert_eq!(
                plain_spaces(text.as_bytes()).as_ref(),
                expected.as_bytes(),
                "{text}"
            );
        }
    }

    #[test]
    fn times_of_lines() {
        let at = Timestamp(1_791_930_954_000_000);
        for text in [
            "2026-10-13T22:35:54Z",
            "# 2026-10-13T22:35:54Z",
            "2026-10-13 22:35:54",
            " 2026-10-14T00:35:54+02:00",
        ] {
            assert_eq!(time_line(text.as_bytes()), Some(at), "{text}");
        }
        assert_eq!(time_line(b"1234 Nonp 5 5 5 5 5"), None);
        assert_eq!(time(b"99999999999999"), None, "year 3 million");
    }

    proptest! {
        #[test]
        fn any_bytes_are_decoded_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let text = decode(&bytes);
            for (_, line) in lines(&text) {
                let _ = (number(line), time_line(line), plain_spaces(line), shown(line));
            }
        }

        #[test]
        fn grouped_numbers_are_read_back(value: u64) {
            let mut text = value.to_string();
            let mut at = text.len();
            while at > 3 { at -= 3; text.insert(at, ','); }
            prop_assert_eq!(number(text.as_bytes()), Some(Number::Value(value)));
        }
    }
}
