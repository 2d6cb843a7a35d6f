//! `poolscope compare`.

use std::path::{Path, PathBuf};

use snapshot::History;

use crate::args::{FilterArgs, ReportArgs, ReportFormat};
use crate::examine;
use crate::exit::{Failure, Outcome};
use crate::ui::Ui;

/// Compare two recordings: before and after a fix, or two boots aligned on uptime.
///
/// Says what got better, what got worse and what is new, at the same uptime where both recordings know theirs.
#[derive(Clone, Debug, clap::Args)]
#[command(
    before_help = "Example: poolscope compare before.poolscope after.poolscope",
    after_help = "More examples:\n\x20 poolscope compare before.csv after.csv --format markdown\n\x20 poolscope compare machine.poolscope --boots 1,2"
)]
pub struct Args {
    /// The recording from before the change.
    #[arg(value_name = "BEFORE")]
    pub before: PathBuf,
    /// The recording from after the change.
    #[arg(value_name = "AFTER", required_unless_present = "boots")]
    pub after: Option<PathBuf>,
    /// Compare two boots of BEFORE, counted from 1 (`--boots 1,2`), at the same uptime.
    #[arg(
        long,
        value_name = "N,M",
        value_delimiter = ',',
        num_args = 1,
        conflicts_with = "after"
    )]
    pub boots: Option<Vec<usize>>,
    /// Show the series that are ordinary on both sides as well.
    #[arg(long)]
    pub all: bool,
    /// Which series to compare.
    #[command(flatten)]
    pub filter: FilterArgs,
    /// Format, place and exit status.
    #[command(flatten)]
    pub report: ReportArgs,
}

/// Runs the command.
///
/// # Errors
/// What cannot be read is [`Failure::Input`], a format that a comparison does not have [`Failure::Usage`].
pub fn run(args: &Args, ui: &Ui) -> Result<Outcome, Failure> {
    if matches!(args.report.format, ReportFormat::Csv | ReportFormat::Html) {
        return Err(Failure::Usage(
            "a comparison has the formats text, json and markdown".to_owned(),
        ));
    }
    let progress = ui.progress(None, "Reading");
    let (before, after) = sides(args)?;
    let (report, findings) = compared(&before, &after, &args.filter);
    drop(progress);
    let mut out = ui.out(args.report.to.output.as_deref())?;
    let text = match args.report.format {
        ReportFormat::Json => report.json(),
        ReportFormat::Markdown => report.markdown(),
        _ => report.text(examine::style(out.look()), args.all),
    };
    out.text(&text)?;
    out.finish()?;
    // What is found is what is wrong after the change.
    Ok(args.report.outcome(findings.iter().map(|f| f.severity)))
}

/// The comparison of two files as JSON.
///
/// # Errors
/// [`Failure::Input`] with the file that cannot be read and the reason.
pub fn json(before: &Path, after: &Path) -> Result<String, Failure> {
    let open = |path: &Path| examine::open(&[path.to_path_buf()]);
    let (report, _) = compared(&open(before)?, &open(after)?, &FilterArgs::default());
    Ok(report.json())
}

/// The comparison, and what was found after the change.
fn compared(
    before: &History,
    after: &History,
    wanted: &FilterArgs,
) -> (report::ComparisonReport, Vec<diagnosis::Finding>) {
    let options = diagnosis::Options::default();
    let diagnosed = |history: &History| {
        let mut index = attribution::OwnerIndex::builtin();
        index.add_history(history);
        examine::diagnose(history, &index, &options)
    };
    let (old_analysis, old) = diagnosed(before);
    let (new_analysis, new) = diagnosed(after);
    let mut comparison = detection::compare((before, &old_analysis), (after, &new_analysis));
    comparison.series.retain(|c| {
        let held = c.bytes.0.max(c.bytes.1);
        wanted.wants(&c.key.tag, c.key.pool)
            && wanted
                .min_bytes
                .is_none_or(|least| held.is_some_and(|b| b >= least))
    });
    comparison.series.truncate(wanted.top.unwrap_or(usize::MAX));
    let report = report::ComparisonReport::new(&comparison, &old, &new, env!("CARGO_PKG_VERSION"));
    (report, new.findings)
}

/// Two inputs, or two boots of one.
fn sides(args: &Args) -> Result<(History, History), Failure> {
    if let Some(after) = &args.after {
        return Ok((
            examine::open(std::slice::from_ref(&args.before))?,
            examine::open(std::slice::from_ref(after))?,
        ));
    }
    let whole = examine::open(std::slice::from_ref(&args.before))?;
    let boots = whole.boots.len();
    let (from, to) = match args.boots.as_deref() {
        Some([from, to]) => (*from, *to),
        _ => (boots.saturating_sub(1), boots),
    };
    let boot = |number: usize| {
        number
            .checked_sub(1)
            .and_then(|at| detection::one_boot(&whole, at))
            .ok_or_else(|| {
                Failure::input(format!(
                    "{} holds {boots} boots; there is no boot {number} to compare",
                    args.before.display()
                ))
            })
    };
    Ok((boot(from)?, boot(to)?))
}
