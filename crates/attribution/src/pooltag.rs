//! Reader of a user's `pooltag.txt`, the list that comes with the Windows debuggers.
//!
//! The grammar is nowhere written down; this follows the files themselves: `Tag - file - text`, tags with or without
//! padding, wildcards `?` and `*`, `nt!xx` for parts of the kernel, `<unknown>` for no owner, comments that begin with
//! `//` or `rem`, continuation lines, a 0x1A at the end, and lines of prose. What is no entry is skipped and counted, so
//! a hostile file costs nothing but its own length.

use snapshot::{Tag, glob_matches};

/// Longest text kept of an entry; what is longer is no description of a tag.
const MAX_TEXT: usize = 300;

/// One entry of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListEntry {
    /// The tag as four bytes, or a pattern with `?` and `*`.
    pub pattern: Vec<u8>,
    /// Driver file in lower case; `None` when the list says unknown.
    pub file: Option<String>,
    /// Part of the kernel (`mm` of `nt!mm`).
    pub part: Option<String>,
    /// The list's own words.
    pub text: String,
    /// Line number, from 1.
    pub line: usize,
}

impl ListEntry {
    /// True for a pattern.
    #[must_use]
    pub fn is_wildcard(&self) -> bool {
        self.pattern.iter().any(|b| matches!(b, b'?' | b'*'))
    }

    fn fixed_bytes(&self) -> usize {
        self.pattern.iter().filter(|b| !matches!(b, b'?' | b'*')).count()
    }
}

/// A user's list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TagList {
    /// What the list is called in evidence (its path).
    pub name: String,
    entries: Vec<ListEntry>,
    /// Lines that are neither entry, comment nor empty.
    pub skipped: usize,
}

impl TagList {
    /// Reads a list. Bytes that are not UTF-8 are read as Latin-1, so any file has an answer.
    #[must_use]
    pub fn parse(name: &str, bytes: &[u8]) -> Self {
        let text = decode(bytes);
        let mut list = Self {
            name: name.to_string(),
            ..Self::default()
        };
        let mut continues = false;
        for (at, line) in text.lines().enumerate() {
            match classify(line) {
                Line::Nothing => continues = false,
                Line::Comment => {}
                Line::Entry(mut entry) => {
                    entry.line = at + 1;
                    list.entries.push(entry);
                    continues = true;
                }
                Line::Other(text) => match list.entries.last_mut() {
                    Some(last) if continues && line.starts_with([' ', '\t']) => append(&mut last.text, text),
                    _ => list.skipped += 1,
                },
            }
        }
        list.entries.sort_by(|a, b| key(a).cmp(&key(b)));
        list
    }

    /// Number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True when nothing in the file was an entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Every entry; exact tags come first, sorted.
    #[must_use]
    pub fn entries(&self) -> &[ListEntry] {
        &self.entries
    }

    /// The entries of the most specific pattern that covers `tag`; exact ones before wildcards.
    #[must_use]
    pub fn find(&self, tag: &Tag) -> Vec<&ListEntry> {
        let bytes = tag.as_bytes();
        let exact = self
            .entries
            .partition_point(|e| !e.is_wildcard() && e.pattern.as_slice() < bytes);
        let same: Vec<_> = self
            .entries
            .get(exact..)
            .unwrap_or_default()
            .iter()
            .take_while(|e| !e.is_wildcard() && e.pattern == bytes)
            .collect();
        if !same.is_empty() {
            return same;
        }
        let wild = self.entries.partition_point(|e| !e.is_wildcard());
        let covering: Vec<_> = self
            .entries
            .get(wild..)
            .unwrap_or_default()
            .iter()
            .filter(|e| glob_matches(&e.pattern, bytes))
            .collect();
        let most = covering.iter().map(|e| e.fixed_bytes()).max();
        covering
            .into_iter()
            .filter(|e| Some(e.fixed_bytes()) == most)
            .collect()
    }
}

/// Exact entries before wildcards, then by tag, then by place in the file.
fn key(entry: &ListEntry) -> (bool, &[u8], usize) {
    (entry.is_wildcard(), &entry.pattern, entry.line)
}

fn decode(bytes: &[u8]) -> String {
    let body = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    if let [0xFF, 0xFE, rest @ ..] = bytes {
        let units = rest
            .chunks_exact(2)
            .map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
        return char::decode_utf16(units)
            .map(|c| c.unwrap_or('\u{FFFD}'))
            .collect();
    }
    match std::str::from_utf8(body) {
        Ok(text) => text.to_string(),
        Err(_) => body.iter().map(|&b| b as char).collect(),
    }
}

enum Line<'a> {
    Nothing,
    Comment,
    Entry(ListEntry),
    Other(&'a str),
}

