//! Handle tables: classes 64 and 16.

use crate::bytes::Bytes;
use crate::{AbiError, Interface, PointerWidth, class};

/// One open handle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct HandleRow {
    /// Process that holds it. Class 16 gives only the low 16 bits.
    pub pid: u64,
    /// The handle's value in that process.
    pub value: u64,
    /// Object type index, as in `ObjectTypesInformation`.
    pub type_index: u16,
}

/// The rows of a handle table, checked as a whole: iterating cannot fail.
#[derive(Clone, Copy, Debug)]
pub struct HandleRows<'a> {
    rows: &'a [u8],
    size: usize,
    pid: Field,
    value: Field,
    type_index: Field,
}

/// Offset and bytes of a field.
type Field = (usize, usize);

fn number(row: &[u8], (at, length): Field) -> u64 {
    let bytes = at
        .checked_add(length)
        .and_then(|end| row.get(at..end))
        .unwrap_or_default();
    bytes
        .iter()
        .rev()
        .fold(0, |value, byte| value << 8 | u64::from(*byte))
}

impl<'a> HandleRows<'a> {
    /// Number of handles.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.rows.len() / self.size
    }

    /// True when there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The handles in the kernel's order.
    pub fn iter(&self) -> impl Iterator<Item = HandleRow> + use<'a> {
        let table = *self;
        table.rows.chunks_exact(table.size).map(move |row| HandleRow {
            pid: number(row, table.pid),
            value: number(row, table.value),
            type_index: number(row, table.type_index) as u16,
        })
    }
}

/// Reads class 64, SystemExtendedHandleInformation (`SYSTEM_HANDLE_INFORMATION_EX`, phnt ntexapi.h): a pointer-sized
/// count and one reserved word, then rows of 40 bytes (28 on 32-bit).
///
/// # Errors
/// When the count does not fit the buffer.
pub fn handles(bytes: &[u8], width: PointerWidth) -> Result<HandleRows<'_>, AbiError> {
    let whole = Bytes::new(bytes, Interface::System(class::HANDLE_EX));
    let word = width.bytes();
    let size = width.pick(28, 40);
    let rows = whole.rows(0, whole.word(0, width)?, word * 2, size)?;
    Ok(HandleRows {
        rows,
        size,
        pid: (word, word),
        value: (word * 2, word),
        type_index: (width.pick(18, 30), 2),
    })
}

/// Reads class 16, SystemHandleInformation (`SYSTEM_HANDLE_INFORMATION`, phnt ntexapi.h): a 32-bit count, then rows
/// of 24 bytes (16 on 32-bit) aligned to a pointer. Process ids and handles are cut to 16 bits.
///
/// # Errors
/// When the count does not fit the buffer.
pub fn handles_short(bytes: &[u8], width: PointerWidth) -> Result<HandleRows<'_>, AbiError> {
    let whole = Bytes::new(bytes, Interface::System(class::HANDLE));
    let size = width.pick(16, 24);
    let rows = whole.rows(0, whole.u32(0)?.into(), width.bytes(), size)?;
    Ok(HandleRows {
        rows,
        size,
        pid: (0, 2),
        value: (6, 2),
        type_index: (4, 1),
    })
}
