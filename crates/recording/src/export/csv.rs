//! The CSV contract, out.

use std::io::{self, Write};

use snapshot::{History, Tag};

use super::{Cursor, needs_live, values};

/// Writes the CSV contract: `time,tag,pool,allocs,frees,bytes`, one row a sample and series. A counter that was not read is
/// empty; a column `live` follows where the source gave outstanding allocations itself.
///
/// A sample in which no series is present has no row, so it is not read back.
///
/// # Errors
/// When `out` refuses.
pub fn csv(history: &History, out: &mut dyn Write) -> io::Result<()> {
    let live = needs_live(history);
    let columns = if live { 4 } else { 3 };
    writeln!(
        out,
        "time,tag,pool,allocs,frees,bytes{}",
        if live { ",live" } else { "" }
    )?;
    let names: Vec<String> = history
        .series
        .iter()
        .map(|s| format!("{},{}", field(&s.key.tag), s.key.pool))
        .collect();
    let mut cursor = Cursor::new(history);
    let mut row = String::new();
    for (at, sample) in (0_u32..).zip(&history.samples) {
        cursor.advance(history, at);
        let time = time(sample.at);
        for (name, usage) in names
            .iter()
            .zip(&cursor.now)
            .filter(|(_, usage)| !usage.is_absent())
        {
            row.clear();
            row.push_str(&time);
            row.push(',');
            row.push_str(name);
            for value in values(usage).into_iter().take(columns) {
                row.push(',');
                if let Some(value) = value {
                    row.push_str(&value.to_string());
                }
            }
            row.push('\n');
            out.write_all(row.as_bytes())?;
        }
    }
    Ok(())
}

/// Whole unix seconds where the time has no fraction: short, and read fastest.
fn time(at: snapshot::Timestamp) -> String {
    if at.0 % 1_000_000 == 0 {
        return (at.0 / 1_000_000).to_string();
    }
    at.to_rfc3339().unwrap_or_else(|| (at.0 / 1_000_000).to_string())
}

/// A tag, quoted when it holds a comma, quote or space.
fn field(tag: &Tag) -> String {
    let text = tag.to_string();
    if text.contains([',', '"', ' ', ';', '\t', '#']) || text.is_empty() {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}
