//! Series in, verdicts out. Pure arithmetic: a function of a history and a configuration.
//!
//! This crate may not know operating systems or what a tag means; it reads no clock, file or environment. The same
//! input gives the same output, bit for bit.

mod judgement;

pub use judgement::*;
