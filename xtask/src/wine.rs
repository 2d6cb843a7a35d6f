//! The Windows program under Wine: it starts, says the same as on Linux, and fails honestly where Wine has nothing.
//!
//! Wine knows none of the pool tag classes, so these tests prove the program and its manners, not the numbers of a live
//! Windows kernel; those are tested on recorded buffers.

mod prefix;
mod steps;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, bail, ensure};

use self::prefix::Wine;
use crate::{run, windows};

/// Wine's answer to an information class it does not have: `STATUS_INVALID_INFO_CLASS`.
const INVALID_INFO_CLASS: &str = "0xC0000003";

pub(crate) fn run(root: &Path) -> Result<()> {
    let exe = windows::build(root)?;
    let wine = Wine::set_up(root, &exe)?;
    let linux = linux_program(root)?;
    let mut failures = Vec::new();
    for (name, check) in CHECKS {
        match check(&wine, &linux) {
            Ok(()) => run::say(&format!("wine: {name}: ok")),
            Err(error) => {
                run::say(&format!("wine: {name}: FAILED: {error:#}"));
                failures.push(*name);
            }
        }
    }
    ensure!(failures.is_empty(), "under Wine: {}", failures.join(", "));
    wine.unit_tests(root)
}

type Check = (&'static str, fn(&Wine, &Path) -> Result<()>);

const CHECKS: &[Check] = &[
    ("version", version),
    ("help of every command is the same as on Linux", help),
    ("owners are the same as on Linux", owners),
    ("recordings and tables are judged the same as on Linux", analyses),
    ("snapshot names the interface and the status code", snapshot),
    ("memory lists what is missing", steps::memory),
    (
        "diagnose runs every step and names what was refused",
        steps::diagnose,
    ),
    ("drivers are listed with their services", steps::drivers),
    ("assistants are answered", steps::assistants),
    ("results reach a file", output_file),
    ("a closed pipe is no error", closed_pipe),
];

fn version(wine: &Wine, _linux: &Path) -> Result<()> {
    let output = wine.poolscope(&["--version"])?;
    let expected = format!("poolscope {}", env!("CARGO_PKG_VERSION"));
    ensure!(text(&output.stdout).trim() == expected, "{}", shown(&output));
    Ok(())
}

fn help(wine: &Wine, linux: &Path) -> Result<()> {
    for command in ["", "diagnose", "track", "analyze", "owner", "export"] {
        let arguments: Vec<&str> = [command, "--help"]
            .into_iter()
            .filter(|word| !word.is_empty())
            .collect();
        same(wine, linux, &arguments, None)?;
    }
    Ok(())
}

fn owners(wine: &Wine, linux: &Path) -> Result<()> {
    for format in ["text", "json", "csv"] {
        // Beside the knowledge table a live system's own drivers count, which differ: JSON says where each owner is from.
        same(
            wine,
            linux,
            &["owner", "NtFC", "Proc", "EtwB", "Zz9x", "--format", format],
            None,
        )?;
    }
    Ok(())
}

fn analyses(wine: &Wine, linux: &Path) -> Result<()> {
    let mut files = 0;
    for folder in wine.inputs() {
        let mut paths: Vec<PathBuf> = fs::read_dir(&folder)?
            .flatten()
            .map(|entry| entry.path())
            .collect();
        paths.sort();
        for path in paths {
            let Some(name) = path
                .file_name()
                .and_then(|name| name.to_str())
                .filter(|name| is_input(name))
            else {
                continue;
            };
            for format in ["text", "json"] {
                same(wine, linux, &["analyze", name, "--format", format], Some(&folder))
                    .with_context(|| name.to_owned())?;
            }
            files += 1;
        }
    }
    ensure!(files > 0, "no recording or table to try");
    run::say(&format!("wine: {files} files judged in two formats"));
    Ok(())
}

fn is_input(name: &str) -> bool {
    [".csv", ".csv.gz", ".txt", ".log", ".poolscope"]
        .iter()
        .any(|ending| name.ends_with(ending))
}

fn snapshot(wine: &Wine, _linux: &Path) -> Result<()> {
    let output = wine.poolscope(&["snapshot"])?;
    let said = text(&output.stderr);
    ensure!(output.status.code() == Some(3), "{}", shown(&output));
    ensure!(
        said.contains("SystemPoolTagInformation")
            && said.to_uppercase().contains(&INVALID_INFO_CLASS.to_uppercase()),
        "{said}"
    );
    ensure!(output.stdout.is_empty(), "{}", shown(&output));
    Ok(())
}

fn output_file(wine: &Wine, _linux: &Path) -> Result<()> {
    let file = wine.home.join("completions.txt");
    let _ = fs::remove_file(&file);
    let output = wine.run(
        &["completions", "bash", "--output", "completions.txt"],
        Some(&wine.home),
    )?;
    ensure!(
        output.status.code() == Some(0) && output.stdout.is_empty(),
        "{}",
        shown(&output)
    );
    ensure!(fs::metadata(&file)?.len() > 1000, "the file is short");
    Ok(())
}

fn closed_pipe(wine: &Wine, _linux: &Path) -> Result<()> {
    let mut child = wine
        .command(&["completions", "zsh"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    drop(child.stdout.take());
    let output = child.wait_with_output()?;
    ensure!(
        output.status.code() == Some(0) && output.stderr.is_empty(),
        "{}",
        shown(&output)
    );
    Ok(())
}

/// Both programs say the same on standard output and end the same, but for line ends.
fn same(wine: &Wine, linux: &Path, arguments: &[&str], folder: Option<&Path>) -> Result<()> {
    let there = wine.run(arguments, folder)?;
    let mut command = Command::new(linux);
    plain(command.args(arguments).stdin(Stdio::null()));
    if let Some(folder) = folder {
        command.current_dir(folder);
    }
    let here = command.output()?;
    let unify = |output: &Output| {
        text(&output.stdout)
            .replace("\r\n", "\n")
            .replace("poolscope.exe", "poolscope")
    };
    if unify(&here) == unify(&there) && here.status.code() == there.status.code() {
        return Ok(());
    }
    let (ours, theirs) = (unify(&here), unify(&there));
    let differing = ours.lines().zip(theirs.lines()).find(|(a, b)| a != b);
    bail!(
        "poolscope {}: first difference {differing:?}\nLinux: {}\nWine: {}",
        arguments.join(" "),
        here.status,
        shown(&there)
    );
}

fn plain(command: &mut Command) {
    command
        .env("COLUMNS", "100")
        .env("NO_COLOR", "1")
        .env("TZ", "UTC");
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn shown(output: &Output) -> String {
    let cut = |bytes: &[u8]| text(bytes).chars().take(2000).collect::<String>();
    format!(
        "{}\nstdout: {}\nstderr: {}",
        output.status,
        cut(&output.stdout),
        cut(&output.stderr)
    )
}

/// The debug program of this system, to compare with.
fn linux_program(root: &Path) -> Result<PathBuf> {
    run::pass(&mut run::cargo_in(
        root,
        &["build", "--quiet", "--locked", "--package", "poolscope"],
    ))?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    Ok(target.join("debug/poolscope"))
}
