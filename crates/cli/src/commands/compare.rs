//! `poolscope compare`.

use std::path::PathBuf;

use crate::args::{FilterArgs, ReportArgs};
use crate::exit::{Failure, Outcome};
use crate::ui::Ui;

/// Compare two recordings: before and after a fix, or two boots aligned on uptime.
///
/// Says what got better, what got worse and what is new, at the same uptime where both recordings know theirs.
#[derive(Clone, Debug, clap::Args)]
#[command(
    before_help = "Example: poolscope compare before.poolscope after.poolscope",
    after_help = "More examples:\n\x20 poolscope compare before.csv after.csv --format markdown"
)]
pub struct Args {
    /// The recording from before the change.
    #[arg(value_name = "BEFORE")]
    pub before: PathBuf,
    /// The recording from after the change.
    #[arg(value_name = "AFTER")]
    pub after: PathBuf,
    /// Which series to compare.
    #[command(flatten)]
    pub filter: FilterArgs,
    /// Format, place and exit status.
    #[command(flatten)]
    pub report: ReportArgs,
}

/// Runs the command.
///
/// # Errors
/// What cannot be read is [`Failure::Input`], what this machine cannot answer [`Failure::Unavailable`].
pub fn run(_args: &Args, _ui: &Ui) -> Result<Outcome, Failure> {
    Err(Failure::unavailable("compare is not built yet"))
}
