//! `poolscope memory`.

use std::path::PathBuf;

use report::{Report, Style};
use source::Want;

use crate::args::ReportArgs;
use crate::examine;
use crate::exit::{Failure, Outcome};
use crate::step::{self, Step};
use crate::ui::Ui;

/// Show where the memory is: pools, commit, caches, processes, and what is unaccounted.
///
/// Looks at this machine, or at the last facts in recordings. What this machine does not answer is listed as a problem.
#[derive(Clone, Debug, clap::Args)]
#[command(
    before_help = "Example: poolscope memory",
    after_help = "More examples:\n\x20 poolscope memory machine.poolscope --format json"
)]
pub struct Args {
    /// Recordings or bundles to look at instead of this machine.
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Show all processes, not only the largest.
    #[arg(long)]
    pub all: bool,
    /// Format, place and exit status.
    #[command(flatten)]
    pub report: ReportArgs,
}

/// Pools, Secure System, commit, shortage and slab; not the forecast, which takes a recording and the whole diagnosis.
const CODES: &[&str] = &["PS0301", "PS0302", "PS0303", "PS0304", "PS0305", "PS0307"];

const STEP: Step = Step {
    name: "memory",
    codes: CODES,
    keep: only_memory,
    text: |report, style| text(report, style, false),
};

/// The same with all processes.
const STEP_ALL: Step = Step {
    text: |report, style| text(report, style, true),
    ..STEP
};

/// Runs the command.
///
/// # Errors
/// What cannot be read is [`Failure::Input`], what this machine cannot answer [`Failure::Unavailable`].
pub fn run(args: &Args, ui: &Ui) -> Result<Outcome, Failure> {
    let want = Want {
        memory: true,
        processes: true,
        ..Want::default()
    };
    let history = if args.files.is_empty() {
        examine::this_machine(&want)?
    } else {
        examine::open(&args.files)?
    };
    step::print(
        if args.all { &STEP_ALL } else { &STEP },
        &history,
        &args.report,
        ui,
    )
}

fn only_memory(whole: &mut Report) -> Report {
    Report {
        memory: whole.memory.take(),
        ..Report::default()
    }
}

fn text(report: &Report, style: Style, all: bool) -> Option<String> {
    let memory = report.memory.as_ref()?;
    let mut out = report::memory_text(memory, style);
    let processes = report::processes_text(memory, style, all);
    if !processes.is_empty() {
        out.push('\n');
        out.push_str(&processes);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use snapshot::{
        HistoryBuilder, HostFacts, MemoryCounters, MomentFacts, OsKind, Problem, ProcessFacts, Snapshot,
        SourceKind,
    };

    /// As a system answers that knows only some of the interfaces.
    fn half() -> Report {
        let snapshot = Snapshot {
            facts: MomentFacts {
                memory: Some(MemoryCounters {
                    physical: Some(16 << 30),
                    available: Some(4 << 30),
                    nonpaged_pool: Some(3 << 30),
                    committed: Some(9 << 30),
                    commit_limit: Some(20 << 30),
                    ..MemoryCounters::default()
                }),
                processes: Some(vec![ProcessFacts {
                    pid: 4,
                    name: "System".to_owned(),
                    working_set: Some(8 << 20),
                    handles: Some(4000),
                    ..ProcessFacts::default()
                }]),
                ..MomentFacts::default()
            },
            problems: vec![Problem::new("class 80", "0xC0000003 STATUS_INVALID_INFO_CLASS")],
            ..Snapshot::default()
        };
        let host = HostFacts {
            os: Some(OsKind::Windows),
            ..HostFacts::default()
        };
        let mut builder = HistoryBuilder::new(SourceKind::Live, host);
        builder.push(snapshot);
        let index = attribution::OwnerIndex::builtin();
        let (_, diagnosis) = examine::diagnose(&builder.finish(), &index, &diagnosis::Options::default());
        examine::report(&diagnosis)
    }

    #[test]
    fn text_shows_parts_processes_and_flags() {
        let text = text(&only_memory(&mut half()), Style::default(), false);
        insta::assert_snapshot!(text.expect("counters were read"));
    }

    #[test]
    fn only_memory_is_reported_and_nothing_is_made_up() {
        let report = only_memory(&mut half());
        assert!(report.series.is_none() && report.etw.is_none() && report.summary.is_none());
        let memory = report.memory.expect("counters were read");
        let counters = memory.counters.expect("counters were read");
        assert_eq!(counters.get("nonpaged_pool"), Some(&(3 << 30)));
        assert!(!counters.contains_key("paged_pool"), "absent is not zero");
        assert!(memory.unaccounted.is_none(), "not enough was read to tell");
    }
}
