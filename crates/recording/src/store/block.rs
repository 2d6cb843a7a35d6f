//! The bytes of a block: what changed in a span of samples, as columns. `docs/recording-format.md` describes them for others.
//!
//! A block stands alone: the first change of a series in it is absolute, later ones are differences to the one before in the
//! same block. A broken block costs its own samples, no others.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use snapshot::{Counter, Usage};

/// First byte of a block.
const CODEC: u8 = 1;
/// Bytes before the sections: codec and checksum.
const HEADER_BYTES: usize = 5;
/// Most bytes of one section when unpacked. A block of this program stays far below.
const MOST_SECTION_BYTES: usize = 16 << 20;
/// Most changes of one block. A block of this program has a sixteenth of it, unless one sample alone has more.
const MOST_CHANGES: u64 = 1 << 20;
/// Sections: directory, sample offsets, allocations, frees, live, bytes.
const SECTIONS: usize = 6;

/// The four counters as stored: value + 1 modulo 2^64, so that "not read" is 0.
type Stored = [u64; 4];

/// A change of one series: sample offset from the block's first sample, and the counters from there on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) offset: u32,
    pub(crate) usage: Usage,
}

/// All changes of one series in a block, in order of time.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SeriesChanges {
    pub(crate) series: u32,
    pub(crate) changes: Vec<Change>,
}

/// What is wrong with a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BlockError {
    #[error("too short")]
    Short,
    #[error("an unknown encoding ({0})")]
    Codec(u8),
    #[error("the checksum does not match")]
    Checksum,
    #[error("a section does not unpack")]
    Section,
    #[error("counts do not match")]
    Counts,
}

fn stored(usage: &Usage) -> Stored {
    let of = |counter: Counter| counter.get().unwrap_or(u64::MAX).wrapping_add(1);
    [of(usage.allocs), of(usage.frees), of(usage.live), of(usage.bytes)]
}

fn usage(stored: Stored) -> Usage {
    let [allocs, frees, live, bytes] = stored.map(|value| Counter::new(value.wrapping_sub(1)));
    Usage {
        allocs,
        frees,
        live,
        bytes,
    }
}

/// Small numbers of either sign to small numbers without.
const fn zigzag(value: u64) -> u64 {
    (value << 1) ^ (((value as i64) >> 63) as u64)
}

const fn unzigzag(value: u64) -> u64 {
    (value >> 1) ^ (value & 1).wrapping_neg()
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Reads a varint (LEB128) off the front of `bytes`.
#[inline]
fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    if let [first, rest @ ..] = *bytes
        && *first < 0x80
    {
        *bytes = rest;
        return Some(u64::from(*first));
    }
    let mut value = 0_u64;
    for (at, &byte) in bytes.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7F) << (7 * at);
        if byte < 0x80 {
            *bytes = bytes.get(at + 1..)?;
            return Some(value);
        }
    }
    None
}

/// Differences of the counters to the change before. Frees are stored against allocations, which they follow.
fn differences(now: Stored, before: Stored) -> Stored {
    let [allocs, frees, live, bytes] = [0, 1, 2, 3].map(|i: usize| now[i].wrapping_sub(before[i]));
    [
        zigzag(allocs),
        zigzag(frees.wrapping_sub(allocs)),
        zigzag(live),
        zigzag(bytes),
    ]
}

fn undo_differences(by: Stored, before: Stored) -> Stored {
    let [allocs, frees, live, bytes] = by.map(unzigzag);
    let [a, f, l, b] = before;
    [
        a.wrapping_add(allocs),
        f.wrapping_add(frees.wrapping_add(allocs)),
        l.wrapping_add(live),
        b.wrapping_add(bytes),
    ]
}

