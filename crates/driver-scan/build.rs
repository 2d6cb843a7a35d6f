//! Deflates `data/stdcall.txt` for a program that is to be small, and refuses a list that is not sorted by name.

use std::{env, error::Error, fs, path::Path};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=data/stdcall.txt");
    let text = fs::read_to_string("data/stdcall.txt")?;
    let mut before = "";
    for line in text.lines() {
        let (name, bytes) = line.split_once(' ').ok_or_else(|| format!("{line}: no bytes"))?;
        bytes.parse::<u16>().map_err(|error| format!("{line}: {error}"))?;
        if name <= before {
            return Err(format!("{name} is not behind {before}").into());
        }
        before = name;
    }
    let deflated = miniz_oxide::deflate::compress_to_vec(text.as_bytes(), 10);
    fs::write(Path::new(&env::var("OUT_DIR")?).join("stdcall.deflate"), deflated)?;
    Ok(())
}
