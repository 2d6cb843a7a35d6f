//! `poolscope mcp`.

use std::path::PathBuf;
use std::sync::Arc;

use crate::assistant::Assistant;
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
    /// The one folder that recordings may be written to; its files may be read as well.
    #[arg(long, value_name = "DIR")]
    pub recordings: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// [`Failure::Usage`] when a folder does not exist, [`Failure::Unavailable`] when the server cannot run.
pub fn run(args: &Args, _ui: &Ui) -> Result<Outcome, Failure> {
    let policy =
        mcp::Policy::new(&args.allow, args.recordings.as_deref()).map_err(|error| Failure::Usage(error.0))?;
    mcp::serve_stdio(Arc::new(Assistant), policy).map_err(|error| Failure::unavailable(error.0))?;
    Ok(Outcome::Done)
}
