//! From files to a report: the way that analyze, diagnose and the single steps share.

use std::path::{Path, PathBuf};

use attribution::{OwnerIndex, TagList};
use detection::Analysis;
use diagnosis::{Diagnosis, Input, Severity};
use report::{Report, Style, TextOptions};
use snapshot::History;

use crate::args::{KnowledgeArgs, ReportArgs, ReportFormat};
use crate::exit::{Failure, FailureExt, Outcome};
use crate::output::Look;
use crate::ui::Ui;

/// Opens what was named: a folder of raw captures, or files that the recording room knows.
///
/// # Errors
/// [`Failure::Input`] with the file and the reason.
pub fn open(files: &[PathBuf]) -> Result<History, Failure> {
    if let [folder] = files
        && folder.is_dir()
        && source::capture::is_capture_folder(folder)
    {
        return source::capture::read_folder(folder).in_file(folder);
    }
    recording::open(files, &recording::OpenOptions::default()).map_err(|error| {
        // The error itself names the file.
        Failure::input(crate::exit::chain(&error))
    })
}

/// What is known about owners: the program's own table, the facts of the recording, and what the user named.
///
/// # Errors
/// [`Failure::Input`] when a named pooltag.txt cannot be read.
pub fn owner_index(history: &History, knowledge: &KnowledgeArgs, search: Option<&str>) -> Result<OwnerIndex, Failure> {
    let mut index = OwnerIndex::builtin();
    index.set_os(history.host.os);
    if let Some(search) = search {
        index.set_search_address(search);
    }
    for (_, facts) in &history.facts {
        index.add_facts(facts);
    }
    for path in &knowledge.pooltag {
        let bytes = std::fs::read(path).in_file(path)?;
        index.add_list(TagList::parse(&name_of(path), &bytes));
    }
    Ok(index)
}

fn name_of(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |n| n.to_string_lossy().into_owned())
}

/// Judges and diagnoses a history.
#[must_use]
pub fn diagnose(history: &History, index: &OwnerIndex, options: &diagnosis::Options) -> (Analysis, Diagnosis) {
    let analysis = detection::judge(history, &detection::Config::default());
    let owners = |tag: &snapshot::Tag, pool| index.owners_in(tag, pool);
    let diagnosis = diagnosis::diagnose(&Input { history, analysis: &analysis, owners: &owners, options });
    (analysis, diagnosis)
}

/// The report of a diagnosis made by this program.
#[must_use]
pub fn report(diagnosis: &Diagnosis) -> Report {
    Report::new(diagnosis, env!("CARGO_PKG_VERSION"))
}

/// How text should look where it goes.
#[must_use]
pub fn style(look: Look) -> Style {
    Style { color: look.color, width: look.width }
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
    let options = TextOptions { style: style(out.look()), all, diagnosis };
    out.text(&render(report, args.format, options))?;
    out.finish()?;
    Ok(args.outcome(severities))
}
