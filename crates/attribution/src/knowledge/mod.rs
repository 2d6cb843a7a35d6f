//! The knowledge table: tag → file, component, vendor, with sources and confidence.
//!
//! The table lies packed and deflated in the program; it is inflated at the first look-up and searched as it lies.

#[cfg(test)]
mod table;

use std::sync::LazyLock;

use snapshot::glob_matches;

/// The packed table, deflated by the build; its form is described in `table.rs`.
static DEFLATED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/tags.deflate"));

/// Most bytes of the packed table, so that the room it takes is known.
const PACKED_MOST: usize = 350_000;

/// The packed table. What the build deflated inflates; a test compares it with the text.
static PACKED: LazyLock<Vec<u8>> = LazyLock::new(|| {
    miniz_oxide::inflate::decompress_to_vec_with_limit(DEFLATED, PACKED_MOST).unwrap_or_default()
});

/// Bytes of the three counts at the start.
const HEADER: usize = 12;
/// Bytes of a row.
const ROW: usize = 13;

/// How sure the table is of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Confidence {
    /// Inferred, no file named, or seen once or twice in a binary.
    Low,
    /// An old list, a sample, a dated report, or several uses in a binary.
    Medium,
    /// A recent list of Microsoft's or the driver's own source.
    High,
}

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// The tag or pattern of the row (`?` stands for any byte).
    pub pattern: [u8; 4],
    /// Driver file, lower case; empty when no source names one.
    pub file: &'static str,
    /// What it is for.
    pub component: &'static str,
    /// Maker; empty when unknown.
    pub vendor: &'static str,
    /// Source keys, separated by commas; `data/tags.tsv` explains them.
    pub source: &'static str,
    /// How sure.
    pub confidence: Confidence,
}

impl Known {
    /// True for a row that stands for many tags.
    #[must_use]
    pub fn is_wildcard(&self) -> bool {
        self.pattern.contains(&b'?')
    }

    /// The source keys one by one.
    pub fn sources(&self) -> impl Iterator<Item = &'static str> {
        self.source.split(',')
    }
}

/// The table that is compiled in.
#[derive(Clone, Copy, Debug)]
pub struct Knowledge {
    packed: &'static [u8],
    exact: usize,
    wild: usize,
    strings: usize,
}

impl Knowledge {
    /// The table of this build. Inflated at the first call; no text is parsed.
    #[must_use]
    pub fn builtin() -> Self {
        let count = |at: usize| u32_at(&PACKED, at).unwrap_or(0) as usize;
        Self {
            packed: &PACKED,
            exact: count(0),
            wild: count(4),
            strings: count(8),
        }
    }

    /// Number of rows.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.exact + self.wild
    }

    /// True when the table is empty.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every row, exact tags first.
    pub fn rows(&self) -> impl Iterator<Item = Known> {
        let this = *self;
        (0..self.len()).filter_map(move |at| this.row(at))
    }

    /// The rows that name exactly this tag, most confident first.
    pub fn exact(&self, tag: [u8; 4]) -> impl Iterator<Item = Known> {
        let this = *self;
        let from = this.lower_bound(&tag);
        (from..this.exact)
            .map_while(move |at| this.row(at))
            .take_while(move |row| row.pattern == tag)
    }

    /// The rows of the most specific wildcards that cover this tag; exact rows are not looked at.
    #[must_use]
    pub fn wildcards(&self, tag: [u8; 4]) -> Vec<Known> {
        let mut found: Vec<Known> = Vec::new();
        for row in (self.exact..self.len()).filter_map(|at| self.row(at)) {
            if let Some(first) = found.first()
                && fixed_bytes(&row) < fixed_bytes(first)
            {
                break;
            }
            if glob_matches(&row.pattern, &tag) {
                found.push(row);
            }
        }
        found
    }

    /// Exact rows whose tag begins with `prefix`.
    pub fn beginning_with<'a>(&self, prefix: &'a [u8]) -> impl Iterator<Item = Known> + use<'a> {
        let this = *self;
        let from = this.lower_bound(prefix);
        (from..this.exact)
            .map_while(move |at| this.row(at))
            .take_while(move |row| row.pattern.starts_with(prefix))
    }

    /// The first exact row whose tag is not less than `key`.
    fn lower_bound(&self, key: &[u8]) -> usize {
        let (mut low, mut high) = (0, self.exact);
        while low < high {
            let middle = low + (high - low) / 2;
            let below = self.tag_at(middle).is_some_and(|tag| tag.as_slice() < key);
            if below { low = middle + 1 } else { high = middle }
        }
        low
    }

    fn tag_at(&self, at: usize) -> Option<[u8; 4]> {
        let from = at.checked_mul(ROW)?.checked_add(HEADER)?;
        self.packed.get(from..from.checked_add(4)?)?.try_into().ok()
    }

    fn row(&self, at: usize) -> Option<Known> {
        let from = at.checked_mul(ROW)?.checked_add(HEADER)?;
        let row = self.packed.get(from..from.checked_add(ROW)?)?;
        let string = |column: usize| {
            let number = u16::from_le_bytes([*row.get(column)?, *row.get(column + 1)?]);
            self.string(usize::from(number))
        };
        Some(Known {
            pattern: row.get(..4)?.try_into().ok()?,
            file: string(4)?,
            component: string(6)?,
            vendor: string(8)?,
            source: string(10)?,
            confidence: match row.get(12)? {
                0 => Confidence::Low,
                1 => Confidence::Medium,
                _ => Confidence::High,
            },
        })
    }

    fn string(&self, number: usize) -> Option<&'static str> {
        let ends = HEADER + self.len() * ROW;
        let text = self.packed.get(ends + self.strings * 4..)?;
        let end = |n: usize| u32_at(self.packed, ends + n * 4).map(|e| e as usize);
        let from = if number == 0 { 0 } else { end(number - 1)? };
        std::str::from_utf8(text.get(from..end(number)?)?).ok()
    }
}

