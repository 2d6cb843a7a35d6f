//! `poolscope track`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use recording::{Writer, WriterOptions};
use report::words::{bytes, bytes_f, count, duration, percent};
use snapshot::{HostFacts, OwnCost};

use crate::args::{FilterArgs, KnowledgeArgs, ReportArgs};
use crate::commands::analyze;
use crate::exit::{Failure, Outcome};
use crate::sampling::clock::SystemClock;
use crate::sampling::growth::{Grower, Lines, growers};
use crate::sampling::{self, Event, Plan, Summary};
use crate::ui::Ui;
use crate::{examine, knowledge, values};

/// Series named on a line of growth.
const GROWERS_ON_A_LINE: usize = 3;
/// No kernel counter is worth reading more often; below it the sampling itself would be the load.
const INTERVAL_MIN: Duration = Duration::from_millis(100);

/// Sample the tags into a recording and say what grows.
///
/// Takes a sample every SECONDS into a recording, prints what grows on standard error as it goes, and ends with verdicts
/// on standard output. Without SAMPLES it runs until Ctrl-C, which ends it cleanly with verdicts too. Given a recording
/// that exists it goes on where that one stopped; a reboot or a pause in between is kept as such.
#[derive(Clone, Debug, clap::Args)]
#[command(
    before_help = "Example: poolscope track 30 10",
    after_help = "More examples:\n\x20 poolscope track 1 --recording leak.poolscope\n\x20 poolscope track 60 --for 8h --max-size 20M --quiet"
)]
pub struct Args {
    /// Seconds between samples.
    #[arg(value_name = "SECONDS", default_value = "30", value_parser = values::duration)]
    pub every: Duration,
    /// How many samples to take; until Ctrl-C when not given.
    #[arg(value_name = "SAMPLES", value_parser = clap::value_parser!(u64).range(1..))]
    pub samples: Option<u64>,
    /// Stop after this long (`90s`, `2h`), however many samples that makes.
    #[arg(long = "for", value_name = "TIME", value_parser = values::duration)]
    pub span: Option<Duration>,
    /// The recording to write or to go on with; named after the host when not given.
    #[arg(long, short, value_name = "FILE")]
    pub recording: Option<PathBuf>,
    /// Keep the recording below SIZE by thinning old samples.
    #[arg(long, value_name = "SIZE", value_parser = values::size, default_value = "100M")]
    pub max_size: u64,
    /// End with the name of the recording instead of verdicts.
    #[arg(long)]
    pub no_verdicts: bool,
    /// Show every series in the verdicts, not only the first screenful.
    #[arg(long)]
    pub all: bool,
    /// Which series to show; all are recorded.
    #[command(flatten)]
    pub filter: FilterArgs,
    /// What to learn owners from.
    #[command(flatten)]
    pub knowledge: KnowledgeArgs,
    /// Format, place and exit status of the verdicts at the end.
    #[command(flatten)]
    pub report: ReportArgs,
}

/// Runs the command.
///
/// # Errors
/// [`Failure::Unavailable`] when this machine shows no tags, [`Failure::Input`] when the recording cannot be written.
pub fn run(args: &Args, ui: &Ui) -> Result<Outcome, Failure> {
    if args.every < INTERVAL_MIN {
        return Err(Failure::Usage(format!(
            "SECONDS must be at least {}",
            INTERVAL_MIN.as_secs_f64()
        )));
    }
    let mut source = source::live();
    let (host, problems) = source.host();
    let path = args.recording.clone().unwrap_or_else(|| default_name(&host));
    // Before the file is made, so that a machine without tags is left without one.
    source.snapshot(&source::Want {
        tags: true,
        ..source::Want::default()
    })?;
    let options = WriterOptions {
        interval_s: Some(args.every.as_secs_f64()),
        max_bytes: Some(args.max_size),
        tool: concat!("poolscope ", env!("CARGO_PKG_VERSION")).to_owned(),
    };
    let mut writer =
        Writer::open(&path, &host, &options).map_err(|error| Failure::input(error.to_string()))?;
    let mut clock = SystemClock::start().map_err(Failure::unavailable)?;
    for problem in &problems {
        ui.warn(&format!("{}: {}", problem.step, problem.message));
    }
    ui.note(&opening(args, &path));
    let mut watcher = Watcher {
        args,
        ui,
        lines: Lines::default(),
    };
    let plan = Plan {
        every: args.every,
        samples: args.samples,
        span: args.span,
    };
    let summary = sampling::run(source.as_mut(), &mut writer, &mut clock, &plan, &mut |event| {
        watcher.see(&event)
    })?;
    drop(source);
    let closed = writer.close();
    for line in closing(&summary, &path, clock_seconds(&clock)) {
        ui.note(&line);
    }
    let outcome = if args.no_verdicts || summary.kept == 0 {
        Outcome::Done
    } else {
        verdicts(args, &path, ui)?
    };
    // Said last, so that it is not scrolled away by the verdicts on what was kept.
    match summary.broken.map_or(closed, Err) {
        Ok(()) => Ok(outcome),
        Err(error) => Err(Failure::input(error.to_string())),
    }
}

