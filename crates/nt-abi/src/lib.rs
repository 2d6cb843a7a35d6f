//! Byte layouts of the NT information classes: bytes in, rows out, for every Windows generation.
//!
//! This crate calls nothing and holds no `unsafe`: it is fed buffers, from a live call or from a file, and is tested
//! on any system. It does not know poolscope's own domain types; `source` translates.
