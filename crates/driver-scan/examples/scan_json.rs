//! Prints the scan of driver files and folders as JSON (`poolscope.scan/1`), for development.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a development program that prints"
)]

#[path = "files/mod.rs"]
mod files;

use std::fmt::Write as _;
use std::path::Path;

use sha2::{Digest, Sha256};

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if (c as u32) < 0x20 => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A tag as the CSV format writes it.
fn tag(bytes: [u8; 4]) -> String {
    bytes.iter().fold(String::new(), |mut out, &byte| {
        if (0x20..0x7f).contains(&byte) && byte != b'\\' {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "\\x{byte:02x}");
        }
        out
    })
}

fn main() {
    let mut paths = Vec::new();
    let quiet = std::env::args().any(|argument| argument == "--quiet");
    std::env::args()
        .skip(1)
        .filter(|argument| argument != "--quiet")
        .for_each(|argument| files::below(Path::new(&argument), &["sys"], &mut paths));
    let started = std::time::Instant::now();
    let mut total = 0;
    println!("{{\"schema\":\"poolscope.scan/1\",\"drivers\":[");
    let mut first = true;
    for path in &paths {
        let Ok(bytes) = std::fs::read(path) else { continue };
        total += bytes.len();
        let before = std::time::Instant::now();
        let result = driver_scan::scan(&bytes, &driver_scan::Limits::default());
        let took = before.elapsed();
        if !quiet && took.as_millis() > 20 {
            eprintln!("{} {} bytes {:?}", path.display(), bytes.len(), took);
        }
        let scan = match result {
            Ok(scan) => scan,
            Err(error) => {
                eprintln!("{}: {error}", path.display());
                continue;
            }
        };
        if quiet {
            continue;
        }
        for problem in &scan.problems {
            eprintln!("{}: {problem}", path.display());
        }
        let sha = Sha256::digest(&bytes)
            .iter()
            .fold(String::new(), |mut out, byte| {
                let _ = write!(out, "{byte:02x}");
                out
            });
        let uses = |list: &[driver_scan::TagUse]| {
            let rows: Vec<String> = list
                .iter()
                .map(|entry| {
                    format!(
                        "{{\"tag\":{},\"routine\":{},\"rva\":{},\"certainty\":\"{}\"}}",
                        quoted(&tag(entry.tag)),
                        quoted(&entry.routine),
                        entry.rva,
                        entry.certainty.as_str()
                    )
                })
                .collect();
            rows.join(",")
        };
        let text = |value: &Option<String>| value.as_deref().map_or("null".to_owned(), quoted);
        println!(
            "{}{{\"path\":{},\"sha256\":\"{sha}\",\"arch\":{},\"company\":{},\"product\":{},\"version\":{},\"signer\":{},\"tags\":[{}],\"freed_tags\":[{}]}}",
            if first { "" } else { "," },
            quoted(&path.display().to_string()),
            scan.arch.map_or("null".to_owned(), |arch| quoted(arch.as_str())),
            text(&scan.company),
            text(&scan.product),
            text(&scan.version),
            text(&scan.signer),
            uses(&scan.tags),
            uses(&scan.freed_tags)
        );
        first = false;
    }
    println!("]}}");
    let took = started.elapsed();
    eprintln!("{} files, {total} bytes in {took:?}", paths.len());
}
