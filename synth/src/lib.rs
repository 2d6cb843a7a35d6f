//! Test inputs: NT buffers, recordings and leak curves. Shares no layout code with the parsers it tests, and is never linked into the program.

pub mod curves;
pub mod random;
