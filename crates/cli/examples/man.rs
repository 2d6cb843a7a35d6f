//! Writes the man pages of the program and its commands into the folder given as argument; `cargo xtask man` calls it.

use std::path::PathBuf;

fn main() -> std::io::Result<()> {
    let folder = PathBuf::from(std::env::args_os().nth(1).unwrap_or_else(|| "target/man".into()));
    std::fs::create_dir_all(&folder)?;
    clap_mangen::generate_to(poolscope_cli::command(), folder)
}
