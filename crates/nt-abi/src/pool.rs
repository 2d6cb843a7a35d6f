//! Pool tags (classes 22, 255, 67) and large pool allocations (class 66).

use crate::bytes::Bytes;
use crate::{AbiError, Interface, PointerWidth, Reason, class};

/// Width of the allocation and free counters in a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CounterBits {
    /// They wrap at 2^32.
    Bits32,
    /// They do not wrap in practice.
    Bits64,
}

/// Counters of one tag in one pool, as the kernel holds them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct PoolCounters {
    /// Allocations since boot, modulo the table's [`CounterBits`].
    pub allocs: u64,
    /// Frees since boot, likewise.
    pub frees: u64,
    /// Bytes in use, with headers and rounding.
    pub bytes: u64,
}

impl PoolCounters {
    /// True when the tag was never used in this pool.
    #[must_use]
    pub const fn is_zero(&self) -> bool {
        self.allocs == 0 && self.frees == 0 && self.bytes == 0
    }
}

/// One tag with its counters in both pools.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct PoolTagRow {
    /// The tag's four bytes in memory order; may end in NUL or spaces, bit 7 of the last may be set on old kernels.
    pub tag: [u8; 4],
    /// Paged pool.
    pub paged: PoolCounters,
    /// Nonpaged pool.
    pub nonpaged: PoolCounters,
}

impl PoolTagRow {
    /// A row that the kernel never filled: no tag and no counters.
    #[must_use]
    pub const fn is_zero(&self) -> bool {
        let [a, b, c, d] = self.tag;
        a | b | c | d == 0 && self.paged.is_zero() && self.nonpaged.is_zero()
    }
}

/// Where the fields of a row lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RowLayout {
    /// `SYSTEM_POOLTAG`, 64-bit: 40 bytes, 32-bit counters.
    Tag64,
    /// `SYSTEM_POOLTAG` and `SYSTEM_POOLTAG2`, 32-bit: 28 bytes, 32-bit counters.
    Tag32,
    /// `SYSTEM_POOLTAG2`, 64-bit: 56 bytes, 64-bit counters.
    Tag2,
}

impl RowLayout {
    const fn size(self) -> usize {
        match self {
            Self::Tag64 => 40,
            Self::Tag32 => 28,
            Self::Tag2 => 56,
        }
    }
}

/// The rows of a pool tag table, checked as a whole: iterating cannot fail. Rows of nothing but zeros are left out.
#[derive(Clone, Copy, Debug)]
pub struct PoolTagRows<'a> {
    rows: &'a [u8],
    layout: RowLayout,
}

impl<'a> PoolTagRows<'a> {
    /// Rows in the table, empty ones included.
    #[must_use]
    pub const fn announced(&self) -> usize {
        self.rows.len() / self.layout.size()
    }

    /// Width of the counters.
    #[must_use]
    pub const fn counter_bits(&self) -> CounterBits {
        match self.layout {
            RowLayout::Tag64 | RowLayout::Tag32 => CounterBits::Bits32,
            RowLayout::Tag2 => CounterBits::Bits64,
        }
    }

    /// Calls `each` for every row that is not empty. The fastest way through the table.
    pub fn for_each(&self, each: impl FnMut(PoolTagRow)) {
        match self.layout {
            RowLayout::Tag64 => walk(self.rows, row_tag64, each),
            RowLayout::Tag32 => walk(self.rows, row_tag32, each),
            RowLayout::Tag2 => walk(self.rows, row_tag2, each),
        }
    }

    /// The rows that are not empty, in the kernel's order (that of a hash table: it means nothing).
    pub fn iter(&self) -> impl Iterator<Item = PoolTagRow> + use<'a> {
        let layout = self.layout;
        self.rows
            .chunks_exact(layout.size())
            .filter_map(move |row| match layout {
                RowLayout::Tag64 => row.first_chunk().map(row_tag64),
                RowLayout::Tag32 => row.first_chunk().map(row_tag32),
                RowLayout::Tag2 => row.first_chunk().map(row_tag2),
            })
            .filter(|row| !row.is_zero())
    }
}

fn walk<const N: usize>(
    rows: &[u8],
    read: impl Fn(&[u8; N]) -> PoolTagRow,
    mut each: impl FnMut(PoolTagRow),
) {
    let (rows, _) = rows.as_chunks::<N>();
    for row in rows.iter().map(read).filter(|row| !row.is_zero()) {
        each(row);
    }
}

