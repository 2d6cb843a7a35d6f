//! Page files: classes 144 and 18.

use crate::bytes::Bytes;
use crate::{AbiError, Interface, PointerWidth, Reason, class};

/// One page file. Sizes are pages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageFileRow {
    /// Size now.
    pub total_pages: u32,
    /// In use.
    pub used_pages: u32,
    /// Most that was in use.
    pub peak_pages: u32,
    /// Largest size allowed (class 144 only).
    pub maximum_pages: Option<u32>,
    /// NT path, where it could be found in the buffer.
    pub path: Option<String>,
}

/// Windows allows 16 page files; a chain far beyond that does not end.
const MAX_PAGE_FILES: usize = 1_024;

/// Reads class 18, SystemPageFileInformation, or (`extended`) class 144, SystemPageFileInformationEx: a chain of
/// `SYSTEM_PAGEFILE_INFORMATION` (phnt ntexapi.h), 32 bytes each (24 on 32-bit), 40 (32) in the extended class. An
/// empty buffer means no page files. `base` is the buffer's address when the kernel filled it, for the paths.
///
/// # Errors
/// When a record is cut off or a link leads nowhere.
pub fn page_files(
    bytes: &[u8],
    width: PointerWidth,
    extended: bool,
    base: Option<u64>,
) -> Result<Vec<PageFileRow>, AbiError> {
    let number = if extended {
        class::PAGE_FILE_EX
    } else {
        class::PAGE_FILE
    };
    let whole = Bytes::new(bytes, Interface::System(number));
    let size = width.pick(24, 32) + if extended { 8 } else { 0 };
    let mut rows = Vec::new();
    let mut at = 0_usize;
    while whole.len() > 0 {
        if rows.len() >= MAX_PAGE_FILES {
            return Err(whole.error(at, Reason::Endless { records: rows.len() }));
        }
        let record = whole.from(at)?;
        record.slice(0, size)?;
        let next = record.u32(0)? as usize;
        let pointer = record.word(width.pick(20, 24), width)?;
        let path_at = base
            .and_then(|base| pointer.checked_sub(base))
            .and_then(|at| usize::try_from(at).ok());
        let length = usize::from(record.u16(16)?);
        rows.push(PageFileRow {
            total_pages: record.u32(4)?,
            used_pages: record.u32(8)?,
            peak_pages: record.u32(12)?,
            maximum_pages: if extended {
                Some(record.u32(size - 4)?)
            } else {
                None
            },
            path: path_at
                .and_then(|at| whole.utf16(at, length).ok())
                .filter(|path| !path.is_empty()),
        });
        if next == 0 {
            break;
        }
        at = at
            .checked_add(next)
            .filter(|&after| next >= size && after < whole.len())
            .ok_or_else(|| record.error(0, Reason::Link { next: next as u64 }))?;
    }
    Ok(rows)
}
