//! Bytes of a Windows driver in, the allocation calls in it and their tags out.
//!
//! This crate reads no files and knows no tag tables: it is fed the bytes of a PE image, which may be hostile. It never
//! panics, and time and memory are bounded by the size of the input.

mod finding;

pub use finding::{Arch, Certainty, DriverScan, TagUse};
