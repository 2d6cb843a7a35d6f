//! The version resource (VS_VERSIONINFO): who made the driver.
//!
//! Layout: learn.microsoft.com/windows/win32/menurc/vs-versioninfo. A tree of blocks, each with length, value length, type
//! (all 16 bits), a UTF-16 key, the value and children, both aligned to four bytes.

use object::LittleEndian as LE;
use object::read::pe::ResourceDirectory;

use crate::DriverScan;
use crate::image::Image;

/// Resource type of version information.
const RT_VERSION: u16 = 16;
/// Deepest nesting of blocks, and most blocks read.
const MAX_DEPTH: u8 = 4;
const MAX_BLOCKS: usize = 512;

/// Fills in the fields of the version resource that are there.
pub(crate) fn read(image: &Image<'_>, scan: &mut DriverScan) {
    let Some(bytes) = resource(image) else { return };
    let mut left = MAX_BLOCKS;
    walk(bytes, 0, &mut left, &mut |key, value| field(scan, key, value));
}

/// The bytes of the first version resource.
fn resource<'a>(image: &Image<'a>) -> Option<&'a [u8]> {
    let (rva, _) = image.resources?;
    let directory = ResourceDirectory::new(image.tail(rva)?);
    let root = directory.root().ok()?;
    let types = root
        .entries
        .iter()
        .find(|entry| entry.name_or_id().id() == Some(RT_VERSION))?;
    let names = types.data(directory).ok()?.table()?;
    let languages = names.entries.first()?.data(directory).ok()?.table()?;
    let data = languages.entries.first()?.data(directory).ok()?.data()?;
    image.bytes_at(
        data.offset_to_data.get(LE),
        data.size.get(LE).min(1 << 16) as usize,
    )
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let two: [u8; 2] = bytes.get(at..at.checked_add(2)?)?.try_into().ok()?;
    Some(u16::from_le_bytes(two))
}

const fn align(at: usize) -> usize {
    at.saturating_add(3) & !3
}

/// UTF-16 text up to a zero, at most 512 units, and the bytes it takes with the zero.
fn text(bytes: &[u8]) -> (String, usize) {
    let mut units = Vec::new();
    while let Some(unit) = u16_at(bytes, units.len() * 2).filter(|&unit| unit != 0 && units.len() < 512) {
        units.push(unit);
    }
    (String::from_utf16_lossy(&units), units.len() * 2 + 2)
}

/// Calls `found` with key and value of each block with a value.
fn walk(bytes: &[u8], depth: u8, left: &mut usize, found: &mut dyn FnMut(&str, &[u8])) {
    let mut at = 0usize;
    while depth <= MAX_DEPTH && *left > 0 {
        let (Some(length), Some(value_length), Some(kind)) =
            (u16_at(bytes, at), u16_at(bytes, at + 2), u16_at(bytes, at + 4))
        else {
            return;
        };
        let Some(block) = bytes.get(at..at.saturating_add(usize::from(length)).min(bytes.len())) else {
            return;
        };
        if block.len() < 8 {
            return;
        }
        *left -= 1;
        let (key, key_bytes) = text(block.get(6..).unwrap_or_default());
        let value_at = align(6 + key_bytes);
        // Text values count 16-bit units, others bytes.
        let value_bytes = usize::from(value_length) * if kind == 1 { 2 } else { 1 };
        let value_end = value_at.saturating_add(value_bytes).min(block.len());
        if let Some(value) = block.get(value_at..value_end).filter(|value| !value.is_empty()) {
            found(&key, value);
        }
        if let Some(children) = block.get(align(value_end)..) {
            walk(children, depth + 1, left, found);
        }
        at = align(at.saturating_add(usize::from(length).max(8)));
    }
}

fn field(scan: &mut DriverScan, key: &str, value: &[u8]) {
    let place = match key {
        "CompanyName" => &mut scan.company,
        "ProductName" => &mut scan.product,
        "FileDescription" => &mut scan.description,
        "OriginalFilename" => &mut scan.original_name,
        "FileVersion" => &mut scan.version,
        "VS_VERSION_INFO" => {
            // VS_FIXEDFILEINFO: signature 0xfeef04bd, then at 8 the file version, high word first.
            let word = |at| u16_at(value, at);
            if (word(0), word(2)) == (Some(0x04bd), Some(0xfeef))
                && let (Some(minor), Some(major), Some(build), Some(patch)) =
                    (word(8), word(10), word(14), word(12))
            {
                scan.version = Some(format!("{major}.{minor}.{build}.{patch}"));
            }
            return;
        }
        _ => return,
    };
    let (text, _) = text(value);
    let text = text.trim();
    // The numbers of the fixed part stay where there are both: the text is free-form.
    if !text.is_empty() && place.is_none() {
        *place = Some(text.to_owned());
    }
}
