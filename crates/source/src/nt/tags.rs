//! Pool tag tables to rows of (tag, pool).

use std::collections::HashMap;

use nt_abi::{CounterBits, PoolCounters, PoolTagRows};
use snapshot::{Counter, CounterWidth, Pool, Tag, TagUsage, Usage};

/// The width of a table's counters.
pub(crate) fn width(rows: &PoolTagRows<'_>) -> CounterWidth {
    match rows.counter_bits() {
        CounterBits::Bits32 => CounterWidth::Bits32,
        CounterBits::Bits64 => CounterWidth::Bits64,
    }
}

/// The rows of a table, one for each pool that a tag was ever used in. A tag that stands twice is added up.
pub(crate) fn usages(table: &PoolTagRows<'_>) -> Vec<TagUsage> {
    let mut sum = Sum::new(table.announced());
    table.for_each(|row| {
        sum.add(row.tag, Pool::Paged, row.paged);
        sum.add(row.tag, Pool::Nonpaged, row.nonpaged);
    });
    sum.into_rows(width(table))
}

/// The session pool of all sessions together: the sessions come and go, a leaking driver stays.
///
/// Both halves of a row are session pool. Sums of 32-bit counters stay 32-bit counters: their differences are right
/// modulo 2^32, as those of a single session are.
#[cfg(any(windows, test))]
pub(crate) fn session_usages(sessions: &[nt_abi::SessionPool<'_>]) -> Vec<TagUsage> {
    let mut sum = Sum::new(64);
    for session in sessions {
        session.rows.for_each(|row| {
            sum.add(row.tag, Pool::Session, row.paged);
            sum.add(row.tag, Pool::Session, row.nonpaged);
        });
    }
    sum.into_rows(CounterWidth::Bits32)
}

struct Sum {
    order: Vec<([u8; 4], Pool, PoolCounters)>,
    at: HashMap<([u8; 4], Pool), usize>,
}

impl Sum {
    fn new(rows: usize) -> Self {
        // The count was checked against the buffer's length, so it is no larger than the input.
        Self {
            order: Vec::with_capacity(rows * 2),
            at: HashMap::with_capacity(rows * 2),
        }
    }

    fn add(&mut self, tag: [u8; 4], pool: Pool, more: PoolCounters) {
        if more.is_zero() {
            return;
        }
        let next = self.order.len();
        let at = *self.at.entry((tag, pool)).or_insert(next);
        match self.order.get_mut(at) {
            Some((_, _, sum)) => {
                sum.allocs = sum.allocs.wrapping_add(more.allocs);
                sum.frees = sum.frees.wrapping_add(more.frees);
                sum.bytes = sum.bytes.saturating_add(more.bytes);
            }
            None => self.order.push((tag, pool, more)),
        }
    }

    fn into_rows(self, width: CounterWidth) -> Vec<TagUsage> {
        let cut = |counter: u64| match width {
            CounterWidth::Bits32 => counter & u64::from(u32::MAX),
            CounterWidth::Bits64 | CounterWidth::Unknown => counter,
        };
        let usage = |sum: PoolCounters| Usage {
            allocs: Counter::new(cut(sum.allocs)),
            frees: Counter::new(cut(sum.frees)),
            live: Counter::UNKNOWN,
            bytes: Counter::new(sum.bytes),
        };
        let row = |(tag, pool, sum)| TagUsage {
            tag: Tag::from_nt(tag),
            pool,
            usage: usage(sum),
        };
        self.order.into_iter().map(row).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nt_abi::PointerWidth;

    /// Tag; allocations and frees, then bytes, of paged pool; the same of nonpaged.
    type Row = ([u8; 4], [u32; 2], u64, [u32; 2], u64);

    fn table(rows: &[Row]) -> Vec<u8> {
        let mut bytes = vec![0xCC; 8];
        bytes[..4].copy_from_slice(&(rows.len() as u32).to_le_bytes());
        for (tag, [pa, pf], paged, [na, nf], nonpaged) in rows {
            bytes.extend(tag);
            bytes.extend([*pa, *pf, 0xCCCC_CCCC].map(u32::to_le_bytes).concat());
            bytes.extend(paged.to_le_bytes());
            bytes.extend([*na, *nf].map(u32::to_le_bytes).concat());
            bytes.extend(nonpaged.to_le_bytes());
        }
        bytes
    }

    fn seen(rows: &[TagUsage]) -> Vec<(String, Pool, Option<u64>, Option<u64>)> {
        let mut seen: Vec<_> = rows
            .iter()
            .map(|r| {
                (
                    r.tag.to_string(),
                    r.pool,
                    r.usage.outstanding(CounterWidth::Bits32),
                    r.usage.bytes.get(),
                )
            })
            .collect();
        seen.sort();
        seen
    }

    #[test]
    fn a_tag_in_both_pools_gives_two_rows_and_an_unused_pool_none() {
        let bytes = table(&[
            (*b"SCSI", [5, 1], 400, [9, 2], 700),
            (*b"Vpm\0", [0, 0], 0, [1, u32::MAX], 64),
            (*b"MDL ", [1, 1], 0, [0, 0], 0),
        ]);
        let table = nt_abi::pool_tags(&bytes, PointerWidth::Bits64).unwrap();
        let expected = [
            ("MDL ".to_owned(), Pool::Paged, Some(0), Some(0)),
            ("SCSI".to_owned(), Pool::Nonpaged, Some(7), Some(700)),
            ("SCSI".to_owned(), Pool::Paged, Some(4), Some(400)),
            ("Vpm\\x00".to_owned(), Pool::Nonpaged, Some(2), Some(64)),
        ];
        assert_eq!(seen(&usages(&table)), expected);
        assert_eq!(width(&table), CounterWidth::Bits32);
    }

    #[test]
    fn a_tag_that_stands_twice_is_added_up() {
        let bytes = table(&[
            (*b"Twic", [5, 1], 400, [0, 0], 0),
            (*b"Twic", [u32::MAX, 0], 1, [0, 0], 0),
        ]);
        let table = nt_abi::pool_tags(&bytes, PointerWidth::Bits64).unwrap();
        assert_eq!(
            seen(&usages(&table)),
            [("Twic".to_owned(), Pool::Paged, Some(3), Some(401))]
        );
    }

    #[test]
    fn sessions_are_added_up() {
        let record = |next: u64, session: u32, rows: &[Row]| {
            let mut bytes = next.to_le_bytes().to_vec();
            bytes.extend(session.to_le_bytes());
            bytes.extend((rows.len() as u32).to_le_bytes());
            bytes.extend(&table(rows)[8..]);
            bytes
        };
        let mut bytes = record(56, 1, &[(*b"Gh05", [5, 1], 400, [1, 0], 8)]);
        bytes.extend(record(0, 2, &[(*b"Gh05", [2, 1], 40, [0, 0], 0)]));
        let sessions = nt_abi::session_pool_tags(&bytes, PointerWidth::Bits64).unwrap();
        assert_eq!(
            seen(&session_usages(&sessions)),
            [("Gh05".to_owned(), Pool::Session, Some(6), Some(448))]
        );
    }
}
