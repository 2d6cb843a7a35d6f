//! What the person at the terminal asked for, and the way to talk to them on standard error.

use std::io::{self, IsTerminal, Write};
use std::path::Path;

use clap::ValueEnum;

use crate::exit::Failure;
use crate::output::{Look, Out};
use crate::progress::Progress;

/// When to colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal that can, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always, also in a pipe.
    Always,
    /// Never.
    Never,
}

/// The face of one run: how results look and what goes to standard error.
#[derive(Clone, Copy, Debug)]
pub struct Ui {
    quiet: bool,
    color: ColorChoice,
}

impl Ui {
    /// A face for one run.
    #[must_use]
    pub const fn new(quiet: bool, color: ColorChoice) -> Self {
        Self { quiet, color }
    }

    /// Whether hints, warnings and progress are unwanted.
    #[must_use]
    pub const fn quiet(&self) -> bool {
        self.quiet
    }

    /// The one place results go: standard output, or the file of `--output`.
    ///
    /// # Errors
    /// [`Failure::Output`] when the file cannot be made.
    pub fn out(&self, file: Option<&Path>) -> Result<Out, Failure> {
        Out::open(file, self.color)
    }

    /// How results on standard output look, without opening anything.
    #[must_use]
    pub fn look(&self) -> Look {
        Look::of(io::stdout().is_terminal(), self.color)
    }

    /// A progress line on standard error: of `total` steps, or of unknown length with `None`. Draws nothing when quiet
    /// or when standard error is no terminal.
    #[must_use]
    pub fn progress(&self, total: Option<u64>, what: &str) -> Progress {
        Progress::new(!self.quiet && io::stderr().is_terminal(), total, what)
    }

    /// Something the person should know although the run goes on.
    pub fn warn(&self, message: &str) {
        if !self.quiet {
            self.say("warning", "\u{1b}[33m", message);
        }
    }

    /// Something that helps with what comes next.
    pub fn hint(&self, message: &str) {
        if !self.quiet {
            self.say("hint", "\u{1b}[36m", message);
        }
    }

    /// How the run goes, a line at a time and without a label.
    pub fn note(&self, line: &str) {
        if !self.quiet {
            let _ = anstream::stderr().write_all(format!("{}\n", printable(line)).as_bytes());
        }
    }

    pub(crate) fn error(&self, message: &str) {
        self.say("error", "\u{1b}[31m", message);
    }

    fn say(&self, kind: &str, color: &str, message: &str) {
        let look = Look::of(io::stderr().is_terminal(), self.color);
        let message = printable(message);
        let line = if look.color {
            format!("poolscope: {color}{kind}:\u{1b}[0m {message}\n")
        } else {
            format!("poolscope: {kind}: {message}\n")
        };
        // Nobody is left to tell when standard error is closed.
        let _ = anstream::stderr().write_all(line.as_bytes());
    }
}

/// Control characters of a hostile file name or tag must not reach the terminal.
fn printable(message: &str) -> String {
    let safe = |c: char| {
        if c.is_control() && c != '\n' {
            '\u{fffd}'
        } else {
            c
        }
    };
    message.chars().map(safe).collect()
}
