//! Packs `data/forest.txt` into the compact table that the program carries, and refuses a table that does not parse.

#[path = "src/calibration/table.rs"]
mod table;

use std::{env, error::Error, fs, path::Path};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=data/forest.txt");
    println!("cargo::rerun-if-changed=src/calibration/table.rs");
    let text = fs::read_to_string("data/forest.txt")?;
    let packed = table::pack(&table::parse(&text)?)?;
    let deflated = miniz_oxide::deflate::compress_to_vec(&packed, 10);
    fs::write(Path::new(&env::var("OUT_DIR")?).join("forest.deflate"), deflated)?;
    Ok(())
}
