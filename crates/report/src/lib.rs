//! The finished value with public fields, and its renderers: text, JSON, CSV, Markdown, HTML.
//!
//! This crate may not compute: every number it prints was decided before it. It reads no files and knows no clock.
//! `docs/report-json.md` is the contract of the JSON.

mod compare;
mod csv;
mod from_diagnosis;
mod html;
mod json;
mod markdown;
mod model;
mod steps;
mod table;
mod text;

pub use self::csv::csv;
pub use compare::{COMPARISON_SCHEMA, ComparedSeries, ComparisonReport};
pub use diagnosis::words;
pub use html::html;
pub use json::json;
pub use markdown::markdown;
pub use model::*;
pub use steps::{drivers_text, etw_text, events_text, memory_text, processes_text, vbs_text};
pub use table::{Align, Column, Paint, Style, Table};
pub use text::{TextOptions, text};

/// Name and version of the schema of the JSON.
pub const SCHEMA: &str = "poolscope.report/1";
