//! The CSV contract: `time,tag,pool,allocs,frees,bytes`, read in one pass.
//!
//! Columns are found by their names, in any order; unknown ones are passed over. Rows of one time are one sample, in the
//! order of the file. A file that is sorted by tag instead (all times of one tag, then of the next) is recognised and read
//! in a second pass.

use std::collections::HashMap;
use std::io::Read;
use std::path::Path;

use snapshot::{
    Counter, CounterWidth, History, OsKind, Pool, Problem, SeriesKey, SourceKind, Tag, Timestamp, Usage,
};

use super::builder::{Builder, mark_gaps};
use super::text::{self, Number};
use crate::{ImportError, ImportErrorKind};

/// Most columns of a header.
const MOST_COLUMNS: usize = 64;
/// Longest line.
const MOST_LINE_BYTES: usize = 1 << 20;
/// Longest tag: a call site's name with its path fits.
const MOST_TAG_BYTES: usize = 4096;
/// Broken lines that are passed over in any file; beyond, one in a hundred.
const BROKEN_ALLOWED: u64 = 5;
/// Broken lines that are named one by one.
const BROKEN_NAMED: u64 = 20;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Time,
    Tag,
    Pool,
    Allocs,
    Frees,
    Live,
    Bytes,
    Other,
}

impl Column {
    fn named(name: &[u8]) -> Self {
        let name = name.trim_ascii();
        let name = name
            .strip_prefix(b"\"")
            .and_then(|n| n.strip_suffix(b"\""))
            .unwrap_or(name);
        match name.to_ascii_lowercase().as_slice() {
            b"time" | b"timestamp" => Self::Time,
            b"tag" => Self::Tag,
            b"pool" | b"type" => Self::Pool,
            b"allocs" => Self::Allocs,
            b"frees" => Self::Frees,
            b"live" | b"outstanding" | b"diff" => Self::Live,
            b"bytes" => Self::Bytes,
            _ => Self::Other,
        }
    }
}

/// The header: which column holds what, and what separates them.
#[derive(Clone, Debug)]
struct Layout {
    columns: Vec<Column>,
    separator: u8,
}

impl Layout {
    /// Reads a header line; `None` when it is none: it must name a tag and at least one counter.
    fn of(line: &[u8]) -> Option<Self> {
        let count = |byte: u8| line.iter().filter(|&&b| b == byte).count();
        let separator = [b',', b';', b'\t']
            .into_iter()
            .max_by_key(|&s| (count(s), s == b','))?;
        let columns: Vec<Column> = line.split(|&b| b == separator).map(Column::named).collect();
        let times = |column: Column| columns.iter().filter(|&&c| c == column).count();
        let counters = [Column::Allocs, Column::Frees, Column::Live, Column::Bytes];
        let sound = columns.len() <= MOST_COLUMNS
            && times(Column::Tag) == 1
            && times(Column::Time) <= 1
            && times(Column::Pool) <= 1
            && counters.iter().all(|&c| times(c) <= 1)
            && counters.iter().any(|&c| times(c) == 1);
        sound.then_some(Self { columns, separator })
    }
}

/// True when `line` is a header of this format.
pub(crate) fn is_header(line: &[u8]) -> bool {
    Layout::of(line).is_some()
}

/// The fields of one line, still as written.
#[derive(Clone, Copy, Debug, Default)]
struct Row<'a> {
    time: &'a [u8],
    tag: &'a [u8],
    pool: &'a [u8],
    usage: Usage,
}

/// What is wrong with a line: byte offset in it and the reason.
type Broken = (usize, String);

/// Splits a line. Numbers are read on the way, since that is all that is done with them.
fn split<'a>(layout: &Layout, line: &'a [u8]) -> Result<Row<'a>, Broken> {
    let mut row = Row::default();
    let mut at = 0;
    let mut ended = false;
    for (number, &column) in layout.columns.iter().enumerate() {
        if ended {
            return Err((
                line.len(),
                format!("{number} fields where the header names {}", layout.columns.len()),
            ));
        }
        let end = field_end(line, at, layout.separator)?;
        let field = line.get(at..end).unwrap_or_default();
        match column {
            Column::Time if field.is_empty() => return Err((at, "no time".to_owned())),
            Column::Time => row.time = field,
            Column::Tag => row.tag = field,
            Column::Pool => row.pool = field,
            Column::Allocs => row.usage.allocs = counter(field).ok_or_else(|| no_number(at, field))?,
            Column::Frees => row.usage.frees = counter(field).ok_or_else(|| no_number(at, field))?,
            Column::Live => row.usage.live = counter(field).ok_or_else(|| no_number(at, field))?,
            Column::Bytes => row.usage.bytes = counter(field).ok_or_else(|| no_number(at, field))?,
            Column::Other => {}
        }
        ended = end >= line.len();
        at = end + 1;
    }
    if ended {
        Ok(row)
    } else {
        Err((at, format!("more than {} fields", layout.columns.len())))
    }
}

