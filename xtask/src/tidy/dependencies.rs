//! Dependencies that nobody uses cost compile time, and a reader who wonders.

use super::{Breach, Tree, words_in};

pub(super) const UNUSED: &str = "unused-dependency";
pub(super) const REASON: &str = "dependency-reason";

/// Names under headings of a manifest that end in `dependencies]`, with the line of each.
fn declared(manifest: &str) -> Vec<(usize, &str)> {
    let mut inside = false;
    let mut names = Vec::new();
    for (number, line) in manifest.lines().enumerate() {
        if line.starts_with('[') {
            inside = line.ends_with("dependencies]");
            // `[dependencies.NAME]` is a heading of its own.
            let own = line.trim_end_matches(']').rsplit_once("dependencies.");
            names.extend(own.map(|(_, name)| (number + 1, name)));
        } else if inside && line.starts_with(|c: char| c.is_ascii_alphabetic()) {
            let name = line.split(['=', '.', ' ']).next().unwrap_or_default();
            names.push((number + 1, name));
        }
    }
    names
}

/// A dependency of a crate that no file of the crate names, or of the workspace that no crate takes.
pub(super) fn unused(tree: &Tree) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let mut complain = |path: &str, line: usize, name: &str| {
        let message = format!("`{name}` is used nowhere here");
        breaches.push(Breach {
            path: path.to_owned(),
            line,
            rule: UNUSED,
            message,
        });
    };
    let manifests: Vec<(String, &String)> = tree
        .crates
        .iter()
        .map(|member| format!("{}/Cargo.toml", member.folder))
        .filter_map(|path| tree.files.get(&path).map(|text| (path, text)))
        .collect();
    for (path, text) in &manifests {
        let folder = path.trim_end_matches("Cargo.toml");
        let sources: Vec<&String> = tree
            .files
            .iter()
            .filter(|(file, _)| {
                file.starts_with(folder) && (file.ends_with(".rs") || file.ends_with(".html"))
            })
            .map(|(_, text)| text)
            .collect();
        for (line, name) in declared(text) {
            let word = name.replace('-', "_");
            if !sources
                .iter()
                .any(|source| words_in(source, &word).next().is_some())
            {
                complain(path, line, name);
            }
        }
    }
    let root = tree.files.get("Cargo.toml").map_or("", String::as_str);
    for (line, name) in declared(root) {
        if !manifests
            .iter()
            .any(|(_, text)| declared(text).iter().any(|(_, taken)| *taken == name))
        {
            complain("Cargo.toml", line, name);
        }
    }
    breaches
}

/// A library that docs/design.md does not give a reason for.
pub(super) fn reasons(tree: &Tree) -> Vec<Breach> {
    let manifest = tree.files.get("Cargo.toml").map_or("", String::as_str);
    let design = tree.files.get("docs/design.md").map_or("", String::as_str);
    let libraries = declared(manifest).into_iter().filter(|(line, _)| {
        !manifest
            .lines()
            .nth(line - 1)
            .is_some_and(|text| text.contains("path ="))
    });
    libraries
        .filter(|(_, name)| words_in(design, name).next().is_none())
        .map(|(line, name)| Breach {
            path: "Cargo.toml".to_owned(),
            line,
            rule: REASON,
            message: format!("docs/design.md does not say why `{name}` was chosen and over what"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::tree;
    use super::super::tree::Member;
    use super::*;

    #[test]
    fn unused_dependencies_are_told() {
        let mut tree = tree(&[
            (
                "Cargo.toml",
                "[workspace.dependencies]\na-b = \"1\"\nc = \"1\"\n[profile.dev]\nx = 1\n",
            ),
            (
                "crates/a/Cargo.toml",
                "[package]\nname = \"a\"\n[dependencies]\na-b.workspace = true\n\n[dev-dependencies]\nd = \"1\"\n[target.x.dependencies.e]\n",
            ),
            ("crates/a/src/lib.rs", "use a_b::x; // not dd"),
        ]);
        tree.crates = vec![Member {
            name: "a".to_owned(),
            folder: "crates/a".to_owned(),
            uses: Vec::new(),
        }];
        let said: Vec<(String, usize)> = unused(&tree)
            .into_iter()
            .map(|breach| (breach.path, breach.line))
            .collect();
        assert_eq!(
            said,
            [
                ("crates/a/Cargo.toml".to_owned(), 7),
                ("crates/a/Cargo.toml".to_owned(), 8),
                ("Cargo.toml".to_owned(), 3)
            ]
        );
    }

    #[test]
    fn every_library_has_a_reason() {
        let tree = tree(&[
            (
                "Cargo.toml",
                "[workspace.dependencies]\na = { path = \"crates/a\" }\nb = \"1\"\nc-d = \"1\"\n",
            ),
            ("docs/design.md", "| b | for bees |"),
        ]);
        let said: Vec<usize> = reasons(&tree).into_iter().map(|breach| breach.line).collect();
        assert_eq!(said, [4]);
    }
}
