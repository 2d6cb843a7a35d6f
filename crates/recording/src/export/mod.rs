//! Files out. Counters are written as they were read.

mod csv;
mod json;
mod openmetrics;

use std::path::Path;

use snapshot::{Counter, History, Usage};

use crate::WriteError;
use crate::store::whole;

pub use csv::csv;
pub use json::json;
pub use openmetrics::openmetrics;

/// Writes a history as a recording. `path` must not exist.
///
/// # Errors
/// See [`WriteError`].
pub fn recording(history: &History, path: &Path) -> Result<(), WriteError> {
    whole::write_file(history, path)
}

/// Goes through a history sample by sample: what each series is at each of them.
struct Cursor {
    next: Vec<usize>,
    now: Vec<Usage>,
}

impl Cursor {
    fn new(history: &History) -> Self {
        let count = history.series.len();
        Self {
            next: vec![0; count],
            now: vec![Usage::ABSENT; count],
        }
    }

    /// Moves on to `sample`; samples must be visited in order.
    fn advance(&mut self, history: &History, sample: u32) {
        for ((series, next), now) in history.series.iter().zip(&mut self.next).zip(&mut self.now) {
            while series.sample.get(*next).is_some_and(|&at| at <= sample) {
                *now = series.usage(*next);
                *next += 1;
            }
        }
    }
}

/// True when a series anywhere has outstanding allocations that the other counters do not give.
fn needs_live(history: &History) -> bool {
    history
        .series
        .iter()
        .any(|series| series.live.iter().any(|live| live.is_known()))
}

/// The counters' values in the order of the CSV's columns.
fn values(usage: &Usage) -> [Option<u64>; 4] {
    [usage.allocs, usage.frees, usage.bytes, usage.live].map(Counter::get)
}
