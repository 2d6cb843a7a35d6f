//! `poolscope watch`.

use std::io::IsTerminal as _;
use std::time::Duration;

use source::Want;

use crate::args::FilterArgs;
use crate::exit::{Failure, Outcome};
use crate::ui::Ui;
use crate::values;

/// Faster than this nobody reads.
const INTERVAL_MIN: Duration = Duration::from_millis(250);

/// Watch the tags in a full-screen live table.
///
/// Shows the tags as they change, with what they gained since the start and their rates. `?` shows the keys, `q` ends.
#[derive(Clone, Debug, clap::Args)]
#[command(
    before_help = "Example: poolscope watch",
    after_help = "More examples:\n\x20 poolscope watch 2 --pool nonpaged"
)]
pub struct Args {
    /// Seconds between refreshes.
    #[arg(value_name = "SECONDS", default_value = "2", value_parser = values::duration)]
    pub every: Duration,
    /// Which series to show.
    #[command(flatten)]
    pub filter: FilterArgs,
}

/// Runs the command.
///
/// # Errors
/// [`Failure::Usage`] without a terminal, [`Failure::Unavailable`] when this machine shows no tags.
pub fn run(args: &Args, ui: &Ui) -> Result<Outcome, Failure> {
    if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
        return Err(Failure::Usage(
            "watch needs a terminal; use `poolscope track` for a log or `poolscope snapshot` for one look"
                .to_owned(),
        ));
    }
    let mut source = source::live();
    let want = Want {
        tags: true,
        ..Want::default()
    };
    // Before the screen is taken over, so that a refusal is printed and not flashed.
    source.snapshot(&want)?;
    let (host, _) = source.host();
    let title = [host.name, host.build]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(", ");
    let options = tui::Options {
        title,
        every: args.every.max(INTERVAL_MIN),
        color: ui.look().color,
        wanted: &|key| args.filter.wants(&key.tag, key.pool),
    };
    let mut sample = || source.snapshot(&want).map_err(|error| error.to_string());
    tui::run(&options, &mut sample)?;
    Ok(Outcome::Done)
}
