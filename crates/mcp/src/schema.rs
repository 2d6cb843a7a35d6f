//! JSON schemas of what goes in and out.
//!
//! Results follow the compatibility law of the report: each field may be absent, enumerations are open, and unknown
//! fields may appear. So the schemas describe, they do not forbid.

use std::sync::Arc;

use rmcp::model::JsonObject;
use schemars::JsonSchema;
use serde_json::{Value, json};

/// Schema of a tool's arguments.
pub(crate) fn input<Args: JsonSchema>() -> Arc<JsonObject> {
    let mut value = schemars::schema_for!(Args).to_value();
    if let Some(object) = value.as_object_mut() {
        object.remove("title");
    }
    object(value)
}

/// Schema of report JSON (`poolscope.report/1`).
pub(crate) fn report() -> Arc<JsonObject> {
    page(json!({
        "tool": { "type": "object" },
        "source": { "type": "object", "description": "Where the numbers come from: kind, os, host, kernel_uptime_s, samples, start, end" },
        "summary": { "type": "array", "items": { "type": "string" }, "description": "The answer in sentences, the verdict first" },
        "next": { "type": "array", "items": { "type": "object", "properties": {
            "text": text("What to do"),
            "why": text("The evidence that points there"),
            "command": text("Command line, where there is one"),
        } }, "description": "What to do next, first things first" },
        "findings": { "type": "array", "description": "Statements of the diagnosis, heaviest first", "items": { "type": "object", "properties": {
            "code": text("Stable code, e.g. PS0101; `explain` takes it"),
            "severity": text("critical, warning, notice or ok"),
            "title": text("One line"),
            "evidence": { "type": "array" },
            "explanation": text("Why it matters"),
            "next": { "type": "array", "items": { "type": "string" }, "description": "What to do, first things first" },
        } } },
        "series": { "type": "array", "description": "One row for each tag and pool, by rank", "items": { "type": "object", "properties": {
            "tag": text("The kernel's label of the allocation site"),
            "pool": text("nonpaged, paged, session, slab, slab-reclaimable, vmalloc"),
            "verdict": text("leak, suspect, unfreed, filling, stepped, cycling, steady or insufficient"),
            "confidence": number("Calibrated probability that the series is a leak"),
            "bytes": number("Bytes in use"),
            "outstanding": number("Allocations not yet freed"),
            "rate_bytes_per_day": number("Growth; rate_low and rate_high are its 90 % interval"),
            "rate_low": number("Lower end"),
            "rate_high": number("Upper end"),
            "onset": text("When the growth began, RFC 3339"),
            "owners": { "type": "array", "items": { "type": "object" } },
        } } },
        "families": { "type": "array", "items": { "type": "object" }, "description": "Series that grow together in a fixed ratio: one leak" },
        "memory": { "type": "object", "description": "Where the memory is: counters, parts, flags, groups of processes" },
        "etw": { "type": "object", "description": "Event-tracing sessions and what their buffers cost" },
        "drivers": { "type": "object", "description": "Running drivers that are not Microsoft's, and minifilters" },
        "events": { "type": "array", "items": { "type": "object" }, "description": "Crashes, exhaustion, starts and shutdowns, oldest first" },
        "vbs": { "type": "object", "description": "VBS and HVCI, and whether Secure System follows the pools" },
        "problems": { "type": "array", "items": { "type": "object" }, "description": "What could not be read, and why" },
    }))
}

/// Schema of owner JSON (`poolscope.owners/1`).
pub(crate) fn owners() -> Arc<JsonObject> {
    page(
        json!({ "tags": { "type": "array", "items": { "type": "object", "properties": {
        "tag": text("The tag"),
        "shared": { "type": "boolean", "description": "Used by many drivers: identifies none" },
        "owners": { "type": "array", "items": { "type": "object" }, "description": "Most trusted first" },
    } } } }),
    )
}

/// Schema of a comparison.
pub(crate) fn comparison() -> Arc<JsonObject> {
    page(json!({
        "tool": { "type": "object" },
        "before": { "type": "object", "description": "Where the earlier numbers come from" },
        "after": { "type": "object", "description": "Where the later numbers come from" },
        "summary": { "type": "array", "items": { "type": "string" }, "description": "The answer in sentences" },
        "at_uptime_s": number("Kernel uptime at which bytes were compared, seconds"),
        "series": { "type": "array", "description": "Most important change first", "items": { "type": "object", "properties": {
            "tag": text("The kernel's label of the allocation site"),
            "pool": text("Its pool"),
            "change": text("new, worse, better, gone, same or ordinary"),
            "verdict_before": text("Verdict before"),
            "verdict_after": text("Verdict after"),
            "bytes_before": number("Bytes before, at the common uptime"),
            "bytes_after": number("Bytes after, at the common uptime"),
            "rate_before": number("Growth before, bytes a day"),
            "rate_after": number("Growth after, bytes a day"),
            "owner": text("Most trusted owner"),
        } } },
    }))
}

/// Schema of an explanation.
pub(crate) fn explanation() -> Arc<JsonObject> {
    page(json!({
        "what": text("What was asked"),
        "title": text("Of a finding: its title"),
        "text": text("The explanation, Markdown"),
        "shared": { "type": "boolean", "description": "Of a tag: used by many drivers, identifies none" },
        "allocated_by": text("Of a tag: the files that allocate under it"),
        "next": { "type": "array", "items": { "type": "string" }, "description": "What to do, first things first" },
    }))
}

fn page(mut properties: Value) -> Arc<JsonObject> {
    if let Some(properties) = properties.as_object_mut() {
        properties.insert("schema".into(), text("Name and version of the format"));
        properties.insert(
            "omitted".into(),
            json!({ "type": "object", "description": "What did not fit: items left by section, and `continue`, the argument that returns the next part" }),
        );
    }
    object(json!({ "type": "object", "properties": properties }))
}

fn text(description: &str) -> Value {
    json!({ "type": "string", "description": description })
}

fn number(description: &str) -> Value {
    json!({ "type": "number", "description": description })
}

fn object(value: Value) -> Arc<JsonObject> {
    match value {
        Value::Object(object) => Arc::new(object),
        _ => Arc::default(),
    }
}
