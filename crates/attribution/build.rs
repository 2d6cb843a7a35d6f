//! Packs `data/tags.tsv` into the compact table that the program carries, and refuses a table that does not parse.

#[path = "src/knowledge/table.rs"]
mod table;

use std::{env, error::Error, fs, path::Path};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=data/tags.tsv");
    println!("cargo::rerun-if-changed=src/knowledge/table.rs");
    let text = fs::read_to_string("data/tags.tsv")?;
    let packed = table::pack(&table::parse(&text)?)?;
    // Texts repeat: deflated the table takes a third of the room in a program that is to be small.
    let deflated = miniz_oxide::deflate::compress_to_vec(&packed, 10);
    fs::write(Path::new(&env::var("OUT_DIR")?).join("tags.deflate"), deflated)?;
    Ok(())
}
