//! The `poolscope` program: arguments, wiring, file access, printing, exit status.
//!
//! This crate may not compute: no statistics, no byte layouts, no opinions on tags. It opens what it was told to open,
//! hands it to the rooms that know, prints what comes back and says by its exit status how it went. It never prints
//! results anywhere but on standard output or the file of `--output`.

pub mod args;
mod assistant;
pub mod commands;
pub mod csv;
pub mod driver_files;
pub mod examine;
pub mod exit;
pub mod knowledge;
pub mod output;
pub mod progress;
pub mod sampling;
pub mod step;
pub mod ui;
pub mod values;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser};

use crate::exit::Outcome;
use crate::ui::{ColorChoice, Ui};

/// Finds out why a kernel's memory grows, and names who holds it.
///
/// Reads the kernel's own pool tag counters (Windows) or slab caches (Linux), live or from recordings, CSV files and
/// PoolMon tables; decides which of them leak; says who owns each tag and who holds the memory; ends with what to do.
#[derive(Debug, Parser)]
#[command(
    name = "poolscope",
    version,
    before_help = "Example: poolscope diagnose",
    after_help = "Exit status: 0 done, 1 something at or above --fail-on was found, 2 wrong usage or unreadable input,\n\
                  3 this machine cannot answer.",
    propagate_version = true,
    subcommand_required = true,
    arg_required_else_help = true,
    max_term_width = 100
)]
pub struct Cli {
    /// No progress, hints or warnings on standard error.
    #[arg(long, short, global = true, help_heading = "Global options")]
    pub quiet: bool,

    /// When to use colour; the environment variable NO_COLOR also turns it off.
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        value_enum,
        default_value_t,
        help_heading = "Global options"
    )]
    pub color: ColorChoice,

    /// What to do.
    #[command(subcommand)]
    pub command: commands::Command,
}

/// The command line's definition, for help, completions and man pages.
#[must_use]
pub fn command() -> clap::Command {
    let mut command = Cli::command();
    command.build();
    command
}

/// Runs one command line and gives the exit status. Never panics and never exits on its own.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    // Before anything can load a DLL: one planted beside a program that administrators run must not be loaded.
    #[cfg(windows)]
    let unprotected = nt_query::restrict_dll_search().err();
    let matches = match Cli::command().try_get_matches_from(args) {
        Ok(matches) => matches,
        Err(error) => return exit::report_usage(&error),
    };
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => return exit::report_usage(&error),
    };
    let ui = Ui::new(cli.quiet, cli.color);
    #[cfg(windows)]
    if let Some(error) = unprotected {
        ui.warn(&error.to_string());
    }
    match cli.command.run(&ui) {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Found) => ExitCode::from(exit::FOUND),
        Err(error) => exit::report(&error, &ui),
    }
}
