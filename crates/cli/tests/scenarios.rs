//! The questions people ask an assistant, with the files they come with, the commands it should run, and what their
//! JSON must hold for the conclusion it should reach. One file each under `scenarios/`.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says what it expects by panicking"
)]

mod support;

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scenario {
    question: String,
    #[serde(default)]
    record: Option<support::Record>,
    #[serde(default)]
    record_after: Option<support::Record>,
    #[serde(default)]
    text: Option<support::Text>,
    steps: Vec<Step>,
    conclusion: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    run: String,
    expect: Vec<Check>,
}

/// One thing the answer must show. `at` is a JSON pointer, from the row of `series` (a tag) if that is named.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Check {
    at: String,
    #[serde(default)]
    series: Option<String>,
    #[serde(default)]
    is: Option<Value>,
    #[serde(default)]
    one_of: Option<Vec<Value>>,
    #[serde(default)]
    contains: Option<String>,
    #[serde(default)]
    lacks: Option<String>,
    #[serde(default)]
    least: Option<f64>,
    #[serde(default)]
    most: Option<f64>,
}

impl Check {
    /// What is wrong, if anything.
    fn fault(&self, answer: &Value) -> Option<String> {
        let root = match &self.series {
            None => answer,
            Some(tag) => {
                let mut rows = answer["series"].as_array().into_iter().flatten();
                match rows.find(|row| row["tag"] == tag.as_str()) {
                    Some(row) => row,
                    None => return Some(format!("no series {tag}")),
                }
            }
        };
        let Some(value) = root.pointer(&self.at) else {
            return self.lacks.is_none().then(|| format!("{}: absent", self.at));
        };
        let text = value.to_string();
        let lower = text.to_lowercase();
        let number = value.as_f64();
        let wrong = self.is.as_ref().is_some_and(|want| want != value)
            || self.one_of.as_ref().is_some_and(|want| !want.contains(value))
            || self
                .contains
                .as_ref()
                .is_some_and(|part| !lower.contains(&part.to_lowercase()))
            || self
                .lacks
                .as_ref()
                .is_some_and(|part| lower.contains(&part.to_lowercase()))
            || self.least.is_some_and(|least| number.is_none_or(|n| n < least))
            || self.most.is_some_and(|most| number.is_none_or(|n| n > most));
        wrong.then(|| format!("{} is {}", self.at, text.chars().take(600).collect::<String>()))
    }
}

#[test]
fn each_scenario_leads_to_its_conclusion() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.retain(|path| path.extension().is_some_and(|e| e == "json"));
    files.sort();
    assert!(files.len() >= 10);
    let faults: Vec<String> = files.iter().flat_map(|file| play(file)).collect();
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

fn play(file: &Path) -> Vec<String> {
    let name = file.file_stem().unwrap().to_string_lossy().into_owned();
    let scenario: Scenario = serde_json::from_str(&std::fs::read_to_string(file).unwrap())
        .unwrap_or_else(|e| panic!("{name}: {e}"));
    assert!(
        scenario.question.ends_with(['?', '.']) && !scenario.conclusion.is_empty(),
        "{name}"
    );
    let folder = tempfile::tempdir().unwrap();
    for record in [&scenario.record, &scenario.record_after].into_iter().flatten() {
        record.write(folder.path());
    }
    if let Some(text) = &scenario.text {
        text.write(folder.path());
    }
    let mut faults = Vec::new();
    for step in &scenario.steps {
        let output = support::run(&step.run, folder.path());
        let answer = support::json(&output, &format!("{name}: {}", step.run));
        faults.extend(
            step.expect
                .iter()
                .filter_map(|c| c.fault(&answer))
                .map(|f| format!("{name}: {}: {f}", step.run)),
        );
    }
    faults
}
