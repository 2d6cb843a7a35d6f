//! `poolscope owner`.

use crate::args::{KnowledgeArgs, TableArgs};
use crate::exit::{Failure, Outcome};
use crate::ui::Ui;

/// Say who owns a tag, and how we know.
///
/// Owners are ranked by trust with the evidence for each. For unknown tags it says how to find out.
#[derive(Clone, Debug, clap::Args)]
#[command(
    before_help = "Example: poolscope owner NtFC",
    after_help = "More examples:\n\x20 poolscope owner 'Ntf*' --format json\n\x20 poolscope owner WDiv --drivers C:\\Windows\\System32\\drivers"
)]
pub struct Args {
    /// Tags, case kept, bytes that cannot be typed as `\xNN`; `*` and `?` match several known tags.
    #[arg(value_name = "TAG", required = true)]
    pub tags: Vec<String>,
    /// What to learn owners from.
    #[command(flatten)]
    pub knowledge: KnowledgeArgs,
    /// Format and place.
    #[command(flatten)]
    pub table: TableArgs,
}

/// Runs the command.
///
/// # Errors
/// What cannot be read is [`Failure::Input`], what this machine cannot answer [`Failure::Unavailable`].
pub fn run(_args: &Args, _ui: &Ui) -> Result<Outcome, Failure> {
    Err(Failure::unavailable("owner is not built yet"))
}
