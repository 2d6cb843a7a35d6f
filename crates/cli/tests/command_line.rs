//! What the command line promises, whatever the commands do: help, completions, exit status, closed pipes.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking, as tests do"
)]

use std::io::Read;
use std::process::{Command, Output, Stdio};

fn poolscope(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_poolscope"));
    command
        .args(args)
        .stdin(Stdio::null())
        .env("COLUMNS", "100")
        .env("NO_COLOR", "1");
    command
}

fn run(args: &[&str]) -> Output {
    poolscope(args).output().unwrap()
}

fn stdout(args: &[&str]) -> String {
    String::from_utf8(run(args).stdout).unwrap()
}

fn commands() -> Vec<String> {
    poolscope_cli::command()
        .get_subcommands()
        .map(|command| command.get_name().to_owned())
        .filter(|name| name != "help")
        .collect()
}

#[test]
fn the_definition_is_sound() {
    poolscope_cli::command().debug_assert();
}

#[test]
fn help_of_each_command_starts_with_an_example_that_parses() {
    for name in commands() {
        for flag in ["-h", "--help"] {
            let help = stdout(&[&name, flag]);
            let first = help.lines().next().unwrap_or_default();
            let example = first
                .strip_prefix("Example: ")
                .unwrap_or_else(|| panic!("{name} {flag}: {first}"));
            assert!(example.contains(&format!("poolscope {name}")), "{name}: {first}");
        }
        for example in examples(&stdout(&[&name, "--help"])) {
            let words = words(&example);
            let parsed = poolscope_cli::command().try_get_matches_from(&words);
            assert!(parsed.is_ok(), "{example}: {}", parsed.unwrap_err());
        }
    }
}

/// The examples of a help text, from `poolscope` on.
fn examples(help: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut listing = false;
    for line in help.lines() {
        listing |= line == "More examples:";
        if line.starts_with("Example: ") || (listing && line.starts_with("  ")) {
            found.extend(line.find("poolscope ").map(|at| line[at..].to_owned()));
        }
    }
    found
}

/// Words as a shell would see them: quotes removed, redirections cut off.
fn words(line: &str) -> Vec<String> {
    line.split(" >")
        .next()
        .unwrap_or(line)
        .split_whitespace()
        .map(|word| word.trim_matches('\'').to_owned())
        .collect()
}

#[test]
fn help_of_everything() {
    insta::assert_snapshot!("help", stdout(&["--help"]));
    for name in commands() {
        insta::assert_snapshot!(format!("help_{name}"), stdout(&[&name, "--help"]));
    }
}

#[test]
fn version_is_the_packages() {
    assert_eq!(
        stdout(&["--version"]),
        format!("poolscope {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn wrong_usage_ends_with_2_and_says_why_on_standard_error() {
    for args in [
        &["--no-such-option"][..],
        &["frobnicate"],
        &["analyze"],
        &["track", "soon"],
        &["snapshot", "--top", "-1"],
    ] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(output.stdout.is_empty(), "{args:?}");
        assert!(!output.stderr.is_empty(), "{args:?}");
    }
}

#[test]
fn completions_for_every_shell_know_every_command() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = stdout(&["completions", shell]);
        for name in commands() {
            assert!(script.contains(&name), "{shell} {name}");
        }
    }
}

#[test]
fn a_closed_pipe_is_no_error() {
    // More than a pipe holds, so that the write meets the closed end.
    let mut child = poolscope(&["completions", "zsh"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let status = child.wait().unwrap();
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(said, "");
    assert_eq!(status.code(), Some(0));
}

#[test]
fn an_output_file_that_cannot_be_made_is_named() {
    let output = run(&["completions", "bash", "--output", "no/such/folder/file"]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("no/such/folder/file"), "{said}");
}
