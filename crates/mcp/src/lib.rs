//! The Model Context Protocol server on standard input and output.
//!
//! It serves reports: typed tools, resources and prompts over a [`Backend`] that the program hands in. It analyses
//! nothing itself, and it may not open sockets, start programs, or touch a path that [`Policy`] did not approve. Nothing
//! but the protocol is written to standard output.

mod backend;
mod budget;
mod lines;
mod policy;
mod prompts;
mod resources;
mod results;
mod schema;
mod server;
mod tools;

pub use backend::{Backend, Call, Reference, ToolError, Watch};
pub use policy::Policy;
pub use server::{ServeError, serve_stdio};
pub use tools::tool_definitions;