/// A 32-bit number at a constant offset of a row; the bounds check is gone after inlining, as both are constants.
#[inline(always)]
fn u32_at<const N: usize>(row: &[u8; N], at: usize) -> u32 {
    row.get(at..)
        .and_then(|rest| rest.first_chunk())
        .map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

#[inline(always)]
fn u64_at<const N: usize>(row: &[u8; N], at: usize) -> u64 {
    row.get(at..)
        .and_then(|rest| rest.first_chunk())
        .map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

#[inline(always)]
fn tag_at<const N: usize>(row: &[u8; N]) -> [u8; 4] {
    row.first_chunk().copied().unwrap_or_default()
}

#[inline(always)]
fn row_tag64(row: &[u8; 40]) -> PoolTagRow {
    let pool = |counts: usize, bytes: usize| PoolCounters {
        allocs: u32_at(row, counts).into(),
        frees: u32_at(row, counts + 4).into(),
        bytes: u64_at(row, bytes),
    };
    PoolTagRow {
        tag: tag_at(row),
        paged: pool(4, 16),
        nonpaged: pool(24, 32),
    }
}

#[inline(always)]
fn row_tag32(row: &[u8; 28]) -> PoolTagRow {
    let pool = |at: usize| PoolCounters {
        allocs: u32_at(row, at).into(),
        frees: u32_at(row, at + 4).into(),
        bytes: u32_at(row, at + 8).into(),
    };
    PoolTagRow {
        tag: tag_at(row),
        paged: pool(4),
        nonpaged: pool(16),
    }
}

#[inline(always)]
fn row_tag2(row: &[u8; 56]) -> PoolTagRow {
    let pool = |at: usize| PoolCounters {
        allocs: u64_at(row, at),
        frees: u64_at(row, at + 8),
        bytes: u64_at(row, at + 16),
    };
    PoolTagRow {
        tag: tag_at(row),
        paged: pool(8),
        nonpaged: pool(32),
    }
}

fn table<'a>(bytes: Bytes<'a>, width: PointerWidth, layout: RowLayout) -> Result<PoolTagRows<'a>, AbiError> {
    let count = bytes.u32(0)?;
    let rows = bytes.rows(0, count.into(), width.bytes(), layout.size())?;
    Ok(PoolTagRows { rows, layout })
}

/// Class 22, SystemPoolTagInformation: `SYSTEM_POOLTAG_INFORMATION` of phnt's ntexapi.h.
///
/// A 32-bit count, then rows aligned to a pointer: 40 bytes from offset 8 on a 64-bit kernel, 28 bytes from offset 4
/// on a 32-bit one. The padding between is not written by the kernel and not read here.
///
/// # Errors
/// When the count does not fit the buffer.
pub fn pool_tags(bytes: &[u8], width: PointerWidth) -> Result<PoolTagRows<'_>, AbiError> {
    let layout = match width {
        PointerWidth::Bits32 => RowLayout::Tag32,
        PointerWidth::Bits64 => RowLayout::Tag64,
    };
    table(
        Bytes::new(bytes, Interface::System(class::POOL_TAG)),
        width,
        layout,
    )
}

/// Class 255, SystemPoolTagInformation2 (26H1 and later): `SYSTEM_POOLTAG_INFORMATION2` of phnt's ntexapi.h.
///
/// As class 22, but all counters are `SIZE_T`: rows of 56 bytes from offset 8 on a 64-bit kernel. On a 32-bit one
/// the row is the same as that of class 22.
///
/// # Errors
/// When the count does not fit the buffer.
pub fn pool_tags_2(bytes: &[u8], width: PointerWidth) -> Result<PoolTagRows<'_>, AbiError> {
    let layout = match width {
        PointerWidth::Bits32 => RowLayout::Tag32,
        PointerWidth::Bits64 => RowLayout::Tag2,
    };
    table(
        Bytes::new(bytes, Interface::System(class::POOL_TAG_2)),
        width,
        layout,
    )
}

/// The session pool of one session.
#[derive(Clone, Copy, Debug)]
pub struct SessionPool<'a> {
    /// Session id.
    pub session: u32,
    /// Its tags.
    pub rows: PoolTagRows<'a>,
}

/// Sessions that one machine can have at most, with room to spare: a chain longer than this does not end.
const MAX_SESSIONS: usize = 65_536;