fn fixed_bytes(row: &Known) -> usize {
    row.pattern.iter().filter(|&&b| b != b'?').count()
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(four.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text() -> Vec<table::Row> {
        table::parse(include_str!("../../data/tags.tsv")).unwrap()
    }

    #[test]
    fn every_row_of_the_text_is_found_in_the_packed_table() {
        let knowledge = Knowledge::builtin();
        let rows = text();
        assert_eq!(knowledge.len(), rows.len());
        for row in rows {
            let same = |known: &Known| {
                (
                    known.file,
                    known.component,
                    known.vendor,
                    known.source,
                    known.confidence as u8,
                ) == (
                    &row.file,
                    &row.component,
                    &row.vendor,
                    &row.source,
                    row.confidence,
                ) && known.pattern == row.tag
            };
            let found = if row.tag.contains(&b'?') {
                knowledge.rows().any(|known| same(&known))
            } else {
                knowledge.exact(row.tag).any(|known| same(&known))
            };
            assert!(found, "{row:?}");
        }
        assert_eq!(table::pack(&text()).unwrap(), *PACKED);
        assert!(
            DEFLATED.len() < 100_000,
            "the table takes {} bytes of the program",
            DEFLATED.len()
        );
    }

    #[test]
    fn the_text_has_no_double_rows_and_only_known_sources() {
        let mut seen = std::collections::BTreeSet::new();
        for row in text() {
            assert!(seen.insert((row.tag, row.file.clone())), "double: {row:?}");
            for key in row.source.split(',') {
                let ok = key.starts_with("oss:")
                    || key.starts_with("gh:")
                    || key
                        .strip_prefix("ms")
                        .is_some_and(|y| y.bytes().all(|b| b.is_ascii_digit() || b == b'-'))
                    || [
                        "wds",
                        "binscan",
                        "vol3",
                        "vol3xp",
                        "drakvuf",
                        "reactos",
                        "inferred",
                        "unconfirmed",
                    ]
                    .contains(&key);
                assert!(ok, "unknown source {key} in {row:?}");
            }
            assert!(
                row.file.ends_with(".sys")
                    || row.file.ends_with(".exe")
                    || row.file.ends_with(".dll")
                    || row.file.is_empty()
            );
        }
    }

    #[test]
    fn bad_tables_are_refused_with_the_line() {
        let cases = [
            ("\"Irp\"\ta\tb\tc\td\thigh", "four bytes"),
            ("Irp \ta\tb\tc\td\thigh", "double quotes"),
            ("\"Irp \"\ta\tb\tc\td\tcertain", "confidence"),
            ("\"Irp \"\ta\tb\tc\td", "5 columns"),
            ("\"Irp \"\tA.SYS\tb\tc\td\tlow", "lower case"),
            ("\"\\xG1ab\"\ta\tb\tc\td\tlow", "escape"),
            ("\"Irp \"\ta\t\tc\td\tlow", "needs"),
        ];
        for (line, reason) in cases {
            let error = table::parse(&format!("# head\n{line}\n")).unwrap_err();
            assert!(error.contains("line 2") && error.contains(reason), "{error}");
        }
    }

    #[test]
    fn case_and_wildcards_are_honoured() {
        let knowledge = Knowledge::builtin();
        let files = |tag: &[u8; 4]| knowledge.exact(*tag).map(|k| k.file).collect::<Vec<_>>();
        assert_eq!(files(b"NtFC"), ["ntfs.sys"]);
        assert_eq!(files(b"ntfc"), [""; 0]);
        let wild = |tag: &[u8; 4]| {
            knowledge
                .wildcards(*tag)
                .iter()
                .map(|k| k.pattern)
                .collect::<Vec<_>>()
        };
        assert_eq!(wild(b"NtfQ"), [*b"Ntf?"]);
        assert_eq!(wild(b"NtQQ"), [*b"Nt??"]);
        assert_eq!(wild(b"qqqq"), [[0u8; 4]; 0]);
        assert!(knowledge.beginning_with(b"WC").count() >= 6);
    }
}
