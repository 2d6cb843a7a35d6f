//! PoolMon's table: a snapshot file (`poolsnap.log`), a copied screen with the change columns in parentheses, with and
//! without `Mapped_Driver`, several tables in one file.
//!
//! Layout: MicrosoftDocs/windows-driver-docs, `devtest/poolmon-display.md`. A tag is the four bytes under the heading
//! `Tag`; where spaces were lost on the way, it is what stands before the type.

use std::path::Path;

use snapshot::{
    Counter, CounterWidth, History, MemoryCounters, OsKind, Pool, Problem, SeriesKey, SourceKind, Tag,
    Timestamp, Usage,
};

use super::builder::{Builder, mark_gaps};
use super::text::{self, Number};
use crate::{ImportError, ImportErrorKind};

/// Broken rows that are passed over in any file; beyond, one in twenty.
const BROKEN_ALLOWED: usize = 2;

/// A column after `Tag` and `Type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Allocs,
    Frees,
    Diff,
    Bytes,
    PerAlloc,
    Mapped,
}

/// Where things stand in a table.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Layout {
    /// Offset of the tag in a line, where a heading says so.
    tag_at: Option<usize>,
    columns: Vec<Column>,
}

impl Layout {
    /// The columns PoolMon has always had.
    fn usual() -> Self {
        use Column::{Allocs, Bytes, Diff, Frees, Mapped, PerAlloc};
        Self {
            tag_at: None,
            columns: vec![Allocs, Frees, Diff, Bytes, PerAlloc, Mapped],
        }
    }

    /// Reads a heading; `None` when the line is none.
    fn of(line: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(line).ok()?;
        let text = text.trim_start_matches(['#', ' ', '\t', '*', '|']);
        let lower = text
            .to_ascii_lowercase()
            .replace("per alloc", "per_alloc")
            .replace("mapped driver", "mapped_driver");
        let mut words = lower
            .split_ascii_whitespace()
            .filter(|&w| !matches!(w, "()" | "(" | ")"));
        if words.next() != Some("tag") || words.next() != Some("type") {
            return None;
        }
        let columns = words.filter_map(|word| match word {
            "allocs" => Some(Column::Allocs),
            "frees" => Some(Column::Frees),
            "diff" => Some(Column::Diff),
            "bytes" | "used" => Some(Column::Bytes),
            "per_alloc" => Some(Column::PerAlloc),
            "mapped_driver" => Some(Column::Mapped),
            _ => None,
        });
        let mut columns: Vec<Column> = columns.collect();
        if !columns.contains(&Column::Allocs) && !columns.contains(&Column::Bytes) {
            return None;
        }
        if !columns.contains(&Column::Mapped) {
            columns.push(Column::Mapped);
        }
        let decorated = line
            .trim_ascii_start()
            .first()
            .is_some_and(|b| matches!(b, b'#' | b'*' | b'|'));
        let tag_at = if decorated {
            None
        } else {
            line.iter().position(|b| !b.is_ascii_whitespace())
        };
        Some(Self { tag_at, columns })
    }
}

/// True when `line` is the heading of a table.
pub(crate) fn is_heading(line: &[u8]) -> bool {
    Layout::of(line).is_some()
}

/// True when `line` is the first line above a table.
pub(crate) fn is_memory_line(line: &[u8]) -> bool {
    let line = line.trim_ascii_start();
    (line.starts_with(b"Memory:") && memchr::memmem::find(line, b"Avail:").is_some())
        || (line.starts_with(b"Commit:") && memchr::memmem::find(line, b"Limit:").is_some())
}

/// True when `line` is a row of a table whose heading is lost.
pub(crate) fn is_row(line: &[u8]) -> bool {
    matches!(row(&Layout::usual(), &text::plain_spaces(line)), Line::Row(row) if !row.usage.is_absent())
}

/// One row.
#[derive(Clone, Debug, PartialEq)]
struct Row {
    tag: Tag,
    pool: Pool,
    usage: Usage,
    mapped: Option<String>,
    negative: bool,
}

/// What a line under a heading is.
#[derive(Clone, Debug, PartialEq)]
enum Line {
    Row(Row),
    /// Nothing that could be a row.
    Other,
    /// A row that cannot be read: whose it is, the offset, the reason.
    Broken(SeriesKey, usize, String),
}

/// A word with the offset where it begins.
type Word<'a> = (usize, &'a [u8]);

