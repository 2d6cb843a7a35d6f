//! The steps of a live diagnosis under Wine: each says what Wine gives, and names with its status code what it refuses.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::prefix::Wine;
use super::{INVALID_INFO_CLASS, shown};

/// The JSON that a command prints, which must end well.
fn report(wine: &Wine, arguments: &[&str]) -> Result<Value> {
    let output = wine.poolscope(arguments)?;
    ensure!(output.status.code() == Some(0), "{}", shown(&output));
    serde_json::from_slice(&output.stdout).with_context(|| shown(&output))
}

/// What the report lists as missing.
fn problems(report: &Value) -> Vec<String> {
    let list = report["problems"].as_array().into_iter().flatten();
    list.filter_map(|problem| problem["message"].as_str())
        .map(str::to_owned)
        .collect()
}

fn refuses(problems: &[String], class: &str) -> bool {
    problems
        .iter()
        .any(|message| message.contains(class) && message.contains(INVALID_INFO_CLASS))
}

pub(super) fn memory(wine: &Wine, _linux: &Path) -> Result<()> {
    let report = report(wine, &["memory", "--format", "json"])?;
    let problems = problems(&report);
    ensure!(refuses(&problems, "class 80"), "{problems:?}");
    Ok(())
}

pub(super) fn diagnose(wine: &Wine, _linux: &Path) -> Result<()> {
    let report = report(wine, &["diagnose", "--for", "2s", "--format", "json"])?;
    let problems = problems(&report);
    for class in ["class 22", "class 66", "class 80", "class 165"] {
        ensure!(refuses(&problems, class), "{class} is not named: {problems:?}");
    }
    for part in ["memory", "drivers", "findings"] {
        let there = match &report[part] {
            Value::Array(list) => !list.is_empty(),
            other => other.is_object(),
        };
        ensure!(there, "no {part} in {report}");
    }
    Ok(())
}

pub(super) fn drivers(wine: &Wine, _linux: &Path) -> Result<()> {
    let report = report(wine, &["drivers", "--format", "json"])?;
    let list = report["drivers"]["third_party"].as_array().into_iter().flatten();
    let served = list.filter(|driver| driver["service"].is_string()).count();
    ensure!(served > 0, "no driver has a service: {report}");
    Ok(())
}

/// One conversation over pipes: a handshake, the tools, a call, the end of input.
pub(super) fn assistants(wine: &Wine, _linux: &Path) -> Result<()> {
    let mut child = wine
        .command(&["mcp", "--allow", "."])
        .current_dir(&wine.home)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let client = json!({"name": "wine", "version": "1"});
    let hello = json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": client});
    let call = json!({"name": "owner", "arguments": {"tags": ["NtFC"]}});
    let messages = [
        json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello}),
        json!({"jsonrpc": "2.0", "method": "notifications/initialized"}),
        json!({"jsonrpc": "2.0", "id": 2, "method": "tools/list"}),
        json!({"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": call}),
    ];
    let mut input = child.stdin.take().context("no standard input")?;
    for message in &messages {
        writeln!(input, "{message}")?;
    }
    // The input stays open until the call is answered: its end is the end of the conversation.
    let mut said = BufReader::new(child.stdout.take().context("no standard output")?).lines();
    let mut owner = None;
    for line in said.by_ref() {
        let answer: Value = serde_json::from_str(&line?)?;
        if answer["id"] == 3 {
            owner = Some(answer);
            break;
        }
    }
    drop(input);
    for line in said {
        serde_json::from_str::<Value>(&line?).context("something but protocol on standard output")?;
    }
    let output = child.wait_with_output()?;
    let owner = owner.with_context(|| format!("no answer to the call: {}", shown(&output)))?;
    ensure!(owner.to_string().contains("ntfs.sys"), "{owner}");
    ensure!(output.status.code() == Some(0), "{}", shown(&output));
    Ok(())
}
