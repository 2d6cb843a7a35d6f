//! Object types with their live objects and handles: `NtQueryObject` class 3.

use crate::bytes::Bytes;
use crate::{AbiError, Interface, PointerWidth, Reason};

/// One kernel object type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectTypeRow {
    /// Type name (`Process`).
    pub name: String,
    /// Live objects.
    pub objects: u32,
    /// Open handles.
    pub handles: u32,
    /// Most objects there ever were at once.
    pub objects_peak: u32,
    /// Most handles there ever were at once.
    pub handles_peak: u32,
    /// Index of the type in handle tables; 0 before Windows 8.1, where it is the position in this list plus 2.
    pub type_index: u8,
    /// `POOL_TYPE` of its objects; 0 is nonpaged, 1 paged, 512 nonpaged without execute.
    pub pool_type: u32,
}

/// More object types than any kernel has (Windows 11 has about 70).
const MAX_TYPES: u32 = 4_096;

/// Reads `ObjectTypesInformation`: a 32-bit count, then `OBJECT_TYPE_INFORMATION` records (phnt ntobapi.h) aligned to
/// a pointer, 104 bytes each (96 on 32-bit), each followed by its name; the next record begins behind the name's
/// full capacity, aligned to a pointer. Name pointers are not followed.
///
/// # Errors
/// When a record or name lies outside the buffer.
pub fn object_types(bytes: &[u8], width: PointerWidth) -> Result<Vec<ObjectTypeRow>, AbiError> {
    let whole = Bytes::new(bytes, Interface::ObjectTypes);
    let count = whole.u32(0)?;
    let size = width.pick(96, 104);
    let room = (whole.len() / size) as u64;
    if count > MAX_TYPES || u64::from(count) > room {
        return Err(whole.error(
            0,
            Reason::Count {
                announced: count.into(),
                room: room.min(MAX_TYPES.into()),
            },
        ));
    }
    let mut at = width.align(4);
    let mut rows = Vec::with_capacity(count as usize);
    for _ in 0..count {
        let record = whole.from(at)?;
        record.slice(0, size)?;
        let (length, capacity) = (usize::from(record.u16(0)?), usize::from(record.u16(2)?));
        let field = |index: usize| record.u32(width.bytes() * 2 + index * 4);
        rows.push(ObjectTypeRow {
            name: record.utf16(size, length)?,
            objects: field(0)?,
            handles: field(1)?,
            objects_peak: field(6)?,
            handles_peak: field(7)?,
            type_index: record.u8(size - 14)?,
            pool_type: record.u32(size - 12)?,
        });
        at = width.align(at.saturating_add(size).saturating_add(capacity.max(length)));
    }
    Ok(rows)
}
