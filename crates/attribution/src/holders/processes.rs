//! Processes whose handles or open files grow.

use std::collections::BTreeMap;

use snapshot::{MomentFacts, ProcessFacts, Timestamp};

use super::{Track, Who};

/// Processes named at most.
const MOST: usize = 3;

/// One process over the recording.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Growth {
    pub(super) who: Who,
    /// Handles (of the kind asked for, where kinds were read) at the end.
    pub(super) now: u64,
    /// Grown by; `None` when there was one moment only.
    pub(super) grown: Option<u64>,
    /// Whether only handles of the kind were counted.
    pub(super) by_kind: bool,
}

/// The processes that hold most of a kind of handle, those that grow most first. `kinds` are names of handle types,
/// compared without case; empty counts all handles. Only gains of a tenth of `relevant` and more are reported.
pub(super) fn growing(track: &Track<'_>, kinds: &[&str], relevant: u64) -> Vec<Growth> {
    let Some((first, last)) = track.ends(|facts: &MomentFacts| facts.processes.as_deref()) else {
        return Vec::new();
    };
    let one_moment = std::ptr::eq(first, last);
    let before: BTreeMap<(u64, Option<Timestamp>), &ProcessFacts> = first
        .iter()
        .map(|process| ((process.pid, process.created), process))
        .collect();
    let mut found: Vec<Growth> = last
        .iter()
        .filter_map(|process| {
            let (now, by_kind) = held(process, kinds)?;
            let grown = if one_moment {
                None
            } else {
                // A process that was not there before has gained all it holds.
                let was = before
                    .get(&(process.pid, process.created))
                    .and_then(|p| held(p, kinds));
                Some(now.saturating_sub(was.map_or(0, |(count, _)| count)))
            };
            let who = Who {
                name: process.name.clone(),
                pid: Some(process.pid),
                amount: Some(now),
            };
            Some(Growth {
                who,
                now,
                grown,
                by_kind,
            })
        })
        .collect();
    let least = (relevant / 10).max(1);
    found.retain(|growth| growth.grown.unwrap_or(growth.now) >= least);
    found.sort_by_key(|growth| std::cmp::Reverse((growth.grown.unwrap_or(growth.now), growth.now)));
    found.truncate(MOST);
    found
}

/// Handles of a process: of the kinds, where they were told apart, else all.
fn held(process: &ProcessFacts, kinds: &[&str]) -> Option<(u64, bool)> {
    match &process.handles_by_type {
        Some(by_type) if !kinds.is_empty() => {
            let wanted = |name: &str| kinds.iter().any(|kind| kind.eq_ignore_ascii_case(name));
            let counts = by_type
                .iter()
                .filter(|(name, _)| wanted(name))
                .map(|(_, count)| *count);
            Some((counts.fold(0, u64::saturating_add), true))
        }
        _ => Some((process.handles?, false)),
    }
}
