//! How a run ends: typed failures and the exit status of each.
//!
//! 0 done; 1 something at or above `--fail-on` was found; 2 wrong usage or unreadable input; 3 this machine cannot
//! answer. A closed pipe is no failure: whoever closed it has seen enough.

use std::error::Error as StdError;
use std::fmt::{Display, Write as _};
use std::io;
use std::path::Path;
use std::process::ExitCode;

use crate::ui::Ui;

/// Exit status when something at or above `--fail-on` was found.
pub const FOUND: u8 = 1;
/// Exit status for wrong usage and unreadable input.
pub const INPUT: u8 = 2;
/// Exit status when this machine cannot answer.
pub const UNAVAILABLE: u8 = 3;

/// A run that reached its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Status 0.
    Done,
    /// Status 1: something at or above the severity that the user gave to `--fail-on`.
    Found,
}

/// A run that did not reach its end.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The command line asks for something impossible. Status 2.
    #[error("{0}")]
    Usage(String),
    /// An input cannot be read or understood. Status 2.
    #[error("{what}")]
    Input {
        /// What was being done, with the file's name.
        what: String,
        /// The error of the room that refused it.
        #[source]
        source: Option<Box<dyn StdError + Send + Sync>>,
    },
    /// This machine cannot answer: not Windows or Linux, an interface is missing or refused. Status 3.
    #[error("{what}")]
    Unavailable {
        /// The interface, its status code and what to do about it.
        what: String,
        /// The error of the room that could not answer.
        #[source]
        source: Option<Box<dyn StdError + Send + Sync>>,
    },
    /// The result could not be written. Status 2, or 0 when the reader closed the pipe.
    #[error("cannot write {to}")]
    Output {
        /// `standard output` or the file's name.
        to: String,
        /// The system's error.
        #[source]
        source: io::Error,
    },
}

impl Failure {
    /// An input that cannot be used, with the reason in words.
    pub fn input(what: impl Into<String>) -> Self {
        Self::Input {
            what: what.into(),
            source: None,
        }
    }

    /// A file that cannot be used, because of `source`.
    pub fn file(path: &Path, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::Input {
            what: format!("cannot read {}", path.display()),
            source: Some(source.into()),
        }
    }

    /// Something this machine cannot answer, with the reason in words.
    pub fn unavailable(what: impl Into<String>) -> Self {
        Self::Unavailable {
            what: what.into(),
            source: None,
        }
    }

    /// The exit status.
    #[must_use]
    pub fn status(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::Input { .. } => INPUT,
            Self::Unavailable { .. } => UNAVAILABLE,
            Self::Output { source, .. } if is_closed_pipe(source) => 0,
            Self::Output { .. } => INPUT,
        }
    }
}

impl From<source::SourceError> for Failure {
    fn from(error: source::SourceError) -> Self {
        Self::unavailable(error.to_string())
    }
}

/// Writing to standard output is the only thing commands do with a bare [`io::Error`]; file errors name their file.
impl From<io::Error> for Failure {
    fn from(source: io::Error) -> Self {
        Self::Output {
            to: "standard output".to_owned(),
            source,
        }
    }
}

/// The reader went away. Windows says so with three codes of which std maps only some to `BrokenPipe`:
/// `ERROR_BROKEN_PIPE` 109, `ERROR_NO_DATA` 232, `ERROR_PIPE_NOT_CONNECTED` 233.
#[must_use]
pub fn is_closed_pipe(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::BrokenPipe
        || (cfg!(windows) && matches!(error.raw_os_error(), Some(109 | 232 | 233)))
}

/// The error and its causes in one line, each cause said once.
#[must_use]
pub fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !text.contains(&words) {
            let _ = write!(text, ": {words}");
        }
        cause = error.source();
    }
    text
}

/// Prints a failure to standard error and gives its exit status.
pub(crate) fn report(failure: &Failure, ui: &Ui) -> ExitCode {
    let status = failure.status();
    if status != 0 {
        ui.error(&chain(failure));
    }
    ExitCode::from(status)
}

/// Prints what clap says: help and version to standard output (status 0), errors to standard error (status 2).
pub(crate) fn report_usage(error: &clap::Error) -> ExitCode {
    let status = if error.use_stderr() { INPUT } else { 0 };
    match error.print() {
        Err(error) if !is_closed_pipe(&error) => ExitCode::from(INPUT),
        _ => ExitCode::from(status),
    }
}

/// Adds what was being done to errors of other rooms.
pub trait FailureExt<T> {
    /// This is the input's fault: names the file.
    ///
    /// # Errors
    /// [`Failure::Input`] with the error as its cause.
    fn in_file(self, path: &Path) -> Result<T, Failure>;

    /// This is the input's fault: says what was being done.
    ///
    /// # Errors
    /// [`Failure::Input`] with the error as its cause.
    fn while_doing(self, what: impl Display) -> Result<T, Failure>;
}

impl<T, E: Into<Box<dyn StdError + Send + Sync>>> FailureExt<T> for Result<T, E> {
    fn in_file(self, path: &Path) -> Result<T, Failure> {
        self.map_err(|error| Failure::file(path, error))
    }

    fn while_doing(self, what: impl Display) -> Result<T, Failure> {
        self.map_err(|error| Failure::Input {
            what: what.to_string(),
            source: Some(error.into()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_has_its_status() {
        let pipe = io::Error::from(io::ErrorKind::BrokenPipe);
        let full = io::Error::from(io::ErrorKind::StorageFull);
        let cases = [
            (Failure::Usage("x".into()), 2),
            (Failure::input("x"), 2),
            (
                Failure::file(Path::new("a.csv"), io::Error::from(io::ErrorKind::NotFound)),
                2,
            ),
            (Failure::unavailable("x"), 3),
            (Failure::from(pipe), 0),
            (Failure::from(full), 2),
        ];
        for (failure, status) in cases {
            assert_eq!(failure.status(), status, "{failure:?}");
        }
    }

    #[test]
    fn a_chain_names_each_cause_once() {
        let failure = Failure::file(Path::new("a.csv"), "line 3: not a number");
        assert_eq!(chain(&failure), "cannot read a.csv: line 3: not a number");
    }
}
