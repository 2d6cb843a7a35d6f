//! `poolscope watch`.

use std::time::Duration;

use crate::args::FilterArgs;
use crate::exit::{Failure, Outcome};
use crate::ui::Ui;
use crate::values;

/// Watch the tags in a full-screen live table.
///
/// Shows the tags as they change, with what they gained since the start and their rates. `?` shows the keys, `q` ends.
#[derive(Clone, Debug, clap::Args)]
#[command(
    before_help = "Example: poolscope watch",
    after_help = "More examples:\n\x20 poolscope watch 2 --pool nonpaged"
)]
pub struct Args {
    /// Seconds between refreshes.
    #[arg(value_name = "SECONDS", default_value = "2", value_parser = values::duration)]
    pub every: Duration,
    /// Which series to show.
    #[command(flatten)]
    pub filter: FilterArgs,
}

/// Runs the command.
///
/// # Errors
/// What cannot be read is [`Failure::Input`], what this machine cannot answer [`Failure::Unavailable`].
pub fn run(_args: &Args, _ui: &Ui) -> Result<Outcome, Failure> {
    Err(Failure::unavailable("watch is not built yet"))
}
