//! The rows to show: chosen and sorted as the state says.

use std::cmp::{Ordering, Reverse};

use snapshot::{ChangeRow, Changes, SeriesKey, glob_matches};

use crate::state::{Order, State};

/// A series with its numbers.
pub(crate) type Row<'a> = (&'a SeriesKey, &'a ChangeRow);

/// The rows that `state` and `wanted` let through, in order.
pub(crate) fn rows<'a>(
    changes: &'a Changes,
    state: &State,
    wanted: &dyn Fn(&SeriesKey) -> bool,
) -> Vec<Row<'a>> {
    let mut rows: Vec<Row<'a>> = changes
        .rows()
        .filter(|(key, row)| !row.current.is_absent() && state.pool.is_none_or(|pool| key.pool == pool))
        .filter(|(key, _)| wanted(key) && matches_filter(&state.filter, key))
        .collect();
    rows.sort_by(|a, b| compare(state, a, b).then_with(|| a.0.cmp(b.0)));
    rows
}

/// Text without wildcards may stand anywhere in the tag, in any case; with `*` or `?` it must cover the tag.
fn matches_filter(filter: &str, key: &SeriesKey) -> bool {
    if filter.contains(['*', '?']) {
        return glob_matches(filter.as_bytes(), key.tag.as_bytes());
    }
    filter.is_empty()
        || key
            .tag
            .to_string()
            .to_lowercase()
            .contains(&filter.to_lowercase())
}

fn compare(state: &State, a: &Row<'_>, b: &Row<'_>) -> Ordering {
    if state.order == Order::Tag {
        return Ordering::Equal;
    }
    Reverse(measure(state, a.1)).cmp(&Reverse(measure(state, b.1)))
}

/// What the row is sorted by; absent sorts last.
fn measure(state: &State, row: &ChangeRow) -> Option<i128> {
    let wide = |value: Option<u64>| value.map(i128::from);
    let signed = |value: Option<i64>| value.map(i128::from);
    match (state.order, state.by_change) {
        (Order::Tag, _) => None,
        (Order::Allocs, false) => wide(row.current.allocs.get()),
        (Order::Allocs, true) => wide(row.allocs_since_previous()),
        (Order::Frees, false) => wide(row.current.frees.get()),
        (Order::Frees, true) => wide(row.frees_since_previous()),
        (Order::Outstanding, false) => wide(row.outstanding()),
        (Order::Outstanding, true) => signed(row.outstanding_since_previous()),
        (Order::Bytes, false) => wide(row.current.bytes.get()),
        (Order::Bytes, true) => signed(row.bytes_since_previous()),
        (Order::Each, _) => wide(row.bytes_per_allocation()),
        (Order::Growth, _) => signed(row.bytes_since_start()),
    }
}
