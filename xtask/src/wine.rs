//! The Windows program under Wine: it starts, says the same as on Linux, and fails honestly where Wine has nothing.
//!
//! Wine knows none of the pool tag classes, so these tests prove the program and its manners, not the numbers of a live
//! Windows kernel; those are tested on recorded buffers.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::{run, windows};

/// Crates whose unit tests also run under Wine: those that differ between systems.
const TESTED: &[&str] = &["nt-query", "nt-abi", "source"];

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
    ("memory lists what is missing", memory),
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

fn memory(wine: &Wine, _linux: &Path) -> Result<()> {
    let output = wine.poolscope(&["memory", "--format", "json"])?;
    ensure!(output.status.code() == Some(0), "{}", shown(&output));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).with_context(|| shown(&output))?;
    let problems = report["problems"].as_array().map_or(0, Vec::len);
    ensure!(problems > 0, "nothing is said to be missing: {}", shown(&output));
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

/// Wine with a home of its own inside the clone.
struct Wine {
    program: PathBuf,
    home: PathBuf,
    exe: PathBuf,
    root: PathBuf,
}

impl Wine {
    fn set_up(root: &Path, exe: &Path) -> Result<Self> {
        let candidates = ["/usr/lib/wine/wine64", "/usr/bin/wine64", "/usr/bin/wine"].map(PathBuf::from);
        let program = candidates
            .into_iter()
            .find(|path| path.exists())
            .context("Wine is not installed (wine64)")?;
        let home = root.join("target-windows/wine");
        fs::create_dir_all(&home)?;
        let shim = home.join("bcryptprimitives.dll");
        run::pass(
            Command::new("x86_64-w64-mingw32-gcc")
                .args(["-O2", "-shared", "-o"])
                .arg(&shim)
                .arg(root.join("xtask/wine/bcryptprimitives.c"))
                .arg("-ladvapi32"),
        )?;
        let copy = home.join("poolscope.exe");
        fs::copy(exe, &copy)?;
        let wine = Self {
            program,
            home,
            exe: copy,
            root: root.to_owned(),
        };
        // The first start fills the prefix and is slow; later ones are timed by nobody.
        wine.poolscope(&["--version"])?;
        Ok(wine)
    }

    fn poolscope(&self, arguments: &[&str]) -> Result<Output> {
        self.run(arguments, None)
    }

    fn run(&self, arguments: &[&str], folder: Option<&Path>) -> Result<Output> {
        let mut command = self.command(arguments);
        if let Some(folder) = folder {
            command.current_dir(folder);
        }
        command.output().with_context(|| run::shown(&command))
    }

    fn command(&self, arguments: &[&str]) -> Command {
        // A program that hangs must not hang the whole run.
        let mut command = Command::new("timeout");
        command
            .arg("120")
            .arg(&self.program)
            .arg(&self.exe)
            .args(arguments)
            .stdin(Stdio::null());
        self.environment(&mut command);
        plain(&mut command);
        command
    }

    fn environment(&self, command: &mut Command) {
        command
            .env("WINEPREFIX", self.home.join("prefix"))
            .env("WINEDEBUG", "-all")
            .env("WINEDLLOVERRIDES", "mscoree,mshtml=")
            .env(
                "WINEPATH",
                format!("Z:{}", self.home.display().to_string().replace('/', "\\")),
            )
            .env_remove("DISPLAY");
    }

    /// Folders with inputs: the repository's own, and what lies beside the clone, if anything does.
    fn inputs(&self) -> Vec<PathBuf> {
        let own = [
            "crates/recording/tests/fixtures",
            "crates/recording/fixtures",
            "crates/cli/tests/fixtures",
        ];
        let beside = ["../shared/leakbench", "../shared/cases/tables"];
        own.into_iter()
            .chain(beside)
            .map(|folder| self.root.join(folder))
            .filter(|folder| folder.is_dir())
            .collect()
    }

    /// Unit tests of the rooms that differ between systems, compiled for Windows.
    fn unit_tests(&self, root: &Path) -> Result<()> {
        let mut command = windows::cargo(root);
        command.args([
            "test",
            "--quiet",
            "--locked",
            "-Zbuild-std=std,panic_unwind,test",
            "--target",
            windows::TARGET,
        ]);
        for name in TESTED {
            command.args(["--package", name]);
        }
        // Doc tests need a rustdoc of the same version; integration tests of Linux have nothing to do here.
        command.args(["--lib"]);
        self.environment(&mut command);
        command.env("CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER", &self.program);
        run::pass(&mut command)
    }
}
