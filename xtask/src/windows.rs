//! The Windows program, built on Linux. Toolchains from rustup rarely bring a Windows target; Debian's `rustc-web` and
//! `rust-web-src` of the same version build its standard library from source, and mingw links it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::{imports, run};

/// The target of the program that ships.
pub(crate) const TARGET: &str = "x86_64-pc-windows-gnu";
/// The limit of the stripped program.
const MOST_BYTES: u64 = 5_000_000;

/// Cargo of the toolchain that has the sources of std, with its own target folder: two compilers in one folder would
/// rebuild everything at each turn.
pub(crate) fn cargo(root: &Path) -> Command {
    let tool = |variable: &str, default: &str| std::env::var(variable).unwrap_or_else(|_| default.to_owned());
    let mut command = Command::new(tool("POOLSCOPE_STD_CARGO", "/usr/bin/cargo"));
    command
        .current_dir(root)
        .stdin(Stdio::null())
        .env("RUSTC", tool("POOLSCOPE_STD_RUSTC", "/usr/bin/rustc"))
        // `-Zbuild-std` is the only way to a std for this target here. Beside it only what makes the program smaller:
        // no names of source files in messages that no path of the program prints.
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_TARGET_DIR", root.join("target-windows"))
        .env_remove("CARGO")
        .env_remove("RUSTUP_TOOLCHAIN");
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("CARGO_PKG_"))
    {
        command.env_remove(name);
    }
    command
}

/// Builds the program, checks its size and what it needs at load, and says where it is.
pub(crate) fn build(root: &Path) -> Result<PathBuf> {
    run::pass(
        cargo(root)
            .env(
                "RUSTFLAGS",
                "-Zlocation-detail=none -Zunstable-options -Cpanic=immediate-abort",
            )
            .args([
                "build",
                "--quiet",
                "--locked",
                "--release",
                "-Zbuild-std=std,panic_abort",
                // std's own backtraces would read debug information, which the program does not carry.
                "-Zbuild-std-features=optimize_for_size",
                "--target",
                TARGET,
                "--package",
                "poolscope",
            ]),
    )?;
    let exe = root
        .join("target-windows")
        .join(TARGET)
        .join("release/poolscope.exe");
    let bytes = std::fs::metadata(&exe)
        .with_context(|| exe.display().to_string())?
        .len();
    let needed = imports::check(&exe)?;
    run::say(&format!(
        "{bytes} bytes; needs {}",
        needed.into_iter().collect::<Vec<_>>().join(" ")
    ));
    ensure!(
        bytes <= MOST_BYTES,
        "the Windows program has {bytes} bytes, {MOST_BYTES} is the limit"
    );
    Ok(exe)
}
