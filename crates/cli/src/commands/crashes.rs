//! `poolscope crashes`.

use std::path::PathBuf;

use source::Want;

use crate::args::ReportArgs;
use crate::examine;
use crate::exit::{Failure, Outcome};
use crate::step::{self, Step};
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

const STEP: Step = Step {
    name: "crashes",
    codes: &["PS0503", "PS0504", "PS0505", "PS0701"],
    keep: |whole| report::Report {
        events: whole.events.take(),
        ..report::Report::default()
    },
    text: |report, style| {
        report
            .events
            .as_ref()
            .map(|e| report::events_text(e, style, true))
    },
};

/// Runs the command.
///
/// # Errors
/// What cannot be read is [`Failure::Input`], what this machine cannot answer [`Failure::Unavailable`].
pub fn run(args: &Args, ui: &Ui) -> Result<Outcome, Failure> {
    let want = Want {
        events: true,
        ..Want::default()
    };
    let history = if args.files.is_empty() {
        examine::this_machine(&want)?
    } else {
        examine::open(&args.files)?
    };
    step::print(&STEP, &history, &args.report, ui)
}
