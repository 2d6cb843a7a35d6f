//! Cuts report JSON to the size the caller asked for: largest evidence first, with a place to go on from.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// Sections in the order of their weight; those not named follow in the report's own order.
const SECTIONS: [&str; 8] = [
    "findings", "next", "summary", "families", "memory", "vbs", "etw", "problems",
];
/// The section that takes the place which the others leave.
const LAST: &str = "series";
/// Values up to this size are no sections: they are repeated on each page.
const SMALL: usize = 400;

/// How far each section of the report was already handed out: items of an array, 1 of an object.
pub(crate) type Position = BTreeMap<String, usize>;

/// One page of a report and, if something was left out, where to go on.
#[derive(Debug, PartialEq)]
pub(crate) struct Page {
    /// The report's object with its sections cut.
    pub(crate) report: Map<String, Value>,
    /// Items of each section that are left after this page.
    pub(crate) omitted: BTreeMap<String, usize>,
    /// Position after this page.
    pub(crate) next: Position,
}

/// Takes as much of `report` from `from` on as fits into `budget` bytes of JSON.
///
/// Sections are the arrays, which are cut anywhere, and the large objects, which are handed out whole. Findings may fill
/// half of the budget, and other sections than the series three quarters, before the series get the rest, so that none
/// starves the others. At least one item is handed out on each page, however large, so that going on always ends.
pub(crate) fn cut(report: &Map<String, Value>, from: &Position, budget: usize) -> Page {
    let sections = ordered_sections(report);
    let mut page = Page {
        report: Map::new(),
        omitted: BTreeMap::new(),
        next: from.clone(),
    };
    let mut used = 2;
    for (key, value) in report.iter().filter(|(k, _)| !sections.contains(&k.as_str())) {
        used += size_of(value) + key.len() + 4;
        page.report.insert(key.clone(), value.clone());
    }
    let rest = budget.saturating_sub(used);
    let mut left = Budget {
        used,
        limit: budget,
        taken: 0,
    };
    for (pass, section) in (0..2).flat_map(|pass| sections.iter().map(move |s| (pass, *s))) {
        left.limit = match (pass, section) {
            (0, "findings") => used + rest / 2,
            (0, section) if section != LAST => used + rest / 4 * 3,
            _ => budget,
        };
        let at = page.next.entry(section.to_owned()).or_insert(0);
        match report.get(section) {
            Some(Value::Array(items)) => take_items(items, section, at, &mut page.report, &mut left),
            Some(whole) if *at == 0 && left.take(size_of(whole) + section.len() + 4) => {
                page.report.insert(section.to_owned(), whole.clone());
                *at = 1;
            }
            _ => {}
        }
    }
    page.omitted = sections
        .iter()
        .map(|s| {
            let all = report.get(*s).map_or(0, length);
            (
                (*s).to_owned(),
                all.saturating_sub(page.next.get(*s).copied().unwrap_or(0)),
            )
        })
        .filter(|(_, n)| *n > 0)
        .collect();
    page
}

fn take_items(
    items: &[Value],
    section: &str,
    at: &mut usize,
    out: &mut Map<String, Value>,
    left: &mut Budget,
) {
    let mut taken = Vec::new();
    while let Some(item) = items.get(*at) {
        let name = if taken.is_empty() { section.len() + 6 } else { 0 };
        let room = left.limit.saturating_sub(left.used + name + 1);
        let slim = (left.taken == 0 && size_of(item) > room).then(|| slimmed(item, room));
        let item = slim.as_ref().unwrap_or(item);
        if !left.take(size_of(item) + 1 + name) {
            break;
        }
        taken.push(item.clone());
        *at += 1;
    }
    if taken.is_empty() {
        return;
    }
    match out.get_mut(section).and_then(Value::as_array_mut) {
        Some(there) => there.append(&mut taken),
        None => drop(out.insert(section.to_owned(), Value::Array(taken))),
    }
}

