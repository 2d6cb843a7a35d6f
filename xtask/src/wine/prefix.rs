//! Wine with a home of its own, and how programs are started in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result};

use crate::{run, windows};

/// Crates whose unit tests also run under Wine: those that differ between systems.
const TESTED: &[&str] = &["nt-query", "nt-abi", "source"];

/// Wine with a home of its own inside the clone.
pub(super) struct Wine {
    program: PathBuf,
    pub(super) home: PathBuf,
    exe: PathBuf,
    root: PathBuf,
}

impl Wine {
    pub(super) fn set_up(root: &Path, exe: &Path) -> Result<Self> {
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
        wine.keep_server();
        Ok(wine)
    }

    /// Lets Wine's server stay for a minute after each program. Otherwise every program starts one, whose services hold the
    /// program's pipes open for seconds after its end. Without a server beside the program it is only slower.
    fn keep_server(&self) {
        let server = ["wineserver64", "wineserver"]
            .map(|name| self.program.with_file_name(name))
            .into_iter()
            .find(|path| path.exists());
        if let Some(server) = server {
            let mut command = Command::new(server);
            command.arg("-p60");
            self.environment(&mut command);
            quiet(&mut command);
            // Where a server runs already it keeps its own time: slower, not wrong.
            let _ = command.status();
        }
        // The services start with the first program, and keep what it was given as standard output.
        let mut first = self.command(&["--version"]);
        quiet(&mut first);
        let _ = first.status();
    }

    pub(super) fn poolscope(&self, arguments: &[&str]) -> Result<Output> {
        self.run(arguments, None)
    }

    pub(super) fn run(&self, arguments: &[&str], folder: Option<&Path>) -> Result<Output> {
        let mut command = self.command(arguments);
        if let Some(folder) = folder {
            command.current_dir(folder);
        }
        command.output().with_context(|| run::shown(&command))
    }

    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        // A program that hangs must not hang the whole run.
        let mut command = Command::new("timeout");
        command
            .arg("120")
            .arg(&self.program)
            .arg(&self.exe)
            .args(arguments)
            .stdin(Stdio::null());
        self.environment(&mut command);
        super::plain(&mut command);
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
    pub(super) fn inputs(&self) -> Vec<PathBuf> {
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
    pub(super) fn unit_tests(&self, root: &Path) -> Result<()> {
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

fn quiet(command: &mut Command) {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
}
