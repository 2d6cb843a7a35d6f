//! `poolscope scan`.

use std::path::PathBuf;

use crate::args::TableArgs;
use crate::exit::{Failure, Outcome};
use crate::ui::Ui;

/// List the tags that driver files allocate.
///
/// Disassembles Windows drivers (x64, x86, ARM64) and follows each tag to the allocation call. Takes files, folders and
/// archives, on any system.
#[derive(Clone, Debug, clap::Args)]
#[command(
    before_help = "Example: poolscope scan C:\\Windows\\System32\\drivers",
    after_help = "More examples:\n\x20 poolscope scan mydriver.sys --format json"
)]
pub struct Args {
    /// Driver files, folders or archives.
    #[arg(value_name = "PATH", required = true)]
    pub paths: Vec<PathBuf>,
    /// Only tags that match GLOB; may be given several times.
    #[arg(long, value_name = "GLOB", help_heading = "Filters")]
    pub tag: Vec<String>,
    /// Scan every file again instead of using results of earlier runs.
    #[arg(long)]
    pub no_cache: bool,
    /// Format and place.
    #[command(flatten)]
    pub table: TableArgs,
}

/// Runs the command.
///
/// # Errors
/// What cannot be read is [`Failure::Input`], what this machine cannot answer [`Failure::Unavailable`].
pub fn run(_args: &Args, _ui: &Ui) -> Result<Outcome, Failure> {
    Err(Failure::unavailable("scan is not built yet"))
}
