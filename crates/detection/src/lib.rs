//! Series in, verdicts out. Pure arithmetic: a function of a history and a configuration.
//!
//! This crate may not know operating systems or what a tag means; it reads no clock, file or environment. The same
//! input gives the same output, bit for bit.
//!
//! The way through: [`axis`] makes one rising time axis of a history, [`reduce`] undoes wraps and restarts and leaves
//! block floors, [`study`] fits what could explain them, [`calibration`] turns the statistics into a probability, and
//! [`judge`] says the word. `docs/detection.md` has the method, its sources and its figures.

pub mod axis;
mod baseline;
mod boot_age;
pub mod calibration;
mod company;
mod compare;
mod config;
mod family;
pub mod grid;
mod judge;
mod judgement;
pub mod level;
mod outlook;
mod passenger;
pub mod reduce;
pub mod screen;
pub mod shape;
pub mod study;
pub mod trend;
mod verdict;

pub use compare::{Change, Compared, Comparison, compare, one_boot};
pub use config::Config;
pub use judge::{Stage, Studied, judge, study_series};
pub use judgement::*;