fn clock_seconds(clock: &SystemClock) -> f64 {
    sampling::clock::Clock::elapsed(clock).as_secs_f64()
}

/// `HOST.poolscope` in the current folder, with nothing in it that a file system minds.
fn default_name(host: &HostFacts) -> PathBuf {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let name: String = host
        .name
        .as_deref()
        .unwrap_or_default()
        .chars()
        .filter(|&c| plain(c))
        .take(64)
        .collect();
    let name = name.trim_matches('.');
    PathBuf::from(format!(
        "{}.poolscope",
        if name.is_empty() { "kernel" } else { name }
    ))
}

fn opening(args: &Args, path: &Path) -> String {
    let until = match (args.samples, args.span) {
        (Some(1), _) => "once".to_owned(),
        (Some(n), None) => format!("{} times", count(n)),
        (Some(n), Some(span)) => format!("{} times or for {}", count(n), duration(span.as_secs_f64())),
        (None, Some(span)) => format!("for {}", duration(span.as_secs_f64())),
        (None, None) => "until Ctrl-C".to_owned(),
    };
    let every = args.every.as_secs_f64();
    let every = if every < 10.0 && every.fract() > 0.0 {
        format!("{every} s")
    } else {
        duration(every)
    };
    format!("sampling into {} every {every}, {until}", path.display())
}

/// What is said at the end, a line each.
fn closing(summary: &Summary, path: &Path, seconds: f64) -> Vec<String> {
    let size = summary.last.map_or_else(String::new, |last| {
        format!(
            ", {} samples in it, {}",
            count(last.sample.saturating_add(1)),
            bytes(last.file_bytes)
        )
    });
    let mut lines = vec![format!(
        "{} samples kept in {}{size}",
        count(summary.kept),
        path.display()
    )];
    let lost = [
        (summary.lost, "could not be read or kept"),
        (summary.missed, "came due while none could be taken"),
    ];
    for (number, what) in lost.into_iter().filter(|(number, _)| *number > 0) {
        lines.push(format!("{} samples {what}", count(number)));
    }
    lines.extend(summary.own_cost.as_ref().and_then(|cost| own_cost(cost, seconds)));
    lines
}

fn own_cost(cost: &OwnCost, seconds: f64) -> Option<String> {
    let cpu = cost
        .cpu_s
        .filter(|_| seconds > 0.0)
        .map(|cpu| format!("{} of a core", percent(cpu / seconds)));
    let parts: Vec<String> = [cpu, cost.resident.map(bytes)].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| format!("poolscope itself took {}", parts.join(" and ")))
}

/// Reads the whole recording, earlier runs as well, and says what became of it.
fn verdicts(args: &Args, path: &Path, ui: &Ui) -> Result<Outcome, Failure> {
    let progress = ui.progress(None, "Judging");
    let history = examine::open(&[path.to_path_buf()])?;
    let mut index = knowledge::index(&args.knowledge, ui)?;
    index.add_history(&history);
    let (_, diagnosis) = examine::diagnose(&history, &index, &diagnosis::Options::default());
    drop(progress);
    let mut report = examine::report(&diagnosis);
    analyze::filter(&mut report, &diagnosis, &args.filter);
    let severities = diagnosis.findings.iter().map(|finding| finding.severity);
    examine::print(&report, severities, &args.report, (args.all, false), ui)
}

/// Tells the person at the terminal what happens.
struct Watcher<'a> {
    args: &'a Args,
    ui: &'a Ui,
    lines: Lines,
}

