//! `poolscope crashes`.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use snapshot::{History, MomentFacts, OsKind, Problem};
use source::Want;

use crate::args::ReportArgs;
use crate::examine;
use crate::exit::{Failure, FailureExt, Outcome};
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
        from_files(&args.files)?
    };
    step::print(&STEP, &history, &args.report, ui)
}

/// Event logs by their content; everything else is a recording.
fn from_files(files: &[PathBuf]) -> Result<History, Failure> {
    let (logs, recordings): (Vec<PathBuf>, Vec<PathBuf>) =
        files.iter().cloned().partition(|path| is_event_log(path));
    let mut history = if recordings.is_empty() {
        History {
            host: snapshot::HostFacts {
                os: Some(OsKind::Windows),
                ..snapshot::HostFacts::default()
            },
            ..History::default()
        }
    } else {
        examine::open(&recordings)?
    };
    for path in &logs {
        let read = source::events::read_evtx(path).in_file(path)?;
        if let Some((count, reason)) = read.unreadable {
            let message = format!(
                "{}: {count} of {} records: {reason}",
                path.display(),
                read.records
            );
            history.problems.push(Problem::new("crashes", message));
        }
        let facts = MomentFacts {
            events: Some(read.events),
            ..MomentFacts::default()
        };
        let last = u32::try_from(history.samples.len().saturating_sub(1)).unwrap_or(u32::MAX);
        history.facts.push((last, facts));
    }
    Ok(history)
}

/// `.evtx` files begin with `ElfFile` and a zero byte.
fn is_event_log(path: &Path) -> bool {
    let mut head = [0; 8];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut head));
    read.is_ok() && head == *b"ElfFile\0"
}