fn no_number(at: usize, field: &[u8]) -> Broken {
    (at, format!("'{}' is not a count", text::shown(field)))
}

/// Where the field that begins at `at` ends. A quoted field ends at a quote that is not doubled.
fn field_end(line: &[u8], at: usize, separator: u8) -> Result<usize, Broken> {
    let rest = line.get(at..).unwrap_or_default();
    if rest.first() != Some(&b'"') {
        // Fields are a few bytes long: a plain loop beats a vector search.
        return Ok(rest
            .iter()
            .position(|&b| b == separator)
            .map_or(line.len(), |p| at + p));
    }
    let mut from = 1;
    loop {
        let tail = rest.get(from..).unwrap_or_default();
        let quote = memchr::memchr(b'"', tail).ok_or((at, "a quote is not closed".to_owned()))?;
        match tail.get(quote + 1) {
            Some(b'"') => from += quote + 2,
            Some(&next) if next != separator => {
                return Err((at + from + quote + 1, "text after a quote".into()));
            }
            _ => return Ok(at + from + quote + 1),
        }
    }
}

/// A counter: digits, or empty when it was not read.
fn counter(field: &[u8]) -> Option<Counter> {
    let mut value = 0_u64;
    if field.is_empty() {
        return Some(Counter::UNKNOWN);
    }
    for &byte in field {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return counter_slow(field);
        }
        value = value.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    Some(Counter::new(value))
}

/// Spreadsheets pad, quote and add `.0`.
#[cold]
fn counter_slow(field: &[u8]) -> Option<Counter> {
    let field = field.trim_ascii();
    let field = field
        .strip_prefix(b"\"")
        .and_then(|f| f.strip_suffix(b"\""))
        .unwrap_or(field);
    let field = field.strip_suffix(b".0").unwrap_or(field);
    if field.is_empty() {
        return Some(Counter::UNKNOWN);
    }
    match text::number(field)? {
        Number::Value(value) => Some(Counter::new(value)),
        Number::Unknown => Some(Counter::UNKNOWN),
        Number::Negative => None,
    }
}

/// The key that a row's fields name.
fn key(row: &Row<'_>) -> Result<SeriesKey, String> {
    let tag = unquoted(row.tag);
    if tag.len() > MOST_TAG_BYTES {
        return Err(format!("a tag of {} bytes", tag.len()));
    }
    let tag = match std::str::from_utf8(&tag) {
        Ok(text) => Tag::parse(text),
        Err(_) => Tag::from_bytes(&tag),
    };
    let name = unquoted(row.pool);
    let pool = std::str::from_utf8(&name).ok().and_then(Pool::parse);
    let pool = pool.ok_or_else(|| format!("'{}' is not a pool", text::shown(&name)))?;
    Ok(SeriesKey { tag, pool })
}

/// The field's content without quotes; doubled quotes inside count once.
fn unquoted(field: &[u8]) -> Vec<u8> {
    let Some(inner) = field.strip_prefix(b"\"").and_then(|f| f.strip_suffix(b"\"")) else {
        return field.to_vec();
    };
    let mut out = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter();
    while let Some(&byte) = bytes.next() {
        out.push(byte);
        if byte == b'"' {
            bytes.next();
        }
    }
    out
}

fn time(field: &[u8]) -> Option<Timestamp> {
    let plain = field.len() <= 11 && !field.is_empty() && field.iter().all(u8::is_ascii_digit);
    if plain {
        let seconds = field.iter().fold(0_i64, |n, &b| n * 10 + i64::from(b - b'0'));
        return Some(Timestamp::from_unix_seconds(seconds));
    }
    text::time(&unquoted(field))
}

/// Why reading stopped before the end.
enum Stop {
    Error(ImportError),
    /// The file is sorted by tag.
    SortedByTag,
}

