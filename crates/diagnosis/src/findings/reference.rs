//! The reference of findings, for `docs/findings.md`.

use std::fmt::Write as _;

use super::{ALL, Spec};

/// The Markdown page that lists every finding. Generated, so that the page cannot differ from the program.
#[must_use]
pub fn reference() -> String {
    let mut page = String::from(
        "# Findings\n\n\
         Generated from `crates/diagnosis/src/findings` by `cargo xtask findings`; edit there.\n\n\
         Codes are stable. Severities: `critical` (the machine is or will soon be in trouble because of this), `warning`\n\
         (act on this), `notice` (worth knowing), `ok` (checked and fine). The limits named here stand with their reasons\n\
         in `crates/diagnosis/src/thresholds.rs`.\n\n\
         | code | finding |\n|---|---|\n",
    );
    for spec in ALL {
        let anchor = spec.code.to_lowercase();
        let _ = writeln!(page, "| [{}](#{anchor}) | {} |", spec.code, spec.title);
    }
    for spec in ALL {
        page.push('\n');
        page.push_str(&self::page(spec));
    }
    page
}

/// The part of the reference that is about one finding.
#[must_use]
pub fn page(spec: &Spec) -> String {
    let mut page = format!(
        "## {}\n\n**{}**\n\nTrigger: {}\n\n{}\n",
        spec.code, spec.title, spec.trigger, spec.explanation
    );
    if !spec.next.is_empty() {
        page.push_str("\nNext:\n");
        for (at, step) in spec.next.iter().enumerate() {
            let _ = writeln!(page, "{}. {step}", at + 1);
        }
    }
    page.push_str("\nSources:\n");
    for source in spec.sources {
        let _ = writeln!(page, "- {source}");
    }
    page
}
