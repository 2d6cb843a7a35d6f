//! Picking events.

use snapshot::HostEvent;

use super::{Context, evidence};
use crate::thresholds as limit;
use crate::words::DAY_S;

/// Events of a sort within the window before the end of the recording; without a clock all of them.
pub(super) fn recent<'a>(context: &Context<'a>, wanted: impl Fn(&HostEvent) -> bool) -> Vec<&'a HostEvent> {
    let draft = context.draft;
    let events = draft.events.as_deref().unwrap_or_default();
    let newest = events.iter().filter_map(|e| e.at).max();
    let end = draft.source.end.or(newest);
    events
        .iter()
        .filter(|e| wanted(e))
        .filter(|e| match (e.at, end) {
            (Some(at), Some(end)) => end.seconds_since(at) <= limit::EVENT_WINDOW_DAYS * DAY_S,
            _ => true,
        })
        .collect()
}

/// When an event was, for people.
pub(super) fn when(event: &HostEvent) -> String {
    event
        .at
        .and_then(snapshot::Timestamp::to_rfc3339)
        .map_or_else(|| "at an unknown time".to_owned(), |at| evidence::to_second(&at))
}
