//! Rules on code: what may panic, what may be unsafe, what may be silenced.

use super::{Breach, Tree, line_of, words_in};

pub(super) const PANIC: &str = "panic";
pub(super) const UNSAFE: &str = "unsafe";
pub(super) const SAFETY: &str = "safety";
pub(super) const ALLOW: &str = "allow";
pub(super) const IGNORE: &str = "ignored-test";

/// The one crate that may opt out of `unsafe_code = "deny"`.
const UNSAFE_ROOM: &str = "crates/nt-query/";

/// `unwrap`, `expect` and friends in code that ships.
pub(super) fn panics(tree: &Tree) -> Vec<Breach> {
    let calls = [
        ".unwrap()",
        ".unwrap_err()",
        "panic!",
        "todo!",
        "unimplemented!",
        ".expect(",
        ".expect_err(",
    ];
    let mut breaches = Vec::new();
    for (path, text, rust) in tree.shipped_rust() {
        for call in calls {
            for (at, _) in rust.shipped.match_indices(call) {
                // A parser may have a method of this name; `Option` and `Result` are given words.
                let argument = text.get(at + call.len()..).unwrap_or_default().trim_start();
                if call.ends_with('(') && !argument.starts_with('"') && !argument.starts_with("&format!") {
                    continue;
                }
                let message = format!("`{call}` outside tests: errors are values");
                breaches.push(Breach {
                    path: path.to_owned(),
                    line: line_of(text, at),
                    rule: PANIC,
                    message,
                });
            }
        }
    }
    breaches
}

/// `unsafe` outside the one room that may hold it.
pub(super) fn unsafe_code(tree: &Tree) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for (path, text, rust) in tree.rust().filter(|(path, ..)| !path.starts_with(UNSAFE_ROOM)) {
        let opts_out = words_in(&rust.code, "unsafe_code").filter(|at| {
            let line = line_of(text, *at);
            let line = rust.code.lines().nth(line - 1).unwrap_or_default();
            line.contains("allow(") || line.contains("expect(")
        });
        for at in words_in(&rust.code, "unsafe").chain(opts_out) {
            let message = format!("`unsafe` outside {UNSAFE_ROOM}");
            breaches.push(Breach {
                path: path.to_owned(),
                line: line_of(text, at),
                rule: UNSAFE,
                message,
            });
        }
    }
    breaches
}

/// Words of a SAFETY comment that prove nothing.
const EMPTY_WORDS: &[&str] = &[
    "as documented",
    "should be correct",
    "should be fine",
    "should be safe",
    "this is safe",
    "is always safe",
    "trust me",
    "obviously",
    "see the documentation",
    "see docs",
    "see msdn",
    "arguments are valid",
    "arguments are right",
    "we know what",
];

/// An unsafe block without a SAFETY comment, or one whose comment proves nothing.
pub(super) fn safety(tree: &Tree) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for (path, text, rust) in tree.rust().filter(|(path, ..)| path.starts_with(UNSAFE_ROOM)) {
        let comments: Vec<&str> = rust.comments.lines().collect();
        let code: Vec<&str> = rust.code.lines().collect();
        for at in words_in(&rust.code, "unsafe") {
            let rest = rust
                .code
                .get(at + "unsafe".len()..)
                .unwrap_or_default()
                .trim_start();
            if !rest.starts_with('{') && !rest.starts_with("impl") {
                continue;
            }
            let line = line_of(text, at);
            if !has_safety(&comments, &code, line) {
                let message = "unsafe without a SAFETY comment right above".to_owned();
                breaches.push(Breach {
                    path: path.to_owned(),
                    line,
                    rule: SAFETY,
                    message,
                });
            }
        }
        for number in (0..comments.len()).filter(|number| comments[*number].contains("SAFETY")) {
            let argument: Vec<&str> = comments[number..]
                .iter()
                .take_while(|line| !line.trim().is_empty())
                .copied()
                .collect();
            let argument = argument.join(" ").to_lowercase();
            let empty = EMPTY_WORDS
                .iter()
                .find(|words| words_in(&argument, words).next().is_some());
            // "SAFETY: ok" names neither a precondition nor who met it.
            let short = argument.split_whitespace().count() < 6;
            if let Some(words) = empty.copied().or(short.then_some("(too short)")) {
                let message = format!(
                    "a SAFETY comment names the precondition and who met it; this one says `{words}`"
                );
                breaches.push(Breach {
                    path: path.to_owned(),
                    line: number + 1,
                    rule: SAFETY,
                    message,
                });
            }
        }
    }
    breaches
}

/// A SAFETY comment on this line (1-based), or in the comment above the statement it is part of.
fn has_safety(comments: &[&str], code: &[&str], line: usize) -> bool {
    let mut at = line.saturating_sub(1);
    let mut statement_lines = 0;
    loop {
        if comments.get(at).is_some_and(|comment| comment.contains("SAFETY")) {
            return true;
        }
        let Some(above) = at.checked_sub(1) else {
            return false;
        };
        let words = code.get(above).map_or("", |line| line.trim());
        let comment = comments.get(above).is_some_and(|line| !line.trim().is_empty());
        // A statement may break before its unsafe block: `let x =` and the next line.
        statement_lines += usize::from(!words.is_empty());
        let ends = words.ends_with(';') || words.ends_with('{') || words.ends_with('}');
        if (words.is_empty() && !comment) || ends || statement_lines > 3 {
            return false;
        }
        at = above;
    }
}

