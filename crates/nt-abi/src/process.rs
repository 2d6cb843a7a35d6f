//! The process list: class 5.

use crate::bytes::Bytes;
use crate::{AbiError, Interface, PointerWidth, Reason, class};

/// One process. Sizes are bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProcessRow {
    /// Process id; 0 is the idle process.
    pub pid: u64,
    /// Image name without path; empty for the idle process.
    pub name: String,
    /// When it was created, 100 ns since 1601.
    pub created: i64,
    /// Session id.
    pub session: u32,
    /// Open handles.
    pub handles: u32,
    /// Threads.
    pub threads: u32,
    /// Working set.
    pub working_set: u64,
    /// The part of the working set that no other process shares.
    pub working_set_private: u64,
    /// Private bytes: what it alone has committed.
    pub private: u64,
    /// Paged pool charged to it.
    pub quota_paged: u64,
    /// Nonpaged pool charged to it.
    pub quota_nonpaged: u64,
}

/// More processes than any Windows has had: a chain longer than this does not end.
const MAX_PROCESSES: usize = 1 << 20;

/// Reads class 5, SystemProcessInformation: a chain of `SYSTEM_PROCESS_INFORMATION` (phnt ntexapi.h), each 256 bytes
/// (184 on 32-bit) followed by 80 (64) bytes a thread and, usually, by the image name.
///
/// `base` is the address at which the buffer lay when the kernel filled it, since the names are given as pointers
/// into it. Without it (a saved buffer) a name is looked for behind the record's threads, where every known kernel
/// puts it.
///
/// # Errors
/// When a link leads nowhere, a record is cut off, or a name lies outside the buffer.
pub fn processes(bytes: &[u8], width: PointerWidth, base: Option<u64>) -> Result<Vec<ProcessRow>, AbiError> {
    let whole = Bytes::new(bytes, Interface::System(class::PROCESS));
    let mut rows = Vec::new();
    let mut at = 0_usize;
    loop {
        if rows.len() >= MAX_PROCESSES {
            return Err(whole.error(at, Reason::Endless { records: rows.len() }));
        }
        let record = whole.from(at)?;
        let next = record.u32(0)? as usize;
        rows.push(process(&whole, &record, width, base, at)?);
        if next == 0 {
            return Ok(rows);
        }
        at = at
            .checked_add(next)
            .filter(|&after| next >= fixed_size(width) && after < whole.len())
            .ok_or_else(|| record.error(0, Reason::Link { next: next as u64 }))?;
    }
}

const fn fixed_size(width: PointerWidth) -> usize {
    width.pick(184, 256)
}

fn process(
    whole: &Bytes<'_>,
    record: &Bytes<'_>,
    width: PointerWidth,
    base: Option<u64>,
    at: usize,
) -> Result<ProcessRow, AbiError> {
    record.slice(0, fixed_size(width))?;
    let threads = record.u32(4)?;
    let word = |bits32: usize, bits64: usize| record.word(width.pick(bits32, bits64), width);
    let name_length = usize::from(record.u16(56)?);
    let name_pointer = word(60, 64)?;
    let name = if name_length == 0 || name_pointer == 0 {
        String::new()
    } else {
        let threads_bytes = (threads as usize).saturating_mul(width.pick(64, 80));
        let start = match base {
            Some(base) => name_pointer
                .checked_sub(base)
                .and_then(|offset| usize::try_from(offset).ok()),
            None => fixed_size(width)
                .checked_add(threads_bytes)
                .and_then(|offset| at.checked_add(offset)),
        };
        let outside = || {
            record.error(
                56,
                Reason::Text {
                    at: name_pointer,
                    length: name_length as u64,
                },
            )
        };
        whole
            .utf16(start.ok_or_else(outside)?, name_length)
            .map_err(|_| outside())?
    };
    Ok(ProcessRow {
        pid: word(68, 80)?,
        name,
        created: record.i64(32)?,
        session: record.u32(width.pick(80, 100))?,
        handles: record.u32(width.pick(76, 96))?,
        threads,
        working_set: word(104, 144)?,
        working_set_private: record.u64(8)?,
        private: word(132, 200)?,
        quota_paged: word(112, 160)?,
        quota_nonpaged: word(120, 176)?,
    })
}
