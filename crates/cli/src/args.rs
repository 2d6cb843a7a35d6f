//! Options that several commands share, so that each looks and means the same everywhere.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use diagnosis::Severity;

use crate::exit::Outcome;
use crate::values;

/// Formats of a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// For people, as wide as the terminal.
    #[default]
    Text,
    /// The whole report; docs/report-json.md is its contract.
    Json,
    /// One line a series.
    Csv,
    /// One self-contained page with charts.
    Html,
    /// For pasting into an issue.
    Markdown,
}

/// Formats of a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum TableFormat {
    /// For people, as wide as the terminal.
    #[default]
    Text,
    /// For programs.
    Json,
    /// For spreadsheets.
    Csv,
}

/// Where the result goes.
#[derive(Clone, Debug, Default, Args)]
pub struct OutputArgs {
    /// Write the result to FILE instead of standard output.
    #[arg(long, short, value_name = "FILE", help_heading = "Output")]
    pub output: Option<PathBuf>,
}

/// Format and place of a table.
#[derive(Clone, Debug, Default, Args)]
pub struct TableArgs {
    /// Format of the result.
    #[arg(long, short, value_enum, default_value_t, help_heading = "Output")]
    pub format: TableFormat,
    /// Where it goes.
    #[command(flatten)]
    pub to: OutputArgs,
}

/// Format and place of a report, and when to say by exit status that something was found.
#[derive(Clone, Debug, Default, Args)]
pub struct ReportArgs {
    /// Format of the result.
    #[arg(long, short, value_enum, default_value_t, help_heading = "Output")]
    pub format: ReportFormat,
    /// Where it goes.
    #[command(flatten)]
    pub to: OutputArgs,
    /// End with exit status 1 when a finding weighs this much or more.
    #[arg(long, value_name = "SEVERITY", value_enum, help_heading = "Output")]
    pub fail_on: Option<FailOn>,
}

impl ReportArgs {
    /// How a run with these findings ends.
    pub fn outcome(&self, findings: impl IntoIterator<Item = Severity>) -> Outcome {
        let Some(limit) = self.fail_on.map(FailOn::severity) else {
            return Outcome::Done;
        };
        // Severities order heaviest first.
        if findings.into_iter().any(|severity| severity <= limit) {
            Outcome::Found
        } else {
            Outcome::Done
        }
    }
}

/// Severities that can end a run with status 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// The machine is or will soon be in trouble.
    Critical,
    /// Something to act on.
    Warning,
    /// Something worth knowing.
    Notice,
}

impl FailOn {
    const fn severity(self) -> Severity {
        match self {
            Self::Critical => Severity::Critical,
            Self::Warning => Severity::Warning,
            Self::Notice => Severity::Notice,
        }
    }
}

/// Pools as words on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PoolName {
    /// Windows: memory that is never paged out.
    Nonpaged,
    /// Windows: memory that can be paged out.
    Paged,
    /// Windows: memory of a session.
    Session,
    /// Linux: slab caches that cannot be reclaimed.
    Slab,
    /// Linux: slab caches that give memory back under pressure.
    SlabReclaimable,
    /// Linux: virtually contiguous allocations by caller.
    Vmalloc,
    /// Linux: allocation call sites, which overlap the other pools.
    CallSite,
}

impl PoolName {
    /// The domain's word for it.
    #[must_use]
    pub const fn pool(self) -> snapshot::Pool {
        match self {
            Self::Nonpaged => snapshot::Pool::Nonpaged,
            Self::Paged => snapshot::Pool::Paged,
            Self::Session => snapshot::Pool::Session,
            Self::Slab => snapshot::Pool::Slab,
            Self::SlabReclaimable => snapshot::Pool::SlabReclaimable,
            Self::Vmalloc => snapshot::Pool::Vmalloc,
            Self::CallSite => snapshot::Pool::CallSite,
        }
    }
}

/// Which series to look at.
#[derive(Clone, Debug, Default, Args)]
pub struct FilterArgs {
    /// Only this pool; may be given several times.
    #[arg(long, value_enum, value_name = "POOL", help_heading = "Filters")]
    pub pool: Vec<PoolName>,
    /// Only tags that match GLOB (`*` any run of bytes, `?` one byte; case counts); may be given several times.
    #[arg(long, value_name = "GLOB", help_heading = "Filters")]
    pub tag: Vec<String>,
    /// Not tags that match GLOB; may be given several times.
    #[arg(long, value_name = "GLOB", help_heading = "Filters")]
    pub not: Vec<String>,
    /// Only what holds at least SIZE now (`4096`, `1M`, `1.5G`).
    #[arg(long, value_name = "SIZE", value_parser = values::size, help_heading = "Filters")]
    pub min_bytes: Option<u64>,
    /// Only the first N.
    #[arg(long, short = 'n', value_name = "N", help_heading = "Filters")]
    pub top: Option<usize>,
}

impl FilterArgs {
    /// Whether a series of this tag and pool is wanted; sizes and counts are the caller's business.
    #[must_use]
    pub fn wants(&self, tag: &snapshot::Tag, pool: snapshot::Pool) -> bool {
        let matches = |glob: &String| snapshot::glob_matches(glob.as_bytes(), tag.as_bytes());
        (self.pool.is_empty() || self.pool.iter().any(|name| name.pool() == pool))
            && (self.tag.is_empty() || self.tag.iter().any(matches))
            && !self.not.iter().any(matches)
    }
}

/// What to learn owners from, beside the program's own table.
#[derive(Clone, Debug, Default, Args)]
pub struct KnowledgeArgs {
    /// A pooltag.txt to learn owners from; one that is installed on this machine is found by itself.
    #[arg(long, value_name = "FILE", help_heading = "Owners")]
    pub pooltag: Vec<PathBuf>,
    /// Driver files, folders or archives to scan for the tags they allocate; may be given several times.
    #[arg(long, value_name = "PATH", help_heading = "Owners")]
    pub drivers: Vec<PathBuf>,
    /// Do not scan the drivers of this Windows machine, which is done by itself otherwise.
    #[arg(long, help_heading = "Owners")]
    pub no_scan: bool,
    /// Where to search for unknown tags: an address in which `{tag}` is replaced.
    #[arg(long, value_name = "URL", help_heading = "Owners")]
    pub search_url: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fail_on_counts_what_weighs_as_much_or_more() {
        use Severity::{Critical, Notice, Ok, Warning};
        let cases: [(Option<FailOn>, &[Severity], Outcome); 6] = [
            (None, &[Critical], Outcome::Done),
            (Some(FailOn::Warning), &[Critical], Outcome::Found),
            (Some(FailOn::Warning), &[Warning, Ok], Outcome::Found),
            (Some(FailOn::Warning), &[Notice, Ok], Outcome::Done),
            (Some(FailOn::Notice), &[Notice], Outcome::Found),
            (Some(FailOn::Critical), &[], Outcome::Done),
        ];
        for (fail_on, findings, expected) in cases {
            let args = ReportArgs {
                fail_on,
                ..ReportArgs::default()
            };
            assert_eq!(
                args.outcome(findings.iter().copied()),
                expected,
                "{fail_on:?} {findings:?}"
            );
        }
    }
}
