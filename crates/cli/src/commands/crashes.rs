//! `poolscope crashes`.

use std::path::PathBuf;

use crate::args::ReportArgs;
use crate::exit::{Failure, Outcome};
use crate::ui::Ui;

/// Show crashes, dirty shutdowns and exhaustion events as a timeline.
///
/// Looks at this machine, at the facts in recordings, or at event log files (.evtx), on any system.
#[derive(Clone, Debug, clap::Args)]
#[command(
    before_help = "Example: poolscope crashes",
    after_help = "More examples:\n\x20 poolscope crashes System.evtx"
)]
pub struct Args {
    /// Recordings, bundles or event logs to look at instead of this machine.
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
    Err(Failure::unavailable("crashes is not built yet"))
}