/// Where rows go.
trait Rows {
    fn row(&mut self, row: &Row<'_>) -> Result<(), RowError>;
    /// A line could not be read; `row` when at least its tag could.
    fn spoiled(&mut self, row: Option<&Row<'_>>);
    /// The file ends within a line.
    fn truncated(&mut self);
}

enum RowError {
    /// The line alone is broken.
    Line(String),
    /// What follows is not sound either.
    File(String),
    SortedByTag,
}

/// Reads a file that can be opened more than once. `max_bytes` limits what comes out of a decompressor.
pub(crate) fn read(
    file: &Path,
    max_bytes: u64,
    reopen: &mut dyn FnMut() -> Result<Box<dyn Read>, ImportError>,
) -> Result<History, ImportError> {
    let mut rows = BySample::new();
    let problems = match scan(file, max_bytes, reopen()?, &mut rows) {
        Ok(problems) => problems,
        Err(Stop::Error(error)) => return Err(error),
        Err(Stop::SortedByTag) => return read_sorted_by_tag(file, max_bytes, reopen()?),
    };
    Ok(finish(rows.builder, problems))
}

fn finish(mut builder: Builder, problems: Vec<Problem>) -> History {
    for problem in problems {
        builder.problem(problem);
    }
    let mut history = builder.finish(None);
    let windows = history.series.iter().any(|s| s.key.pool.is_windows());
    let linux = history
        .series
        .iter()
        .any(|s| !s.key.pool.is_windows() && s.key.pool != Pool::Unknown);
    history.host.os = match (windows, linux) {
        (true, false) => Some(OsKind::Windows),
        (false, true) => Some(OsKind::Linux),
        _ => None,
    };
    if history.clock_known {
        mark_gaps(&mut history.samples);
    }
    history
}

fn read_sorted_by_tag(file: &Path, max_bytes: u64, reader: Box<dyn Read>) -> Result<History, ImportError> {
    let mut rows = ByTag::default();
    match scan(file, max_bytes, reader, &mut rows) {
        Ok(problems) => Ok(finish(rows.into_builder(), problems)),
        Err(Stop::Error(error)) => Err(error),
        Err(Stop::SortedByTag) => Err(ImportError::new(
            file,
            ImportErrorKind::Malformed,
            "rows are neither in order of time nor of tag",
        )),
    }
}

/// Goes through the lines and hands their rows on.
fn scan(
    file: &Path,
    max_bytes: u64,
    reader: Box<dyn Read>,
    rows: &mut dyn Rows,
) -> Result<Vec<Problem>, Stop> {
    let mut scan = Scan {
        file,
        layout: None,
        line: 0,
        good: 0,
        broken: 0,
        problems: Vec::new(),
    };
    // One byte above the limit is read, to tell a file of exactly that size from a larger one.
    let mut reader = reader.take(max_bytes.saturating_add(1));
    let mut buffer = vec![0_u8; 256 << 10];
    let mut filled = 0;
    let mut total = 0_u64;
    loop {
        let room = buffer.get_mut(filled..).unwrap_or_default();
        let got = reader
            .read(room)
            .map_err(|e| Stop::Error(ImportError::io(file, &e)))?;
        total = total.saturating_add(got as u64);
        if total > max_bytes {
            let reason = format!("larger than {max_bytes} bytes");
            return Err(Stop::Error(ImportError::new(
                file,
                ImportErrorKind::TooLarge,
                reason,
            )));
        }
        filled += got;
        let text = buffer.get(..filled).unwrap_or_default();
        if got == 0 {
            scan.last_line(text, rows)?;
            return scan.finish();
        }
        let whole = memchr::memrchr(b'\n', text).map_or(0, |p| p + 1);
        let mut start = 0;
        for end in memchr::memchr_iter(b'\n', text) {
            scan.line(text.get(start..end).unwrap_or_default(), rows)?;
            start = end + 1;
        }
        buffer.copy_within(whole..filled, 0);
        filled -= whole;
        if filled == buffer.len() {
            if filled >= MOST_LINE_BYTES {
                return Err(scan.refuse(None, format!("a line of more than {MOST_LINE_BYTES} bytes")));
            }
            buffer.resize(filled * 2, 0);
        }
    }
}

struct Scan<'a> {
    file: &'a Path,
    layout: Option<Layout>,
    line: u64,
    good: u64,
    broken: u64,
    problems: Vec<Problem>,
}

impl Scan<'_> {
    fn refuse(&self, column: Option<usize>, reason: String) -> Stop {
        let column = column.map(|c| c as u64 + 1);
        Stop::Error(
            ImportError::new(self.file, ImportErrorKind::Malformed, reason).at(self.line.max(1), column),
        )
    }

