//! The answer in a few sentences.

use detection::Verdict;

use crate::findings::{Context, weight};
use crate::words::{bytes, duration, list, per_day, plural};
use crate::{Finding, JudgedSeries, Severity};

/// At most three sentences: the verdict, the memory, the input.
pub(crate) fn of(context: &Context<'_>, findings: &[Finding]) -> Vec<String> {
    let mut out = vec![verdict(context, findings)];
    out.extend(memory(context));
    out.push(input(context));
    out
}

fn verdict(context: &Context<'_>, findings: &[Finding]) -> String {
    let heavy: Vec<&Finding> = findings
        .iter()
        .filter(|f| f.severity <= Severity::Warning)
        .collect();
    let leaks: Vec<&JudgedSeries> = context
        .draft
        .series
        .iter()
        .filter(|s| s.judgement.verdict == Verdict::Leak && s.follows.is_none())
        .collect();
    let (leaks, small): (Vec<&JudgedSeries>, Vec<&JudgedSeries>) = leaks
        .into_iter()
        .partition(|s| weight::leak(context, s) <= Severity::Warning);
    let also = if small.is_empty() {
        String::new()
    } else {
        format!(
            " {} of no weight yet.",
            plural(small.len(), "small one", "small ones")
        )
    };
    if !leaks.is_empty() {
        let named: Vec<String> = leaks.iter().map(|s| with_rate(s)).collect();
        let held = held_by(context, findings, &leaks);
        return format!(
            "{}: {}.{held}{also}",
            plural(leaks.len(), "leak", "leaks"),
            list(&named, 3)
        );
    }
    if let Some(first) = heavy.first() {
        let more = match heavy.len() {
            1 => String::new(),
            n => format!(
                " {} in all.",
                plural(n, "finding of weight", "findings of weight")
            ),
        };
        return format!("{}.{more} {}", first.title, growth_of(context, first));
    }
    if !small.is_empty() {
        let named: Vec<String> = small.iter().map(|s| with_rate(s)).collect();
        return format!(
            "{} of little weight: {}.",
            plural(small.len(), "leak", "leaks"),
            list(&named, 3)
        );
    }
    let series = &context.draft.series;
    let suspects: Vec<String> = series
        .iter()
        .filter(|s| s.judgement.verdict == Verdict::Suspect && s.follows.is_none())
        .map(|s| s.name())
        .collect();
    if !suspects.is_empty() {
        let verb = if suspects.len() == 1 { "looks" } else { "look" };
        return format!(
            "No leak shown; {} {verb} like one and {} watching.",
            list(&suspects, 3),
            if suspects.len() == 1 { "needs" } else { "need" }
        );
    }
    if series.is_empty() {
        return "No tags were read.".to_owned();
    }
    let open = series
        .iter()
        .filter(|s| s.judgement.verdict == Verdict::Insufficient)
        .count();
    if context.draft.source.samples == 1 {
        return "No leak shown in one look: nothing is both large and hardly ever freed. What grows, a second look shows."
            .to_owned();
    }
    if open * 2 >= series.len() {
        return "No leak shown, but the recording is too short to rule one out.".to_owned();
    }
    match span_s(context) {
        Some(span) if span < SHORT_S => format!(
            "No fast leak shown in {}: nothing grew without bound or holds an unusual share of memory. A slow one needs \
             hours to show.",
            duration(span)
        ),
        Some(span) => format!(
            "No leak shown in {}: nothing grew without bound or holds an unusual share of memory.",
            duration(span)
        ),
        None => {
            "No leak shown: nothing in this input grew without bound or holds an unusual share of memory."
                .to_owned()
        }
    }
}

/// Recordings up to this show only what is fast: ten minutes.
const SHORT_S: f64 = 600.0;

fn span_s(context: &Context<'_>) -> Option<f64> {
    let samples = &context.history.samples;
    let span = samples.last()?.at.seconds_since(samples.first()?.at);
    (span > 0.0).then_some(span)
}

/// What is known of the growth of the first finding's series when nothing is called a leak.
fn growth_of(context: &Context<'_>, first: &Finding) -> String {
    let of_a_tag = !first.series.is_empty();
    let one = if of_a_tag { "it" } else { "a tag" };
    match context.draft.source.samples {
        0 | 1 => format!("Whether {one} grows, one look cannot show."),
        _ if of_a_tag => "It is not shown to grow now.".to_owned(),
        _ => "No tag is shown to grow.".to_owned(),
    }
}

/// Who holds the leaks, or those of them that are named.
fn held_by(context: &Context<'_>, findings: &[Finding], leaks: &[&JudgedSeries]) -> String {
    let process = findings
        .iter()
        .find(|f| f.code == "PS0201")
        .and_then(|f| Some((process_of(f)?, &f.series)));
    let family = || {
        let mut families = context.draft.families.iter();
        families.find_map(|f| Some((f.holder.as_ref()?.name()?, &f.members)))
    };
    let Some((who, what)) = process.or_else(family) else {
        return String::new();
    };
    let of_these: Vec<String> = leaks
        .iter()
        .map(|s| s.name())
        .filter(|n| what.contains(n))
        .collect();
    if of_these.is_empty() {
        String::new()
    } else if of_these.len() == leaks.len() {
        format!(" Most likely held by {who}.")
    } else {
        format!(" Most likely {who} holds {}.", list(&of_these, 3))
    }
}

/// The process that a finding about handles begins with: `name (process 7) keeps …`.
fn process_of(finding: &Finding) -> Option<String> {
    finding.title.split_once(" keeps ").map(|(who, _)| who.to_owned())
}

fn with_rate(series: &JudgedSeries) -> String {
    let rate = series
        .judgement
        .rate
        .map(|r| format!(" {}", per_day(r.per_day)))
        .unwrap_or_default();
    let owner = series
        .owner()
        .filter(|_| !series.owners.shared)
        .map(|o| format!(" ({o})"))
        .unwrap_or_default();
    format!("{}{rate}{owner}", series.name())
}

fn memory(context: &Context<'_>) -> Option<String> {
    let memory = context.draft.memory.as_ref()?;
    let physical = memory.counters.physical?;
    let available = memory.counters.available?;
    let mut largest = memory.parts.clone();
    largest.retain(|p| !["free", "standby (cache)", "page cache"].contains(&p.name));
    largest.sort_by_key(|p| std::cmp::Reverse(p.bytes));
    let named: Vec<String> = largest
        .iter()
        .take(3)
        .map(|p| format!("{} {}", p.name, bytes(p.bytes)))
        .collect();
    let most = if named.is_empty() {
        String::new()
    } else {
        format!("; most is in {}", list(&named, 3))
    };
    Some(format!(
        "{} of {} available{most}.",
        bytes(available),
        bytes(physical)
    ))
}

fn input(context: &Context<'_>) -> String {
    let source = &context.draft.source;
    let span = match (source.start, source.end) {
        (Some(start), Some(end)) if end > start => format!(" over {}", duration(end.seconds_since(start))),
        _ => String::new(),
    };
    let uptime = source
        .kernel_uptime_s
        .map(|s| format!(", kernel up {}", duration(s)))
        .unwrap_or_default();
    format!(
        "{}, {}{span}{uptime}.",
        plural(context.draft.series.len(), "series", "series"),
        plural(source.samples, "sample", "samples")
    )
}
