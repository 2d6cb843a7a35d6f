//! House tasks: `cargo xtask tidy` and friends.
//!
//! Not part of the program, and no crate may import it. It may not use the network: what it needs is installed before,
//! by `.ci/run` on a clean machine. It changes nothing outside the clone.

mod ci;
mod findings;
mod imports;
mod run;
mod tidy;
mod windows;
mod wine;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

const HELP: &str = "cargo xtask TASK

  tidy          check the house rules that no compiler checks
  findings      write docs/findings.md from the findings themselves; --check only compares
  ci            everything that .ci/run runs after installing what it needs
  pure          build the pure rooms for a target without an operating system
  fuzz          build the fuzz targets; with SECONDS also run each so long on its own corpus
  windows       build the Windows program; prints where it is
  wine          run the Windows program and unit tests under Wine
  man [DIR]     write man pages, by default to target/man
  completions [DIR]   write shell completions, by default to target/completions
  dist          build both programs with man pages and completions into target/dist";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match task(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            run::say(&format!("xtask: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn task(arguments: &[String]) -> Result<()> {
    let root = root()?;
    let mut words = arguments.iter().map(String::as_str);
    let name = words.next().unwrap_or("help");
    let rest: Vec<&str> = words.collect();
    match (name, rest.as_slice()) {
        ("tidy", []) => tidy::run(&root),
        ("findings", []) => findings::write(&root),
        ("findings", ["--check"]) => findings::check(&root),
        ("ci", steps) => ci::run(&root, steps),
        ("pure", []) => ci::pure(&root),
        ("fuzz", []) => ci::fuzz(&root, None),
        ("fuzz", [seconds]) => ci::fuzz(&root, Some(seconds.parse().context("fuzz SECONDS")?)),
        ("windows", []) => windows::build(&root).map(|exe| run::say(&exe.display().to_string())),
        ("wine", []) => wine::run(&root),
        ("man", folder) => ci::man(&root, &folder_or(&root, folder, "target/man")),
        ("completions", folder) => ci::completions(&root, &folder_or(&root, folder, "target/completions")),
        ("dist", []) => ci::dist(&root),
        ("help" | "--help" | "-h", _) => {
            run::say(HELP);
            Ok(())
        }
        _ => bail!("no such task: {}\n\n{HELP}", arguments.join(" ")),
    }
}

fn folder_or(root: &Path, given: &[&str], default: &str) -> PathBuf {
    given.first().map_or_else(|| root.join(default), PathBuf::from)
}

/// The repository: the folder above this crate.
fn root() -> Result<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent()
        .map(Path::to_owned)
        .context("xtask lies in no folder")
}
