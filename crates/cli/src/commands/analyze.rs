//! `poolscope analyze`.

use std::path::PathBuf;

use crate::args::{FilterArgs, KnowledgeArgs, ReportArgs};
use crate::exit::{Failure, Outcome};
use crate::ui::Ui;
use crate::{examine, knowledge};

/// Judge recordings, CSV files, PoolMon tables and captures.
///
/// Recognises each file by its content: recordings, CSV (also gzipped), PoolMon and !poolused text, saved slabinfo, bundles,
/// folders of raw captures. Several files of one kind are one recording, in the order given.
#[derive(Clone, Debug, clap::Args)]
#[command(
    before_help = "Example: poolscope analyze week.csv.gz",
    after_help = "More examples:\n\x20 poolscope analyze before.txt after.txt --format json\n\x20 poolscope analyze machine.poolscope --fail-on warning"
)]
pub struct Args {
    /// Files or folders to judge.
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// Show every series, not only the first screenful.
    #[arg(long)]
    pub all: bool,
    /// Which series to show; all are judged.
    #[command(flatten)]
    pub filter: FilterArgs,
    /// What to learn owners from.
    #[command(flatten)]
    pub knowledge: KnowledgeArgs,
    /// Format, place and exit status.
    #[command(flatten)]
    pub report: ReportArgs,
}

/// Runs the command.
///
/// # Errors
/// What cannot be read is [`Failure::Input`], what this machine cannot answer [`Failure::Unavailable`].
pub fn run(args: &Args, ui: &Ui) -> Result<Outcome, Failure> {
    let progress = ui.progress(None, "Reading");
    let history = examine::open(&args.files)?;
    let mut index = knowledge::index(&args.knowledge, ui)?;
    index.add_history(&history);
    let (_, diagnosis) = examine::diagnose(&history, &index, &diagnosis::Options::default());
    drop(progress);
    let mut report = examine::report(&diagnosis);
    filter(&mut report, &diagnosis, &args.filter);
    let severities = diagnosis.findings.iter().map(|f| f.severity);
    examine::print(&report, severities, &args.report, (args.all, false), ui)
}

/// Keeps the series that are wanted; ranks stay what they are.
pub(crate) fn filter(report: &mut report::Report, diagnosis: &diagnosis::Diagnosis, filter: &FilterArgs) {
    let wanted = |s: &diagnosis::JudgedSeries| {
        filter.wants(&s.tag, s.pool)
            && filter
                .min_bytes
                .is_none_or(|least| s.judgement.bytes.is_some_and(|b| b >= least))
    };
    if let Some(series) = &mut report.series {
        let mut judged = diagnosis.series.iter();
        series.retain(|_| judged.next().is_some_and(wanted));
        series.truncate(filter.top.unwrap_or(usize::MAX));
    }
}
