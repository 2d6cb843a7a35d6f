//! Files out. Counters are written as they were read.

use std::io::{self, Write};
use std::path::Path;

use snapshot::History;

use crate::WriteError;

/// Writes the CSV contract: `time,tag,pool,allocs,frees,bytes`, one row a sample and series. A counter that was not read is
/// empty; a column `live` follows where the source gave outstanding allocations itself.
///
/// # Errors
/// When `out` refuses.
pub fn csv(history: &History, out: &mut dyn Write) -> io::Result<()> {
    let _ = (history, out);
    Err(io::Error::other("no writer yet"))
}

/// Writes the whole history as JSON, schema `poolscope.history/1`.
///
/// # Errors
/// When `out` refuses.
pub fn json(history: &History, out: &mut dyn Write) -> io::Result<()> {
    let _ = (history, out);
    Err(io::Error::other("no writer yet"))
}

/// Writes the last sample as OpenMetrics text.
///
/// # Errors
/// When `out` refuses.
pub fn openmetrics(history: &History, out: &mut dyn Write) -> io::Result<()> {
    let _ = (history, out);
    Err(io::Error::other("no writer yet"))
}

/// Writes a history as a recording. `path` must not exist.
///
/// # Errors
/// See [`WriteError`].
pub fn recording(history: &History, path: &Path) -> Result<(), WriteError> {
    let _ = history;
    Err(WriteError::Failed {
        path: path.to_path_buf(),
        reason: "no writer yet".to_owned(),
    })
}
