//! The recording file. `docs/recording-format.md` describes it for others.

pub(crate) mod writer;
