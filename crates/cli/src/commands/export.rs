//! `poolscope export`.

use std::path::PathBuf;

use crate::args::{FilterArgs, OutputArgs};
use crate::examine;
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
    /// Not in this program.
    Parquet,
}

/// Runs the command.
///
/// # Errors
/// What cannot be read is [`Failure::Input`], a format that this program cannot write [`Failure::Usage`].
pub fn run(args: &Args, ui: &Ui) -> Result<Outcome, Failure> {
    if args.to == ExportFormat::Parquet {
        return Err(Failure::Usage(
            "Parquet is not part of this program, which stays small; export csv, or load the recording into the fleet program"
                .to_owned(),
        ));
    }
    let progress = ui.progress(None, "Reading");
    let mut history = examine::open(&args.files)?;
    drop(progress);
    let filter = &args.filter;
    history.series.retain(|s| {
        let held = s.last().bytes.get();
        filter.wants(&s.key.tag, s.key.pool)
            && filter
                .min_bytes
                .is_none_or(|least| held.is_some_and(|b| b >= least))
    });
    history.series.truncate(filter.top.unwrap_or(usize::MAX));
    let mut out = ui.out(args.output.output.as_deref())?;
    match args.to {
        ExportFormat::Csv => recording::export::csv(&history, &mut out)?,
        ExportFormat::Json => recording::export::json(&history, &mut out)?,
        ExportFormat::Openmetrics => recording::export::openmetrics(&history, &mut out)?,
        ExportFormat::Parquet => {}
    }
    out.finish()?;
    Ok(Outcome::Done)
}
