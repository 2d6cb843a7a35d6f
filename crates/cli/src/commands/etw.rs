//! `poolscope etw`.

use std::path::PathBuf;

use crate::args::ReportArgs;
use crate::exit::{Failure, Outcome};
use crate::ui::Ui;

/// List event-tracing sessions with their buffers, and what they cost.
///
/// Looks at this machine, or at the facts in recordings.
#[derive(Clone, Debug, clap::Args)]
#[command(
    before_help = "Example: poolscope etw",
    after_help = "More examples:\n\x20 poolscope etw machine.poolscope"
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
    Err(Failure::unavailable("etw is not built yet"))
}
