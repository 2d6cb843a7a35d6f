//! Saved `/proc/slabinfo`, one or more after another, each begun by its version line.
//!
//! Layout: slabinfo(5) and the kernel's `mm/slab_common.c`: name, active objects, objects, object size, objects a slab,
//! pages a slab, then tunables and slab data, of which the second number is the count of slabs.

use std::path::Path;

use snapshot::{
    Counter, CounterWidth, History, OsKind, Pool, Problem, SeriesKey, SourceKind, Tag, Timestamp, Usage,
};

use super::builder::{Builder, mark_gaps};
use super::text;
use crate::{ImportError, ImportErrorKind};

/// The file does not say how large a page is; this is right for x86 and most ARM systems.
const PAGE_BYTES: u64 = 4096;

/// True when `line` begins a file of this format.
pub(crate) fn is_version_line(line: &[u8]) -> bool {
    line.starts_with(b"slabinfo - version:")
}

/// One cache.
fn row(line: &[u8]) -> Option<(SeriesKey, Usage)> {
    let text = std::str::from_utf8(line).ok()?;
    let (counts, rest) = text.split_once(':')?;
    let mut words = counts.split_ascii_whitespace();
    let name = words.next()?;
    let numbers = words.map(|w| w.parse().ok()).collect::<Option<Vec<u64>>>()?;
    let &[active, _objects, _object_bytes, _per_slab, pages_per_slab, ..] = numbers.as_slice() else {
        return None;
    };
    let (_, data) = rest.split_once("slabdata")?;
    let slabs: u64 = data.split_ascii_whitespace().nth(1)?.parse().ok()?;
    let bytes = slabs.saturating_mul(pages_per_slab).saturating_mul(PAGE_BYTES);
    let usage = Usage {
        live: Counter::new(active),
        bytes: Counter::new(bytes),
        ..Usage::ABSENT
    };
    Some((
        SeriesKey {
            tag: Tag::from_bytes(name.as_bytes()),
            pool: pool_of(name),
        },
        usage,
    ))
}

/// The file does not say which caches the kernel can shrink; these are by their names (`SLAB_RECLAIM_ACCOUNT` in the
/// kernel's sources).
fn pool_of(name: &str) -> Pool {
    let reclaimable = name.ends_with("inode_cache")
        || name.ends_with("_inode")
        || name.starts_with("kmalloc-rcl-")
        || matches!(
            name,
            "dentry" | "radix_tree_node" | "buffer_head" | "ext4_extent_status"
        );
    if reclaimable {
        Pool::SlabReclaimable
    } else {
        Pool::Slab
    }
}

/// Reads all tables of a text.
pub(crate) fn read(file: &Path, bytes: &[u8]) -> Result<History, ImportError> {
    let mut builder = Builder::new(SourceKind::Slabinfo, CounterWidth::Bits64);
    let mut at: Option<Timestamp> = None;
    let mut rows = 0_usize;
    let mut broken: Option<u64> = None;
    let refuse =
        |line: u64, reason: &str| ImportError::new(file, ImportErrorKind::Malformed, reason).at(line, None);
    for (number, line) in text::lines(bytes) {
        if let Some(time) = text::time_line(line) {
            at = Some(time);
        } else if is_version_line(line) {
            if broken.is_some() {
                break;
            }
            if line.ends_with(b"(statistics)") {
                return Err(refuse(
                    number,
                    "a debug kernel's slabinfo with statistics is not understood",
                ));
            }
            if !builder.begin_sample(at.take()) {
                return Err(refuse(number, "too many tables"));
            }
        } else if line.starts_with(b"#") || line.trim_ascii().is_empty() || builder.sample_count() == 0 {
            // Column names, blank lines, and what somebody noted above the table.
        } else if let Some((key, usage)) = row(line) {
            rows += 1;
            let series = builder.series(key);
            if builder.has_row(series) {
                builder.add(series, usage);
            } else {
                builder.push(series, usage);
            }
        } else if broken.is_none() {
            broken = Some(number);
        } else {
            return Err(refuse(number, "neither a cache nor a new table"));
        }
    }
    if rows == 0 {
        return Err(refuse(1, "no cache in it"));
    }
    if let Some(line) = broken {
        // One line that is cut at the end of the file is what an interrupted copy leaves.
        let last = bytes.iter().filter(|&&b| b == b'\n').count() as u64 + 1;
        if line + 1 < last {
            return Err(refuse(line, "not a cache"));
        }
        builder.spoil_sample();
        builder.problem(Problem::new(
            "slabinfo",
            format!("{}:{line}: cut off, left out", file.display()),
        ));
    }
    let mut history = builder.finish(Some(OsKind::Linux));
    if history.clock_known {
        mark_gaps(&mut history.samples);
    }
    Ok(history)
}
