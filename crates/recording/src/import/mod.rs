//! Files in: recognises the format by content and hands the text to its reader.

mod builder;
mod csv;
mod merge;
mod poolmon;
mod poolused;
mod slabinfo;
mod text;

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
pub(crate) use merge::merge;
use snapshot::History;

use crate::store::reader;
use crate::{ImportError, ImportErrorKind, bundle};

/// Limits for reading. The defaults suit a machine of today and a file of a stranger.
#[derive(Clone, Debug)]
pub struct OpenOptions {
    /// Most bytes of one input after decompression.
    pub max_bytes: u64,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self { max_bytes: 8 << 30 }
    }
}

/// Most bytes of a text table that is read as a whole: a PoolMon table of 3,000 rows has 200 KB.
const MOST_TABLE_BYTES: u64 = 256 << 20;
/// How much of a text is looked at to recognise it.
const HEAD_BYTES: usize = 64 << 10;

/// What a file turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Recording,
    Bundle,
    Gzip,
    Csv,
    Poolmon,
    Poolused,
    Slabinfo,
}

/// Reads one recording from one or more files. The format of each is recognised by its content, never by its name; several
/// files in the order given are one recording.
///
/// # Errors
/// When a file cannot be read, is of no known format, or breaks its format so that the rest is not certainly sound. A
/// line that alone is broken is skipped and named in [`History::problems`].
pub fn open(paths: &[PathBuf], options: &OpenOptions) -> Result<History, ImportError> {
    let mut parts = Vec::with_capacity(paths.len());
    for path in paths {
        parts.push(open_one(path, options)?);
    }
    merge(parts).ok_or_else(|| ImportError::new(Path::new(""), ImportErrorKind::Io, "no file was named"))
}

/// As [`open`], for content that is in memory already. `name` is used in messages only.
///
/// # Errors
/// As [`open`].
pub fn open_bytes(name: &Path, bytes: &[u8], options: &OpenOptions) -> Result<History, ImportError> {
    match recognise(name, bytes)? {
        Format::Recording => reader::read_bytes(name, bytes),
        Format::Bundle => bundle::read(name, Cursor::new(bytes), options),
        Format::Gzip => gzip(name, options, &mut || Ok(Box::new(Cursor::new(bytes.to_vec())))),
        Format::Csv => {
            let text = text::decode(bytes);
            csv::read(name, options.max_bytes, &mut || {
                Ok(Box::new(Cursor::new(text.to_vec())))
            })
        }
        table => read_table(name, table, &text::decode(bytes)),
    }
}

fn open_one(path: &Path, options: &OpenOptions) -> Result<History, ImportError> {
    let meta = std::fs::metadata(path).map_err(|e| ImportError::io(path, &e))?;
    if meta.is_dir() {
        return Err(ImportError::new(
            path,
            ImportErrorKind::Unrecognised,
            "a folder where a file is needed",
        ));
    }
    let head = read_some(
        path,
        File::open(path).map_err(|e| ImportError::io(path, &e))?,
        HEAD_BYTES as u64,
    )?;
    let mut reopen = || -> Result<Box<dyn Read>, ImportError> {
        Ok(Box::new(File::open(path).map_err(|e| ImportError::io(path, &e))?))
    };
    match recognise(path, &head)? {
        Format::Recording => reader::read_file(path),
        Format::Bundle => {
            let file = File::open(path).map_err(|e| ImportError::io(path, &e))?;
            bundle::read(path, std::io::BufReader::new(file), options)
        }
        Format::Gzip => gzip(path, options, &mut reopen),
        format => plain(path, format, &head, options, &mut reopen),
    }
}