impl Watcher<'_> {
    fn see(&mut self, event: &Event<'_>) {
        match event {
            Event::Problem(problem) => self.ui.warn(&format!("{}: {}", problem.step, problem.message)),
            Event::Refused(error) => self.ui.warn(&format!("a sample was refused: {error}")),
            Event::Lost(error) => self.ui.warn(&format!("a sample is lost: {error}")),
            Event::Kept {
                changes,
                elapsed,
                last,
            } => {
                if changes.snapshots() > 1 && (self.lines.due(*elapsed) || *last) {
                    let least = self.args.filter.min_bytes.unwrap_or(0);
                    let wanted = |key: &snapshot::SeriesKey| {
                        self.args.filter.wants(&key.tag, key.pool)
                            && changes
                                .get(key)
                                .and_then(|row| row.current.bytes.get())
                                .unwrap_or(0)
                                >= least
                    };
                    let most = self.args.filter.top.unwrap_or(GROWERS_ON_A_LINE);
                    self.ui
                        .note(&growth_line(*elapsed, &growers(changes, wanted, most)));
                }
            }
        }
    }
}

/// `  45 s  filp +1.2 MiB (+4,500), …`
fn growth_line(elapsed: Duration, growers: &[Grower]) -> String {
    let names: Vec<String> = growers
        .iter()
        .map(|grower| {
            let count = grower
                .outstanding
                .filter(|&n| n > 0)
                .and_then(|n| u64::try_from(n).ok());
            let objects = count
                .map(|n| format!(" (+{})", report::words::count(n)))
                .unwrap_or_default();
            format!("{} +{}{objects}", grower.key.tag, bytes_f(grower.bytes as f64))
        })
        .collect();
    let what = if names.is_empty() {
        "nothing grows".to_owned()
    } else {
        names.join(", ")
    };
    format!("{:>9}  {what}", duration(elapsed.as_secs_f64()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use recording::Appended;
    use snapshot::{Pool, SeriesKey, Tag};

    #[test]
    fn the_recording_is_named_after_the_host_without_tricks() {
        let cases = [
            (Some("build7"), "build7.poolscope"),
            (
                Some("DESKTOP-A1.corp.example"),
                "DESKTOP-A1.corp.example.poolscope",
            ),
            (Some("../../etc/passwd"), "etcpasswd.poolscope"),
            (Some("a b\n\u{1b}[1m"), "ab1m.poolscope"),
            (Some(".."), "kernel.poolscope"),
            (None, "kernel.poolscope"),
        ];
        for (name, expected) in cases {
            let host = HostFacts {
                name: name.map(str::to_owned),
                ..HostFacts::default()
            };
            assert_eq!(default_name(&host), Path::new(expected), "{name:?}");
        }
    }

    #[test]
    fn lines_of_growth_read_well() {
        let grower = |tag: &str, bytes, outstanding| Grower {
            key: SeriesKey {
                tag: Tag::parse(tag),
                pool: Pool::Slab,
            },
            bytes,
            outstanding,
        };
        let list = [
            grower("filp", 1_258_291, Some(4500)),
            grower("x y", 65_536, Some(-3)),
            grower("z", 20_000, None),
        ];
        assert_eq!(
            growth_line(Duration::from_secs(45), &list),
            "     45 s  filp +1.20 MiB (+4,500), x y +64.0 KiB, z +19.5 KiB"
        );
        assert_eq!(
            growth_line(Duration::from_secs(3725), &[]),
            "1 h 2 min  nothing grows"
        );
    }

    #[test]
    fn the_end_says_what_was_kept_lost_and_spent() {
        let summary = Summary {
            kept: 1440,
            lost: 2,
            missed: 0,
            last: Some(Appended {
                sample: 2879,
                changed: 9,
                after_gap: false,
                file_bytes: 5 << 20,
            }),
            own_cost: Some(OwnCost {
                cpu_s: Some(7.2),
                resident: Some(9 << 20),
                ..OwnCost::default()
            }),
            ..Summary::default()
        };
        let lines = closing(&summary, Path::new("a.poolscope"), 7200.0);
        let expected = [
            "1,440 samples kept in a.poolscope, 2,880 samples in it, 5.00 MiB",
            "2 samples could not be read or kept",
            "poolscope itself took 0.1 % of a core and 9.00 MiB",
        ];
        assert_eq!(lines, expected);
    }
}
