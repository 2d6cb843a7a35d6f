//! `poolscope track`.

use std::path::PathBuf;
use std::time::Duration;

use crate::args::{FilterArgs, KnowledgeArgs, ReportArgs};
use crate::exit::{Failure, Outcome};
use crate::ui::Ui;
use crate::values;

/// Sample the tags into a recording and say what grows.
///
/// Takes a sample every SECONDS into a recording, prints what grows as it goes, and ends with verdicts. Without SAMPLES it
/// runs until Ctrl-C. Given a recording that exists it goes on where that one stopped.
#[derive(Clone, Debug, clap::Args)]
#[command(
    before_help = "Example: poolscope track 30 10",
    after_help = "More examples:\n\x20 poolscope track 1 --recording leak.poolscope\n\x20 poolscope track 60 --max-size 20M --quiet"
)]
pub struct Args {
    /// Seconds between samples.
    #[arg(value_name = "SECONDS", default_value = "30", value_parser = values::duration)]
    pub every: Duration,
    /// How many samples to take; until Ctrl-C when not given.
    #[arg(value_name = "SAMPLES", value_parser = clap::value_parser!(u64).range(1..))]
    pub samples: Option<u64>,
    /// The recording to write or to go on with; named after the host when not given.
    #[arg(long, short, value_name = "FILE")]
    pub recording: Option<PathBuf>,
    /// Keep the recording below SIZE by thinning old samples.
    #[arg(long, value_name = "SIZE", value_parser = values::size, default_value = "100M")]
    pub max_size: u64,
    /// Which series to show; all are recorded.
    #[command(flatten)]
    pub filter: FilterArgs,
    /// What to learn owners from.
    #[command(flatten)]
    pub knowledge: KnowledgeArgs,
    /// Format, place and exit status of the verdicts at the end.
    #[command(flatten)]
    pub report: ReportArgs,
}

/// Runs the command.
///
/// # Errors
/// What cannot be read is [`Failure::Input`], what this machine cannot answer [`Failure::Unavailable`].
pub fn run(_args: &Args, _ui: &Ui) -> Result<Outcome, Failure> {
    Err(Failure::unavailable("track is not built yet"))
}
