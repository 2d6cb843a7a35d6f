//! Text for people.

use crate::steps;
use crate::table::{Column, Paint, Style, Table};
use crate::words::{bytes, bytes_f, count};
use crate::{Family, Finding, Report, Series};

/// What the text should hold.
#[derive(Clone, Copy, Debug, Default)]
pub struct TextOptions {
    /// Look.
    pub style: Style,
    /// Every series and finding, not only the first screenful.
    pub all: bool,
    /// Findings with their evidence before the table, and the other steps after it: what `diagnose` shows.
    pub diagnosis: bool,
}

/// Rows of the ranking in the first screenful.
const SCREENFUL: usize = 15;
/// Findings shown with evidence in the first screenful.
const FULL_FINDINGS: usize = 5;

/// The report as text.
#[must_use]
pub fn text(report: &Report, options: TextOptions) -> String {
    let style = options.style;
    let mut out = summary(report, style);
    if options.diagnosis {
        out.push_str(&findings(report, options));
    }
    out.push_str(&ranking(report, options));
    out.push_str(&families(report, style));
    if options.diagnosis {
        out.push_str(&other_steps(report, options));
    } else {
        out.push_str(&findings(report, options));
    }
    out.push_str(&next(report, style));
    out.push_str(&problems(report, style));
    out
}

fn heading(style: Style, title: &str) -> String {
    format!("\n{}\n", style.paint(Paint::Bold, title))
}

fn summary(report: &Report, style: Style) -> String {
    let mut out = String::new();
    for (at, line) in report.summary.iter().flatten().enumerate() {
        let wrapped = style.wrap("", "", line);
        if at == 0 {
            for line in wrapped.lines() {
                out.push_str(&style.paint(Paint::Bold, line));
                out.push('\n');
            }
        } else {
            out.push_str(&wrapped);
        }
    }
    let source = report.source.iter().flat_map(|s| [&s.host, &s.product, &s.build]);
    let host: Vec<&str> = source.flatten().map(String::as_str).collect();
    if !host.is_empty() {
        out.push_str(&style.paint(Paint::Dim, style.wrap("", "", &host.join(", ")).trim_end()));
        out.push('\n');
    }
    out
}

fn findings(report: &Report, options: TextOptions) -> String {
    let style = options.style;
    let all: &[Finding] = report.findings.as_deref().unwrap_or_default();
    if all.is_empty() {
        return String::new();
    }
    let mut out = heading(style, "Findings");
    let weight = |f: &&Finding| !matches!(f.severity.as_deref(), Some("ok"));
    let shown: Vec<&Finding> = all.iter().filter(|f| options.all || weight(f)).collect();
    let mut explained: Vec<&str> = Vec::new();
    for (at, finding) in shown.iter().enumerate() {
        let full = options.all || (options.diagnosis && at < FULL_FINDINGS);
        let explanation = finding.explanation.as_deref().unwrap_or_default();
        // What was explained just before need not be explained again.
        let again = explained.contains(&explanation);
        explained.push(explanation);
        out.push_str(&one_finding(finding, style, full, !again));
    }
    let ok: Vec<&str> = all
        .iter()
        .filter(|f| !weight(f))
        .filter_map(|f| f.title.as_deref())
        .collect();
    if !options.all && !ok.is_empty() {
        out.push_str(&style.wrap(
            &format!("  {} ", style.word("ok", "ok")),
            "     ",
            &format!("{}.", ok.join("; ")),
        ));
    }
    out
}

fn one_finding(finding: &Finding, style: Style, full: bool, explain: bool) -> String {
    let severity = finding.severity.as_deref().unwrap_or("?");
    let code = finding.code.as_deref().unwrap_or("");
    let title = finding.title.as_deref().unwrap_or("");
    // Colours take no columns: the width is measured on the plain words.
    let plain = style.wrap(&format!("  {severity:<8} {code}  "), "                   ", title);
    let colored = style.word(severity, &format!("{severity:<8}"));
    let mut out = plain.replacen(&format!("{severity:<8}"), &colored, 1);
    if full {
        for line in finding.evidence.iter().flatten() {
            out.push_str(&style.wrap("           - ", "             ", line));
        }
        if severity != "ok" && explain {
            for line in finding.explanation.iter() {
                let wrapped = style.wrap("           ", "           ", line);
                out.push_str(&style.paint(Paint::Dim, wrapped.trim_end_matches('\n')));
                out.push('\n');
            }
        }
    }
    out
}

