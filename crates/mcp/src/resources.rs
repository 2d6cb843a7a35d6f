//! Resources: the findings reference, and the recordings below the allowed folders.

use rmcp::model::{Resource, ResourceContents};
use serde_json::Value;

use crate::budget::{Position, cut};
use crate::policy::RecordingFile;
use crate::tools::BUDGET_DEFAULT;
use crate::{Backend, Call, Policy, Reference, ToolError, Watch};

const FINDINGS: &str = "poolscope://findings";
const RECORDINGS: &str = "poolscope://recordings/";

/// Everything that can be read.
pub(crate) fn list(backend: &dyn Backend, policy: &Policy) -> Vec<Resource> {
    let mut all = vec![
        Resource::new(FINDINGS, "findings")
            .with_description("Reference of all findings: what triggers each, what it means, what to do")
            .with_mime_type("text/markdown"),
    ];
    all.extend(backend.references().into_iter().map(|r| {
        Resource::new(format!("{FINDINGS}/{}", r.code), r.code)
            .with_description(r.title)
            .with_mime_type("text/markdown")
    }));
    all.extend(policy.recordings().into_iter().map(|r| {
        Resource::new(recording_uri(&r), r.name)
            .with_description(format!(
                "Recording, {} bytes; reading it returns the verdicts",
                r.bytes
            ))
            .with_mime_type("application/json")
    }));
    all
}

/// Reads one; `None` when there is no such resource.
pub(crate) fn read(
    uri: &str,
    backend: &dyn Backend,
    policy: &Policy,
    watch: &dyn Watch,
) -> Option<Result<ResourceContents, ToolError>> {
    if uri == FINDINGS {
        let pages: Vec<String> = backend.references().into_iter().map(|r| r.markdown).collect();
        return Some(Ok(markdown(pages.join("\n\n"), uri)));
    }
    if let Some(code) = uri.strip_prefix(FINDINGS).and_then(|rest| rest.strip_prefix('/')) {
        let page: Reference = backend.references().into_iter().find(|r| r.code == code)?;
        return Some(Ok(markdown(page.markdown, uri)));
    }
    if !uri.starts_with(RECORDINGS) {
        return None;
    }
    // Only what was listed can be read: the name is compared, never turned into a path.
    let file = policy
        .recordings()
        .into_iter()
        .find(|r| recording_uri(r) == uri)?;
    let verdicts = policy
        .readable(&file.path.to_string_lossy())
        .and_then(|path| backend.call(Call::Analyze { paths: vec![path] }, watch));
    Some(verdicts.map(|report| summary(report, uri)))
}

fn summary(report: Value, uri: &str) -> ResourceContents {
    let text = match &report {
        Value::Object(map) => Value::Object(cut(map, &Position::new(), BUDGET_DEFAULT).report).to_string(),
        other => other.to_string(),
    };
    ResourceContents::text(text, uri).with_mime_type("application/json")
}

fn markdown(text: String, uri: &str) -> ResourceContents {
    ResourceContents::text(text, uri).with_mime_type("text/markdown")
}

/// The URI of a recording: its name with everything but unreserved characters and `/` percent-encoded.
fn recording_uri(file: &RecordingFile) -> String {
    let mut uri = RECORDINGS.to_owned();
    for &byte in file.name.as_bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            uri.push(byte as char);
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri
}
