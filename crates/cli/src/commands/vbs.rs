//! `poolscope vbs`.

use std::path::PathBuf;

use crate::args::ReportArgs;
use crate::exit::{Failure, Outcome};
use crate::ui::Ui;

/// Show what virtualization-based security runs, and whether it amplifies growth.
///
/// Looks at this machine, or at the facts in recordings.
#[derive(Clone, Debug, clap::Args)]
#[command(
    before_help = "Example: poolscope vbs",
    after_help = "More examples:\n\x20 poolscope vbs machine.poolscope"
)]
pub struct Args {
    /// Recordings or bundles to look at instead of this machine.
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Format, place and exit status.
    #[command(flatten)]
    pub report: ReportArgs,
}

/// Runs the command.
///
/// # Errors
/// What cannot be read is [`Failure::Input`], what this machine cannot answer [`Failure::Unavailable`].
pub fn run(_args: &Args, _ui: &Ui) -> Result<Outcome, Failure> {
    Err(Failure::unavailable("vbs is not built yet"))
}