/// An item that is larger than a page, without its largest fields, whose names it lists instead: asking again with a larger
/// budget brings them.
fn slimmed(item: &Value, room: usize) -> Value {
    let Value::Object(fields) = item else {
        return item.clone();
    };
    let mut fields = fields.clone();
    let mut gone: Vec<Value> = Vec::new();
    loop {
        if !gone.is_empty() {
            fields.insert("omitted_fields".into(), Value::Array(gone.clone()));
        }
        let whole = Value::Object(fields.clone());
        let kept = |key: &String| !KEPT.contains(&key.as_str()) && key != "omitted_fields";
        let largest = fields
            .iter()
            .filter(|(k, _)| kept(k))
            .max_by_key(|(_, v)| size_of(v));
        match largest.map(|(key, _)| key.clone()) {
            Some(key) if size_of(&whole) > room => {
                fields.remove(&key);
                gone.push(key.into());
            }
            _ => return whole,
        }
    }
}

/// Fields that say what an item is.
const KEPT: [&str; 7] = ["tag", "pool", "verdict", "code", "severity", "title", "step"];

/// What a page holds so far.
struct Budget {
    used: usize,
    limit: usize,
    taken: usize,
}

impl Budget {
    /// Whether so many bytes more may be taken: what fits, and the first item of a page in any case.
    fn take(&mut self, size: usize) -> bool {
        let fits = self.used.saturating_add(size) <= self.limit;
        // The first pass leaves what does not fit to the second, in which somebody else may come first.
        if !fits && self.taken > 0 {
            return false;
        }
        self.used = self.used.saturating_add(size);
        self.taken += 1;
        true
    }
}

fn length(section: &Value) -> usize {
    section.as_array().map_or(1, Vec::len)
}

fn ordered_sections(report: &Map<String, Value>) -> Vec<&str> {
    let is_section = |value: &Value| value.is_array() || size_of(value) > SMALL;
    let named = SECTIONS
        .into_iter()
        .filter(|s| report.get(*s).is_some_and(is_section));
    let others = report
        .iter()
        .filter(|(k, v)| is_section(v) && !SECTIONS.contains(&k.as_str()) && *k != LAST)
        .map(|(k, _)| k.as_str());
    let last = report.get(LAST).filter(|v| is_section(v)).map(|_| LAST);
    named.chain(others).chain(last).collect()
}

fn size_of(value: &Value) -> usize {
    serde_json::to_vec(value).map_or(0, |bytes| bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

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
        assert!(serde_json::to_vec(&page.report).unwrap().len() <= 600);
        assert!(page.omitted["series"] > 0);
    }

    #[test]
    fn an_item_larger_than_a_page_comes_without_its_largest_fields() {
        let mut whole = Map::new();
        let curve: Vec<u32> = (0..500).collect();
        whole.insert(
            "series".into(),
            json!([{ "tag": "Leak", "curve": curve, "owners": ["ntfs.sys"] }]),
        );
        let page = cut(&whole, &Position::new(), 300);
        let expected = json!([{ "tag": "Leak", "owners": ["ntfs.sys"], "omitted_fields": ["curve"] }]);
        assert_eq!(page.report["series"], expected);
        assert!(page.omitted.is_empty());
        assert!(cut(&whole, &Position::new(), 9_000).report["series"][0]["curve"].is_array());
    }

    #[test]
    fn large_objects_come_whole_and_once() {
        let mut whole = report(3, 50);
        let drivers = json!({ "third_party": vec!["x".repeat(50); 20] });
        whole.insert("drivers".into(), drivers.clone());
        whole.insert("tool".into(), json!({ "name": "poolscope" }));
        let (mut at, mut seen, mut pages) = (Position::new(), 0, 0);
        loop {
            let page = cut(&whole, &at, 800);
            assert_eq!(page.report["tool"]["name"], "poolscope");
            if let Some(got) = page.report.get("drivers") {
                assert_eq!(*got, drivers);
                seen += 1;
            }
            pages += 1;
            at = page.next;
            if page.omitted.is_empty() {
                break;
            }
        }
        assert_eq!(seen, 1);
        assert!(pages > 2, "{pages}");
    }

    proptest! {
        #[test]
        fn going_on_hands_out_each_item_once_and_ends(f in 0usize..40, s in 0usize..40, budget in 200usize..3000) {
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