/// Class 67, SystemSessionPoolTagInformation: a chain of `SYSTEM_SESSION_POOLTAG_INFORMATION` (phnt's ntexapi.h).
///
/// Each record: a pointer-sized distance to the next (0 in the last), session id, count, and rows as in class 22
/// from offset 16 (64-bit) or 12 (32-bit). An empty buffer is an empty chain.
///
/// # Errors
/// When a count does not fit its record, or a link leads nowhere.
pub fn session_pool_tags(bytes: &[u8], width: PointerWidth) -> Result<Vec<SessionPool<'_>>, AbiError> {
    let whole = Bytes::new(bytes, Interface::System(class::SESSION_POOL_TAG));
    let layout = match width {
        PointerWidth::Bits32 => RowLayout::Tag32,
        PointerWidth::Bits64 => RowLayout::Tag64,
    };
    let id_at = width.bytes();
    let header = id_at + 8;
    let mut sessions = Vec::new();
    let mut at = 0_usize;
    while whole.len() > 0 {
        if sessions.len() >= MAX_SESSIONS {
            return Err(whole.error(
                at,
                Reason::Endless {
                    records: sessions.len(),
                },
            ));
        }
        let record = whole.from(at)?;
        let next = record.word(0, width)?;
        let session = record.u32(id_at)?;
        let count = record.u32(id_at + 4)?;
        let rows = record.rows(id_at + 4, count.into(), header, layout.size())?;
        if next != 0 && next < (header + rows.len()) as u64 {
            return Err(record.error(0, Reason::Link { next }));
        }
        sessions.push(SessionPool {
            session,
            rows: PoolTagRows { rows, layout },
        });
        if next == 0 {
            break;
        }
        at = usize::try_from(next)
            .ok()
            .and_then(|next| at.checked_add(next))
            .filter(|&at| at < whole.len())
            .ok_or_else(|| record.error(0, Reason::Link { next }))?;
    }
    Ok(sessions)
}

/// One allocation of a page and more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct BigPoolRow {
    /// Virtual address; 0 where the kernel hides it.
    pub address: u64,
    /// Bytes.
    pub bytes: u64,
    /// The tag's four bytes in memory order.
    pub tag: [u8; 4],
    /// In nonpaged pool.
    pub nonpaged: bool,
}

/// The rows of class 66, checked as a whole: iterating cannot fail.
#[derive(Clone, Copy, Debug)]
pub struct BigPoolRows<'a> {
    rows: &'a [u8],
    width: PointerWidth,
}

impl<'a> BigPoolRows<'a> {
    /// Rows in the table, empty ones included.
    #[must_use]
    pub const fn announced(&self) -> usize {
        self.rows.len() / self.width.pick(12, 24)
    }

    /// The rows that are not all zero, in the kernel's order.
    pub fn iter(&self) -> impl Iterator<Item = BigPoolRow> + use<'a> {
        let width = self.width;
        self.rows.chunks_exact(width.pick(12, 24)).filter_map(move |row| {
            let (address, bytes, tag) = match width {
                PointerWidth::Bits32 => {
                    let row: &[u8; 12] = row.first_chunk()?;
                    (u32_at(row, 0).into(), u32_at(row, 4).into(), u32_at(row, 8))
                }
                PointerWidth::Bits64 => {
                    let row: &[u8; 24] = row.first_chunk()?;
                    (u64_at(row, 0), u64_at(row, 8), u32_at(row, 16))
                }
            };
            let row = BigPoolRow {
                address: address & !1,
                bytes,
                tag: tag.to_le_bytes(),
                nonpaged: address & 1 == 1,
            };
            (row != BigPoolRow::default()).then_some(row)
        })
    }
}

/// Class 66, SystemBigPoolInformation: `SYSTEM_BIGPOOL_INFORMATION` of phnt's ntexapi.h and ntdiff/headers.
///
/// A 32-bit count, then rows aligned to a pointer, of 24 bytes (64-bit) or 12 (32-bit): address whose bit 0 says
/// nonpaged, size, tag.
///
/// # Errors
/// When the count does not fit the buffer.
pub fn big_pool(bytes: &[u8], width: PointerWidth) -> Result<BigPoolRows<'_>, AbiError> {
    let whole = Bytes::new(bytes, Interface::System(class::BIG_POOL));
    let count = whole.u32(0)?;
    let rows = whole.rows(0, count.into(), width.bytes(), width.pick(12, 24))?;
    Ok(BigPoolRows { rows, width })
}
