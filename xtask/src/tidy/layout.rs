//! Rules on files and crates as wholes.

use super::{Breach, Tree};

pub(super) const LENGTH: &str = "length";
pub(super) const CRATE_DOC: &str = "crate-doc";
pub(super) const CRATE_NAME: &str = "crate-name";
pub(super) const FIXTURES: &str = "fixtures";
pub(super) const LINTS: &str = "lints";

/// Nobody reads a longer file whole, and each addition to it was small.
const MOST_LINES: usize = 750;

/// Data tables, recorded test inputs, expected outputs and other people's code, which are long by nature. A path
/// from the root; a `/` at the end stands for everything below.
const DATA: &[&str] = &[
    "Cargo.lock",
    "crates/attribution/data/",
    "crates/detection/data/",
    "crates/driver-scan/data/",
    "crates/report/assets/",
    "fuzz/Cargo.lock",
];

fn is_data(path: &str) -> bool {
    let listed = |data: &&str| path == *data || (data.ends_with('/') && path.starts_with(*data));
    // No code lives in these folders, only what tests read.
    let inputs = path
        .split('/')
        .any(|part| matches!(part, "fixtures" | "snapshots" | "golden" | "corpus"));
    !path.ends_with(".rs") && (inputs || DATA.iter().any(listed))
}

/// A file over [`MOST_LINES`] that is no data table.
pub(super) fn length(tree: &Tree) -> Vec<Breach> {
    let long = tree.files.iter().filter(|(path, _)| !is_data(path));
    long.map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, lines)| *lines > MOST_LINES)
        .map(|(path, lines)| Breach {
            path: path.clone(),
            line: 0,
            rule: LENGTH,
            message: format!("{lines} lines; {MOST_LINES} is the limit, split it by what its parts provide"),
        })
        .collect()
}

/// Words by which a crate's documentation says what the crate does not do.
const LIMITS: &[&str] = &[
    "may not",
    "does not",
    "must not",
    "never",
    "knows no",
    "reads no",
    "calls nothing",
    "nothing of",
];

/// A crate whose documentation does not say what it may not do.
pub(super) fn crate_doc(tree: &Tree) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for member in &tree.crates {
        let roots = ["src/lib.rs", "src/main.rs"].map(|root| format!("{}/{root}", member.folder));
        let Some((path, text)) = roots.iter().find_map(|root| tree.files.get_key_value(root)) else {
            continue;
        };
        let doc: String = text
            .lines()
            .take_while(|line| line.starts_with("//!"))
            .collect::<Vec<_>>()
            .join(" ");
        let doc = doc
            .replace("//!", "")
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        let message = if doc.is_empty() {
            "the crate has no documentation"
        } else if !LIMITS.iter().any(|limit| doc.contains(limit)) {
            "the crate's documentation does not say what the crate may not do"
        } else {
            continue;
        };
        breaches.push(Breach {
            path: path.clone(),
            line: 1,
            rule: CRATE_DOC,
            message: message.to_owned(),
        });
    }
    breaches
}

/// A crate named for nothing in particular: such crates collect everything.
pub(super) fn crate_name(tree: &Tree) -> Vec<Breach> {
    let vague = [
        "common", "util", "utils", "base", "helpers", "misc", "shared", "core",
    ];
    let named = tree
        .crates
        .iter()
        .filter(|member| member.name.split('-').any(|part| vague.contains(&part)));
    named
        .map(|member| Breach {
            path: format!("{}/Cargo.toml", member.folder),
            line: 0,
            rule: CRATE_NAME,
            message: format!("`{}` does not say what the crate provides", member.name),
        })
        .collect()
}

/// A folder of fixtures without a README that says where they come from.
pub(super) fn fixtures(tree: &Tree) -> Vec<Breach> {
    let mut folders: Vec<String> = Vec::new();
    for path in &tree.paths {
        let parts: Vec<&str> = path.split('/').collect();
        if let Some(at) = parts
            .iter()
            .position(|part| *part == "fixtures")
            .filter(|at| at + 1 < parts.len())
        {
            folders.push(parts[..=at].join("/"));
        }
    }
    folders.sort();
    folders.dedup();
    folders
        .into_iter()
        .filter(|folder| !tree.paths.contains(&format!("{folder}/README.md")))
        .map(|path| Breach {
            path,
            line: 0,
            rule: FIXTURES,
            message: "no README.md that says where each fixture comes from: system, build, command, licence"
                .to_owned(),
        })
        .collect()
}

/// A crate that does not take the workspace's lints.
pub(super) fn lints(tree: &Tree) -> Vec<Breach> {
    let manifests = tree
        .crates
        .iter()
        .map(|member| format!("{}/Cargo.toml", member.folder));
    manifests
        .filter(|path| {
            let text: String = tree
                .files
                .get(path)
                .map_or("", String::as_str)
                .split_whitespace()
                .collect();
            !text.contains("[lints]workspace=true")
        })
        .map(|path| Breach {
            path,
            line: 0,
            rule: LINTS,
            message: "takes no lints from the workspace: add `[lints] workspace = true`".to_owned(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::tree::Member;
    use super::super::{lines, tree};
    use super::*;

    #[test]
    fn long_files_are_told_unless_they_are_data() {
        let long = "x\n".repeat(MOST_LINES + 1);
        assert_eq!(lines(length, "crates/a/src/lib.rs", &long), [0]);
        assert_eq!(lines(length, "docs/a.md", &long), [0]);
        assert_eq!(lines(length, "crates/a/tests/fixtures/mod.rs", &long), [0]);
        assert!(lines(length, "Cargo.lock", &long).is_empty());
        assert!(lines(length, "crates/a/tests/fixtures/a.txt", &long).is_empty());
        assert!(lines(length, "crates/a/src/lib.rs", &"x\n".repeat(MOST_LINES)).is_empty());
    }

    fn with_crate(name: &str, files: &[(&str, &str)]) -> Tree {
        let mut tree = tree(files);
        tree.crates = vec![Member {
            name: name.to_owned(),
            folder: "crates/a".to_owned(),
            uses: Vec::new(),
        }];
        tree
    }

    #[test]
    fn a_crate_says_what_it_may_not_do() {
        let cases = [
            ("//! Does things.\nmod a;", 1),
            ("mod a;", 1),
            ("//! Does things. It may\n//! not open files.\n", 0),
            ("//! Sums.\nfn a() {} // may not", 1),
        ];
        for (text, breaches) in cases {
            assert_eq!(
                crate_doc(&with_crate("a", &[("crates/a/src/lib.rs", text)])).len(),
                breaches,
                "{text}"
            );
        }
    }

    #[test]
    fn vague_names_and_missing_lints_are_told() {
        assert_eq!(crate_name(&with_crate("pool-utils", &[])).len(), 1);
        assert_eq!(crate_name(&with_crate("detection", &[])).len(), 0);
        assert_eq!(
            lints(&with_crate("a", &[("crates/a/Cargo.toml", "[package]")])).len(),
            1
        );
        assert_eq!(
            lints(&with_crate(
                "a",
                &[("crates/a/Cargo.toml", "[lints]\nworkspace = true\n")]
            ))
            .len(),
            0
        );
    }

    #[test]
    fn fixtures_need_a_readme() {
        assert_eq!(
            fixtures(&tree(&[("crates/a/tests/fixtures/x/y.txt", "")])).len(),
            1
        );
        let told = [
            ("crates/a/tests/fixtures/x/y.txt", ""),
            ("crates/a/tests/fixtures/README.md", ""),
        ];
        assert_eq!(fixtures(&tree(&told)).len(), 0);
    }
}
