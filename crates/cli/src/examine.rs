//! From files to a report: the way that analyze, diagnose and the single steps share.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use attribution::OwnerIndex;
use detection::Analysis;
use diagnosis::{Diagnosis, Input, Severity};
use report::{Report, Style, TextOptions};
use snapshot::{History, HistoryBuilder, HostFacts, MomentFacts, OsKind, Problem, SourceKind};
use source::Want;

use crate::args::{ReportArgs, ReportFormat};
use crate::exit::{Failure, FailureExt, Outcome, chain};
use crate::output::Look;
use crate::ui::Ui;

/// Opens what was named: recordings of every kind, a folder of raw captures, saved event logs beside them or alone.
///
/// # Errors
/// [`Failure::Input`] with the file and the reason.
pub fn open(files: &[PathBuf]) -> Result<History, Failure> {
    let (logs, others): (Vec<PathBuf>, Vec<PathBuf>) =
        files.iter().cloned().partition(|path| is_event_log(path));
    let mut history = match others.as_slice() {
        [] if !logs.is_empty() => windows_without_samples(),
        [folder] if source::capture::is_capture_path(folder) => {
            source::capture::read_folder(folder).in_file(folder)?
        }
        // The error itself names the file.
        others => recording::open(others, &recording::OpenOptions::default())
            .map_err(|error| Failure::input(chain(&error)))?,
    };
    for log in &logs {
        add_events(&mut history, log)?;
    }
    Ok(history)
}

/// What event logs are added to when nothing else was named.
fn windows_without_samples() -> History {
    History {
        host: HostFacts {
            os: Some(OsKind::Windows),
            ..HostFacts::default()
        },
        ..History::default()
    }
}

fn add_events(history: &mut History, log: &Path) -> Result<(), Failure> {
    let read = source::events::read_evtx(log).in_file(log)?;
    if let Some((count, reason)) = read.unreadable {
        let message = format!("{}: {count} of {} records: {reason}", log.display(), read.records);
        history.problems.push(Problem::new("crashes", message));
    }
    let facts = MomentFacts {
        events: Some(read.events),
        ..MomentFacts::default()
    };
    let last = u32::try_from(history.samples.len().saturating_sub(1)).unwrap_or(u32::MAX);
    history.facts.push((last, facts));
    Ok(())
}

/// `.evtx` files begin with `ElfFile` and a zero byte.
fn is_event_log(path: &Path) -> bool {
    let mut head = [0; 8];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut head));
    read.is_ok() && head == *b"ElfFile\0"
}

/// The facts of this machine now, as a history of one sample without tags.
///
/// # Errors
/// [`Failure::Unavailable`] when this machine cannot answer at all.
pub fn this_machine(want: &Want) -> Result<History, Failure> {
    let mut source = source::live();
    let (host, problems) = source.host();
    let mut builder = HistoryBuilder::new(SourceKind::Live, host);
    for problem in problems {
        builder.problem(problem);
    }
    builder.push(source.snapshot(want)?);
    Ok(builder.finish())
}

/// Judges and diagnoses a history.
#[must_use]
pub fn diagnose(
    history: &History,
    index: &OwnerIndex,
    options: &diagnosis::Options,
) -> (Analysis, Diagnosis) {
    let analysis = detection::judge(history, &detection::Config::default());
    let owners = |tag: &snapshot::Tag, pool| index.owners_in(tag, pool);
    let input = Input {
        history,
        analysis: &analysis,
        owners: &owners,
        options,
    };
    let diagnosis = diagnosis::diagnose(&input);
    (analysis, diagnosis)
}

/// The report of a diagnosis made by this program.
#[must_use]
pub fn report(diagnosis: &Diagnosis) -> Report {
    Report::new(diagnosis, env!("CARGO_PKG_VERSION"))
}

/// How text should look where it goes.
#[must_use]
pub const fn style(look: Look) -> Style {
    Style {
        color: look.color,
        width: look.width,
    }
}

/// A report in the format asked for.
#[must_use]
pub fn render(report: &Report, format: ReportFormat, options: TextOptions) -> String {
    match format {
        ReportFormat::Text => report::text(report, options),
        ReportFormat::Json => report::json(report),
        ReportFormat::Csv => report::csv(report),
        ReportFormat::Markdown => report::markdown(report),
        ReportFormat::Html => report::html(report),
    }
}

/// Prints a report and says how the run ends.
///
/// # Errors
/// [`Failure::Output`] when the result cannot be written.
pub fn print(
    report: &Report,
    severities: impl IntoIterator<Item = Severity>,
    args: &ReportArgs,
    (all, diagnosis): (bool, bool),
    ui: &Ui,
) -> Result<Outcome, Failure> {
    let mut out = ui.out(args.to.output.as_deref())?;
    let options = TextOptions {
        style: style(out.look()),
        all,
        diagnosis,
    };
    out.text(&render(report, args.format, options))?;
    out.finish()?;
    Ok(args.outcome(severities))
}
