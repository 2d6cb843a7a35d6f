//! The `poolscope` program. Everything is in the library beside it; here is only the way in and the way out.

use std::process::ExitCode;

fn main() -> ExitCode {
    poolscope_cli::main(std::env::args_os())
}
