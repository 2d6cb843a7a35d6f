//! The recording file. `docs/recording-format.md` describes it for others.

mod block;
mod fact;
mod lock;
pub(crate) mod reader;
mod schema;
mod thin;
pub(crate) mod whole;
pub(crate) mod writer;
