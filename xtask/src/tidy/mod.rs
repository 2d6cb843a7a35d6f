//! `cargo xtask tidy`: what the house rules say and no compiler checks. Each rule is a function of the tree in memory
//! and has a test that trips it.

mod dependencies;
mod docs;
mod edges;
mod layout;
mod rules;
mod rust;
mod tree;
mod words;

use std::fmt;
use std::path::Path;

use anyhow::{Result, ensure};

pub(crate) use tree::Tree;

/// One breach of a rule.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Breach {
    pub path: String,
    /// 1-based; 0 for the file as a whole.
    pub line: usize,
    pub rule: &'static str,
    pub message: String,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: [{}] {}", self.path, self.rule, self.message),
            line => write!(f, "{}:{line}: [{}] {}", self.path, self.rule, self.message),
        }
    }
}

/// A rule's name and what it looks for.
type Rule = (&'static str, fn(&Tree) -> Vec<Breach>);

const RULES: &[Rule] = &[
    (edges::EDGES, edges::edges),
    (edges::HEADINGS, edges::headings),
    (dependencies::UNUSED, dependencies::unused),
    (dependencies::REASON, dependencies::reasons),
    (layout::LENGTH, layout::length),
    (layout::CRATE_DOC, layout::crate_doc),
    (layout::CRATE_NAME, layout::crate_name),
    (layout::FIXTURES, layout::fixtures),
    (layout::LINTS, layout::lints),
    (rules::PANIC, rules::panics),
    (rules::UNSAFE, rules::unsafe_code),
    (rules::SAFETY, rules::safety),
    (rules::ALLOW, rules::allow),
    (rules::IGNORE, rules::ignored_tests),
    (words::MACHINE, words::machine),
    (docs::CITED, docs::cited),
];

/// Every breach of every rule, by file.
pub(crate) fn check(tree: &Tree) -> Vec<Breach> {
    let mut breaches: Vec<Breach> = RULES.iter().flat_map(|(_, rule)| rule(tree)).collect();
    breaches.sort();
    breaches
}

pub(crate) fn run(root: &Path) -> Result<()> {
    let tree = Tree::read(root)?;
    let breaches = check(&tree);
    for breach in &breaches {
        crate::run::say(&breach.to_string());
    }
    ensure!(
        breaches.is_empty(),
        "tidy: {} breaches of house rules",
        breaches.len()
    );
    crate::run::say(&format!(
        "tidy: {} files, {} rules, no breach",
        tree.paths.len(),
        RULES.len()
    ));
    Ok(())
}

/// 1-based line of a byte offset.
fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

/// Places of `word` that are not part of a longer word.
fn words_in<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let part = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    text.match_indices(word).map(|(at, _)| at).filter(move |at| {
        let bytes = text.as_bytes();
        !part(at.checked_sub(1).and_then(|before| bytes.get(before))) && !part(bytes.get(at + word.len()))
    })
}

#[cfg(test)]
fn tree(files: &[(&str, &str)]) -> Tree {
    Tree::of(
        files
            .iter()
            .map(|(path, text)| ((*path).to_owned(), (*text).to_owned())),
    )
}

/// Lines at which `rule` complains about one file with this text.
#[cfg(test)]
fn lines(rule: fn(&Tree) -> Vec<Breach>, path: &str, text: &str) -> Vec<usize> {
    rule(&tree(&[(path, text)]))
        .into_iter()
        .map(|breach| breach.line)
        .collect()
}
