//! The last sample as OpenMetrics text (prometheus/OpenMetrics, specification 1.0).

use std::io::{self, Write};

use snapshot::{Counter, History, Usage};

use super::Cursor;

/// A metric: name, type, help, and what it is of a usage.
type Metric = (&'static str, &'static str, &'static str, fn(&Usage) -> Counter);

const METRICS: [Metric; 4] = [
    (
        "poolscope_pool_bytes",
        "gauge",
        "Bytes in use by tag and pool.",
        |u| u.bytes,
    ),
    (
        "poolscope_pool_outstanding",
        "gauge",
        "Allocations not yet freed, as the source gives them.",
        |u| u.live,
    ),
    (
        "poolscope_pool_allocations",
        "counter",
        "Allocations since boot.",
        |u| u.allocs,
    ),
    ("poolscope_pool_frees", "counter", "Frees since boot.", |u| {
        u.frees
    }),
];

/// Writes the last sample as OpenMetrics text.
///
/// # Errors
/// When `out` refuses.
pub fn openmetrics(history: &History, out: &mut dyn Write) -> io::Result<()> {
    let mut cursor = Cursor::new(history);
    cursor.advance(history, u32::MAX);
    for (name, kind, help, value) in METRICS {
        let mut rows = history
            .series
            .iter()
            .zip(&cursor.now)
            .filter(|(_, u)| value(u).is_known())
            .peekable();
        if rows.peek().is_none() {
            continue;
        }
        writeln!(out, "# TYPE {name} {kind}")?;
        if name.ends_with("_bytes") {
            writeln!(out, "# UNIT {name} bytes")?;
        }
        writeln!(out, "# HELP {name} {help}")?;
        let suffix = if kind == "counter" { "_total" } else { "" };
        for (series, usage) in rows {
            if let Some(value) = value(usage).get() {
                let tag = escape(&series.key.tag.to_string());
                writeln!(
                    out,
                    "{name}{suffix}{{tag=\"{tag}\",pool=\"{}\"}} {value}",
                    series.key.pool
                )?;
            }
        }
    }
    writeln!(out, "# EOF")
}

/// Backslash, quote and line feed are escaped in label values.
fn escape(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}
