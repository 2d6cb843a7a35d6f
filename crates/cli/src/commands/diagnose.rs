//! `poolscope diagnose`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use detection::Verdict;
use diagnosis::Diagnosis;
use recording::bundle::Bundle;
use recording::{Appended, WriteError};
use report::{Report, TextOptions};
use snapshot::{History, HistoryBuilder, Snapshot, SourceKind};
use source::Want;

use crate::args::{KnowledgeArgs, ReportArgs};
use crate::exit::{Failure, Outcome};
use crate::sampling::clock::SystemClock;
use crate::sampling::{self, Event, Plan};
use crate::ui::Ui;
use crate::{examine, knowledge, output, values};

/// Find out why this machine's memory grows, or a recorded one's: everything in one go.
///
/// Reads memory, tags, owners, holders, event-tracing sessions, drivers, crashes and virtualization-based security,
/// watches the tags for a while, and ends with findings in order of weight and what to do next. With FILEs it does the
/// same for what was recorded elsewhere.
#[derive(Clone, Debug, clap::Args)]
#[command(
    before_help = "Example: poolscope diagnose",
    after_help = "More examples:\n\x20 sudo poolscope diagnose --for 5m --format html --output report.html\n\x20 poolscope diagnose machine.poolscope\n\x20 poolscope diagnose --bundle evidence.zip --redact"
)]
pub struct Args {
    /// Recordings, bundles, captures or tables to diagnose instead of this machine.
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// How long to watch the tags of this machine (`90s`, `5m`); extended when the numbers need it.
    #[arg(long = "for", value_name = "TIME", value_parser = values::duration, default_value = "60s", conflicts_with = "files")]
    pub watch_for: Duration,
    /// Use this recording of this machine instead of watching for a while.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["files", "watch_for"])]
    pub recording: Option<PathBuf>,
    /// Also write everything that was seen to FILE, so that somebody else can analyse it elsewhere.
    #[arg(long, value_name = "FILE.zip")]
    pub bundle: Option<PathBuf>,
    /// Replace host, user and path names in results and bundle, each by the same word everywhere.
    #[arg(long)]
    pub redact: bool,
    /// Also write a Windows Performance Recorder profile for the suspect tags (at most four) to FILE.
    #[arg(long, value_name = "FILE.wprp")]
    pub trace_profile: Option<PathBuf>,
    /// Show every finding and series, not only the first screenful.
    #[arg(long)]
    pub all: bool,
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
    let live = args.files.is_empty();
    let mut index = if live {
        knowledge::live_index(&args.knowledge, ui)?
    } else {
        knowledge::index(&args.knowledge, ui)?
    };
    let history = match (&args.recording, live) {
        (Some(recording), _) => with_facts_of_now(recording, ui)?,
        (None, true) => watch(args, ui).or_else(without_tags)?,
        (None, false) => examine::open(&args.files)?,
    };
    let history = if args.redact {
        recording::redacted(&history)
    } else {
        history
    };
    let progress = ui.progress(None, "Diagnosing");
    index.add_history(&history);
    let mut options = diagnosis::Options::default();
    if let Some(address) = &args.knowledge.search_url {
        options.search_url.clone_from(address);
    }
    let (_, diagnosis) = examine::diagnose(&history, &index, &options);
    let report = examine::report(&diagnosis);
    drop(progress);
    if let Some(path) = &args.trace_profile {
        write_trace_profile(path, &diagnosis, ui)?;
    }
    if let Some(path) = &args.bundle {
        write_bundle(path, &history, &report, args.redact)?;
        ui.hint(&format!("everything that was seen is in {}", path.display()));
    }
    let severities = diagnosis.findings.iter().map(|f| f.severity);
    examine::print(&report, severities, &args.report, (args.all, true), ui)
}

/// Most time between two samples, and about how many samples a watch takes.
const EVERY_MAX: Duration = Duration::from_secs(30);
const SAMPLES: u32 = 90;

/// Watches the tags of this machine; once more as long when the numbers are about to decide.
fn watch(args: &Args, ui: &Ui) -> Result<History, Failure> {
    let mut source = source::live();
    let (host, problems) = source.host();
    let mut sink = InMemory::default();
    let history = |snapshots: &[Snapshot]| {
        let mut builder = HistoryBuilder::new(SourceKind::Live, host.clone());
        problems
            .iter()
            .for_each(|problem| builder.problem(problem.clone()));
        snapshots
            .iter()
            .for_each(|snapshot| builder.push(snapshot.clone()));
        builder.finish()
    };
    let mut clock = SystemClock::start().map_err(Failure::unavailable)?;
    let every = (args.watch_for / SAMPLES).clamp(Duration::from_secs(1), EVERY_MAX);
    let plan = Plan {
        every,
        samples: None,
        span: Some(args.watch_for),
    };
    let stopped = sample(&mut source, &mut sink, &mut clock, &plan, "Watching the tags", ui)?;
    if !stopped && undecided(&history(&sink.snapshots), args.watch_for) {
        ui.hint("some series are about to be decided: watching once more as long");
        sample(
            &mut source,
            &mut sink,
            &mut clock,
            &plan,
            "Watching once more",
            ui,
        )?;
    }
    Ok(history(&sink.snapshots))
}

