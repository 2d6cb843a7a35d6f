//! House tasks: `cargo xtask tidy` and friends. Not part of the program; it may use the network never.
fn main() {}
