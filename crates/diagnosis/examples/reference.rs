//! Prints the reference of findings; `cargo xtask findings` writes it to docs/findings.md.

use std::io::Write;

fn main() -> std::io::Result<()> {
    std::io::stdout().write_all(diagnosis::findings::reference().as_bytes())
}
