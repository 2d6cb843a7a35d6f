//! `poolscope drivers`.

use std::path::PathBuf;

use source::Want;

use crate::args::ReportArgs;
use crate::examine;
use crate::exit::{Failure, Outcome};
use crate::step::{self, Step};
use crate::ui::Ui;

/// List running drivers that are not part of the system, suspects first.
///
/// Looks at this machine, or at the facts in recordings.
#[derive(Clone, Debug, clap::Args)]
#[command(
    before_help = "Example: poolscope drivers",
    after_help = "More examples:\n\x20 poolscope drivers machine.poolscope --format csv"
)]
pub struct Args {
    /// Recordings or bundles to look at instead of this machine.
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Format, place and exit status.
    #[command(flatten)]
    pub report: ReportArgs,
}

const STEP: Step = Step {
    name: "drivers",
    codes: &["PS0501", "PS0502"],
    keep: |whole| report::Report {
        drivers: whole.drivers.take(),
        ..report::Report::default()
    },
    text: |report, style| {
        report
            .drivers
            .as_ref()
            .map(|d| report::drivers_text(d, style, true))
    },
};

/// Runs the command.
///
/// # Errors
/// What cannot be read is [`Failure::Input`], what this machine cannot answer [`Failure::Unavailable`].
pub fn run(args: &Args, ui: &Ui) -> Result<Outcome, Failure> {
    let want = Want {
        drivers: true,
        minifilters: true,
        modules: true,
        ..Want::default()
    };
    let history = if args.files.is_empty() {
        examine::this_machine(&want)?
    } else {
        examine::open(&args.files)?
    };
    step::print(&STEP, &history, &args.report, ui)
}
