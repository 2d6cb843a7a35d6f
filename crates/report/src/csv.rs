//! The ranking as CSV.

use crate::{Report, Series};

/// One line a series, by rank, with a header. Cells are quoted where they hold a comma, quote, space or line end.
#[must_use]
pub fn csv(report: &Report) -> String {
    let mut out = String::from(
        "rank,tag,pool,verdict,confidence,shape,bytes,outstanding,allocs,frees,rate_bytes_per_day,rate_low,rate_high,\
         onset,exhaustion,family,owner,trust\n",
    );
    for series in report.series.iter().flatten() {
        let cells: Vec<String> = cells(series).iter().map(|cell| quoted(cell)).collect();
        out.push_str(&cells.join(","));
        out.push('\n');
    }
    out
}

fn cells(s: &Series) -> [String; 18] {
    let owner = s
        .owners
        .iter()
        .flatten()
        .next()
        .filter(|_| s.shared != Some(true));
    let number = |v: Option<f64>| v.map(|v| v.to_string()).unwrap_or_default();
    let count = |v: Option<u64>| v.map(|v| v.to_string()).unwrap_or_default();
    [
        s.rank.map(|r| r.to_string()).unwrap_or_default(),
        s.tag.clone().unwrap_or_default(),
        s.pool.clone().unwrap_or_default(),
        s.verdict.clone().unwrap_or_default(),
        number(s.confidence),
        s.shape.clone().unwrap_or_default(),
        count(s.bytes),
        count(s.outstanding),
        count(s.allocs),
        count(s.frees),
        number(s.rate_bytes_per_day),
        number(s.rate_low),
        number(s.rate_high),
        s.onset.clone().unwrap_or_default(),
        s.exhaustion.clone().unwrap_or_default(),
        s.family.map(|f| f.to_string()).unwrap_or_default(),
        owner
            .and_then(|o| o.image.clone().or_else(|| o.component.clone()))
            .unwrap_or_default(),
        owner.and_then(|o| o.trust.clone()).unwrap_or_default(),
    ]
}

fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', ' ', '\n', '\r']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}
