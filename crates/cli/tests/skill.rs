//! The agent skill: its format, its sizes, and that each command line in it works.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

mod support;

use std::path::{Path, PathBuf};

use serde_json::json;

fn skill() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../skills/kernel-memory-diagnosis")
}

/// The field `name` of the front matter.
fn field<'a>(front: &'a str, name: &str) -> Option<&'a str> {
    front
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
        .map(str::trim)
}

/// Published rules of the Agent Skills format: name, description, sizes.
#[test]
fn follows_the_format() {
    let text = std::fs::read_to_string(skill().join("SKILL.md")).unwrap();
    let (front, body) = text
        .strip_prefix("---\n")
        .and_then(|t| t.split_once("\n---\n"))
        .unwrap();
    assert_eq!(field(front, "name"), Some("kernel-memory-diagnosis"));
    let description = field(front, "description").unwrap();
    assert!((1..1024).contains(&description.len()), "{}", description.len());
    for trigger in ["Secure System", "memory", "pool", "restart", "leak"] {
        assert!(
            description.contains(trigger),
            "the description does not trigger on {trigger}"
        );
    }
    assert!(body.lines().count() < 500);
    assert!(field(front, "compatibility").unwrap().len() <= 500);
}

#[test]
fn links_lead_to_files() {
    let text = std::fs::read_to_string(skill().join("SKILL.md")).unwrap();
    for part in text.split("](").skip(1) {
        let target = part.split(')').next().unwrap();
        assert!(skill().join(target).is_file(), "{target}");
    }
}

/// Every `poolscope …` in code spans and blocks of the skill.
fn command_lines() -> Vec<String> {
    let mut files = vec![skill().join("SKILL.md")];
    files.extend(
        std::fs::read_dir(skill().join("references"))
            .unwrap()
            .map(|e| e.unwrap().path()),
    );
    let mut lines = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(file).unwrap();
        // Odd parts of a text cut at fences are the code blocks.
        let blocks = text
            .split("```")
            .skip(1)
            .step_by(2)
            .flat_map(str::lines)
            .filter(|l| l.starts_with("poolscope "))
            .map(str::to_owned);
        let prose: String = text.split("```").step_by(2).collect();
        let spans = prose
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|s| s.starts_with("poolscope "))
            .map(str::to_owned);
        lines.extend(blocks.chain(spans));
    }
    lines.sort();
    lines.dedup();
    lines
}

/// Live sampling is shortened, everything else runs as written.
fn shortened(line: &str) -> String {
    match line {
        "poolscope diagnose --for 60 --format json" => "poolscope diagnose --for 2 --format json".to_owned(),
        "poolscope diagnose --format json" | "poolscope diagnose" => {
            "poolscope diagnose --for 2 --format json".to_owned()
        }
        "poolscope track 30 20 --recording recording.poolscope" => {
            "poolscope track 1 2 --recording live.poolscope".to_owned()
        }
        other => other.to_owned(),
    }
}

fn recording(file: &str) -> support::Record {
    serde_json::from_value(json!({
        "file": file, "hours": 1, "interval_s": 60, "uptime_h": 10,
        "series": [{ "tag": "NtFC", "pool": "nonpaged", "curve": "linear", "count": 5000, "per_hour": 4000, "size": 224 }],
    }))
    .unwrap()
}

#[test]
fn each_command_line_works() {
    let folder = tempfile::tempdir().unwrap();
    for file in ["recording.poolscope", "before.poolscope", "after.poolscope"] {
        recording(file).write(folder.path());
    }
    let table = "Tag  Type  Allocs  Frees  Diff  Bytes  Per Alloc\nNtFC Nonp 62404489 5827 62398662 22962707616 368\n";
    std::fs::write(folder.path().join("poolsnap.txt"), table).unwrap();
    std::fs::create_dir(folder.path().join("drivers")).unwrap();
    let drivers = Path::new(env!("CARGO_MANIFEST_DIR")).join("../driver-scan/tests/drivers");
    let driver = std::fs::read_dir(drivers)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let driver = driver
        .into_iter()
        .find(|path| path.extension().is_some_and(|e| e == "sys"))
        .unwrap();
    std::fs::copy(driver, folder.path().join("drivers/one.sys")).unwrap();
    let lines = command_lines();
    assert!(lines.len() >= 15, "{lines:?}");
    let made = support::run(
        "poolscope diagnose recording.poolscope --bundle bundle.zip --redact",
        folder.path(),
    );
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    for line in lines {
        let output = support::run(&shortened(&line), folder.path());
        let error = String::from_utf8_lossy(&output.stderr);
        let code = output.status.code();
        // Steps that only Windows has say so with status 3; tests may run without the right to read slab caches.
        assert!(matches!(code, Some(0 | 3)), "{line}: status {code:?}\n{error}");
        assert!(
            code == Some(0) || !error.is_empty(),
            "{line}: fails without a word"
        );
        if code == Some(0) && line.contains("--format json") {
            support::json(&output, &line);
        }
    }
}
