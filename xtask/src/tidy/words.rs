//! Words that belong to one person's machine or to the way the work was done, not to the project.

use super::{Breach, Tree};

pub(super) const MACHINE: &str = "machine";

/// Words that may stand nowhere, put together here so that this file does not trip its own rule.
fn forbidden() -> Vec<(String, &'static str)> {
    let word = |parts: &[&str]| parts.concat();
    vec![
        (word(&["/wo", "rk/"]), "a path of one machine"),
        (word(&["/ro", "ot/"]), "a path of one machine"),
        (word(&["/tmp/", "house"]), "a path of one machine"),
        (word(&["wt", "-house"]), "a path of one machine"),
        (word(&[".libr", "ary/"]), "a path of one machine"),
        (word(&["before", "-stop"]), "a word of how the work was done"),
        (word(&["issue", "2.txt"]), "a word of how the work was done"),
        (
            word(&["design.md of ", "shared"]),
            "a word of how the work was done",
        ),
    ]
}

/// Names that stand for anybody in examples and test inputs.
const ANYBODY: &[&str] = &[
    "alice",
    "bob",
    "carol",
    "jane",
    "user",
    "me",
    "you",
    "name",
    "jdoe",
    "public",
    "default",
    "all users",
];

/// Folders of homes: what follows is a person.
const HOMES: &[&str] = &["/home/", "c:\\users\\", "c:\\\\users\\\\", "/users/"];

/// A path or word of one person's machine.
pub(super) fn machine(tree: &Tree) -> Vec<Breach> {
    let forbidden = forbidden();
    let mut breaches = Vec::new();
    for (path, text) in tree.files.iter().filter(|(path, _)| !is_exempt(path)) {
        for (number, line) in text.lines().enumerate() {
            let lower = line.to_lowercase();
            let word = forbidden.iter().find(|(word, _)| lower.contains(word.as_str()));
            let message = word
                .map(|(word, why)| format!("`{word}`: {why}"))
                .or_else(|| home(&lower))
                .or_else(|| tracker_number(&lower))
                .or_else(|| beside_the_clone(tree, path, &lower));
            if let Some(message) = message {
                breaches.push(Breach {
                    path: path.clone(),
                    line: number + 1,
                    rule: MACHINE,
                    message,
                });
            }
        }
    }
    breaches
}

/// Other people's words: lock files, and recorded inputs, whose README answers for them.
fn is_exempt(path: &str) -> bool {
    path.ends_with("Cargo.lock") || path.contains("/vendor/") || path == "xtask/src/tidy/words.rs"
}

fn home(line: &str) -> Option<String> {
    for home in HOMES {
        for (at, _) in line.match_indices(home) {
            // A URL may have such a folder too.
            if *home == "/users/"
                && line
                    .get(..at)
                    .is_some_and(|before| !before.ends_with([' ', '"', '`', '\'']))
            {
                continue;
            }
            let rest = line.get(at + home.len()..).unwrap_or_default();
            let person: String = rest
                .chars()
                .take_while(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'))
                .collect();
            if !person.is_empty() && !ANYBODY.contains(&person.as_str()) {
                return Some(format!(
                    "`{home}{person}`: a home of one person; examples use alice or bob"
                ));
            }
        }
    }
    None
}

/// `issue 12` or `issue #12` without saying whose: a number of this project's tracker means nothing to a reader.
fn tracker_number(line: &str) -> Option<String> {
    if line.contains("://") || line.contains('/') {
        return None;
    }
    for (at, _) in line.match_indices("issue ") {
        let rest = line.get(at + 6..).unwrap_or_default().trim_start_matches('#');
        if rest.starts_with(|c: char| c.is_ascii_digit()) {
            return Some("a tracker's number instead of the reason".to_owned());
        }
    }
    None
}

/// Files beside the clone may be looked for by tests, which go on without them.
fn beside_the_clone(tree: &Tree, path: &str, line: &str) -> Option<String> {
    let beside = ["../", "shared"].concat();
    let tests = path.starts_with("xtask/")
        || path.starts_with(".ci/")
        || tree.is_test(path)
        || path.ends_with("tests.rs");
    let in_test = path.ends_with(".rs")
        && tree
            .files
            .get(path)
            .is_some_and(|text| text.contains("#[cfg(test)]"));
    (line.contains(&beside) && !tests && !in_test)
        .then(|| "a folder beside the clone, which only tests may look for".to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::lines;
    use super::*;

    #[test]
    fn words_of_one_machine_are_told() {
        let cases: [(String, bool); 12] = [
            (["see /wo", "rk/x"].concat(), true),
            ("in /home/alice/x".to_owned(), false),
            ("in /home/".to_owned(), false),
            (["in /home/", "ferdinand/x"].concat(), true),
            (["C:\\Users\\", "Ferdinand"].concat(), true),
            ("C:\\Users\\alice".to_owned(), false),
            ("https://api.example.org/users/ferdinand".to_owned(), false),
            (["as issue ", "12 says"].concat(), true),
            ("https://github.com/a/b/issues/12, issue 12".to_owned(), false),
            (["read ../", "shared/x"].concat(), true),
            ("an ETW session".to_owned(), false),
            ("an issue with 12 tags".to_owned(), false),
        ];
        for (text, breach) in cases {
            assert_eq!(!lines(machine, "docs/a.md", &text).is_empty(), breach, "{text}");
        }
        let beside = ["read ../", "shared/x"].concat();
        assert!(lines(machine, "crates/a/tests/b.rs", &beside).is_empty());
    }
}
