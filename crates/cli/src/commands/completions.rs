//! `poolscope completions`.

use std::io::Write;

use clap_complete::Shell;

use crate::args::OutputArgs;
use crate::exit::{Failure, Outcome};
use crate::ui::Ui;

/// Print a completion script for a shell.
///
/// Source it, or put it where the shell looks for completions.
#[derive(Clone, Debug, clap::Args)]
#[command(
    before_help = "Example: poolscope completions bash > ~/.local/share/bash-completion/completions/poolscope",
    after_help = "More examples:\n\x20 poolscope completions powershell >> $PROFILE"
)]
pub struct Args {
    /// The shell.
    #[arg(value_enum)]
    pub shell: Shell,
    /// Where it goes.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Runs the command.
///
/// # Errors
/// [`Failure::Output`] when the script cannot be written.
pub fn run(args: &Args, ui: &Ui) -> Result<Outcome, Failure> {
    // Into memory first: the generator panics when its writer fails.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut crate::command(), "poolscope", &mut script);
    let mut out = ui.out(args.output.output.as_deref())?;
    out.write_all(&script)?;
    out.finish()?;
    Ok(Outcome::Done)
}
