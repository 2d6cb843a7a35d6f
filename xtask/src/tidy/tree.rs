//! The repository as tidy sees it: paths, texts and crates, all in memory, so that each rule can be tripped by a test.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::rust::{Rust, test_modules};

/// What the rules look at.
#[derive(Default)]
pub(crate) struct Tree {
    /// Texts by path from the root, `/` between folders.
    pub files: BTreeMap<String, String>,
    /// Every path, also of files that are no text.
    pub paths: BTreeSet<String>,
    /// Members of the workspace.
    pub crates: Vec<Member>,
    tests: BTreeSet<String>,
}

/// One member of the workspace.
pub(crate) struct Member {
    pub name: String,
    /// Folder from the root.
    pub folder: String,
    /// Members it depends on, and whether for tests alone.
    pub uses: Vec<(String, bool)>,
}

impl Tree {
    /// The files git knows or would add, and the members that cargo knows.
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let listing = output(
            Command::new("git")
                .args([
                    "-c",
                    // A clone made by somebody else, as on build machines, is read all the same.
                    "safe.directory=*",
                    "ls-files",
                    "-z",
                    "--cached",
                    "--others",
                    "--exclude-standard",
                ])
                .current_dir(root),
        )?;
        let mut files = Vec::new();
        let mut paths = BTreeSet::new();
        for path in listing.split('\0').filter(|path| !path.is_empty()) {
            // Deleted but not committed yet.
            let Ok(bytes) = std::fs::read(root.join(path)) else {
                continue;
            };
            paths.insert(path.to_owned());
            if let Ok(text) = String::from_utf8(bytes) {
                files.push((path.to_owned(), text));
            }
        }
        let mut tree = Self::of(files);
        tree.paths = paths;
        tree.crates = members(root)?;
        Ok(tree)
    }

    /// A tree of these files.
    pub(crate) fn of(files: impl IntoIterator<Item = (String, String)>) -> Self {
        let files: BTreeMap<String, String> = files.into_iter().collect();
        let mut tree = Self {
            paths: files.keys().cloned().collect(),
            files,
            ..Self::default()
        };
        tree.tests = tree.test_files();
        tree
    }

    /// Rust files that are part of what ships, with their views.
    pub(super) fn shipped_rust(&self) -> impl Iterator<Item = (&str, &str, Rust)> {
        self.rust().filter(|(path, ..)| !self.is_test(path))
    }

    /// All Rust files.
    pub(super) fn rust(&self) -> impl Iterator<Item = (&str, &str, Rust)> {
        self.files
            .iter()
            .filter(|(path, _)| path.ends_with(".rs"))
            .map(|(path, text)| (path.as_str(), text.as_str(), Rust::read(text)))
    }

    /// Whether a file only exists for tests: by its folder, or because it is declared under `#[cfg(test)]`.
    pub(super) fn is_test(&self, path: &str) -> bool {
        path.split('/')
            .any(|part| matches!(part, "tests" | "benches" | "examples" | "fuzz" | "fixtures"))
            || self.tests.iter().any(|test| {
                path == format!("{test}.rs")
                    || path.strip_prefix(test).is_some_and(|rest| rest.starts_with('/'))
            })
    }

    fn test_files(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for (path, _, rust) in self.rust() {
            let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
            let stem = file.trim_end_matches(".rs");
            let home = if matches!(stem, "lib" | "main" | "mod") {
                folder.to_owned()
            } else {
                format!("{folder}/{stem}")
            };
            found.extend(
                test_modules(&rust.code)
                    .into_iter()
                    .map(|name| format!("{home}/{name}")),
            );
        }
        found
    }
}

fn members(root: &Path) -> Result<Vec<Member>> {
    let json = output(
        Command::new(crate::run::cargo())
            .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
            .current_dir(root),
    )?;
    let json: serde_json::Value = serde_json::from_str(&json).context("cargo metadata")?;
    let list = |value: &serde_json::Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let packages = list(&json["packages"]);
    let names: BTreeSet<String> = packages.iter().map(|package| text(&package["name"])).collect();
    let member = |package: &serde_json::Value| {
        let manifest = text(&package["manifest_path"]);
        let folder = Path::new(&manifest)
            .parent()
            .and_then(|folder| folder.strip_prefix(root).ok());
        Member {
            name: text(&package["name"]),
            folder: folder
                .map(|folder| folder.to_string_lossy().replace('\\', "/"))
                .unwrap_or_default(),
            uses: list(&package["dependencies"])
                .iter()
                .map(|dependency| (text(&dependency["name"]), dependency["kind"] == "dev"))
                .filter(|(name, _)| names.contains(name))
                .collect(),
        }
    };
    Ok(packages.iter().map(member).collect())
}

fn output(command: &mut Command) -> Result<String> {
    let output = command
        .output()
        .with_context(|| format!("cannot run {command:?}"))?;
    ensure!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8(output.stdout)?)
}
