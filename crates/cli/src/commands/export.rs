//! `poolscope export`.

use std::path::PathBuf;

use crate::args::{FilterArgs, OutputArgs};
use crate::exit::{Failure, Outcome};
use crate::ui::Ui;

/// Give a recording's counters back as CSV, JSON or OpenMetrics.
///
/// Everything that analyze reads can be exported; counters come out as they were read.
#[derive(Clone, Debug, clap::Args)]
#[command(
    before_help = "Example: poolscope export machine.poolscope --to csv --output machine.csv",
    after_help = "More examples:\n\x20 poolscope export poolsnap.log --to json"
)]
pub struct Args {
    /// Files or folders to export.
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// Format to export to.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    pub to: ExportFormat,
    /// Which series to export.
    #[command(flatten)]
    pub filter: FilterArgs,
    /// Where it goes.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Formats of exported counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ExportFormat {
    /// `time,tag,pool,allocs,frees,bytes`, one line a sample and series.
    #[default]
    Csv,
    /// The same as JSON, with the recording's facts.
    Json,
    /// The newest sample as an OpenMetrics exposition.
    Openmetrics,
}

/// Runs the command.
///
/// # Errors
/// What cannot be read is [`Failure::Input`], what this machine cannot answer [`Failure::Unavailable`].
pub fn run(_args: &Args, _ui: &Ui) -> Result<Outcome, Failure> {
    Err(Failure::unavailable("export is not built yet"))
}
