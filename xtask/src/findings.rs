//! docs/findings.md is written by the findings themselves, so that the two cannot differ.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::run;

const DOCUMENT: &str = "docs/findings.md";

/// Writes the reference.
pub(crate) fn write(root: &Path) -> Result<()> {
    fs::write(root.join(DOCUMENT), reference(root)?).context(DOCUMENT)
}

/// Fails when the reference is not what the findings say.
pub(crate) fn check(root: &Path) -> Result<()> {
    let there = fs::read_to_string(root.join(DOCUMENT)).unwrap_or_default();
    ensure!(
        there == reference(root)?,
        "{DOCUMENT} is stale: run `cargo xtask findings`"
    );
    Ok(())
}

fn reference(root: &Path) -> Result<String> {
    let mut command = run::cargo_in(
        root,
        &[
            "run",
            "--quiet",
            "--locked",
            "--package",
            "diagnosis",
            "--example",
            "reference",
        ],
    );
    let output = command.output().with_context(|| run::shown(&command))?;
    ensure!(
        output.status.success(),
        "{}: {}",
        run::shown(&command),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8(output.stdout)?)
}