/// Words of `line` from `from` on; a group in parentheses is one word.
fn words(line: &[u8], from: usize) -> impl Iterator<Item = Word<'_>> {
    let mut at = from;
    std::iter::from_fn(move || {
        while line.get(at).is_some_and(u8::is_ascii_whitespace) {
            at += 1;
        }
        let start = at;
        let grouped = *line.get(at)? == b'(';
        while let Some(&byte) = line.get(at) {
            if !grouped && byte.is_ascii_whitespace() || !grouped && at > start && byte == b'(' {
                break;
            }
            at += 1;
            if grouped && byte == b')' {
                break;
            }
        }
        line.get(start..at).map(|word| (start, word))
    })
}

/// Pool of a type word.
fn pool_of(word: &[u8]) -> Option<Pool> {
    match word.to_ascii_lowercase().as_slice() {
        b"nonp" | b"nonpaged" => Some(Pool::Nonpaged),
        b"paged" | b"page" => Some(Pool::Paged),
        b"sess" | b"session" => Some(Pool::Session),
        b"-" => Some(Pool::Unknown),
        _ => None,
    }
}

/// Finds tag and type in a row: offset behind the type, the tag's bytes, the pool.
fn tag_and_type<'a>(layout: &Layout, line: &'a [u8]) -> Option<(usize, &'a [u8], Pool)> {
    let typed = |at: usize| {
        let (start, word) = words(line, at).next()?;
        Some((start + word.len(), pool_of(word)?))
    };
    let numbered = |after: usize| {
        words(line, after)
            .next()
            .is_some_and(|(_, w)| text::number(w).is_some())
    };
    if let Some(at) = layout.tag_at
        && let Some(tag) = line.get(at..at + 4)
        && line.get(at + 4).is_some_and(u8::is_ascii_whitespace)
        && line
            .get(..at)
            .is_some_and(|before| before.iter().all(u8::is_ascii_whitespace))
        && tag.iter().any(|b| !b.is_ascii_whitespace())
        && let Some((after, pool)) = typed(at + 4)
        && numbered(after)
    {
        return Some((after, tag, pool));
    }
    // Spaces were lost: the tag is what stands before the first type that a number follows.
    let mut begin = None;
    for (start, word) in words(line, 0) {
        let tag_from = *begin.get_or_insert(start);
        if start == tag_from {
            continue;
        }
        if start > tag_from + 16 {
            return None;
        }
        let after = start + word.len();
        if let Some(pool) = pool_of(word)
            && numbered(after)
        {
            let tag = line.get(tag_from..start)?.trim_ascii_end();
            return Some((after, tag, pool));
        }
    }
    None
}

fn row(layout: &Layout, line: &[u8]) -> Line {
    let Some((mut after, tag, pool)) = tag_and_type(layout, line) else {
        return Line::Other;
    };
    let tag = tag_of(tag);
    let broken = |at, reason| {
        Line::Broken(
            SeriesKey {
                tag: tag.clone(),
                pool,
            },
            at,
            reason,
        )
    };
    let mut usage = Usage::ABSENT;
    let mut negative = false;
    let mut read = 0_usize;
    for &column in layout.columns.iter().filter(|&&c| c != Column::Mapped) {
        let Some((at, word)) = words(line, after).find(|(_, w)| !w.starts_with(b"(")) else {
            break;
        };
        let Some(number) = text::number(word) else {
            // The average is the last number and nobody needs it: what stands there may be a driver already.
            if column == Column::PerAlloc {
                break;
            }
            return broken(at, format!("'{}' is not a count", text::shown(word)));
        };
        after = at + word.len();
        read += 1;
        let value = match number {
            Number::Value(value) => Counter::new(value),
            Number::Unknown => Counter::UNKNOWN,
            Number::Negative => {
                negative |= column != Column::PerAlloc;
                Counter::UNKNOWN
            }
        };
        match column {
            Column::Allocs => usage.allocs = value,
            Column::Frees => usage.frees = value,
            Column::Diff => usage.live = value,
            Column::Bytes => usage.bytes = value,
            Column::PerAlloc | Column::Mapped => {}
        }
    }
    let needed = layout
        .columns
        .iter()
        .filter(|c| !matches!(c, Column::Mapped | Column::PerAlloc))
        .count();
    if read < needed {
        return broken(line.len(), format!("{read} numbers where {needed} are needed"));
    }
    Line::Row(Row {
        tag,
        pool,
        usage,
        mapped: mapped(line.get(after..).unwrap_or_default()),
        negative,
    })
}

