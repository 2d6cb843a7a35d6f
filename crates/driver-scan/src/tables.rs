//! Tags out of tables in the image at a place that is not known: `tags[i]`, `rows[i].tag`.
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

/// A call whose tag stands in a table: call, routine, address of the tag in the first row.
pub(crate) type FromTable = (u32, Sink, u64);

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
    pub(crate) fn note_table(&mut self, call: u32, sink: &Sink, at: u64) {
        let open = &mut self.from_tables;
        let known =
            |(of, other, place): &FromTable| *of == call && *place == at && other.routine == sink.routine;
        if open.len() < MAX_OPEN && !sink.frees && !sink.letters && !open.iter().any(known) {
            open.push((call, sink.clone(), at));
        }
    }

    /// Reports the tags of the tables that calls take theirs from and that nothing else explained.
    pub(crate) fn explain_tables(&mut self) {
        let mut open = std::mem::take(&mut self.from_tables);
        open.retain(|(call, sink, _)| !self.is_found(&sink.routine, *call));
        if !open.is_empty() {
            self.read_signatures();
        }
        for (call, sink, at) in open {
            for tag in rows(self.image, at, |tag| self.fields.may_be_tag(tag)) {
                self.report(&sink, tag, call, Certainty::Dataflow);
            }
        }
    }
}

/// The tags of the table whose first stands at `at`; none when there are not at least two of the same maker.
fn rows(image: &Image<'_>, at: u64, may_be_tag: impl Fn(u32) -> bool) -> Vec<u32> {
    let read = |offset: u64| {
        let value = image.value(at.wrapping_add(offset), 4).map(|value| value as u32);
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

/// True for tags that share letters at the same places.
fn alike(a: u32, b: u32) -> bool {
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
