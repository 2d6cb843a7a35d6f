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
    page(json!({ "changes": { "type": "array", "items": { "type": "object" } } }))
}

/// Schema of an explanation.
pub(crate) fn explanation() -> Arc<JsonObject> {
    page(json!({ "what": text("What was asked"), "text": text("The explanation, Markdown") }))
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