    fn line(&mut self, line: &[u8], rows: &mut dyn Rows) -> Result<(), Stop> {
        self.line += 1;
        let line = match line {
            [rest @ .., b'\r'] => rest,
            _ => line,
        };
        let line = if self.line == 1 {
            line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line)
        } else {
            line
        };
        if line.is_empty() || line.starts_with(b"#") {
            return Ok(());
        }
        let Some(layout) = &self.layout else {
            let layout = Layout::of(line);
            self.layout = Some(layout.ok_or_else(|| {
                self.refuse(
                    None,
                    "a header `time,tag,pool,allocs,frees,bytes` is needed".into(),
                )
            })?);
            return Ok(());
        };
        match split(layout, line) {
            Ok(row) => match rows.row(&row) {
                Ok(()) => {
                    self.good += 1;
                    Ok(())
                }
                Err(RowError::Line(reason)) => {
                    rows.spoiled(Some(&row));
                    self.skip((0, reason))
                }
                Err(RowError::File(reason)) => Err(self.refuse(None, reason)),
                Err(RowError::SortedByTag) => Err(Stop::SortedByTag),
            },
            Err(broken) => {
                rows.spoiled(tag_and_pool(layout, line).as_ref());
                self.skip(broken)
            }
        }
    }

    /// Passes over a broken line, if the lines around it are sound.
    fn skip(&mut self, (at, reason): Broken) -> Result<(), Stop> {
        self.broken += 1;
        if self.good == 0 || self.broken > BROKEN_ALLOWED.max(self.good / 100) {
            return Err(self.refuse(Some(at), reason));
        }
        if self.broken <= BROKEN_NAMED {
            let place = format!("{}:{}:{}", self.file.display(), self.line, at + 1);
            self.problems.push(Problem::new(
                "csv",
                format!("{place}: {reason}; the line is left out"),
            ));
        }
        Ok(())
    }

    /// What follows the last line end. A line that was cut there is left out.
    fn last_line(&mut self, line: &[u8], rows: &mut dyn Rows) -> Result<(), Stop> {
        if line.is_empty() {
            return Ok(());
        }
        let before = self.broken;
        self.line(line, rows)?;
        if self.broken > before {
            rows.truncated();
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Vec<Problem>, Stop> {
        if self.layout.is_none() {
            return Err(self.refuse(None, "no header".into()));
        }
        if self.broken > BROKEN_NAMED {
            let more = self.broken - BROKEN_NAMED;
            self.problems
                .push(Problem::new("csv", format!("{more} more lines are left out")));
        }
        Ok(self.problems)
    }
}

/// Time, tag and pool of a line whose numbers cannot be read, if these can.
fn tag_and_pool<'a>(layout: &Layout, line: &'a [u8]) -> Option<Row<'a>> {
    let mut keys = layout.clone();
    for column in &mut keys.columns {
        if !matches!(column, Column::Time | Column::Tag | Column::Pool) {
            *column = Column::Other;
        }
    }
    split(&keys, line).ok()
}

/// Rows in order of time.
struct BySample {
    builder: Builder,
    /// Time of the current sample, as written.
    time: Vec<u8>,
    at: Option<Timestamp>,
    /// Series by their fields as written.
    series: HashMap<Vec<u8>, usize>,
    /// Fields as written by series, and the series after which it came: the order of samples hardly ever changes.
    written: Vec<Vec<u8>>,
    next: usize,
    first: usize,
    rows: usize,
    scratch: Vec<u8>,
}

impl BySample {
    fn new() -> Self {
        Self {
            builder: Builder::new(SourceKind::Csv, CounterWidth::Unknown),
            time: Vec::new(),
            at: None,
            series: HashMap::new(),
            written: Vec::new(),
            next: 0,
            first: 0,
            rows: 0,
            scratch: Vec::new(),
        }
    }

    /// The series of a row: the one that came next last time, else looked up, else new.
    fn find(&mut self, row: &Row<'_>) -> Result<(usize, bool), String> {
        let matches = |written: &[u8]| {
            written.len() == row.tag.len() + row.pool.len() + 1
                && written.starts_with(row.tag)
                && written.ends_with(row.pool)
        };
        if self.written.get(self.next).is_some_and(|w| matches(w)) {
            let found = self.next;
            self.next += 1;
            return Ok((found, false));
        }
        self.scratch.clear();
        self.scratch.extend_from_slice(row.tag);
        self.scratch.push(0);
        self.scratch.extend_from_slice(row.pool);
        if let Some(&found) = self.series.get(&self.scratch) {
            self.next = found + 1;
            return Ok((found, false));
        }
        let before = self.builder.series_count();
        let found = self.builder.series(key(row)?);
        let new = found >= before;
        if new {
            self.written.push(self.scratch.clone());
            self.next = found + 1;
        }
        self.series.insert(self.scratch.clone(), found);
        Ok((found, new))
    }

