//! `poolscope mcp`.

use std::path::PathBuf;

use crate::exit::{Failure, Outcome};
use crate::ui::Ui;

/// Serve diagnoses to assistants over the Model Context Protocol.
///
/// Speaks on standard input and output and ends when standard input ends. Reads files only in folders that were allowed.
#[derive(Clone, Debug, clap::Args)]
#[command(
    before_help = "Example: poolscope mcp --allow .",
    after_help = "More examples:\n\x20 poolscope mcp --allow ~/evidence --recordings ~/recordings"
)]
pub struct Args {
    /// A folder whose files may be read; may be given several times.
    #[arg(long, value_name = "DIR")]
    pub allow: Vec<PathBuf>,
    /// A folder whose recordings are offered as resources; allowed as well.
    #[arg(long, value_name = "DIR")]
    pub recordings: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// What cannot be read is [`Failure::Input`], what this machine cannot answer [`Failure::Unavailable`].
pub fn run(_args: &Args, _ui: &Ui) -> Result<Outcome, Failure> {
    Err(Failure::unavailable("mcp is not built yet"))
}