/// A lint silenced without a reason, or with `allow`, which stays when it is not needed any more.
pub(super) fn allow(tree: &Tree) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for (path, text, rust) in tree.rust() {
        for opening in ["#[allow(", "#![allow(", "#[expect(", "#![expect("] {
            for (at, _) in rust.code.match_indices(opening) {
                let attribute = rust.code.get(at..).unwrap_or_default();
                let attribute = attribute
                    .split_once(")]")
                    .map_or(attribute, |(attribute, _)| attribute);
                // In a module that several test programs share, what one does not use another does.
                let message =
                    if opening.contains("allow") && !(tree.is_test(path) && attribute.contains("reason")) {
                        "`allow` outlives its cause: use `expect` with a reason"
                    } else if !attribute.contains("reason") {
                        "a silenced lint without a reason"
                    } else {
                        continue;
                    };
                let message = message.to_owned();
                breaches.push(Breach {
                    path: path.to_owned(),
                    line: line_of(text, at),
                    rule: ALLOW,
                    message,
                });
            }
        }
    }
    breaches
}

/// A test that is not run by default.
pub(super) fn ignored_tests(tree: &Tree) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for (path, text, rust) in tree.rust() {
        for (at, _) in rust.code.match_indices("#[ignore") {
            if rust
                .code
                .get(at..)
                .is_some_and(|rest| rest.starts_with("#[ignore]"))
            {
                let message = "a test that nobody runs and nobody says why".to_owned();
                breaches.push(Breach {
                    path: path.to_owned(),
                    line: line_of(text, at),
                    rule: IGNORE,
                    message,
                });
            }
        }
    }
    breaches
}

#[cfg(test)]
mod tests {
    use super::super::lines;
    use super::*;

    const FILE: &str = "crates/a/src/lib.rs";

    #[test]
    fn what_panics_outside_tests_is_told() {
        let cases: [(&str, &[usize]); 8] = [
            ("fn a() { b.unwrap() }", &[1]),
            ("fn a() {\n b.expect(\"c\") }", &[2]),
            ("fn a() { panic!(\"\") }", &[1]),
            ("fn a() { self.expect(b'{')?; }", &[]),
            ("// .unwrap()\nfn a() { \".unwrap()\"; b.unwrap_or(1) }", &[]),
            (
                "#[cfg(test)]\nmod t { fn a() { b.unwrap() } }\nfn c() { d.unwrap() }",
                &[3],
            ),
            ("#[test]\nfn a() { b.unwrap() }", &[]),
            ("fn a() { todo!() }", &[1]),
        ];
        for (text, expected) in cases {
            assert_eq!(lines(panics, FILE, text), expected, "{text}");
        }
        assert!(lines(panics, "crates/a/tests/b.rs", "fn a() { b.unwrap() }").is_empty());
    }

    #[test]
    fn a_file_declared_for_tests_may_panic() {
        let tree = super::super::tree(&[
            ("crates/a/src/b.rs", "#[cfg(test)]\nmod tests;"),
            ("crates/a/src/b/tests.rs", "fn a() { b.unwrap() }"),
            ("crates/a/src/b/other.rs", "fn a() { b.unwrap() }"),
        ]);
        let paths: Vec<String> = panics(&tree).into_iter().map(|breach| breach.path).collect();
        assert_eq!(paths, ["crates/a/src/b/other.rs"]);
    }

    #[test]
    fn unsafe_stays_in_its_room() {
        let cases: [(&str, &[usize]); 5] = [
            ("fn a() { unsafe { b() } }", &[1]),
            ("#![allow(unsafe_code)]", &[1]),
            ("#[expect(unsafe_code)]", &[1]),
            ("// unsafe\nfn unsafely() { \"unsafe\" }", &[]),
            ("#[cfg(test)] mod t { unsafe fn a() {} }", &[1]),
        ];
        for (text, expected) in cases {
            assert_eq!(lines(unsafe_code, FILE, text), expected, "{text}");
        }
        assert!(
            lines(
                unsafe_code,
                "crates/nt-query/src/lib.rs",
                "fn a() { unsafe { b() } }"
            )
            .is_empty()
        );
    }

    #[test]
    fn safety_comments_are_arguments() {
        let good = "// SAFETY: `p` comes from the Box above and nobody else holds it.\n";
        let cases: [(String, &[usize]); 7] = [
            (format!("{good}unsafe {{ a() }}"), &[]),
            (format!("{good}let b =\n    unsafe {{ a() }};"), &[]),
            (format!("{good}\nfn x() {{}}\nunsafe {{ a() }}"), &[4]),
            ("unsafe { a() }".to_owned(), &[1]),
            (
                "// SAFETY: this is SafeArrayLock, whose signature that of the type is.\nunsafe { a() }"
                    .to_owned(),
                &[],
            ),
            ("// SAFETY: ok.\nunsafe { a() }".to_owned(), &[1]),
            (
                "// SAFETY: the call is made as documented by the vendor.\nunsafe { a() }".to_owned(),
                &[1],
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(
                lines(safety, "crates/nt-query/src/a.rs", &text),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn silenced_lints_have_a_reason_and_tests_run() {
        let cases: [(&str, &[usize]); 4] = [
            ("#[allow(dead_code)]", &[1]),
            ("#[expect(dead_code)]", &[1]),
            ("#[expect(dead_code, reason = \"x (y) z\")]", &[]),
            ("#[expect(\n dead_code,\n reason = \"x\"\n)]", &[]),
        ];
        for (text, expected) in cases {
            assert_eq!(lines(allow, FILE, text), expected, "{text}");
        }
        assert_eq!(lines(ignored_tests, FILE, "#[ignore]\nfn a() {}"), [1]);
        assert!(lines(ignored_tests, FILE, "#[ignore = \"takes an hour\"]\nfn a() {}").is_empty());
    }
}