    fn begin(&mut self, row: &Row<'_>, at: Option<Timestamp>, first: usize) -> Result<(), RowError> {
        self.at = at;
        self.time.clear();
        self.time.extend_from_slice(row.time);
        self.first = first;
        if self.builder.begin_sample(at) {
            Ok(())
        } else {
            Err(RowError::File("too many samples".into()))
        }
    }
}

impl Rows for BySample {
    fn row(&mut self, row: &Row<'_>) -> Result<(), RowError> {
        let same = self.rows > 0 && row.time == self.time;
        let at = match same {
            true => self.at,
            false if row.time.is_empty() => None,
            false => Some(time(row.time).ok_or_else(|| {
                RowError::Line(format!(
                    "'{}' is neither RFC 3339 nor unix seconds",
                    text::shown(row.time)
                ))
            })?),
        };
        let (series, new) = self.find(row).map_err(RowError::Line)?;
        let count = self.builder.sample_count();
        if !same || count == 0 {
            let back = at < self.at && count > 1;
            if back && new && self.rows == count {
                return Err(RowError::SortedByTag);
            }
            self.begin(row, at, series)?;
        } else if self.builder.has_row(series) {
            if series != self.first {
                return Err(RowError::File(
                    "a second row of the same time, tag and pool".into(),
                ));
            }
            self.begin(row, at, series)?;
        }
        self.builder.push(series, row.usage);
        self.rows += 1;
        Ok(())
    }

    fn spoiled(&mut self, row: Option<&Row<'_>>) {
        let Some(row) = row else {
            self.builder.spoil_sample();
            return;
        };
        if row.time == self.time
            && let Ok((series, _)) = self.find(row)
        {
            self.builder.spoil(series);
        }
    }

    fn truncated(&mut self) {
        self.builder.spoil_sample();
    }
}

/// Rows in order of tag: all are kept until the times are known.
#[derive(Default)]
struct ByTag {
    series: Vec<(SeriesKey, Vec<(Timestamp, Usage)>)>,
    index: HashMap<SeriesKey, usize>,
    last: Option<(Vec<u8>, Vec<u8>, usize)>,
}

impl ByTag {
    fn into_builder(mut self) -> Builder {
        let mut times: Vec<Timestamp> = self
            .series
            .iter()
            .flat_map(|(_, rows)| rows.iter().map(|r| r.0))
            .collect();
        times.sort_unstable();
        times.dedup();
        let mut builder = Builder::new(SourceKind::Csv, CounterWidth::Unknown);
        for (_, rows) in &mut self.series {
            rows.sort_by_key(|row| row.0);
        }
        let mut cursor = vec![0_usize; self.series.len()];
        for at in times {
            if !builder.begin_sample(Some(at)) {
                break;
            }
            for ((key, rows), next) in self.series.iter().zip(&mut cursor) {
                if let Some((_, usage)) = rows.get(*next).filter(|row| row.0 == at) {
                    let series = builder.series(key.clone());
                    builder.push(series, *usage);
                    while rows.get(*next).is_some_and(|row| row.0 == at) {
                        *next += 1;
                    }
                }
            }
        }
        builder
    }
}

impl Rows for ByTag {
    fn row(&mut self, row: &Row<'_>) -> Result<(), RowError> {
        let at = time(row.time)
            .ok_or_else(|| RowError::Line(format!("'{}' is not a time", text::shown(row.time))))?;
        let same = self
            .last
            .as_ref()
            .filter(|(tag, pool, _)| tag == row.tag && pool == row.pool);
        let series = if let Some((_, _, series)) = same {
            *series
        } else {
            let key = key(row).map_err(RowError::Line)?;
            let series = *self.index.entry(key.clone()).or_insert_with(|| {
                self.series.push((key, Vec::new()));
                self.series.len() - 1
            });
            self.last = Some((row.tag.to_vec(), row.pool.to_vec(), series));
            series
        };
        if let Some((_, rows)) = self.series.get_mut(series) {
            rows.push((at, row.usage));
        }
        Ok(())
    }

    fn spoiled(&mut self, _row: Option<&Row<'_>>) {}

    fn truncated(&mut self) {}
}
