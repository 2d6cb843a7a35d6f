//! Files in: recognises the format by content.

use std::path::{Path, PathBuf};

use snapshot::History;

use crate::{ImportError, ImportErrorKind};

/// Limits for reading. The defaults suit a machine of today and a file of a stranger.
#[derive(Clone, Debug)]
pub struct OpenOptions {
    /// Most bytes of one input after decompression.
    pub max_bytes: u64,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self { max_bytes: 8 << 30 }
    }
}

/// Reads one recording from one or more files. The format of each is recognised by its content, never by its name; several
/// files in the order given are one recording.
///
/// # Errors
/// When a file cannot be read, is of no known format, or breaks its format so that the rest is not certainly sound. A
/// line that alone is broken is skipped and named in [`History::problems`].
pub fn open(paths: &[PathBuf], options: &OpenOptions) -> Result<History, ImportError> {
    let _ = options;
    let file = paths.first().map_or(Path::new(""), PathBuf::as_path);
    Err(ImportError::new(
        file,
        ImportErrorKind::Unrecognised,
        "no reader yet",
    ))
}

/// As [`open`], for content that is in memory already. `name` is used in messages only.
///
/// # Errors
/// As [`open`].
pub fn open_bytes(name: &Path, bytes: &[u8], options: &OpenOptions) -> Result<History, ImportError> {
    let _ = (bytes, options);
    Err(ImportError::new(
        name,
        ImportErrorKind::Unrecognised,
        "no reader yet",
    ))
}
