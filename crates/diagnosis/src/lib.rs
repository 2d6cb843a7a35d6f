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
use snapshot::{History, Pool, Tag};

/// The whole diagnosis of one input.
#[must_use]
pub fn diagnose(input: &Input<'_>) -> Diagnosis {
    let Input {
        history,
        analysis,
        owners,
        options,
    } = *input;
    let mut series = judged_series(history, analysis, owners, options);
    let families = families::judge(history, analysis, &series);
    for one in &mut series {
        let told = |id| families.iter().any(|f| f.id == id);
        one.judgement.family = one.judgement.family.filter(|&id| told(id));
    }
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
        os: host.os.or_else(|| os_of_pools(history)),
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

/// The system that a copied table comes from, told by its pools.
fn os_of_pools(history: &History) -> Option<snapshot::OsKind> {
    history.series.iter().find_map(|s| match s.key.pool {
        Pool::Slab | Pool::SlabReclaimable | Pool::Vmalloc | Pool::CallSite => Some(snapshot::OsKind::Linux),
        pool if pool.is_windows() => Some(snapshot::OsKind::Windows),
        _ => None,
    })
}

fn judged_series(
    history: &History,
    analysis: &Analysis,
    owners: &dyn Fn(&Tag, Pool) -> attribution::Owners,
    options: &Options,
) -> Vec<JudgedSeries> {
    let mut judgements: Vec<_> = analysis.judgements.iter().collect();
    judgements.sort_by_key(|j| j.rank);
    let mut curves_left = options.curves;
    let mut holders_left = HOLDERS;
    let mut out = Vec::with_capacity(judgements.len());
    for judgement in judgements {
        let Some(series) = history.series.get(judgement.series) else {
            continue;
        };
        let charted = curves_left > 0 && history.samples.len() > 1 && worth_a_chart(judgement.verdict);
        curves_left -= usize::from(charted);
        // Who holds is worth asking for what is accused, and costs a walk over the facts each.
        let held =
            holders_left > 0 && follows_nothing(analysis, judgement) && names_trouble(judgement.verdict);
        holders_left -= usize::from(held);
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
            owners: owners(&series.key.tag, series.key.pool),
            holders: if held {
                attribution::holders::holders_of(history, series)
            } else {
                Vec::new()
            },
            follows,
            curve: charted.then(|| curve::of_series(history, series, options.curve_points)),
        });
    }
    out
}

/// Accused series whose holders are looked for.
const HOLDERS: usize = 32;

fn follows_nothing(analysis: &Analysis, judgement: &detection::Judgement) -> bool {
    !analysis.passengers.iter().any(|p| p.series == judgement.series)
}

pub(crate) const fn names_trouble(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Leak | Verdict::Suspect | Verdict::Unfreed)
}

const fn worth_a_chart(verdict: Verdict) -> bool {
    matches!(
        verdict,
        Verdict::Leak | Verdict::Suspect | Verdict::Unfreed | Verdict::Filling | Verdict::Stepped
    )
}
