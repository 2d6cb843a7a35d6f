//! What the MCP server calls: the commands' work, with JSON as the answer.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use mcp::{Call, Reference, ToolError, Watch};
use recording::{Appended, WriteError, Writer, WriterOptions};
use serde_json::{Value, json};
use snapshot::{History, HistoryBuilder, Pool, Snapshot, SourceKind, Tag, glob_matches};
use source::{Source, Want};

use crate::args::KnowledgeArgs;
use crate::commands::owner as owner_command;
use crate::driver_files::Cache;
use crate::exit::{Failure, chain};
use crate::sampling::clock::{Clock, Wake};
use crate::sampling::{self, Event, Plan, Sink};
use crate::ui::{ColorChoice, Ui};
use crate::{examine, knowledge};

/// How often a waiting call looks whether the client has cancelled it.
const CANCEL_CHECK: Duration = Duration::from_millis(100);

/// Samples a live diagnosis takes at most; more do not change a verdict within an hour.
const DIAGNOSE_SAMPLES_MAX: u32 = 240;

/// Recordings written for an assistant stay below this size.
const RECORDING_BYTES_MAX: u64 = 100 << 20;

/// Series that come with a curve: enough to see a shape, too few to fill an assistant's memory.
const CURVES: usize = 6;
/// Points of each.
const CURVE_POINTS: usize = 40;

/// Nothing is drawn or said: standard error belongs to whoever started the server.
const SILENT: Ui = Ui::new(true, ColorChoice::Never);

/// The program behind the server.
pub(crate) struct Assistant;

impl mcp::Backend for Assistant {
    fn call(&self, call: Call, watch: &dyn Watch) -> Result<Value, ToolError> {
        let answer = match call {
            Call::Diagnose { path: Some(path), .. } => judge(&[path]),
            Call::Diagnose { path: None, seconds } => diagnose_live(seconds, watch),
            Call::Analyze { paths } => judge(&paths),
            Call::Snapshot {
                pool,
                tags,
                min_bytes,
            } => snapshot_live(pool.as_deref(), &tags, min_bytes),
            Call::Track {
                interval_s,
                samples,
                file,
            } => track(interval_s, samples, file.as_deref(), watch),
            Call::Owner { tags, drivers } => owner(&tags, drivers.as_deref()),
            Call::Compare { before, after } => compare(&before, &after),
            Call::Explain { what } => explain(&what),
            _ => Err(Failure::Usage("this server does not know that call".to_owned())),
        };
        answer.map_err(|failure| ToolError(chain(&failure)))
    }

    fn references(&self) -> Vec<Reference> {
        diagnosis::findings::ALL
            .iter()
            .map(|spec| Reference {
                code: spec.code.to_owned(),
                title: spec.title.to_owned(),
                markdown: diagnosis::findings::page(spec),
            })
            .collect()
    }

    fn version(&self) -> String {
        env!("CARGO_PKG_VERSION").to_owned()
    }
}

fn judge(paths: &[PathBuf]) -> Result<Value, Failure> {
    report_of(&examine::open(paths)?)
}

fn report_of(history: &History) -> Result<Value, Failure> {
    let mut index = knowledge::index(&KnowledgeArgs::default(), &SILENT)?;
    if history.kind == Some(SourceKind::Live) && cfg!(windows) {
        // Scanned anew each time: the cache of scans lies in a folder that was not given to the server.
        knowledge::add_this_machine(&mut index, Cache::off(), &SILENT);
    }
    index.add_history(history);
    let options = diagnosis::Options {
        curves: CURVES,
        curve_points: CURVE_POINTS,
        ..diagnosis::Options::default()
    };
    let (_, diagnosis) = examine::diagnose(history, &index, &options);
    parsed(&report::json(&examine::report(&diagnosis)))
}

fn parsed(text: &str) -> Result<Value, Failure> {
    serde_json::from_str(text)
        .map_err(|error| Failure::unavailable(format!("the report is not JSON: {error}")))
}

/// Keeps the samples of a live call in memory.
struct Memory(HistoryBuilder);

impl Sink for Memory {
    fn append(&mut self, snapshot: &Snapshot) -> Result<Appended, WriteError> {
        self.0.push(snapshot.clone());
        Ok(Appended {
            sample: 0,
            changed: 0,
            after_gap: false,
            file_bytes: 0,
        })
    }
}

/// A clock that ends the wait when the client cancels.
struct WatchedClock<'a> {
    started: Instant,
    watch: &'a dyn Watch,
}

impl Clock for WatchedClock<'_> {
    fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    fn wait_until(&mut self, due: Duration) -> Wake {
        loop {
            if self.watch.cancelled() {
                return Wake::Stop;
            }
            match due.checked_sub(self.elapsed()) {
                None | Some(Duration::ZERO) => return Wake::Due,
                Some(left) => std::thread::sleep(left.min(CANCEL_CHECK)),
            }
        }
    }
}