/// Text, plain or out of a decompressor.
fn plain(
    name: &Path,
    format: Format,
    head: &[u8],
    options: &OpenOptions,
    reopen: &mut dyn FnMut() -> Result<Box<dyn Read>, ImportError>,
) -> Result<History, ImportError> {
    if format == Format::Csv && !text::is_wide(head) {
        return csv::read(name, options.max_bytes, reopen);
    }
    let most = options.max_bytes.min(MOST_TABLE_BYTES);
    let bytes = read_some(name, reopen()?, most.saturating_add(1))?;
    if bytes.len() as u64 > most {
        let reason = format!("a text table of more than {most} bytes");
        return Err(ImportError::new(name, ImportErrorKind::TooLarge, reason));
    }
    let text = text::decode(&bytes);
    match format {
        Format::Csv => csv::read(name, most, &mut || Ok(Box::new(Cursor::new(text.to_vec())))),
        table => read_table(name, table, &text),
    }
}

fn gzip(
    name: &Path,
    options: &OpenOptions,
    reopen: &mut dyn FnMut() -> Result<Box<dyn Read>, ImportError>,
) -> Result<History, ImportError> {
    let head = read_some(name, MultiGzDecoder::new(reopen()?), HEAD_BYTES as u64)?;
    let format = recognise(name, &head)?;
    if matches!(format, Format::Recording | Format::Bundle | Format::Gzip) {
        let reason = "compressed with gzip: only text may be, unpack it first";
        return Err(ImportError::new(name, ImportErrorKind::Unrecognised, reason));
    }
    plain(name, format, &head, options, &mut || {
        Ok(Box::new(MultiGzDecoder::new(reopen()?)))
    })
}

fn read_table(name: &Path, format: Format, text: &[u8]) -> Result<History, ImportError> {
    match format {
        Format::Poolused => poolused::read(name, text),
        Format::Slabinfo => slabinfo::read(name, text),
        _ => poolmon::read(name, text),
    }
}

fn read_some(name: &Path, reader: impl Read, most: u64) -> Result<Vec<u8>, ImportError> {
    let mut bytes = Vec::new();
    reader
        .take(most)
        .read_to_end(&mut bytes)
        .map_err(|e| ImportError::io(name, &e))?;
    Ok(bytes)
}

/// Says what `head`, the beginning of a file, belongs to.
fn recognise(name: &Path, head: &[u8]) -> Result<Format, ImportError> {
    let unknown = |reason: &str| ImportError::new(name, ImportErrorKind::Unrecognised, reason);
    match head {
        [] => return Err(unknown("the file is empty")),
        [
            b'S',
            b'Q',
            b'L',
            b'i',
            b't',
            b'e',
            b' ',
            b'f',
            b'o',
            b'r',
            b'm',
            b'a',
            b't',
            b' ',
            b'3',
            0,
            ..,
        ] => {
            return Ok(Format::Recording);
        }
        [0x1F, 0x8B, ..] => return Ok(Format::Gzip),
        [b'P', b'K', 3 | 5, 4 | 6, ..] => return Ok(Format::Bundle),
        [b'N', b'T', b'Q', b'S', b'I', b'R', b'A', b'W', ..] => {
            return Err(unknown(
                "one raw kernel buffer: name the folder that holds all of them",
            ));
        }
        _ => {}
    }
    let text = text::decode(head);
    let mut first = true;
    for (_, line) in text::lines(&text) {
        let words = line.trim_ascii();
        if words.is_empty() {
            continue;
        }
        if slabinfo::is_version_line(line) {
            return Ok(Format::Slabinfo);
        }
        if poolused::is_heading(line) {
            return Ok(Format::Poolused);
        }
        if poolmon::is_heading(line) || poolmon::is_memory_line(line) || poolmon::is_row(line) {
            return Ok(Format::Poolmon);
        }
        if first && !words.starts_with(b"#") {
            first = false;
            if csv::is_header(line) {
                return Ok(Format::Csv);
            }
        }
    }
    Err(unknown(
        "not a recording, a bundle, CSV with a header `time,tag,pool,allocs,frees,bytes`, PoolMon text, !poolused output or \
         /proc/slabinfo",
    ))
}