/// All that a machine says whose kernel shows no tags, with the reason among the problems: where the memory is, the
/// drivers and the sessions are worth knowing without them.
fn without_tags(failure: Failure) -> Result<History, Failure> {
    if !matches!(failure, Failure::Unavailable { .. }) {
        return Err(failure);
    }
    let want = Want {
        tags: false,
        ..Want::EVERYTHING
    };
    let mut history = examine::this_machine(&want)?;
    let reason = crate::exit::chain(&failure);
    history.problems.insert(0, snapshot::Problem::new("tags", reason));
    Ok(history)
}

/// One watch with its progress line; true when the user stopped it.
fn sample(
    source: &mut Box<dyn source::Source>,
    sink: &mut InMemory,
    clock: &mut SystemClock,
    plan: &Plan,
    what: &str,
    ui: &Ui,
) -> Result<bool, Failure> {
    let seconds = plan.span.unwrap_or_default().as_secs();
    let progress = ui.progress(Some(seconds), what);
    let mut shown = 0;
    let summary = sampling::run(source.as_mut(), sink, clock, plan, &mut |event| match event {
        Event::Kept { elapsed, .. } => {
            let now = elapsed.as_secs().min(seconds);
            progress.step(now.saturating_sub(shown));
            shown = shown.max(now);
        }
        Event::Refused(error) => ui.warn(&error.to_string()),
        Event::Problem(_) | Event::Lost(_) => {}
    })?;
    Ok(summary.stopped)
}

/// A suspect that about the same time again would decide.
fn undecided(history: &History, watched: Duration) -> bool {
    let analysis = detection::judge(history, &detection::Config::default());
    analysis.judgements.iter().take(5).any(|j| {
        j.verdict == Verdict::Suspect && j.needs_s.is_some_and(|s| s > 0.0 && s <= watched.as_secs_f64())
    })
}

/// Keeps samples in memory.
#[derive(Default)]
struct InMemory {
    snapshots: Vec<Snapshot>,
}

impl sampling::Sink for InMemory {
    fn append(&mut self, snapshot: &Snapshot) -> Result<Appended, WriteError> {
        let sample = self.snapshots.len() as u64;
        self.snapshots.push(snapshot.clone());
        Ok(Appended {
            sample,
            changed: 0,
            after_gap: false,
            file_bytes: 0,
        })
    }
}

/// A recording of this machine, with the facts of now beside it where it is the same boot.
fn with_facts_of_now(recording: &Path, ui: &Ui) -> Result<History, Failure> {
    let mut history = examine::open(&[recording.to_owned()])?;
    let want = Want {
        tags: false,
        ..Want::EVERYTHING
    };
    let now = match examine::this_machine(&want) {
        Ok(now) => now,
        Err(error) => {
            ui.warn(&crate::exit::chain(&error));
            return Ok(history);
        }
    };
    let last = u32::try_from(history.samples.len().saturating_sub(1)).unwrap_or(u32::MAX);
    if now.boots.last().is_some() && now.boots.last() == history.boots.last() {
        history
            .facts
            .extend(now.facts.into_iter().map(|(_, facts)| (last, facts)));
        history.problems.extend(now.problems);
    } else {
        ui.warn("the recording is not of this boot of this machine: what it holds is taken as it is");
    }
    Ok(history)
}

fn write_trace_profile(path: &Path, diagnosis: &Diagnosis, ui: &Ui) -> Result<(), Failure> {
    let accused = |s: &&diagnosis::JudgedSeries| {
        matches!(
            s.judgement.verdict,
            Verdict::Leak | Verdict::Suspect | Verdict::Unfreed
        ) && s.follows.is_none()
    };
    let tags = diagnosis::trace_tags(diagnosis.series.iter().filter(accused));
    let Some(profile) = diagnosis::trace_profile(&tags) else {
        ui.warn("no Windows tag is accused and still grows: no trace profile was written");
        return Ok(());
    };
    output::write_file(path, profile.as_bytes())
}

fn write_bundle(path: &Path, history: &History, report: &Report, redact: bool) -> Result<(), Failure> {
    let options = TextOptions {
        all: true,
        diagnosis: true,
        ..TextOptions::default()
    };
    let bundle = Bundle {
        history,
        report_json: &report::json(report),
        texts: vec![
            ("report.html".to_owned(), report::html(report)),
            ("report.md".to_owned(), report::markdown(report)),
            ("report.txt".to_owned(), report::text(report, options)),
        ],
        tool: concat!("poolscope ", env!("CARGO_PKG_VERSION")),
        redact,
    };
    recording::bundle::write(path, &bundle).map_err(|error| Failure::input(crate::exit::chain(&error)))
}
