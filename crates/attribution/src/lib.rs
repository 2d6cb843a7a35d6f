//! Tag in, owners out, with evidence and trust; and holders of object tags.
//!
//! This crate may not know detection: who owns a tag does not depend on whether it leaks. It opens no files; texts and
//! driver scans are handed to it.

mod owner;

pub use owner::{Owner, Owners, Trust};