fn classify(line: &str) -> Line<'_> {
    let line = line.trim_end_matches(['\u{1A}', '\r', ' ', '\t']);
    let start = line.trim_start();
    if start.is_empty() {
        return Line::Nothing;
    }
    let is_rem = start.get(..3).is_some_and(|w| w.eq_ignore_ascii_case("rem"))
        && start
            .get(3..)
            .is_none_or(|rest| rest.is_empty() || rest.starts_with([' ', '\t']));
    if start.starts_with("//") || is_rem {
        // `rem  - file - text` would be an entry of a tag `rem `; the lists use the word for comments only.
        return Line::Comment;
    }
    entry(line).map_or(Line::Other(start), Line::Entry)
}

/// Splits `Tag - file - text`. The tag is what stands before the first dash that has white space on both sides (or ends
/// the line), so tags that hold a dash are read.
fn entry(line: &str) -> Option<ListEntry> {
    let (tag, rest) = split_at_dash(line)?;
    let pattern = tag_pattern(tag)?;
    let (owner, text) = split_at_dash(rest).unwrap_or((rest, ""));
    let (file, part) = owner_of(owner)?;
    let mut kept = String::new();
    append(&mut kept, text.trim());
    Some(ListEntry {
        pattern,
        file,
        part,
        text: kept,
        line: 0,
    })
}

/// Cuts at the first `-` with white space (or an end of the line) on both sides.
fn split_at_dash(line: &str) -> Option<(&str, &str)> {
    let bytes = line.as_bytes();
    let blank = |b: Option<&u8>| b.is_none_or(|b| matches!(b, b' ' | b'\t'));
    let at = (1..bytes.len()).find(|&at| {
        bytes.get(at) == Some(&b'-') && blank(bytes.get(at.wrapping_sub(1))) && blank(bytes.get(at + 1))
    })?;
    Some((line.get(..at)?, line.get(at + 1..)?))
}

/// The tag column: at most four bytes, of which the padding may be missing. Spaces before it belong to the layout.
fn tag_pattern(column: &str) -> Option<Vec<u8>> {
    let mut pattern = unescape(column.trim());
    if pattern.is_empty() || pattern.len() > 4 || pattern.contains(&b'\t') {
        return None;
    }
    if !pattern.contains(&b'*') {
        pattern.resize(4, b' ');
    }
    Some(pattern)
}

/// `\0` is a NUL byte; what is beyond Latin-1 makes no tag.
fn unescape(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\\' && chars.peek() == Some(&'0') {
            chars.next();
            out.push(0);
        } else if let Ok(byte) = u8::try_from(u32::from(c)) {
            out.push(byte);
        } else {
            return Vec::new();
        }
    }
    out
}

/// The owner column: a file, `nt!part`, or `<unknown>`. `None` when it is prose.
fn owner_of(column: &str) -> Option<(Option<String>, Option<String>)> {
    let owner = column.trim().trim_end_matches(',');
    if owner.is_empty() || owner.starts_with('<') || owner == "?" {
        return Some((None, None));
    }
    if owner.len() > 64 || owner.split_whitespace().count() > 2 {
        return None;
    }
    let lower = owner.to_ascii_lowercase();
    if let Some((module, part)) = lower.split_once('!') {
        let file = match module {
            "nt" | "ntos" | "ntoskrnl" => "ntoskrnl.exe".to_string(),
            other => with_extension(other),
        };
        return Some((Some(file), Some(part.to_string()).filter(|p| !p.is_empty())));
    }
    // Lists also write whole kernel names without a part.
    let file = if matches!(lower.as_str(), "nt" | "ntos" | "ntkrnlmp.exe") {
        "ntoskrnl.exe".to_string()
    } else {
        with_extension(&lower)
    };
    Some((Some(file), None))
}

fn with_extension(name: &str) -> String {
    if name.contains(['.', ' ']) {
        name.to_string()
    } else {
        format!("{name}.sys")
    }
}

