//! The recording file. `docs/recording-format.md` describes it for others.

mod block;
pub(crate) mod fact;
mod lock;
pub(crate) mod reader;
pub(crate) mod schema;
mod thin;
pub(crate) mod whole;
pub(crate) mod writer;
