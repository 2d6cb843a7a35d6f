//! `poolscope diagnose`.

use std::path::PathBuf;
use std::time::Duration;

use crate::args::{KnowledgeArgs, ReportArgs};
use crate::exit::{Failure, Outcome};
use crate::ui::Ui;
use crate::values;

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
    /// Show every finding and series, not only the first screenful.
    #[arg(long)]
    pub all: bool,
    /// Address to search for unknown tags; `{tag}` stands for the tag.
    #[arg(long, value_name = "URL")]
    pub search_url: Option<String>,
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
pub fn run(_args: &Args, _ui: &Ui) -> Result<Outcome, Failure> {
    Err(Failure::unavailable("diagnose is not built yet"))
}