fn ranking(report: &Report, options: TextOptions) -> String {
    let style = options.style;
    let all: &[Series] = report.series.as_deref().unwrap_or_default();
    if all.is_empty() {
        return String::new();
    }
    let attention = |s: &Series| {
        matches!(
            s.verdict.as_deref(),
            Some("leak" | "suspect" | "unfreed" | "filling" | "stepped")
        ) && s.follows.is_none()
    };
    let important = all.iter().filter(|s| attention(s)).count();
    let rows = if options.all {
        all.len()
    } else {
        important.clamp(5, SCREENFUL)
    };
    let mut table = Table::new(&[
        Column::words("TAG", 14, 0),
        Column::words("POOL", 9, 0),
        Column::words("VERDICT", 12, 0),
        Column::numbers("BYTES", 0),
        Column::numbers("OUTSTANDING", 3),
        Column::numbers("PER DAY", 0),
        Column::numbers("90 %", 2),
        Column::numbers("CONF.", 4),
        Column::words("OWNER", 12, 0),
    ]);
    for series in all.iter().take(rows) {
        table.row([
            series.tag.clone().unwrap_or_default(),
            series.pool.clone().unwrap_or_default(),
            series.verdict.clone().unwrap_or_default(),
            series.bytes.map(bytes).unwrap_or_default(),
            series.outstanding.map(count).unwrap_or_default(),
            rate(series),
            interval(series),
            series.confidence.map(|c| format!("{c:.2}")).unwrap_or_default(),
            owner(series),
        ]);
        table.color_by_word(2);
    }
    let mut out = heading(style, "Series by rank");
    out.push_str(&table.render(style, 2));
    if rows < all.len() {
        let rest = all.get(rows..).unwrap_or_default();
        let line = format!(
            "{} more: {}. All with --all.",
            count(rest.len() as u64),
            verdicts(rest)
        );
        out.push_str(&style.wrap("  ", "  ", &line));
    }
    out
}

/// How many of each verdict, in the order of first appearance.
fn verdicts(series: &[Series]) -> String {
    let mut counts: Vec<(&str, u64)> = Vec::new();
    for verdict in series.iter().filter_map(|s| s.verdict.as_deref()) {
        match counts.iter_mut().find(|(v, _)| *v == verdict) {
            Some((_, n)) => *n += 1,
            None => counts.push((verdict, 1)),
        }
    }
    let words: Vec<String> = counts.iter().map(|(v, n)| format!("{} {v}", count(*n))).collect();
    words.join(", ")
}

/// Growth, of what is judged to grow: a day's rate of what goes up and down within the recording would mislead.
fn rate(series: &Series) -> String {
    if !grows(series) {
        return String::new();
    }
    match (series.rate_bytes_per_day, series.count_rate_per_day) {
        (Some(r), _) if r.abs() >= 1.0 || series.count_rate_per_day.is_none() => {
            format!("{}{}", if r > 0.0 { "+" } else { "" }, bytes_f(r))
        }
        (_, Some(n)) => format!(
            "{}{} obj",
            if n >= 0.0 { "+" } else { "-" },
            count(n.abs() as u64)
        ),
        _ => String::new(),
    }
}

/// Whether the verdict says that it grows.
pub(crate) fn grows(series: &Series) -> bool {
    matches!(
        series.verdict.as_deref(),
        Some("leak" | "suspect" | "unfreed" | "filling")
    )
}

/// The interval, the unit said once where both ends share it.
fn interval(series: &Series) -> String {
    let (Some(low), Some(high)) = (series.rate_low, series.rate_high) else {
        return String::new();
    };
    if !grows(series) {
        return String::new();
    }
    let (low, high) = (bytes_f(low), bytes_f(high));
    match (low.split_once(' '), high.split_once(' ')) {
        (Some((l, unit)), Some((h, same))) if unit == same => format!("{l}..{h} {unit}"),
        _ => format!("{low}..{high}"),
    }
}

