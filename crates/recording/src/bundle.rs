//! The evidence bundle: a zip with the recording, the report, versions and a manifest of hashes, so that somebody else can
//! analyse it on another system. `recording::open` reads it.

use std::io::{Read, Seek};
use std::path::Path;

use snapshot::History;

use crate::{ImportError, ImportErrorKind, OpenOptions, WriteError};

/// What goes into a bundle.
#[derive(Clone, Debug)]
pub struct Bundle<'a> {
    /// The recording, with all facts that were read.
    pub history: &'a History,
    /// The report as JSON text.
    pub report_json: &'a str,
    /// Other texts by file name (`report.html`, `report.txt`).
    pub texts: Vec<(String, String)>,
    /// Name and version of the program.
    pub tool: &'a str,
    /// Replace host, user and path names consistently.
    pub redact: bool,
}

/// Writes `bundle` to `path`, replacing a file that is there.
///
/// # Errors
/// See [`WriteError`].
pub fn write(path: &Path, bundle: &Bundle<'_>) -> Result<(), WriteError> {
    let _ = bundle;
    Err(WriteError::Failed {
        path: path.to_path_buf(),
        reason: "no writer yet".to_owned(),
    })
}

/// Reads the recording in a bundle.
pub(crate) fn read(
    name: &Path,
    archive: impl Read + Seek,
    options: &OpenOptions,
) -> Result<History, ImportError> {
    let _ = (archive, options);
    Err(ImportError::new(
        name,
        ImportErrorKind::Unrecognised,
        "no reader yet",
    ))
}
