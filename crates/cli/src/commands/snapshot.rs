//! `poolscope snapshot`.

use crate::args::{FilterArgs, TableArgs};
use crate::exit::{Failure, Outcome};
use crate::ui::Ui;

/// Show the tags of this machine now.
///
/// Reads the kernel's counters once and prints them as a table, largest first. What could not be read is said below it.
#[derive(Clone, Debug, clap::Args)]
#[command(
    before_help = "Example: poolscope snapshot --top 20",
    after_help = "More examples:\n\x20 poolscope snapshot --pool nonpaged --tag 'Nt*' --sort outstanding\n\x20 poolscope snapshot --format csv --output now.csv"
)]
pub struct Args {
    /// Which series to show.
    #[command(flatten)]
    pub filter: FilterArgs,
    /// Order of the rows, largest first (`tag` goes by name).
    #[arg(
        long,
        value_enum,
        default_value_t,
        value_name = "COLUMN",
        help_heading = "Filters"
    )]
    pub sort: SortBy,
    /// Format and place.
    #[command(flatten)]
    pub table: TableArgs,
}

/// Columns to sort by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum SortBy {
    /// Bytes in use.
    #[default]
    Bytes,
    /// Allocations that were not freed yet.
    Outstanding,
    /// Allocations since boot.
    Allocs,
    /// Frees since boot.
    Frees,
    /// The tag's name.
    Tag,
}

/// Runs the command.
///
/// # Errors
/// What cannot be read is [`Failure::Input`], what this machine cannot answer [`Failure::Unavailable`].
pub fn run(_args: &Args, _ui: &Ui) -> Result<Outcome, Failure> {
    Err(Failure::unavailable("snapshot is not built yet"))
}
