//! Recordings: the SQLite file (write, read, recover, thin out), importers and exporters.
//!
//! This crate stores counters as they were read and gives them back as a [`snapshot::History`]. It may not judge them:
//! it knows nothing of detection, owners or findings. It asks no kernel either: what it writes was given to it.
//!
//! All input is hostile: a damaged or forged file ends in an [`ImportError`] that names the place, or in fewer samples
//! and a [`snapshot::Problem`], never in a panic or in unbounded memory.

pub mod bundle;
mod error;
pub mod export;
mod import;
mod redact;
mod store;

pub use error::{ImportError, ImportErrorKind, WriteError};
pub use import::{OpenOptions, open, open_bytes};
pub use redact::redacted;
pub use store::writer::{Appended, Writer, WriterOptions};
