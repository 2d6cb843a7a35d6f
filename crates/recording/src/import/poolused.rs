//! The debugger's `!poolused`: one row a tag with both pools side by side, in the short form (outstanding allocations and
//! bytes) and the verbose one (allocations, frees, difference and bytes).
//!
//! Layout: MicrosoftDocs/windows-driver-docs, `debuggercmds/-poolused.md`.

use std::path::Path;

use snapshot::{
    Counter, CounterWidth, History, OsKind, Pool, Problem, SeriesKey, SourceKind, Tag, Timestamp, Usage,
};

use super::builder::{Builder, mark_gaps};
use super::poolmon::tag_of;
use super::text;
use crate::{ImportError, ImportErrorKind};

/// Broken rows that are passed over; beyond, one in twenty.
const BROKEN_ALLOWED: usize = 2;

/// Columns of one pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Allocs (outstanding) and Used.
    Short,
    /// Allocs, Frees, Diff, Used.
    Verbose,
}

impl Form {
    fn of(line: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(line).ok()?.to_ascii_lowercase();
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        match words.as_slice() {
            ["tag", "allocs", "used", "allocs", "used", ..] => Some(Self::Short),
            [
                "tag",
                "allocs",
                "frees",
                "diff",
                "used",
                "allocs",
                "frees",
                "diff",
                "used",
                ..,
            ] => Some(Self::Verbose),
            _ => None,
        }
    }

    const fn numbers(self) -> usize {
        match self {
            Self::Short => 4,
            Self::Verbose => 8,
        }
    }

    fn usage(self, numbers: &[Option<u64>]) -> Usage {
        let at = |i: usize| Counter::from(numbers.get(i).copied().flatten());
        match self {
            Self::Short => Usage {
                live: at(0),
                bytes: at(1),
                ..Usage::ABSENT
            },
            Self::Verbose => Usage {
                allocs: at(0),
                frees: at(1),
                live: at(2),
                bytes: at(3),
            },
        }
    }
}

/// True when `line` is the heading of the table.
pub(crate) fn is_heading(line: &[u8]) -> bool {
    Form::of(line).is_some()
}

/// A number at the start of `text` and the rest. Where a tab was lost the description follows at once.
fn leading_number(text: &[u8]) -> Option<(Option<u64>, &[u8])> {
    let text = text.trim_ascii_start();
    let (negative, digits) = text.strip_prefix(b"-").map_or((false, text), |rest| (true, rest));
    let end = digits
        .iter()
        .position(|b| !b.is_ascii_digit())
        .unwrap_or(digits.len());
    let value: u64 = std::str::from_utf8(digits.get(..end)?).ok()?.parse().ok()?;
    Some(((!negative).then_some(value), digits.get(end..)?))
}

/// The numbers of a row from `text` on, and what follows them.
fn numbers(form: Form, mut text: &[u8]) -> Option<(Vec<Option<u64>>, &[u8])> {
    let mut out = Vec::with_capacity(form.numbers());
    for at in 0..form.numbers() {
        let (value, rest) = leading_number(text)?;
        let last = at + 1 == form.numbers();
        if !last && !rest.first().is_some_and(u8::is_ascii_whitespace) {
            return None;
        }
        out.push(value);
        text = rest;
    }
    Some((out, text))
}

/// What a line under a heading is.
enum Line {
    Row(Tag, Vec<Option<u64>>, Option<String>),
    Total,
    Other,
    Broken(usize, String),
}

fn row(form: Form, line: &[u8]) -> Line {
    let words = line.trim_ascii_start();
    if words.starts_with(b"TOTAL") {
        return Line::Total;
    }
    // ` %4s` and then numbers: spaces inside the four bytes belong to the tag.
    if let Some(tag) = line.get(1..5)
        && line.first() == Some(&b' ')
        && line.get(5).is_some_and(u8::is_ascii_whitespace)
        && tag.iter().any(|b| !b.is_ascii_whitespace())
        && let Some((values, rest)) = numbers(form, line.get(5..).unwrap_or_default())
    {
        return Line::Row(tag_of(tag), values, description(rest));
    }
    let end = words
        .iter()
        .position(u8::is_ascii_whitespace)
        .unwrap_or(words.len());
    let (tag, rest) = words.split_at(end);
    if tag.is_empty() || tag.len() > 4 {
        return Line::Other;
    }
    match numbers(form, rest) {
        Some((values, rest)) => Line::Row(tag_of(tag), values, description(rest)),
        None if rest.trim_ascii_start().first().is_some_and(u8::is_ascii_digit) => Line::Broken(
            line.len() - rest.len(),
            format!("{} numbers are needed", form.numbers()),
        ),
        None => Line::Other,
    }
}

