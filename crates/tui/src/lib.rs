//! The full-screen live table. Draws what it is given and says which key was pressed.
//!
//! This crate may not read kernels, files or clocks other than its own refresh, and it judges nothing: its numbers are
//! the differences that `snapshot` gives.

mod draw;
mod rows;
mod state;
mod watch;

pub use state::{Action, Order, State};
pub use watch::{Options, run};
