//! File system filters, as fltlib's `FilterFindFirst` and `FilterFindNext` give them.

use crate::bytes::Bytes;
use crate::{AbiError, Interface, Reason};

/// One filter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilterRow {
    /// Name.
    pub name: String,
    /// Altitude, where given: higher is nearer to the application.
    pub altitude: Option<String>,
    /// Attached instances; absent for legacy filters.
    pub instances: Option<u32>,
    /// Frame; absent for legacy filters.
    pub frame: Option<u32>,
    /// A legacy filter, not a minifilter.
    pub legacy: bool,
}

/// More filters than any Windows loads.
const MAX_FILTERS: usize = 4_096;

/// `FLTFL_AGGREGATE_INFO_IS_LEGACYFILTER`.
const IS_LEGACY: u32 = 2;

/// Reads `FILTER_AGGREGATE_BASIC_INFORMATION` records (fltUserStructures.h of the Windows SDK). No field depends on
/// the pointer width; texts are given by length and offset, both in bytes, from the record's beginning.
///
/// # Errors
/// When a record is cut off, a link leads nowhere, or a text lies outside.
pub fn filter_aggregate(bytes: &[u8]) -> Result<Vec<FilterRow>, AbiError> {
    chain(Bytes::new(bytes, Interface::FilterAggregate), |record| {
        let text = |length_at: usize| -> Result<String, AbiError> {
            record.utf16(record.u16(length_at + 2)?.into(), record.u16(length_at)?.into())
        };
        if record.u32(4)? & IS_LEGACY != 0 {
            return Ok(FilterRow {
                name: text(8)?,
                legacy: true,
                ..FilterRow::default()
            });
        }
        Ok(FilterRow {
            name: text(16)?,
            altitude: Some(text(20)?).filter(|altitude| !altitude.is_empty()),
            instances: Some(record.u32(12)?),
            frame: Some(record.u32(8)?),
            legacy: false,
        })
    })
}

/// Reads `FILTER_FULL_INFORMATION` records (fltUserStructures.h): the older form, without altitude.
///
/// # Errors
/// As [`filter_aggregate`].
pub fn filter_full(bytes: &[u8]) -> Result<Vec<FilterRow>, AbiError> {
    chain(Bytes::new(bytes, Interface::FilterFull), |record| {
        Ok(FilterRow {
            name: record.utf16(14, record.u16(12)?.into())?,
            altitude: None,
            instances: Some(record.u32(8)?),
            frame: Some(record.u32(4)?),
            legacy: false,
        })
    })
}

fn chain(
    whole: Bytes<'_>,
    read: impl Fn(&Bytes<'_>) -> Result<FilterRow, AbiError>,
) -> Result<Vec<FilterRow>, AbiError> {
    let mut rows = Vec::new();
    let mut at = 0_usize;
    loop {
        if rows.len() >= MAX_FILTERS {
            return Err(whole.error(at, Reason::Endless { records: rows.len() }));
        }
        let record = whole.from(at)?;
        let next = record.u32(0)? as usize;
        rows.push(read(&record)?);
        if next == 0 {
            return Ok(rows);
        }
        at = at
            .checked_add(next)
            .filter(|&after| after < whole.len())
            .ok_or_else(|| record.error(0, Reason::Link { next: next as u64 }))?;
    }
}
