//! The text form of the knowledge table and its packing. Compiled into the build script, and here for tests.
//!
//! Packed form, all numbers little-endian:
//!
//! | part | bytes |
//! |---|---|
//! | exact rows, wildcard rows, strings | 3 × u32, the counts |
//! | rows | 13 each: tag 4, file u16, component u16, vendor u16, source u16 (string numbers), confidence u8 |
//! | string ends | u32 each, counted from the start of the text |
//! | text | UTF-8 |
//!
//! Exact rows are sorted by tag; wildcard rows by the number of fixed bytes, most first. String 0 is the empty one.

use std::collections::BTreeMap;

/// One row of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// Four bytes, `?` for a wildcard.
    pub(crate) tag: [u8; 4],
    /// Driver file or empty.
    pub(crate) file: String,
    /// Component.
    pub(crate) component: String,
    /// Vendor or empty.
    pub(crate) vendor: String,
    /// Source keys.
    pub(crate) source: String,
    /// 0 low, 1 medium, 2 high.
    pub(crate) confidence: u8,
}

impl Row {
    fn is_wildcard(&self) -> bool {
        self.tag.contains(&b'?')
    }

    fn fixed_bytes(&self) -> usize {
        self.tag.iter().filter(|&&b| b != b'?').count()
    }
}

/// Reads the table. An error names the line.
pub(crate) fn parse(text: &str) -> Result<Vec<Row>, String> {
    let mut rows = Vec::new();
    for (at, line) in text.lines().enumerate() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        rows.push(parse_line(line).map_err(|reason| format!("data/tags.tsv line {}: {reason}", at + 1))?);
    }
    Ok(rows)
}

fn parse_line(line: &str) -> Result<Row, String> {
    let columns: Vec<&str> = line.split('\t').collect();
    let &[tag, file, component, vendor, source, confidence] = columns.as_slice() else {
        return Err(format!("{} columns instead of 6", columns.len()));
    };
    let confidence = match confidence {
        "low" => 0,
        "medium" => 1,
        "high" => 2,
        other => return Err(format!("confidence {other:?} is not high, medium or low")),
    };
    if component.is_empty() || source.is_empty() {
        return Err("a row needs a component and a source".into());
    }
    if file.bytes().any(|b| b.is_ascii_uppercase()) {
        return Err(format!("file {file:?} is not in lower case"));
    }
    Ok(Row {
        tag: parse_tag(tag)?,
        file: file.into(),
        component: component.into(),
        vendor: vendor.into(),
        source: source.into(),
        confidence,
    })
}

/// Reads `"Irp "`, `"1DR\0"`, `"\xE3abc"`.
fn parse_tag(quoted: &str) -> Result<[u8; 4], String> {
    let inner = quoted.strip_prefix('"').and_then(|t| t.strip_suffix('"'));
    let inner = inner.ok_or_else(|| format!("tag {quoted} is not in double quotes"))?;
    let mut bytes = Vec::with_capacity(4);
    let mut rest = inner;
    while let Some(first) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("\\0") {
            bytes.push(0);
            rest = after;
        } else if let Some(digits) = rest.strip_prefix("\\x").and_then(|r| r.get(..2)) {
            bytes.push(u8::from_str_radix(digits, 16).map_err(|_| format!("escape in tag {quoted}"))?);
            rest = rest.get(4..).unwrap_or_default();
        } else {
            let mut buffer = [0; 4];
            bytes.extend_from_slice(first.encode_utf8(&mut buffer).as_bytes());
            rest = rest.get(first.len_utf8()..).unwrap_or_default();
        }
    }
    bytes
        .try_into()
        .map_err(|_| format!("tag {quoted} has not four bytes"))
}

/// Strings by number, equal ones once.
struct Strings {
    numbers: BTreeMap<String, u16>,
    ends: Vec<u8>,
    text: String,
}

impl Strings {
    fn number(&mut self, string: &str) -> Result<u16, String> {
        if let Some(&known) = self.numbers.get(string) {
            return Ok(known);
        }
        let number = u16::try_from(self.numbers.len()).map_err(|_| "more than 65,536 strings")?;
        self.text.push_str(string);
        let end = u32::try_from(self.text.len()).map_err(|_| "more than 4 GiB of text")?;
        self.ends.extend_from_slice(&end.to_le_bytes());
        self.numbers.insert(string.into(), number);
        Ok(number)
    }
}

/// Packs rows into the form described above.
pub(crate) fn pack(rows: &[Row]) -> Result<Vec<u8>, String> {
    let (mut wild, mut exact): (Vec<&Row>, Vec<&Row>) = rows.iter().partition(|row| row.is_wildcard());
    exact.sort_by(|a, b| a.tag.cmp(&b.tag).then(b.confidence.cmp(&a.confidence)));
    wild.sort_by(|a, b| b.fixed_bytes().cmp(&a.fixed_bytes()).then(a.tag.cmp(&b.tag)));
    let mut strings = Strings {
        numbers: BTreeMap::new(),
        ends: Vec::new(),
        text: String::new(),
    };
    strings.number("")?;
    let mut body = Vec::new();
    for row in exact.iter().chain(&wild) {
        body.extend_from_slice(&row.tag);
        for text in [&row.file, &row.component, &row.vendor, &row.source] {
            body.extend_from_slice(&strings.number(text)?.to_le_bytes());
        }
        body.push(row.confidence);
    }
    let mut out = Vec::new();
    for count in [exact.len(), wild.len(), strings.numbers.len()] {
        out.extend_from_slice(&u32::try_from(count).map_err(|_| "too many rows")?.to_le_bytes());
    }
    out.extend_from_slice(&body);
    out.extend_from_slice(&strings.ends);
    out.extend_from_slice(strings.text.as_bytes());
    Ok(out)
}
