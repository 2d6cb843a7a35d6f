//! One file a command: its options and what it does.

pub mod analyze;
pub mod compare;
pub mod completions;
pub mod crashes;
pub mod diagnose;
pub mod drivers;
pub mod etw;
pub mod export;
pub mod mcp;
pub mod memory;
pub mod owner;
pub mod scan;
pub mod snapshot;
pub mod track;
pub mod vbs;
pub mod watch;

use clap::Subcommand;

use crate::exit::{Failure, Outcome};
use crate::ui::Ui;

/// The commands, in the order of the help.
#[derive(Clone, Debug, Subcommand)]
#[expect(
    missing_docs,
    reason = "each command's options carry its documentation, which is also its help"
)]
pub enum Command {
    Diagnose(diagnose::Args),
    Snapshot(snapshot::Args),
    Track(track::Args),
    Watch(watch::Args),
    Analyze(analyze::Args),
    Compare(compare::Args),
    Owner(owner::Args),
    Scan(scan::Args),
    Memory(memory::Args),
    Etw(etw::Args),
    Drivers(drivers::Args),
    Crashes(crashes::Args),
    Vbs(vbs::Args),
    Export(export::Args),
    Mcp(mcp::Args),
    Completions(completions::Args),
}

impl Command {
    /// Runs the command.
    ///
    /// # Errors
    /// A [`Failure`], whose kind is the exit status.
    pub fn run(&self, ui: &Ui) -> Result<Outcome, Failure> {
        match self {
            Self::Diagnose(args) => diagnose::run(args, ui),
            Self::Snapshot(args) => snapshot::run(args, ui),
            Self::Track(args) => track::run(args, ui),
            Self::Watch(args) => watch::run(args, ui),
            Self::Analyze(args) => analyze::run(args, ui),
            Self::Compare(args) => compare::run(args, ui),
            Self::Owner(args) => owner::run(args, ui),
            Self::Scan(args) => scan::run(args, ui),
            Self::Memory(args) => memory::run(args, ui),
            Self::Etw(args) => etw::run(args, ui),
            Self::Drivers(args) => drivers::run(args, ui),
            Self::Crashes(args) => crashes::run(args, ui),
            Self::Vbs(args) => vbs::run(args, ui),
            Self::Export(args) => export::run(args, ui),
            Self::Mcp(args) => mcp::run(args, ui),
            Self::Completions(args) => completions::run(args, ui),
        }
    }
}
