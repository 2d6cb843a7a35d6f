//! Documents and comments cite files that exist.

use super::{Breach, Tree};

pub(super) const CITED: &str = "cited-file";

/// Folders of the repository whose paths are recognised in text.
const FOLDERS: &[&str] = &[
    "crates/",
    "docs/",
    "synth/",
    "xtask/",
    "fuzz/",
    "skills/",
    "fleet/",
    "packaging/",
    "examples/",
];
/// Endings that make such a path a file.
const ENDINGS: &[&str] = &[
    ".rs", ".md", ".toml", ".tsv", ".txt", ".csv", ".sh", ".html", ".json", ".png", ".svg", ".ps1",
];

/// A document or comment that cites a file which is not there.
pub(super) fn cited(tree: &Tree) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for (path, text) in &tree.files {
        let markdown = path.ends_with(".md");
        let rust = path.ends_with(".rs").then(|| super::rust::Rust::read(text));
        if !markdown && rust.is_none() || tree.is_test(path) || path.starts_with("xtask/src/tidy/") {
            continue;
        }
        let visible = rust.as_ref().map_or(text.as_str(), |rust| rust.comments.as_str());
        for (number, line) in visible.lines().enumerate() {
            let links = markdown
                .then(|| links(line))
                .into_iter()
                .flatten()
                .map(|link| (resolve(path, &link), link));
            let paths = paths(line).map(|cited| (cited.to_owned(), cited.to_owned()));
            for (target, cited) in links.chain(paths) {
                if !exists(tree, &target) && !exists(tree, &crate_relative(path, &cited)) {
                    let message = format!("cites `{cited}`, which does not exist");
                    breaches.push(Breach {
                        path: path.clone(),
                        line: number + 1,
                        rule: CITED,
                        message,
                    });
                }
            }
        }
    }
    breaches.dedup();
    breaches
}

fn exists(tree: &Tree, target: &str) -> bool {
    let target = target.trim_end_matches('/');
    target.is_empty()
        || tree.paths.contains(target)
        || tree.paths.iter().any(|path| {
            path.strip_prefix(target)
                .is_some_and(|rest| rest.starts_with('/'))
        })
}

/// Targets of `[text](target)` inside the repository.
fn links(line: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in line.match_indices("](") {
        let rest = line.get(at + 2..).unwrap_or_default();
        let target = rest.split([')', ' ', '#']).next().unwrap_or_default();
        if !target.is_empty() && !target.contains(':') {
            found.push(target.to_owned());
        }
    }
    found
}

/// Paths of repository files in running text.
fn paths(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| {
        c.is_whitespace()
            || matches!(
                c,
                '`' | '(' | ')' | '"' | '\'' | ',' | ';' | '[' | ']' | '<' | '>'
            )
    })
    .map(|word| word.trim_end_matches(['.', ':', '*', '!', '?']))
    .map(|word| {
        word.find(".rs:")
            .map_or(word, |at| word.get(..at + 3).unwrap_or(word))
    })
    .filter(|word| FOLDERS.iter().any(|folder| word.starts_with(folder)))
    .filter(|word| ENDINGS.iter().any(|ending| word.ends_with(ending)))
    .filter(|word| !word.contains(['*', '{', '…', '$']))
}

/// A link seen from the folder of the document.
fn resolve(document: &str, link: &str) -> String {
    let mut parts: Vec<&str> = document.split('/').collect();
    parts.pop();
    if let Some(from_root) = link.strip_prefix('/') {
        return from_root.to_owned();
    }
    for part in link.split('/') {
        match part {
            "." | "" => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// A path seen from the crate that cites it.
fn crate_relative(document: &str, cited: &str) -> String {
    let folder = document.split("/src/").next().unwrap_or_default();
    format!("{folder}/{cited}")
}

#[cfg(test)]
mod tests {
    use super::super::tree;
    use super::*;

    #[test]
    fn cited_files_exist() {
        let cases = [
            ("docs/a.md", "see `docs/b.md`", 0),
            ("docs/a.md", "see `docs/c.md`.", 1),
            ("docs/a.md", "see [b](b.md#part) and [web](https://x.org/c.md)", 0),
            ("docs/a.md", "see [c](c.md)", 1),
            ("docs/a.md", "see [b](../docs/b.md), crates/x/src/lib.rs", 0),
            ("docs/a.md", "see crates/x/src/gone.rs:12", 1),
            ("crates/x/src/y.rs", "// docs/c.md says why", 1),
            ("crates/x/src/y.rs", "let a = \"docs/c.md\";", 0),
            ("docs/a.md", "`docs/*.md`", 0),
        ];
        for (path, text, breaches) in cases {
            let tree = tree(&[(path, text), ("docs/b.md", ""), ("crates/x/src/lib.rs", "")]);
            assert_eq!(cited(&tree).len(), breaches, "{path}: {text}");
        }
    }
}
