//! The steps of continuous integration, and what is built from them.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

use crate::{findings, run, tidy, windows, wine};

/// Rooms that know no operating system: they build for a target that has none.
const PURE: &[&str] = &[
    "snapshot",
    "nt-abi",
    "detection",
    "driver-scan",
    "attribution",
    "diagnosis",
    "report",
];

/// A step's name and what it does.
type Step = (&'static str, fn(&Path) -> Result<()>);

const STEPS: &[Step] = &[
    ("format", |root| {
        run::pass(&mut run::cargo_in(root, &["fmt", "--all", "--check"]))
    }),
    ("tidy", tidy::run),
    ("clippy", |root| {
        let arguments = [
            "clippy",
            "--quiet",
            "--locked",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ];
        run::pass(&mut run::cargo_in(root, &arguments))
    }),
    ("tests", |root| {
        run::pass(&mut run::cargo_in(
            root,
            &["test", "--quiet", "--locked", "--workspace"],
        ))
    }),
    ("findings", findings::check),
    ("docs", docs),
    ("pure", pure),
    ("fuzz", |root| fuzz(root, None)),
    ("clients", clients),
    ("wine", wine::run),
];

/// Runs all steps, or those named; goes on after a failure so that one run tells everything.
pub(crate) fn run(root: &Path, wanted: &[&str]) -> Result<()> {
    if let Some(unknown) = wanted
        .iter()
        .find(|name| !STEPS.iter().any(|(step, _)| step == *name))
    {
        bail!("no such step: {unknown}");
    }
    let start = Instant::now();
    let mut failed = Vec::new();
    for (name, work) in STEPS
        .iter()
        .filter(|(name, _)| wanted.is_empty() || wanted.contains(name))
    {
        if let Err(error) = run::step(name, || work(root)) {
            run::say(&format!("   {error:#}"));
            failed.push(*name);
        }
    }
    run::say(&format!("== all: {:.0} s", start.elapsed().as_secs_f64()));
    ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
    Ok(())
}

fn docs(root: &Path) -> Result<()> {
    let mut command = run::cargo_in(
        root,
        &["doc", "--quiet", "--locked", "--workspace", "--no-deps", "--lib"],
    );
    run::pass(command.env("RUSTDOCFLAGS", "-D warnings"))
}

/// The status with which the scripts say that a registry did not give them what they test with.
const UNREACHABLE: i32 = 75;

/// The skill by its format's reference validator, and the server by clients that nobody here wrote. Both come from
/// registries: where those cannot be reached that is said, and is no failure of the project.
fn clients(root: &Path) -> Result<()> {
    run::pass(&mut run::cargo_in(
        root,
        &["build", "--quiet", "--locked", "--package", "poolscope"],
    ))?;
    let program = root.join("target/debug/poolscope");
    let mut server = Command::new("ci/mcp_clients.sh");
    server.arg("--no-inspector").arg(&program);
    for mut command in [Command::new("ci/skill.sh"), server] {
        command.current_dir(root).stdin(Stdio::null());
        let status = command.status().with_context(|| run::shown(&command))?;
        if status.code() == Some(UNREACHABLE) {
            run::say(&format!("skipped, no registry: {}", run::shown(&command)));
            continue;
        }
        ensure!(status.success(), "{} ended with {status}", run::shown(&command));
    }
    Ok(())
}

/// Compiles the pure rooms for WebAssembly without a system: an import of files, clocks or threads that matters would
/// have to come from somewhere, and there is nowhere.
pub(crate) fn pure(root: &Path) -> Result<()> {
    let mut command = windows::cargo(root);
    command.args([
        "check",
        "--quiet",
        "--locked",
        "-Zbuild-std=std,panic_abort",
        "--target",
        "wasm32-unknown-unknown",
    ]);
    for name in PURE {
        command.args(["--package", name]);
    }
    run::pass(&mut command)
}

/// Compiles the fuzz targets with the stable compiler, as plain programs; with a nightly `cargo fuzz` also runs them.
pub(crate) fn fuzz(root: &Path, seconds: Option<u32>) -> Result<()> {
    let manifest = "fuzz/Cargo.toml";
    ensure!(root.join(manifest).exists(), "{manifest} is missing");
    let mut check = run::cargo_in(
        root,
        &[
            "check",
            "--quiet",
            "--locked",
            "--manifest-path",
            manifest,
            "--bins",
        ],
    );
    // Nothing is linked, so libFuzzer's own C++ need not be compiled.
    run::pass(check.env("CUSTOM_LIBFUZZER_PATH", "none/libfuzzer.a"))?;
    let Some(seconds) = seconds else { return Ok(()) };
    for entry in fs::read_dir(root.join("fuzz/fuzz_targets"))?.flatten() {
        let path = entry.path();
        let Some(name) = path.file_stem().and_then(|name| name.to_str()) else {
            continue;
        };
        let limit = format!("-max_total_time={seconds}");
        run::step(name, || {
            run::pass(&mut run::cargo_in(
                root,
                &["+nightly", "fuzz", "run", name, "--", &limit],
            ))
        })?;
    }
    Ok(())
}

/// Man pages of the program and its commands.
pub(crate) fn man(root: &Path, folder: &Path) -> Result<()> {
    let mut command = run::cargo_in(
        root,
        &[
            "run",
            "--quiet",
            "--locked",
            "--package",
            "poolscope",
            "--example",
            "man",
            "--",
        ],
    );
    run::pass(command.arg(folder))
}

/// Completion scripts for every shell, under the names the shells look for.
pub(crate) fn completions(root: &Path, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    let names = [
        ("bash", "poolscope.bash"),
        ("zsh", "_poolscope"),
        ("fish", "poolscope.fish"),
        ("powershell", "_poolscope.ps1"),
        ("elvish", "poolscope.elv"),
    ];
    for (shell, name) in names {
        let arguments = [
            "run",
            "--quiet",
            "--locked",
            "--package",
            "poolscope",
            "--",
            "completions",
            shell,
            "--output",
        ];
        run::pass(run::cargo_in(root, &arguments).arg(folder.join(name)))?;
    }
    Ok(())
}

/// Both programs with what belongs to them, in target/dist.
pub(crate) fn dist(root: &Path) -> Result<()> {
    let folder = root.join("target/dist");
    fs::create_dir_all(&folder)?;
    run::pass(&mut run::cargo_in(
        root,
        &["build", "--locked", "--release", "--package", "poolscope"],
    ))?;
    let linux = root.join("target/release/poolscope");
    let windows = windows::build(root)?;
    fs::copy(&linux, folder.join("poolscope")).context("target/release/poolscope")?;
    fs::copy(windows, folder.join("poolscope.exe"))?;
    for name in ["README.md", "CHANGELOG.md", "LICENSE-MIT", "LICENSE-APACHE"] {
        fs::copy(root.join(name), folder.join(name)).context(name)?;
    }
    man(root, &folder.join("man"))?;
    completions(root, &folder.join("completions"))?;
    run::say(&folder.display().to_string());
    Ok(())
}
