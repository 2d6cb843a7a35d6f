//! One step of the diagnosis as a command: its facts from this machine or from files, and only its part of the report.

use diagnosis::Severity;
use report::{Report, Style};
use snapshot::History;

use crate::args::{ReportArgs, ReportFormat};
use crate::examine;
use crate::exit::{Failure, Outcome};
use crate::ui::Ui;

/// A step: which findings are its own, what stays of the report, and its text.
pub struct Step {
    /// Name, as problems have it.
    pub name: &'static str,
    /// Beginnings of its findings' codes.
    pub codes: &'static [&'static str],
    /// Takes the step's part out of a report into one that holds nothing else.
    pub keep: fn(&mut Report) -> Report,
    /// The step as text; `None` when its facts were not read.
    pub text: fn(&Report, Style) -> Option<String>,
}

/// Diagnoses a history and prints one step of it.
///
/// # Errors
/// [`Failure::Usage`] for CSV, which has series only; [`Failure::Output`] when the result cannot be written.
pub fn print(step: &Step, history: &History, args: &ReportArgs, ui: &Ui) -> Result<Outcome, Failure> {
    if args.format == ReportFormat::Csv {
        return Err(Failure::Usage(format!(
            "{} has no CSV form; use --format json, text, markdown or html",
            step.name
        )));
    }
    let mut index = attribution::OwnerIndex::builtin();
    index.add_history(history);
    let (_, diagnosis) = examine::diagnose(history, &index, &diagnosis::Options::default());
    let mut whole = examine::report(&diagnosis);
    let mut part = (step.keep)(&mut whole);
    part.schema = whole.schema;
    part.tool = whole.tool;
    part.source = whole.source;
    part.problems = whole.problems;
    let own = |code: &str| step.codes.iter().any(|start| code.starts_with(start));
    part.findings = whole.findings.map(|all| {
        all.into_iter()
            .filter(|f| f.code.as_deref().is_some_and(own))
            .collect()
    });
    let severities: Vec<Severity> = diagnosis
        .findings
        .iter()
        .filter(|f| own(f.code))
        .map(|f| f.severity)
        .collect();
    let nothing = (step.text)(&part, report::Style::default()).is_none();
    if nothing && history.kind == Some(snapshot::SourceKind::Live) {
        let mine = history
            .problems
            .iter()
            .map(|p| format!("{}: {}", p.step, p.message));
        let why: Vec<String> = mine.collect();
        return Err(Failure::unavailable(format!(
            "this machine has no facts for {}: {}",
            step.name,
            if why.is_empty() {
                "the step is one of Windows".to_owned()
            } else {
                why.join("; ")
            }
        )));
    }
    let mut out = ui.out(args.to.output.as_deref())?;
    let style = examine::style(out.look());
    let text = match args.format {
        ReportFormat::Text => as_text(step, &part, style),
        format => examine::render(&part, format, report::TextOptions::default()),
    };
    out.text(&text)?;
    out.finish()?;
    Ok(args.outcome(severities))
}

/// The step's findings first, then its facts, then what could not be read.
fn as_text(step: &Step, part: &Report, style: Style) -> String {
    let options = report::TextOptions {
        style,
        all: true,
        diagnosis: false,
    };
    let findings = Report {
        findings: part.findings.clone(),
        ..Report::default()
    };
    let problems = Report {
        problems: part.problems.clone(),
        ..Report::default()
    };
    let facts = (step.text)(part, style)
        .unwrap_or_else(|| format!("  Nothing of this step was read ({}).\n", step.name));
    let found = report::text(&findings, options);
    let found = found.trim_start_matches('\n');
    let gap = if found.is_empty() { "" } else { "\n" };
    format!("{facts}{gap}{found}{}", report::text(&problems, options))
}
