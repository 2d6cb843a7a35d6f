//! Results kept for a while, so that the rest of a cut one can be asked for.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value};

use crate::budget::Position;

/// Results kept; older ones are forgotten. With reports of a few MB this bounds the server's memory.
const KEPT_MAX: usize = 12;

/// The last results, by number.
#[derive(Default)]
pub(crate) struct Results {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    last: u64,
    kept: VecDeque<(u64, Arc<Map<String, Value>>)>,
}

impl Results {
    /// Keeps a result and returns its number.
    pub(crate) fn keep(&self, report: Arc<Map<String, Value>>) -> u64 {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.last += 1;
        let id = inner.last;
        inner.kept.push_back((id, report));
        while inner.kept.len() > KEPT_MAX {
            inner.kept.pop_front();
        }
        id
    }

    /// The result with that number, unless it was forgotten.
    pub(crate) fn get(&self, id: u64) -> Option<Arc<Map<String, Value>>> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner
            .kept
            .iter()
            .find(|(kept, _)| *kept == id)
            .map(|(_, report)| Arc::clone(report))
    }
}

/// Writes where to go on: `r7:findings=3,series=40`.
pub(crate) fn token(id: u64, position: &Position) -> String {
    let parts: Vec<String> = position
        .iter()
        .map(|(section, at)| format!("{section}={at}"))
        .collect();
    format!("r{id}:{}", parts.join(","))
}

/// Reads what [`token`] wrote; `None` for anything else.
pub(crate) fn parse_token(text: &str) -> Option<(u64, Position)> {
    let (id, parts) = text.strip_prefix('r')?.split_once(':')?;
    let position = parts
        .split(',')
        .filter(|part| !part.is_empty())
        .map(|part| {
            let (section, at) = part.split_once('=')?;
            Some((section.to_owned(), at.parse().ok()?))
        })
        .collect::<Option<Position>>()?;
    Some((id.parse().ok()?, position))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_read_back() {
        let position: Position = [("findings".to_owned(), 3), ("series".to_owned(), 40)].into();
        assert_eq!(token(7, &position), "r7:findings=3,series=40");
        assert_eq!(parse_token("r7:findings=3,series=40"), Some((7, position)));
        for bad in ["", "r", "7:series=1", "r7:series", "r7:series=-1", "rx:series=1"] {
            assert_eq!(parse_token(bad), None, "{bad}");
        }
    }

    #[test]
    fn old_results_are_forgotten() {
        let results = Results::default();
        let first = results.keep(Arc::new(Map::new()));
        assert!(results.get(first).is_some());
        for _ in 0..KEPT_MAX {
            results.keep(Arc::new(Map::new()));
        }
        assert!(results.get(first).is_none());
    }
}