/// Packs changes. `all` is in rising order of series, changes in rising order of offset; series without a change are
/// passed over.
pub(crate) fn encode(all: &[SeriesChanges]) -> Vec<u8> {
    let mut sections: [Vec<u8>; SECTIONS] = Default::default();
    let [directory, offsets, columns @ ..] = &mut sections;
    put_varint(
        directory,
        all.iter().filter(|s| !s.changes.is_empty()).count() as u64,
    );
    let mut series_before = 0;
    for SeriesChanges { series, changes } in all.iter().filter(|s| !s.changes.is_empty()) {
        put_varint(directory, u64::from(series.wrapping_sub(series_before)));
        put_varint(directory, changes.len() as u64);
        series_before = *series;
        let mut offset_before = 0;
        let mut before = [0; 4];
        for change in changes {
            put_varint(offsets, u64::from(change.offset.wrapping_sub(offset_before)));
            offset_before = change.offset;
            let now = stored(&change.usage);
            for (column, value) in columns.iter_mut().zip(differences(now, before)) {
                put_varint(column, value);
            }
            before = now;
        }
    }
    let mut out = vec![CODEC, 0, 0, 0, 0];
    for section in &sections {
        let packed = pack(section);
        put_varint(&mut out, section.len() as u64);
        put_varint(&mut out, packed.len() as u64);
        out.extend_from_slice(&packed);
    }
    let sum = checksum(out.get(HEADER_BYTES..).unwrap_or_default()).to_le_bytes();
    for (to, from) in out.iter_mut().skip(1).zip(sum) {
        *to = from;
    }
    out
}

fn checksum(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// Deflates, or keeps the bytes where that would not make them fewer.
pub(crate) fn pack(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(7));
    match encoder.write_all(bytes).and_then(|()| encoder.finish()) {
        Ok(packed) if packed.len() < bytes.len() => packed,
        _ => bytes.to_vec(),
    }
}

/// Undoes [`pack`]; `None` when it does not give exactly `length` bytes.
pub(crate) fn unpack(packed: &[u8], length: usize) -> Option<Vec<u8>> {
    if packed.len() == length {
        return Some(packed.to_vec());
    }
    if length > MOST_SECTION_BYTES {
        return None;
    }
    // The length is the file's word: room is given as bytes come.
    let mut out = Vec::with_capacity(length.min(packed.len().saturating_mul(16)));
    DeflateDecoder::new(packed)
        .take(length as u64 + 1)
        .read_to_end(&mut out)
        .ok()?;
    (out.len() == length).then_some(out)
}

/// A block whose checksum is right.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block<'a> {
    sections: [(&'a [u8], usize); SECTIONS],
}

impl<'a> Block<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Result<Self, BlockError> {
        let (header, mut rest) = bytes.split_at_checked(HEADER_BYTES).ok_or(BlockError::Short)?;
        let &[codec, a, b, c, d] = header else {
            return Err(BlockError::Short);
        };
        if codec != CODEC {
            return Err(BlockError::Codec(codec));
        }
        if checksum(rest) != u32::from_le_bytes([a, b, c, d]) {
            return Err(BlockError::Checksum);
        }
        let mut sections = [(&[][..], 0); SECTIONS];
        for section in &mut sections {
            let length = take_varint(&mut rest)
                .and_then(|n| usize::try_from(n).ok())
                .ok_or(BlockError::Section)?;
            let packed = take_varint(&mut rest)
                .and_then(|n| usize::try_from(n).ok())
                .ok_or(BlockError::Section)?;
            let (this, after) = rest.split_at_checked(packed).ok_or(BlockError::Section)?;
            *section = (this, length);
            rest = after;
        }
        Ok(Self { sections })
    }

    /// Which series change, and how often.
    pub(crate) fn directory(&self) -> Result<Vec<(u32, u32)>, BlockError> {
        let [(packed, length), (_, offsets), ..] = self.sections;
        let bytes = unpack(packed, length).ok_or(BlockError::Section)?;
        let mut rest = bytes.as_slice();
        let count = take_varint(&mut rest).ok_or(BlockError::Counts)?;
        if count > length as u64 {
            return Err(BlockError::Counts);
        }
        let mut out = Vec::with_capacity(count as usize);
        let (mut series, mut total) = (0_u32, 0_u64);
        for at in 0..count {
            let step = take_varint(&mut rest)
                .and_then(|n| u32::try_from(n).ok())
                .ok_or(BlockError::Counts)?;
            let changes = take_varint(&mut rest)
                .and_then(|n| u32::try_from(n).ok())
                .ok_or(BlockError::Counts)?;
            if at > 0 && step == 0 {
                return Err(BlockError::Counts);
            }
            series = series.checked_add(step).ok_or(BlockError::Counts)?;
            total += u64::from(changes);
            out.push((series, changes));
        }
        // Every change has at least one byte of offset; this bounds what a forged directory can make us reserve.
        if total > MOST_CHANGES.min(offsets as u64) {
            return Err(BlockError::Counts);
        }
        Ok(out)
    }

    /// Hands every change to `each`, series after series in the order of the directory: place in the directory, change.
    pub(crate) fn changes(
        &self,
        directory: &[(u32, u32)],
        mut each: impl FnMut(usize, Change),
    ) -> Result<(), BlockError> {
        let [_, columns @ ..] = self.sections;
        let mut unpacked: [Vec<u8>; SECTIONS - 1] = Default::default();
        for (out, (packed, length)) in unpacked.iter_mut().zip(columns) {
            *out = unpack(packed, length).ok_or(BlockError::Section)?;
        }
        let [mut offsets, mut allocs, mut frees, mut live, mut bytes] =
            unpacked.each_ref().map(Vec::as_slice);
        for (place, &(_, count)) in directory.iter().enumerate() {
            let mut offset = 0_u32;
            let mut before = [0; 4];
            for at in 0..count {
                let step = take_varint(&mut offsets).and_then(|n| u32::try_from(n).ok());
                let step = step.filter(|&s| at == 0 || s > 0).ok_or(BlockError::Counts)?;
                offset = offset.checked_add(step).ok_or(BlockError::Counts)?;
                let next = |column: &mut &[u8]| take_varint(column).ok_or(BlockError::Counts);
                let by = [
                    next(&mut allocs)?,
                    next(&mut frees)?,
                    next(&mut live)?,
                    next(&mut bytes)?,
                ];
                before = undo_differences(by, before);
                each(
                    place,
                    Change {
                        offset,
                        usage: usage(before),
                    },
                );
            }
        }
        Ok(())
    }
}