/// The most trusted owner, or why there is none.
pub(crate) fn owner(series: &Series) -> String {
    if series.shared == Some(true) {
        return "(shared tag)".to_owned();
    }
    let first = series.owners.iter().flatten().next();
    let name = first.and_then(|o| o.image.clone().or_else(|| o.component.clone()));
    name.unwrap_or_else(|| "?".to_owned())
}

fn families(report: &Report, style: Style) -> String {
    let families: &[Family] = report.families.as_deref().unwrap_or_default();
    if families.is_empty() {
        return String::new();
    }
    let mut out = heading(style, "Families: series that grow in fixed ratios are one leak");
    for family in families {
        let members: Vec<String> = family
            .members
            .iter()
            .flatten()
            .zip(family.ratio.iter().flatten())
            .map(|(name, ratio)| {
                if *ratio == 1 {
                    name.clone()
                } else {
                    format!("{name} (×{ratio})")
                }
            })
            .collect();
        let growth = family
            .rate_bytes_per_day
            .map(|r| format!(", +{}/day", bytes_f(r)))
            .unwrap_or_default();
        out.push_str(&style.wrap(
            "  ",
            "     ",
            &format!("{}: {}{growth}", family.id.unwrap_or(0), members.join(", ")),
        ));
        if let Some(holder) = &family.holder {
            let names = [&holder.process, &holder.image, &holder.component, &holder.series];
            let name = names.into_iter().flatten().next().cloned().unwrap_or_default();
            let reasons: Vec<&str> = holder.reasons.iter().flatten().map(String::as_str).collect();
            out.push_str(&style.wrap(
                "     held by ",
                "     ",
                &format!("{name}. {}", reasons.join(" ")),
            ));
        }
    }
    out
}

fn other_steps(report: &Report, options: TextOptions) -> String {
    let style = options.style;
    let mut out = String::new();
    let sections = [
        (
            "Memory",
            report.memory.as_ref().map(|m| steps::memory_text(m, style)),
        ),
        (
            "Event-tracing sessions",
            report
                .etw
                .as_ref()
                .map(|e| steps::etw_text(e, style, options.all)),
        ),
        (
            "Drivers",
            report
                .drivers
                .as_ref()
                .map(|d| steps::drivers_text(d, style, options.all)),
        ),
        (
            "Events",
            report
                .events
                .as_ref()
                .map(|e| steps::events_text(e, style, options.all)),
        ),
        (
            "Virtualization-based security",
            report.vbs.as_ref().map(|v| steps::vbs_text(v, style)),
        ),
    ];
    for (title, body) in sections {
        if let Some(body) = body.filter(|b| !b.is_empty()) {
            out.push_str(&heading(style, title));
            out.push_str(&body);
        }
    }
    out
}

fn next(report: &Report, style: Style) -> String {
    let actions = report.next.as_deref().unwrap_or_default();
    if actions.is_empty() {
        return String::new();
    }
    let mut out = heading(style, "What to do next");
    for (at, action) in actions.iter().enumerate() {
        out.push_str(&style.wrap(
            &format!("  {}. ", at + 1),
            "     ",
            action.text.as_deref().unwrap_or_default(),
        ));
        for why in action.why.iter() {
            let wrapped = style.wrap("     ", "     ", why);
            out.push_str(&style.paint(Paint::Dim, wrapped.trim_end_matches('\n')));
            out.push('\n');
        }
        for command in action.command.iter() {
            // A command is not wrapped: it is there to be copied.
            out.push_str(&format!(
                "       {}\n",
                style.paint(Paint::Cyan, &crate::table::clean(command))
            ));
        }
    }
    out
}

fn problems(report: &Report, style: Style) -> String {
    let problems = report.problems.as_deref().unwrap_or_default();
    if problems.is_empty() {
        return String::new();
    }
    let mut out = heading(style, "Not read");
    for problem in problems {
        let line = format!(
            "{}: {}",
            problem.step.as_deref().unwrap_or_default(),
            problem.message.as_deref().unwrap_or_default()
        );
        out.push_str(&style.wrap("  - ", "    ", &line));
    }
    out
}