/// The four bytes of a tag as printed: what a tool trimmed is filled up with spaces.
pub(crate) fn tag_of(printed: &[u8]) -> Tag {
    match <[u8; 4]>::try_from(printed) {
        Ok(four) => Tag::from_nt(four),
        Err(_) => match std::str::from_utf8(printed) {
            Ok(text) => Tag::parse_nt(text),
            Err(_) => Tag::from_bytes(printed),
        },
    }
}

/// The text of the `Mapped_Driver` column; nothing where PoolMon says that it does not know.
fn mapped(rest: &[u8]) -> Option<String> {
    let rest = match words(rest, 0).next() {
        Some((_, group)) if group.starts_with(b"(") && group.ends_with(b")") => {
            let inner = group
                .get(1..group.len().saturating_sub(1))
                .unwrap_or_default()
                .trim_ascii();
            match text::number(inner) {
                Some(_) => rest.get(rest.iter().position(|&b| b == b')')? + 1..)?,
                None => rest,
            }
        }
        _ => rest,
    };
    let text = String::from_utf8_lossy(rest.trim_ascii());
    let text = text
        .strip_prefix('[')
        .map_or(&*text, |inner| inner.strip_suffix(']').unwrap_or(inner))
        .trim();
    let unknown = matches!(
        text.to_ascii_lowercase().as_str(),
        "" | "-" | "unknown" | "unknown driver" | "n/a"
    );
    (!unknown).then(|| text.chars().filter(|c| !c.is_control()).take(200).collect())
}

/// Reads a size such as `1916K` behind `name` in one of the two lines above a table.
fn size(line: &[u8], name: &[u8]) -> Option<u64> {
    let at = memchr::memmem::find(line, name)? + name.len();
    let rest = line.get(at..)?.trim_ascii_start();
    let end = rest
        .iter()
        .position(|b| !(b.is_ascii_digit() || matches!(b, b',' | b'.')))
        .unwrap_or(rest.len());
    let Some(Number::Value(value)) = text::number(rest.get(..end)?) else {
        return None;
    };
    let unit = match rest.get(end).map(u8::to_ascii_uppercase) {
        Some(b'K') => 1 << 10,
        Some(b'M') => 1 << 20,
        Some(b'G') => 1 << 30,
        _ => 1,
    };
    value.checked_mul(unit)
}

/// Takes the totals of the lines above a table.
fn read_totals(line: &[u8], memory: &mut MemoryCounters) {
    if line.trim_ascii_start().starts_with(b"Memory:") {
        memory.physical = size(line, b"Memory:").or(memory.physical);
        memory.available = size(line, b"Avail:").or(memory.available);
        let resident = memchr::memmem::find(line, b"Krnl:").and_then(|at| size(line.get(at..)?, b" P:"));
        memory.paged_pool_resident = resident.or(memory.paged_pool_resident);
    } else {
        memory.committed = size(line, b"Commit:").or(memory.committed);
        memory.commit_limit = size(line, b"Limit:").or(memory.commit_limit);
        memory.nonpaged_pool = size(line, b"Pool N:").or(memory.nonpaged_pool);
        let paged = memchr::memmem::find(line, b"Pool N:").and_then(|at| size(line.get(at..)?, b" P:"));
        memory.paged_pool = paged.or(memory.paged_pool);
    }
}

/// Reads all tables of a text.
pub(crate) fn read(file: &Path, bytes: &[u8]) -> Result<History, ImportError> {
    let mut reader = Reader::new(file);
    for (number, line) in text::lines(bytes) {
        reader.line(number, &text::plain_spaces(line))?;
    }
    reader.finish()
}

struct Reader<'a> {
    file: &'a Path,
    builder: Builder,
    layout: Layout,
    /// A new table is announced: the next row begins a sample.
    announced: bool,
    /// The table is one of session pool.
    session: bool,
    time: Option<Timestamp>,
    memory: Option<MemoryCounters>,
    first: Option<usize>,
    rows: usize,
    broken: Vec<(u64, usize, String)>,
    doubled: Vec<String>,
}