/// The parts of a block as values.
pub(crate) fn decode(bytes: &[u8]) -> Result<Vec<SeriesChanges>, BlockError> {
    let block = Block::new(bytes)?;
    let directory = block.directory()?;
    let mut out: Vec<SeriesChanges> = directory
        .iter()
        .map(|&(series, count)| SeriesChanges {
            series,
            changes: Vec::with_capacity(count as usize),
        })
        .collect();
    block.changes(&directory, |place, change| {
        if let Some(series) = out.get_mut(place) {
            series.changes.push(change);
        }
    })?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_usage() -> impl Strategy<Value = Usage> {
        let counter = || prop_oneof![Just(u64::MAX), any::<u64>(), 0..1000_u64].prop_map(Counter::new);
        (counter(), counter(), counter(), counter()).prop_map(|(allocs, frees, live, bytes)| Usage {
            allocs,
            frees,
            live,
            bytes,
        })
    }

    fn any_block() -> impl Strategy<Value = Vec<SeriesChanges>> {
        let changes = proptest::collection::btree_map(0..10_000_u32, any_usage(), 1..20);
        proptest::collection::btree_map(any::<u32>(), changes, 0..20).prop_map(|all| {
            let change = |(offset, usage)| Change { offset, usage };
            all.into_iter()
                .map(|(series, changes)| SeriesChanges {
                    series,
                    changes: changes.into_iter().map(change).collect(),
                })
                .collect()
        })
    }

    proptest! {
        #[test]
        fn what_is_packed_is_unpacked(block in any_block()) {
            prop_assert_eq!(decode(&encode(&block)), Ok(block));
        }

        #[test]
        fn a_damaged_block_is_an_error(block in any_block(), at: prop::sample::Index, bit in 0..8_u8) {
            let mut bytes = encode(&block);
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            prop_assert!(decode(&bytes).is_err());
            bytes.truncate(at);
            prop_assert!(decode(&bytes).is_err());
        }

        #[test]
        fn a_forged_block_is_an_error_or_small(mut bytes in proptest::collection::vec(any::<u8>(), HEADER_BYTES..300)) {
            bytes[0] = CODEC;
            let sum = checksum(&bytes[HEADER_BYTES..]).to_le_bytes();
            bytes[1..HEADER_BYTES].copy_from_slice(&sum);
            let _ = decode(&bytes);
        }

        #[test]
        fn numbers_are_read_back(value: u64) {
            let mut bytes = Vec::new();
            put_varint(&mut bytes, value);
            let mut rest = bytes.as_slice();
            prop_assert_eq!(take_varint(&mut rest), Some(value));
            prop_assert!(rest.is_empty());
            prop_assert_eq!(unzigzag(zigzag(value)), value);
        }
    }
}
