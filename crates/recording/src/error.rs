//! Errors that name the file, the place and the reason.

use std::fmt;
use std::path::{Path, PathBuf};

/// Why a file could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ImportErrorKind {
    /// The operating system refused to open or read it.
    Io,
    /// The content is none of the known formats.
    Unrecognised,
    /// The format is known, the content breaks its rules.
    Malformed,
    /// The content is larger than the limit that was given.
    TooLarge,
    /// It was written by a newer version of poolscope.
    TooNew,
}

/// A file that could not be read: which one, where in it, and why. Lines and columns count from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportError {
    /// The file.
    pub file: PathBuf,
    /// Line, where the input has lines.
    pub line: Option<u64>,
    /// Column in bytes, where one is to blame.
    pub column: Option<u64>,
    /// What kind of failure this is.
    pub kind: ImportErrorKind,
    /// What is wrong, and what to do about it where there is something.
    pub reason: String,
}

impl ImportError {
    /// A failure of `kind` in `file`.
    #[must_use]
    pub fn new(file: &Path, kind: ImportErrorKind, reason: impl Into<String>) -> Self {
        Self {
            file: file.to_path_buf(),
            line: None,
            column: None,
            kind,
            reason: reason.into(),
        }
    }

    /// The same failure with its place.
    #[must_use]
    pub fn at(mut self, line: u64, column: Option<u64>) -> Self {
        self.line = Some(line);
        self.column = column;
        self
    }

    pub(crate) fn io(file: &Path, error: &std::io::Error) -> Self {
        Self::new(file, ImportErrorKind::Io, error.to_string())
    }
}

impl fmt::Display for ImportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
            if let Some(column) = self.column {
                write!(f, ":{column}")?;
            }
        }
        write!(f, ": {}", self.reason)
    }
}

impl std::error::Error for ImportError {}

/// Why a recording could not be written. The file is valid after each of them, with all samples acknowledged before.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// Somebody else is writing to it.
    #[error("{} is being written by process {}", path.display(), pid.map_or_else(|| "?".to_owned(), |p| p.to_string()))]
    Busy {
        /// The recording.
        path: PathBuf,
        /// The first writer's process id, where it could be read.
        pid: Option<u32>,
    },
    /// The file or its folder may not be written.
    #[error("{} cannot be written: {reason}", path.display())]
    ReadOnly {
        /// The recording.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// No room for the sample. Everything acknowledged before is kept.
    #[error("{}: no room left for another sample ({reason}); all earlier samples are kept", path.display())]
    Full {
        /// The recording.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// There is a file of that name which is no recording.
    #[error("{} is not a poolscope recording: {reason}", path.display())]
    NotARecording {
        /// The file.
        path: PathBuf,
        /// What was found instead.
        reason: String,
    },
    /// The recording is damaged. Reading gives what is left of it; appending could make it worse.
    #[error("{} is damaged: {reason}", path.display())]
    Damaged {
        /// The recording.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The snapshot cannot be stored.
    #[error("{}: {reason}", path.display())]
    Unfit {
        /// The recording.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Another failure of the file system or of SQLite.
    #[error("{}: {reason}", path.display())]
    Failed {
        /// The recording.
        path: PathBuf,
        /// What was said.
        reason: String,
    },
}
