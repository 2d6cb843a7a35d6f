//! A history as JSON.

use std::io::{self, Write};

use serde::Serialize;
use snapshot::{Counter, History, HostFacts, MomentFacts, Problem, Series};

/// Name of the form.
const SCHEMA: &str = "poolscope.history/1";

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    host: &'a HostFacts,
    boots: &'a [snapshot::BootId],
    clock_known: bool,
    samples: Vec<SampleRow>,
    series: Vec<SeriesRow<'a>>,
    facts: Vec<FactRow<'a>>,
    problems: &'a [Problem],
}

#[derive(Serialize)]
struct SampleRow {
    at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    uptime_s: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    boot: Option<u32>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    after_gap: bool,
}

/// Columns of changes: the values at `sample[i]` hold until `sample[i + 1]`; four nulls say that the tag is absent.
#[derive(Serialize)]
struct SeriesRow<'a> {
    tag: String,
    pool: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    counter_bits: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mapped_driver: Option<&'a str>,
    sample: &'a [u32],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    allocs: Vec<Option<u64>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    frees: Vec<Option<u64>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    live: Vec<Option<u64>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    bytes: Vec<Option<u64>>,
}

#[derive(Serialize)]
struct FactRow<'a> {
    sample: u32,
    facts: &'a MomentFacts,
}

/// Writes the whole history as JSON, schema `poolscope.history/1`.
///
/// # Errors
/// When `out` refuses.
pub fn json(history: &History, out: &mut dyn Write) -> io::Result<()> {
    let document = Document {
        schema: SCHEMA,
        kind: history.kind.map(snapshot::SourceKind::as_str),
        host: &history.host,
        boots: &history.boots,
        clock_known: history.clock_known,
        samples: history
            .samples
            .iter()
            .map(|s| SampleRow {
                at: s.at.to_rfc3339().filter(|_| history.clock_known),
                uptime_s: s.uptime_s,
                boot: s.boot,
                after_gap: s.after_gap,
            })
            .collect(),
        series: history.series.iter().map(|s| series(history, s)).collect(),
        facts: history
            .facts
            .iter()
            .map(|(sample, facts)| FactRow {
                sample: *sample,
                facts,
            })
            .collect(),
        problems: &history.problems,
    };
    serde_json::to_writer(&mut *out, &document)?;
    out.write_all(b"\n")
}

fn series<'a>(history: &'a History, series: &'a Series) -> SeriesRow<'a> {
    let column = |counters: &[Counter]| counters.iter().map(|c| c.get()).collect();
    SeriesRow {
        tag: series.key.tag.to_string(),
        pool: series.key.pool.as_str(),
        counter_bits: Some(series.width.bits()).filter(|&bits| bits != 0),
        mapped_driver: history.mapped.get(&series.key).map(String::as_str),
        sample: &series.sample,
        allocs: column(&series.allocs),
        frees: column(&series.frees),
        live: column(&series.live),
        bytes: column(&series.bytes),
    }
}
