//! JSON as `docs/report-json.md` says.

use crate::Report;

/// The report as JSON, indented, with a line end.
#[must_use]
pub fn json(report: &Report) -> String {
    // The value holds no maps with odd keys and no failing serializers: this cannot fail.
    let mut out = serde_json::to_string_pretty(report).unwrap_or_default();
    out.push('\n');
    out
}
