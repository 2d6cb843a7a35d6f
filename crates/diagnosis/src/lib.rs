//! Facts, verdicts and owners in; findings and next steps out.
//!
//! This crate decides what is said and in which order. It may not know how it is printed, and it reads nothing itself:
//! no files, no clock, no operating system. The same input gives the same diagnosis.

mod actions;
mod bugchecks;
mod curve;
mod drivers;
mod etw;
mod facts;
mod families;
mod finding;
pub mod findings;
mod holders;
mod input;
mod memory;
mod picture;
mod summary;
pub mod thresholds;
mod trace;
mod vbs;
pub mod words;

pub use actions::trace_tags;
pub use bugchecks::bugcheck_name;
pub use etw::bill as etw_picture;
pub use finding::{Finding, Severity};
pub use input::{Input, Options};
pub use memory::picture as memory_picture;
pub use picture::*;
pub use trace::{TRACE_TAGS, trace_profile};

use detection::{Analysis, Verdict};
use snapshot::{History, Tag};

/// The whole diagnosis of one input.
#[must_use]
pub fn diagnose(input: &Input<'_>) -> Diagnosis {
    let Input {
        history,
        analysis,
        owners,
        options,
    } = *input;
    let series = judged_series(history, analysis, owners, options);
    let families = families::judge(history, analysis, &series);
    let mut diagnosis = Diagnosis {
        source: source_info(history),
        memory: memory::of_history(history),
        etw: etw::of_history(history),
        drivers: drivers::of_history(history, &series),
        events: facts::events(history),
        vbs: vbs::of_history(history),
        problems: history.problems.clone(),
        series,
        families,
        ..Diagnosis::default()
    };
    let context = findings::Context {
        history,
        options,
        draft: &diagnosis,
    };
    let found = findings::run(&context);
    let actions = actions::in_order(&context, &found);
    let summary = summary::of(&context, &found);
    diagnosis.findings = found;
    diagnosis.actions = actions;
    diagnosis.summary = summary;
    diagnosis
}

fn source_info(history: &History) -> SourceInfo {
    let host = &history.host;
    let clock = |sample: Option<&snapshot::Sample>| sample.filter(|_| history.clock_known).map(|s| s.at);
    SourceInfo {
        kind: history.kind,
        os: host.os,
        host: host.name.clone(),
        build: host.build.clone(),
        product: host.product.clone(),
        physical_bytes: facts::physical(history),
        kernel_uptime_s: history.samples.last().and_then(|s| s.uptime_s),
        samples: history.samples.len(),
        boots: history.boots.len(),
        start: clock(history.samples.first()),
        end: clock(history.samples.last()),
    }
}

fn judged_series(
    history: &History,
    analysis: &Analysis,
    owners: &dyn Fn(&Tag) -> attribution::Owners,
    options: &Options,
) -> Vec<JudgedSeries> {
    let mut judgements: Vec<_> = analysis.judgements.iter().collect();
    judgements.sort_by_key(|j| j.rank);
    let mut curves_left = options.curves;
    let mut out = Vec::with_capacity(judgements.len());
    for judgement in judgements {
        let Some(series) = history.series.get(judgement.series) else {
            continue;
        };
        let charted = curves_left > 0 && history.samples.len() > 1 && worth_a_chart(judgement.verdict);
        curves_left -= usize::from(charted);
        let follows = analysis
            .passengers
            .iter()
            .find(|p| p.series == judgement.series)
            .and_then(|p| history.series.get(p.follows))
            .map(|s| s.key.to_string());
        out.push(JudgedSeries {
            tag: series.key.tag.clone(),
            pool: series.key.pool,
            judgement: judgement.clone(),
            owners: owners(&series.key.tag),
            follows,
            curve: charted.then(|| curve::of_series(history, series, options.curve_points)),
        });
    }
    out
}

const fn worth_a_chart(verdict: Verdict) -> bool {
    matches!(
        verdict,
        Verdict::Leak | Verdict::Suspect | Verdict::Unfreed | Verdict::Filling | Verdict::Stepped
    )
}