impl<'a> Reader<'a> {
    fn new(file: &'a Path) -> Self {
        Self {
            file,
            builder: Builder::new(SourceKind::Poolmon, CounterWidth::Unknown),
            layout: Layout::usual(),
            announced: true,
            session: false,
            time: None,
            memory: None,
            first: None,
            rows: 0,
            broken: Vec::new(),
            doubled: Vec::new(),
        }
    }

    fn line(&mut self, number: u64, line: &[u8]) -> Result<(), ImportError> {
        if line.trim_ascii().is_empty() {
            return Ok(());
        }
        if is_memory_line(line) {
            // The first of the two lines announces a table; the second belongs to it.
            if line.trim_ascii_start().starts_with(b"Memory:") {
                self.announced = true;
                self.session = false;
                self.memory = None;
            }
            read_totals(line, self.memory.get_or_insert_default());
            return Ok(());
        }
        if memchr::memmem::find(line, b"pool information").is_some() {
            self.session = memchr::memmem::find(&line.to_ascii_lowercase(), b"session").is_some();
            return Ok(());
        }
        if let Some(layout) = Layout::of(line) {
            self.layout = layout;
            // Tables of further pools of one moment follow under headings of their own.
            self.announced |= !self.session;
            return Ok(());
        }
        if let Some(at) = text::time_line(line) {
            self.time = Some(at);
            self.announced = true;
            return Ok(());
        }
        match row(&self.layout, line) {
            Line::Row(row) => self.row(number, row),
            Line::Other => Ok(()),
            Line::Broken(key, at, reason) => {
                let series = self.builder.series(key);
                self.builder.spoil(series);
                self.broken.push((number, at, reason));
                Ok(())
            }
        }
    }

    fn row(&mut self, number: u64, row: Row) -> Result<(), ImportError> {
        self.rows += 1;
        let pool = if self.session { Pool::Session } else { row.pool };
        let series = self.builder.series(SeriesKey { tag: row.tag, pool });
        let again = self.builder.sample_count() > 0 && self.builder.has_row(series);
        let next_table = again && self.first == Some(series) && !self.session;
        if self.announced || self.builder.sample_count() == 0 || next_table {
            self.begin(series)?;
            self.builder.push(series, row.usage);
        } else if again {
            self.builder.add(series, row.usage);
            self.doubled.push(format!("line {number}"));
        } else {
            self.builder.push(series, row.usage);
        }
        if row.negative {
            let place = format!("{}:{number}", self.file.display());
            self.builder.problem(Problem::new(
                "poolmon",
                format!("{place}: a count below zero is taken as not read"),
            ));
        }
        if let Some(text) = row.mapped {
            self.builder.map(series, text);
        }
        Ok(())
    }

    fn begin(&mut self, first: usize) -> Result<(), ImportError> {
        self.announced = false;
        self.first = Some(first);
        if !self.builder.begin_sample(self.time.take()) {
            return Err(ImportError::new(
                self.file,
                ImportErrorKind::TooLarge,
                "too many tables",
            ));
        }
        if let Some(memory) = self.memory.take() {
            self.builder.memory(|m| *m = memory);
        }
        Ok(())
    }

    fn finish(mut self) -> Result<History, ImportError> {
        let refuse = |reason: String| ImportError::new(self.file, ImportErrorKind::Malformed, reason);
        let allowed = BROKEN_ALLOWED.max(self.rows / 20);
        if let Some((line, at, reason)) = self.broken.first()
            && (self.rows == 0 || self.broken.len() > allowed)
        {
            return Err(refuse(reason.clone()).at(*line, Some(*at as u64 + 1)));
        }
        if self.rows == 0 {
            return Err(refuse("a PoolMon heading, but no row under it".to_owned()));
        }
        for (line, at, reason) in &self.broken {
            let place = format!("{}:{line}:{}", self.file.display(), at + 1);
            self.builder.problem(Problem::new(
                "poolmon",
                format!("{place}: {reason}; the row is left out"),
            ));
        }
        if let Some(place) = self.doubled.first() {
            let reason = format!(
                "{}: {} rows show the same tag and pool as another of their table (first at {place}); they are added up",
                self.file.display(),
                self.doubled.len()
            );
            self.builder.problem(Problem::new("poolmon", reason));
        }
        let mut history = self.builder.finish(Some(OsKind::Windows));
        if history.clock_known {
            mark_gaps(&mut history.samples);
        }
        Ok(history)
    }
}
