//! Tag in, owners out, with evidence and trust; and holders of object tags.
//!
//! This crate may not know detection: who owns a tag does not depend on whether it leaks. It opens no files; texts and
//! driver scans are handed to it.

mod blocks;
mod claim;
mod evidence;
mod families;
mod index;
mod kmdf;
mod knowledge;
mod linux;
mod mapped;
mod owner;
mod pooltag;
mod shared;

pub mod holders;
pub mod rules;

pub use families::{Sure, TagFamily, citation, families, family_of};
pub use index::{DEFAULT_SEARCH, DriverFile, OwnerIndex};
pub use knowledge::{Confidence, Knowledge, Known};
pub use linux::{CacheGroup, HeldBy, cache_group};
pub use owner::{Owner, Owners, OwnersDocument, Trust};
pub use pooltag::{ListEntry, TagList};