/// The owner text: the debugger's copy of pooltag.txt. Its `UNKNOWN pooltag` says nothing.
fn description(rest: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(rest.trim_ascii());
    if text.is_empty() || text.starts_with("UNKNOWN pooltag") {
        return None;
    }
    Some(text.chars().filter(|c| !c.is_control()).take(200).collect())
}

/// Flag bit 3 of an echoed command: session pool.
fn session_command(line: &[u8]) -> Option<bool> {
    let at = memchr::memmem::find(line, b"!poolused")? + b"!poolused".len();
    let word = line.get(at..)?.trim_ascii_start();
    let word = word.strip_prefix(b"0x").unwrap_or(word);
    let flags = word.first().and_then(|&b| (b as char).to_digit(16)).unwrap_or(0);
    Some(flags & 8 != 0)
}

/// Reads all tables of a debugger log.
pub(crate) fn read(file: &Path, bytes: &[u8]) -> Result<History, ImportError> {
    let mut builder = Builder::new(SourceKind::Poolused, CounterWidth::Unknown);
    let mut form: Option<Form> = None;
    let (mut rows, mut broken) = (0_usize, Vec::new());
    let mut session = false;
    let mut at: Option<Timestamp> = None;
    for (number, line) in text::lines(bytes) {
        if let Some(flag) = session_command(line) {
            session = flag;
        } else if let Some(time) = text::time_line(line) {
            at = Some(time);
        } else if let Some(found) = Form::of(line) {
            form = Some(found);
            if !builder.begin_sample(at.take()) {
                return Err(ImportError::new(
                    file,
                    ImportErrorKind::TooLarge,
                    "too many tables",
                ));
            }
        } else if let Some(known) = form {
            match row(known, line) {
                Line::Row(tag, values, text) => {
                    rows += 1;
                    add_row(&mut builder, known, session, &tag, &values, text);
                }
                Line::Total => form = None,
                Line::Other => {}
                Line::Broken(column, reason) => broken.push((number, column, reason)),
            }
        }
    }
    let refuse = |reason: String| ImportError::new(file, ImportErrorKind::Malformed, reason);
    if let Some((line, column, reason)) = broken.first()
        && (rows == 0 || broken.len() > BROKEN_ALLOWED.max(rows / 20))
    {
        return Err(refuse(reason.clone()).at(*line, Some(*column as u64 + 1)));
    }
    if rows == 0 {
        return Err(refuse("a !poolused heading, but no row under it".to_owned()));
    }
    for (line, column, reason) in broken {
        let place = format!("{}:{line}:{}", file.display(), column + 1);
        builder.problem(Problem::new(
            "poolused",
            format!("{place}: {reason}; the row is left out"),
        ));
    }
    let mut history = builder.finish(Some(OsKind::Windows));
    if history.clock_known {
        mark_gaps(&mut history.samples);
    }
    Ok(history)
}

/// Stores a row for each pool that the tag was ever used in.
fn add_row(
    builder: &mut Builder,
    form: Form,
    session: bool,
    tag: &Tag,
    values: &[Option<u64>],
    text: Option<String>,
) {
    let (nonpaged, paged) = values.split_at(values.len() / 2);
    let used = |numbers: &[Option<u64>]| numbers.iter().any(|&n| n != Some(0));
    let halves = [(Pool::Nonpaged, nonpaged), (Pool::Paged, paged)];
    for (pool, numbers) in halves {
        if !used(numbers) && (used(nonpaged) || used(paged)) {
            continue;
        }
        let pool = if session { Pool::Session } else { pool };
        let series = builder.series(SeriesKey {
            tag: tag.clone(),
            pool,
        });
        if builder.has_row(series) {
            builder.add(series, form.usage(numbers));
        } else {
            builder.push(series, form.usage(numbers));
        }
        if let Some(text) = &text {
            builder.map(series, text.clone());
        }
    }
}
