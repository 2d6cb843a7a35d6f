//! The finished value with public fields, and its renderers: text, JSON, CSV, Markdown, HTML.
//!
//! This crate may not compute: every number it prints was decided before it. `docs/report-json.md` is the contract of
//! the JSON.
