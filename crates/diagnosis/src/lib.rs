//! Facts, verdicts and owners in; findings and next steps out.
//!
//! This crate decides what is said and in which order. It may not know how it is printed, and it reads nothing itself:
//! no files, no operating system.

mod finding;

pub use finding::{Finding, Severity};
