//! Cuts report JSON to the size the caller asked for: largest evidence first, with a place to go on from.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// Sections in the order of their weight; arrays not named here follow in the report's own order.
const SECTIONS: [&str; 4] = ["findings", "families", "series", "problems"];

/// How far each section (a top-level array of the report) was already handed out.
pub(crate) type Position = BTreeMap<String, usize>;

/// One page of a report and, if something was left out, where to go on.
#[derive(Debug, PartialEq)]
pub(crate) struct Page {
    /// The report's object with its arrays cut.
    pub(crate) report: Map<String, Value>,
    /// Items of each section that are left after this page.
    pub(crate) omitted: BTreeMap<String, usize>,
    /// Position after this page.
    pub(crate) next: Position,
}

/// Takes as much of `report` from `from` on as fits into `budget` bytes of JSON.
///
/// What is not an array at the top level is repeated on each page, unless it alone takes more than half the budget.
/// Findings may fill half of the rest before series get their share, so that neither starves the other. At least one
/// item is handed out on each page, however large, so that going on always ends.
pub(crate) fn cut(report: &Map<String, Value>, from: &Position, budget: usize) -> Page {
    let mut page = Map::new();
    let mut used = 2;
    for (key, value) in report.iter().filter(|(_, v)| !v.is_array()) {
        let size = size_of(value) + key.len() + 4;
        if size <= budget / 2 {
            used += size;
            page.insert(key.clone(), value.clone());
        } else {
            page.insert(key.clone(), json!({ "omitted_bytes": size }));
            used += 32;
        }
    }
    let sections = ordered_sections(report);
    let mut next = from.clone();
    let mut taken = 0;
    let rest = budget.saturating_sub(used);
    for (pass, section) in [0, 1]
        .into_iter()
        .flat_map(|pass| sections.iter().map(move |s| (pass, *s)))
    {
        let share = if pass == 0 && section == "findings" {
            used + rest / 2
        } else {
            budget
        };
        let at = next.entry(section.to_owned()).or_insert(0);
        let items = report
            .get(section)
            .and_then(Value::as_array)
            .map_or(&[][..], Vec::as_slice);
        let out = page.entry(section).or_insert_with(|| Value::Array(Vec::new()));
        let Some(out) = out.as_array_mut() else { continue };
        while let Some(item) = items.get(*at) {
            let size = size_of(item) + 1;
            if used + size > share && taken > 0 {
                break;
            }
            out.push(item.clone());
            used += size;
            taken += 1;
            *at += 1;
        }
    }
    page.retain(|key, value| {
        !report.get(key).is_some_and(Value::is_array) || value.as_array().is_some_and(|a| !a.is_empty())
    });
    let left = |section: &str| {
        let all = report.get(section).and_then(Value::as_array).map_or(0, Vec::len);
        all.saturating_sub(next.get(section).copied().unwrap_or(0))
    };
    let omitted = sections
        .iter()
        .map(|s| ((*s).to_owned(), left(s)))
        .filter(|(_, n)| *n > 0)
        .collect();
    Page {
        report: page,
        omitted,
        next,
    }
}

fn ordered_sections(report: &Map<String, Value>) -> Vec<&str> {
    let named = SECTIONS
        .into_iter()
        .filter(|s| report.get(*s).is_some_and(Value::is_array));
    let others = report
        .iter()
        .filter(|(k, v)| v.is_array() && !SECTIONS.contains(&k.as_str()))
        .map(|(k, _)| k.as_str());
    named.chain(others).collect()
}

fn size_of(value: &Value) -> usize {
    serde_json::to_vec(value).map_or(0, |bytes| bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn report(findings: usize, series: usize) -> Map<String, Value> {
        let value = json!({
            "schema": "poolscope.report/1",
            "series": (0..series).map(|i| json!({ "tag": format!("T{i:03}"), "rank": i + 1 })).collect::<Vec<_>>(),
            "findings": (0..findings).map(|i| json!({ "code": format!("PS{i:04}") })).collect::<Vec<_>>(),
            "problems": [],
        });
        value.as_object().unwrap().clone()
    }

    #[test]
    fn everything_fits_into_a_large_budget() {
        let page = cut(&report(2, 3), &Position::new(), 100_000);
        assert!(page.omitted.is_empty());
        assert_eq!(page.report["series"].as_array().unwrap().len(), 3);
        assert_eq!(page.report["findings"].as_array().unwrap().len(), 2);
    }

    #[test]
    fn findings_and_series_share_a_small_budget() {
        let page = cut(&report(100, 100), &Position::new(), 600);
        assert!(!page.report["findings"].as_array().unwrap().is_empty());
        assert!(!page.report["series"].as_array().unwrap().is_empty());
        assert!(serde_json::to_vec(&page.report).unwrap().len() <= 640);
        assert!(page.omitted["series"] > 0);
    }

    proptest! {
        #[test]
        fn going_on_hands_out_each_item_once_and_ends(f in 0usize..40, s in 0usize..40, budget in 50usize..3000) {
            let whole = report(f, s);
            let mut at = Position::new();
            let (mut findings, mut series) = (Vec::new(), Vec::new());
            for _ in 0..=(f + s) {
                let page = cut(&whole, &at, budget);
                let take = |k: &str| page.report.get(k).and_then(Value::as_array).cloned().unwrap_or_default();
                findings.extend(take("findings"));
                series.extend(take("series"));
                at = page.next;
                if page.omitted.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(&Value::Array(findings), &whole["findings"]);
            prop_assert_eq!(&Value::Array(series), &whole["series"]);
        }
    }
}
