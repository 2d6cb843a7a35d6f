//! Before and after, as a value, text and Markdown.

use serde::{Deserialize, Serialize};

use detection::{Change, Comparison};
use diagnosis::{Diagnosis, JudgedSeries};

use crate::table::{Column, Style, Table};
use crate::words::{bytes, bytes_f, duration, list, plural};
use crate::{Report, Source, Tool};

/// Name and version of the schema of a comparison's JSON.
pub const COMPARISON_SCHEMA: &str = "poolscope.comparison/1";

/// Two inputs compared. The rules of the report's JSON hold here too.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ComparisonReport {
    /// `poolscope.comparison/1`.
    pub schema: String,
    /// What made it.
    pub tool: Option<Tool>,
    /// Where the earlier numbers came from.
    pub before: Option<Source>,
    /// Where the later numbers came from.
    pub after: Option<Source>,
    /// The answer in sentences.
    pub summary: Vec<String>,
    /// Kernel uptime at which bytes were compared, seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_uptime_s: Option<f64>,
    /// Every series of either side, most important change first.
    pub series: Vec<ComparedSeries>,
}

/// One series on both sides.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ComparedSeries {
    /// The tag.
    pub tag: String,
    /// Its pool.
    pub pool: String,
    /// `new`, `worse`, `better`, `gone`, `same`, `ordinary`.
    pub change: String,
    /// Verdict before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict_before: Option<String>,
    /// Verdict after.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict_after: Option<String>,
    /// Bytes before, at the common uptime.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_before: Option<u64>,
    /// Bytes after, at the common uptime.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_after: Option<u64>,
    /// Growth before, bytes a day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_before: Option<f64>,
    /// Growth after, bytes a day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_after: Option<f64>,
    /// Most trusted owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
}

impl ComparisonReport {
    /// The comparison of two diagnoses.
    #[must_use]
    pub fn new(comparison: &Comparison, before: &Diagnosis, after: &Diagnosis, version: &str) -> Self {
        let find = |side: &Diagnosis, key: &snapshot::SeriesKey| -> Option<JudgedSeries> {
            side.series
                .iter()
                .find(|s| s.tag == key.tag && s.pool == key.pool)
                .cloned()
        };
        let series = comparison.series.iter().map(|c| {
            let (old, new) = (find(before, &c.key), find(after, &c.key));
            let verdict =
                |s: &Option<JudgedSeries>| s.as_ref().map(|s| s.judgement.verdict.as_str().to_owned());
            ComparedSeries {
                tag: c.key.tag.to_string(),
                pool: c.key.pool.to_string(),
                change: c.change.as_str().to_owned(),
                verdict_before: verdict(&old),
                verdict_after: verdict(&new),
                bytes_before: c.bytes.0,
                bytes_after: c.bytes.1,
                rate_before: c.rates.0.filter(|r| r.is_finite()),
                rate_after: c.rates.1.filter(|r| r.is_finite()),
                owner: new
                    .as_ref()
                    .or(old.as_ref())
                    .filter(|s| !s.owners.shared)
                    .and_then(JudgedSeries::owner),
            }
        });
        let series: Vec<ComparedSeries> = series.collect();
        Self {
            schema: COMPARISON_SCHEMA.to_owned(),
            tool: Some(Tool {
                name: Some("poolscope".to_owned()),
                version: Some(version.to_owned()),
            }),
            before: Report::new(before, version).source,
            after: Report::new(after, version).source,
            summary: summary(comparison, &series),
            at_uptime_s: comparison.at_uptime_s,
            series,
        }
    }

    /// As JSON, indented, with a line end.
    #[must_use]
    pub fn json(&self) -> String {
        let mut out = serde_json::to_string_pretty(self).unwrap_or_default();
        out.push('\n');
        out
    }

    /// As text. All series with `all`, else those that changed.
    #[must_use]
    pub fn text(&self, style: Style, all: bool) -> String {
        let mut out = String::new();
        for line in &self.summary {
            out.push_str(&style.wrap("", "", line));
        }
        let table = self.table(all);
        if !table.is_empty() {
            out.push('\n');
            out.push_str(&table.render(style, 2));
        }
        out
    }

    /// As Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut out = String::from("# poolscope comparison\n\n");
        for line in &self.summary {
            out.push_str(&format!("{}\n\n", crate::markdown::escaped(line)));
        }
        out.push_str("| change | tag | pool | before | after | per day before | per day after | owner |\n|---|---|---|---:|---:|---:|---:|---|\n");
        for s in self.series.iter().filter(|s| s.change != "ordinary") {
            let [change, tag, pool, .., owner] = cells(s).map(|c| crate::markdown::escaped(&c));
            let [_, _, _, b, a, rb, ra, _] = cells(s);
            out.push_str(&format!(
                "| {change} | {tag} | {pool} | {b} | {a} | {rb} | {ra} | {owner} |\n"
            ));
        }
        out
    }

    fn table(&self, all: bool) -> Table {
        let mut table = Table::new(&[
            Column::words("CHANGE", 6, 0),
            Column::words("TAG", 6, 0),
            Column::words("POOL", 8, 0),
            Column::numbers("BEFORE", 0),
            Column::numbers("AFTER", 0),
            Column::numbers("PER DAY BEFORE", 2),
            Column::numbers("PER DAY AFTER", 1),
            Column::words("OWNER", 9, 3),
        ]);
        for s in self.series.iter().filter(|s| all || s.change != "ordinary") {
            table.row(cells(s));
        }
        table
    }
}

fn cells(s: &ComparedSeries) -> [String; 8] {
    let size = |b: Option<u64>| b.map_or_else(|| "-".to_owned(), bytes);
    let rate = |r: Option<f64>| {
        r.map_or_else(
            || "-".to_owned(),
            |r| format!("{}{}", if r > 0.0 { "+" } else { "" }, bytes_f(r)),
        )
    };
    [
        s.change.clone(),
        s.tag.clone(),
        s.pool.clone(),
        size(s.bytes_before),
        size(s.bytes_after),
        rate(s.rate_before),
        rate(s.rate_after),
        s.owner.clone().unwrap_or_default(),
    ]
}

fn summary(comparison: &Comparison, series: &[ComparedSeries]) -> Vec<String> {
    let of = |change: Change| -> Vec<String> {
        series
            .iter()
            .filter(|s| s.change == change.as_str())
            .map(|s| format!("{}/{}", s.tag, s.pool))
            .collect()
    };
    let mut out = Vec::new();
    for (change, what) in [
        (Change::New, "new (accused after, not before)"),
        (Change::Worse, "worse"),
        (Change::Better, "better"),
        (Change::Gone, "gone (accused before, not after)"),
        (Change::Same, "accused on both sides, alike"),
    ] {
        let names = of(change);
        if !names.is_empty() {
            out.push(format!(
                "{} {what}: {}.",
                plural(names.len(), "series", "series"),
                list(&names, 4)
            ));
        }
    }
    if out.is_empty() {
        out.push("Nothing is accused on either side.".to_owned());
    }
    out.push(match comparison.at_uptime_s {
        Some(uptime) => format!(
            "Bytes are compared at the same kernel uptime, {}.",
            duration(uptime)
        ),
        None => "Bytes are compared at the end of each side: the uptimes are not known.".to_owned(),
    });
    out
}
