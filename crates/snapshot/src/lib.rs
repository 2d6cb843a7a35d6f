//! The domain of poolscope: tags, pools, usage counters, snapshots, the facts of a host, and series over time.
//!
//! Everything here is a plain value. This crate does not know files, processes, clocks or operating systems: it
//! opens nothing, asks nothing, and builds for targets without an operating system. It also judges nothing: what a
//! series means is `detection`'s business.
//!
//! Missing is not zero: a counter that was not read is [`Counter::UNKNOWN`] or `None`, and the reason stands in a
//! [`Problem`].

mod builder;
mod changes;
mod counter;
mod facts;
mod glob;
mod history;
mod pool;
mod snapshot;
mod tag;
mod time;

pub use builder::HistoryBuilder;
pub use changes::{ChangeRow, Changes};
pub use counter::{Counter, CounterWidth, Usage};
pub use facts::*;
pub use glob::glob_matches;
pub use history::{History, Sample, Series, SeriesKey, SourceKind};
pub use pool::Pool;
pub use snapshot::{BootId, HostFacts, OsKind, Problem, Snapshot, TagUsage};
pub use tag::Tag;
pub use time::Timestamp;
