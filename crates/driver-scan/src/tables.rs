//! Tags out of tables in the image at a place that is not known: `tags[i]`, `rows[i].tag`, `pointers[i]->tag`.
//!
//! An address that is the sum of a constant in the image's data and of something unknown is a row of the table there. When
//! nothing else tells what a call gets, the rows are read: neighbours in equal steps that look like tags of one maker.

use crate::Certainty;
use crate::arithmetic::unknown;
use crate::engine::{Engine, Sink};
use crate::image::Image;
use crate::ir::{Mem, NONE, Reg};
use crate::state::State;
use crate::value::{Kind, Val, mask};

/// Most calls with a tag from a table.
const MAX_OPEN: usize = 256;
/// Most tables that one address may lead to.
const MAX_TABLES: usize = 4;
/// Longest row in bytes, and most rows.
const MAX_ROW: u64 = 256;
const MAX_ROWS: u64 = 64;
/// Letters that the tags of one table share, at the same places.
const SHARED: usize = 2;

/// A call whose tag stands in a table, or behind the pointers of one.
#[derive(Clone, Debug)]
pub(crate) struct FromTable {
    call: u32,
    sink: Sink,
    column: Column,
}

/// The tags of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    /// Address of the first row's tag, or of its pointer.
    pub(crate) first: u64,
    /// How far behind the pointer the tag stands.
    pub(crate) behind: Option<i64>,
}

impl Engine<'_> {
    /// The address of an operand that is read, with the table that it is a row of.
    pub(crate) fn row_or_address(&mut self, state: &State, mem: &Mem) -> Val {
        let mut sum = self.address(state, mem);
        if !unknown(&sum) {
            return sum;
        }
        let known = |reg: Reg| -> Vec<u64> {
            let parts = (reg != NONE).then(|| state.reg(reg).constants()).flatten();
            parts.map_or_else(|| vec![0], |parts| parts.take(MAX_TABLES).collect())
        };
        let (bases, indices) = (known(mem.base), known(mem.index));
        for base in bases {
            for index in &indices {
                let behind = index.wrapping_mul(u64::from(mem.scale.max(1)));
                sum = self.with_row(sum, (mem.disp as u64).wrapping_add(base).wrapping_add(behind));
            }
        }
        sum
    }

    /// Adds the table at a known address that something unknown was added to.
    pub(crate) fn with_row(&mut self, sum: Val, known: u64) -> Val {
        let at = mask(known, self.image.pointer_size() as u8);
        let section = self.image.rva_of(at).and_then(|rva| self.image.section(rva));
        if section.is_none_or(|section| section.exec) {
            return sum;
        }
        sum.join(&Val::symbol(self.symbols.intern(Kind::Row(at))))
    }

    /// Notes a call whose tag stands in a table.
    pub(crate) fn note_table(&mut self, call: u32, sink: &Sink, column: Column) {
        let open = &mut self.from_tables;
        let known =
            |one: &FromTable| one.call == call && one.column == column && one.sink.routine == sink.routine;
        if open.len() < MAX_OPEN && !sink.frees && !sink.letters && !open.iter().any(known) {
            open.push(FromTable {
                call,
                sink: sink.clone(),
                column,
            });
        }
    }

    /// Reports the tags of the tables that calls take theirs from and that nothing else explained. What is known of a call
    /// must be in the table.
    pub(crate) fn explain_tables(&mut self) {
        let mut open = std::mem::take(&mut self.from_tables);
        if !open.is_empty() {
            self.read_signatures();
        }
        open.sort_by_key(|one| one.call);
        for of_call in open.chunk_by(|one, next| one.call == next.call) {
            let rows = |one: &FromTable| one.column.rows(self.image, |tag| self.fields.may_be_tag(tag));
            let tables: Vec<(&FromTable, Vec<u32>)> = of_call.iter().map(|one| (one, rows(one))).collect();
            let in_tables = |tag: u32| tables.iter().any(|(_, tags)| tags.contains(&tag));
            let fits = |one: &FromTable| self.found_at(&one.sink.routine, one.call).all(in_tables);
            if !of_call.iter().all(fits) {
                continue;
            }
            for (one, tags) in tables {
                for tag in tags {
                    self.report(&one.sink, tag, one.call, Certainty::Dataflow);
                }
            }
        }
    }
}

impl Column {
    /// The tags; none when there are not at least two of the same maker.
    fn rows(self, image: &Image<'_>, may_be_tag: impl Fn(u32) -> bool) -> Vec<u32> {
        let read = |offset: u64| {
            let mut at = self.first.wrapping_add(offset);
            if let Some(behind) = self.behind {
                at = image
                    .value(at, image.pointer_size() as u8)?
                    .wrapping_add(behind as u64);
            }
            let value = image.value(at, 4).map(|value| value as u32);
            value.filter(|&tag| may_be_tag(tag))
        };
        let Some(first) = read(0) else {
            return Vec::new();
        };
        let of = |step: u64| -> Vec<u32> {
            (0..MAX_ROWS)
                .map_while(|index| read(index * step).filter(|&tag| alike(first, tag)))
                .collect()
        };
        let steps = (4..=MAX_ROW).step_by(4).map(of);
        // The shortest step of those with most rows: the rows of a longer one are some of them.
        let best = steps.fold(
            Vec::new(),
            |best: Vec<u32>, rows| {
                if rows.len() > best.len() { rows } else { best }
            },
        );
        if best.len() > 1 { best } else { Vec::new() }
    }
}

/// True for tags that share letters at the same places.
pub(crate) fn alike(a: u32, b: u32) -> bool {
    let (a, b) = (a.to_le_bytes(), b.to_le_bytes());
    a.iter().zip(&b).filter(|(a, b)| a == b).count() >= SHARED
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_of_one_maker_share_letters() {
        let tag = |text: &[u8; 4]| u32::from_le_bytes(*text);
        assert!(alike(tag(b"Ab01"), tag(b"Ab02")));
        assert!(alike(tag(b"xBuf"), tag(b"yBuf")));
        assert!(!alike(tag(b"Driv"), tag(b"erEn")));
    }
}