/// Samples this machine into `sink`, with progress. Cancelling ends it; what was kept stays.
fn sample(
    source: &mut dyn Source,
    sink: &mut dyn Sink,
    (interval_s, samples): (u32, u32),
    watch: &dyn Watch,
) -> Result<(), Failure> {
    let plan = Plan {
        every: Duration::from_secs(interval_s.into()),
        samples: Some(samples.into()),
        span: None,
    };
    let mut clock = WatchedClock {
        started: Instant::now(),
        watch,
    };
    let mut done = 0;
    let mut lost = None;
    let summary = sampling::run(source, sink, &mut clock, &plan, &mut |event| match event {
        Event::Kept { .. } => {
            done += 1;
            watch.progress(done, samples, &format!("{done} of {samples} samples"));
        }
        Event::Lost(error) => lost = Some(error.to_string()),
        Event::Problem(_) | Event::Refused(_) => {}
    })?;
    if watch.cancelled() {
        return Err(Failure::unavailable("cancelled"));
    }
    match (
        summary.kept,
        summary.broken.map(|error| error.to_string()).or(lost),
    ) {
        (0, Some(error)) => Err(Failure::unavailable(error)),
        _ => Ok(()),
    }
}

fn diagnose_live(seconds: u32, watch: &dyn Watch) -> Result<Value, Failure> {
    let interval_s = seconds.div_ceil(DIAGNOSE_SAMPLES_MAX).max(1);
    history_live((interval_s, seconds / interval_s + 1), watch).and_then(|history| report_of(&history))
}

fn history_live(plan: (u32, u32), watch: &dyn Watch) -> Result<History, Failure> {
    let mut source = source::live();
    let (host, problems) = source.host();
    let mut memory = Memory(HistoryBuilder::new(SourceKind::Live, host));
    problems.into_iter().for_each(|problem| memory.0.problem(problem));
    sample(source.as_mut(), &mut memory, plan, watch)?;
    Ok(memory.0.finish())
}

fn snapshot_live(pool: Option<&str>, tags: &[String], min_bytes: u64) -> Result<Value, Failure> {
    let pool = match pool {
        None => None,
        Some(name) => Some(Pool::parse(name).ok_or_else(|| Failure::Usage(format!("{name:?} is no pool")))?),
    };
    let mut source = source::live();
    let (host, problems) = source.host();
    let mut taken = source.snapshot(&Want::SAMPLE)?;
    let wanted = |tag: &Tag| {
        tags.is_empty()
            || tags
                .iter()
                .any(|glob| glob_matches(glob.as_bytes(), tag.as_bytes()))
    };
    taken.rows.retain(|row| {
        wanted(&row.tag)
            && pool.is_none_or(|pool| pool == row.pool)
            && row.usage.bytes.get().is_none_or(|bytes| bytes >= min_bytes)
    });
    let mut history = HistoryBuilder::new(SourceKind::Live, host);
    problems.into_iter().for_each(|problem| history.problem(problem));
    history.push(taken);
    report_of(&history.finish())
}

fn track(interval_s: u32, samples: u32, file: Option<&Path>, watch: &dyn Watch) -> Result<Value, Failure> {
    let Some(file) = file else {
        return history_live((interval_s, samples), watch).and_then(|history| report_of(&history));
    };
    let mut source = source::live();
    let (host, _) = source.host();
    let options = WriterOptions {
        interval_s: Some(interval_s.into()),
        max_bytes: Some(RECORDING_BYTES_MAX),
        tool: concat!("poolscope ", env!("CARGO_PKG_VERSION")).to_owned(),
    };
    let mut writer =
        Writer::open(file, &host, &options).map_err(|error| Failure::input(error.to_string()))?;
    let sampled = sample(source.as_mut(), &mut writer, (interval_s, samples), watch);
    writer
        .close()
        .map_err(|error| Failure::input(error.to_string()))?;
    sampled?;
    judge(&[file.to_path_buf()])
}

fn owner(words: &[String], drivers: Option<&Path>) -> Result<Value, Failure> {
    let mut index = knowledge::index(&KnowledgeArgs::default(), &SILENT)?;
    if let Some(path) = drivers {
        knowledge::add_drivers(&mut index, &[path.to_path_buf()], Cache::off(), &SILENT)?;
    }
    index.set_os(None);
    parsed(&owner_command::as_json(owner_command::answers(
        words, &index, &SILENT,
    )?)?)
}

fn compare(before: &Path, after: &Path) -> Result<Value, Failure> {
    parsed(&crate::commands::compare::json(before, after)?)
}

fn explain(what: &str) -> Result<Value, Failure> {
    let code = what.trim().to_ascii_uppercase();
    if let Some(spec) = diagnosis::findings::ALL.iter().find(|spec| spec.code == code) {
        return Ok(json!({
            "schema": "poolscope.explanation/1", "what": spec.code, "title": spec.title,
            "text": diagnosis::findings::page(spec), "next": spec.next,
        }));
    }
    let tag = Tag::parse_nt(what);
    let owners = attribution::OwnerIndex::builtin().owners(&tag);
    if owners.owners.is_empty() && owners.explanation.is_none() && !owners.shared {
        return Err(Failure::Usage(format!(
            "{what:?} is neither a finding code (PS0101) nor a tag that poolscope knows; `owner` says how to find its driver"
        )));
    }
    let named = owners
        .owners
        .iter()
        .filter_map(|o| o.image.as_deref())
        .collect::<Vec<_>>()
        .join(", ");
    let text = owners.explanation.clone().unwrap_or_else(|| {
        if owners.shared {
            format!("{tag} is used by many drivers and identifies none.")
        } else {
            format!("{tag} is allocated by {named}. Nothing more is known of what its growth usually means.")
        }
    });
    Ok(json!({
        "schema": "poolscope.explanation/1", "what": tag.to_string(), "shared": owners.shared, "allocated_by": named,
        "text": text, "next": owners.next,
    }))
}