fn append(text: &mut String, more: &str) {
    if !text.is_empty() && !more.is_empty() {
        text.push(' ');
    }
    text.push_str(more.trim());
    if let Some((end, _)) = text.char_indices().nth(MAX_TEXT) {
        text.truncate(end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn one(line: &str) -> ListEntry {
        let list = TagList::parse("t", line.as_bytes());
        assert_eq!(list.len(), 1, "{line:?} gave {list:?}");
        list.entries()[0].clone()
    }

    /// Line, tag, file, part, text.
    type Form = (
        &'static str,
        &'static [u8],
        Option<&'static str>,
        Option<&'static str>,
        &'static str,
    );

    #[test]
    fn forms_of_an_entry() {
        let cases: [Form; 13] = [
            (
                "NtFC - ntfs.sys         - CREATE.C",
                b"NtFC",
                Some("ntfs.sys"),
                None,
                "CREATE.C",
            ),
            (
                "Irp  - nt!io            - I/O packets",
                b"Irp ",
                Some("ntoskrnl.exe"),
                Some("io"),
                "I/O packets",
            ),
            (
                "Mdl - nt!mm - lists",
                b"Mdl ",
                Some("ntoskrnl.exe"),
                Some("mm"),
                "lists",
            ),
            (" AcdM - <unknown> - TDI", b"AcdM", None, None, "TDI"),
            ("Nt*  - ntfs.sys - all", b"Nt*", Some("ntfs.sys"), None, "all"),
            (
                "Afd? - afd.sys - objects",
                b"Afd?",
                Some("afd.sys"),
                None,
                "objects",
            ),
            ("1DR\\0 - dh.sys - x", b"1DR\0", Some("dh.sys"), None, "x"),
            (
                "a-b  - x.sys - dash in the tag",
                b"a-b ",
                Some("x.sys"),
                None,
                "dash in the tag",
            ),
            (
                "Abcd\t-\tDRIVER.SYS\t-\ttabs",
                b"Abcd",
                Some("driver.sys"),
                None,
                "tabs",
            ),
            ("Abcd - driver", b"Abcd", Some("driver.sys"), None, ""),
            (
                "Abcd - win32k!GetFoo - text - more",
                b"Abcd",
                Some("win32k.sys"),
                Some("getfoo"),
                "text - more",
            ),
            ("Abcd -  -", b"Abcd", None, None, ""),
            (
                "  Io - nt!io - leading space belongs to the layout\r\n",
                b"Io  ",
                Some("ntoskrnl.exe"),
                Some("io"),
                "leading space belongs to the layout",
            ),
        ];
        for (line, tag, file, part, text) in cases {
            let entry = one(line);
            assert_eq!(
                (
                    entry.pattern.as_slice(),
                    entry.file.as_deref(),
                    entry.part.as_deref(),
                    entry.text.as_str()
                ),
                (tag, file, part, text),
                "{line:?}"
            );
        }
    }

    #[test]
    fn comments_continuations_and_prose() {
        let text = b"\xEF\xBB\xBF// head\nrem old\nREM\n\nNtFC - ntfs.sys - one\n       two\n\n       three\nThe tags from Qc00 to QcFF - all of them - belong together\nIrp  - nt!io - x\n\x1A";
        let list = TagList::parse("t", text);
        assert_eq!(list.len(), 2);
        assert_eq!(list.entries()[1].text, "one two");
        assert_eq!(list.skipped, 2, "the lost line and the prose");
    }

    #[test]
    fn the_most_specific_entry_wins() {
        let list = TagList::parse(
            "t",
            b"Nt* - a.sys - 1\nNtF? - b.sys - 2\nNtFC - c.sys - 3\nNtFC - d.sys - 4\n",
        );
        let files = |tag: &str| {
            list.find(&Tag::parse_nt(tag))
                .iter()
                .filter_map(|e| e.file.clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(files("NtFC"), ["c.sys", "d.sys"]);
        assert_eq!(files("NtFx"), ["b.sys"]);
        assert_eq!(files("Ntxx"), ["a.sys"]);
        assert_eq!(files("ntfc"), [""; 0], "case is kept");
    }

    #[test]
    fn utf16_and_latin1_files_are_read() {
        let mut wide = vec![0xFF, 0xFE];
        wide.extend("Irp  - nt!io - x\n".encode_utf16().flat_map(u16::to_le_bytes));
        assert_eq!(TagList::parse("t", &wide).len(), 1);
        assert_eq!(
            TagList::parse("t", b"Irp  - nt!io - caf\xE9\n").entries()[0].text,
            "caf\u{e9}"
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let list = TagList::parse("t", &bytes);
            for entry in list.entries() {
                prop_assert!(!entry.pattern.is_empty() && entry.pattern.len() <= 4);
                prop_assert!(entry.text.chars().count() <= MAX_TEXT);
            }
        }

        #[test]
        fn a_written_list_is_read_back(tag in "[A-Za-z0-9]{1,4}", file in "[a-z]{1,8}\\.sys", text in "[a-z ]{0,20}") {
            let list = TagList::parse("t", format!("{tag:<4} - {file} - {text}\n").as_bytes());
            // The word of comments is no tag.
            prop_assume!(!tag.eq_ignore_ascii_case("rem"));
            let found = list.find(&Tag::parse_nt(&tag));
            prop_assert_eq!(found.len(), 1);
            prop_assert_eq!(found[0].file.as_deref(), Some(file.as_str()));
            prop_assert_eq!(found[0].text.as_str(), text.trim());
        }
    }
}
