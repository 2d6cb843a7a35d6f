//! Markdown, for pasting into an issue.

use std::fmt::Write as _;

use crate::text::owner;
use crate::words::{bytes, bytes_f, count};
use crate::{Finding, Report, Series};

/// Series in the table, at most; the reader wants the story, not the archive.
const ROWS: usize = 25;

/// The report as Markdown.
#[must_use]
pub fn markdown(report: &Report) -> String {
    let mut out = String::from("# poolscope report\n\n");
    for line in report.summary.iter().flatten() {
        let _ = writeln!(out, "{}\n", escaped(line));
    }
    out.push_str(&source(report));
    out.push_str(&findings(report));
    out.push_str(&table(report));
    out.push_str(&families(report));
    out.push_str(&next(report));
    out.push_str(&problems(report));
    out
}

/// Text that no Markdown renderer takes for markup. Backslash escapes work before every ASCII punctuation character.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|' | '~' | '@' | '!' | '$' => {
                out.push('\\');
                out.push(c);
            }
            '&' => out.push_str("&amp;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// Code that may hold backticks: fenced by more of them than it has in a row.
fn code(text: &str) -> String {
    let text: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    if longest == 0 {
        format!("{fence}{text}{fence}")
    } else {
        format!("{fence} {text} {fence}")
    }
}

fn source(report: &Report) -> String {
    let mut out = String::new();
    if let Some(s) = &report.source {
        let facts = [
            ("kind", s.kind.clone()),
            ("system", s.product.clone().or_else(|| s.os.clone())),
            ("build", s.build.clone()),
            ("memory", s.physical_bytes.map(bytes)),
            ("from", s.start.clone()),
            ("to", s.end.clone()),
        ];
        for (name, value) in facts {
            if let Some(value) = value {
                let _ = writeln!(out, "- {name}: {}", escaped(&value));
            }
        }
    }
    if let Some(tool) = &report.tool {
        let _ = writeln!(
            out,
            "- made by poolscope {}",
            escaped(tool.version.as_deref().unwrap_or_default())
        );
    }
    out
}

fn findings(report: &Report) -> String {
    let all: &[Finding] = report.findings.as_deref().unwrap_or_default();
    if all.is_empty() {
        return String::new();
    }
    let mut out = String::from("\n## Findings\n");
    for finding in all {
        let word = |text: &Option<String>| escaped(text.as_deref().unwrap_or_default());
        let _ = writeln!(
            out,
            "\n### {} {}: {}\n",
            word(&finding.code),
            word(&finding.severity),
            word(&finding.title)
        );
        for line in finding.evidence.iter().flatten() {
            let _ = writeln!(out, "- {}", escaped(line));
        }
        if finding.severity.as_deref() != Some("ok") {
            let _ = writeln!(out, "\n{}", word(&finding.explanation));
        }
    }
    out
}

fn table(report: &Report) -> String {
    let all: &[Series] = report.series.as_deref().unwrap_or_default();
    if all.is_empty() {
        return String::new();
    }
    let mut out = String::from(
        "\n## Series by rank\n\n| tag | pool | verdict | bytes | outstanding | per day | 90 % | owner |\n\
         |---|---|---|---:|---:|---:|---|---|\n",
    );
    for s in all.iter().take(ROWS) {
        let rate = s
            .rate_bytes_per_day
            .map(|r| format!("{}{}", if r > 0.0 { "+" } else { "" }, bytes_f(r)))
            .unwrap_or_default();
        let interval = s
            .rate_low
            .zip(s.rate_high)
            .map(|(l, h)| format!("{} to {}", bytes_f(l), bytes_f(h)));
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {rate} | {} | {} |",
            escaped(s.tag.as_deref().unwrap_or_default()),
            escaped(s.pool.as_deref().unwrap_or_default()),
            escaped(s.verdict.as_deref().unwrap_or_default()),
            s.bytes.map(bytes).unwrap_or_default(),
            s.outstanding.map(count).unwrap_or_default(),
            interval.unwrap_or_default(),
            escaped(&owner(s)),
        );
    }
    if all.len() > ROWS {
        let _ = writeln!(out, "\n{} more.", all.len() - ROWS);
    }
    out
}

fn families(report: &Report) -> String {
    let families = report.families.as_deref().unwrap_or_default();
    if families.is_empty() {
        return String::new();
    }
    let mut out = String::from("\n## Families\n\n");
    for family in families {
        let pairs = family.members.iter().flatten().zip(family.ratio.iter().flatten());
        let members: Vec<String> = pairs.map(|(m, r)| format!("{} ×{r}", escaped(m))).collect();
        let holder = family
            .holder
            .as_ref()
            .and_then(|h| h.process.as_ref().or(h.image.as_ref()).or(h.series.as_ref()));
        let held = holder
            .map(|h| format!(", held by {}", escaped(h)))
            .unwrap_or_default();
        let _ = writeln!(out, "- {}{held}", members.join(", "));
    }
    out
}

fn next(report: &Report) -> String {
    let actions = report.next.as_deref().unwrap_or_default();
    if actions.is_empty() {
        return String::new();
    }
    let mut out = String::from("\n## What to do next\n\n");
    for (at, action) in actions.iter().enumerate() {
        let _ = write!(
            out,
            "{}. {}",
            at + 1,
            escaped(action.text.as_deref().unwrap_or_default())
        );
        if let Some(why) = &action.why {
            let _ = write!(out, " ({})", escaped(why.trim_end_matches('.')));
        }
        if let Some(command) = &action.command {
            let _ = write!(out, " {}", code(command));
        }
        out.push('\n');
    }
    out
}

fn problems(report: &Report) -> String {
    let problems = report.problems.as_deref().unwrap_or_default();
    if problems.is_empty() {
        return String::new();
    }
    let mut out = String::from("\n## Not read\n\n");
    for p in problems {
        let step = escaped(p.step.as_deref().unwrap_or_default());
        let _ = writeln!(
            out,
            "- {step}: {}",
            escaped(p.message.as_deref().unwrap_or_default())
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_an_input_stays_text() {
        assert_eq!(escaped("<b>|`x`\n[a](b)"), "\\<b\\>\\|\\`x\\` \\[a\\](b)");
        assert_eq!(code("a`b"), "`` a`b ``");
        assert_eq!(code("plain"), "`plain`");
    }
}
