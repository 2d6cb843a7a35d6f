//! Methods beside which something else may be meant: another table of functions keeps, at the same offset, one that takes a
//! number in the place of the tag and allocates nothing with it.

use crate::changes::bit;
use crate::engine::{Callee, Engine};
use crate::ir::{Op, Reg};
use crate::methods::Member;
use crate::routines::Arg;
use crate::value::{CONST, Kind, Sym};

impl Engine<'_> {
    /// Finds the methods at whose offset some table keeps a function that takes a number in the place of the tag and makes
    /// nothing of it that is known here.
    pub(crate) fn find_rivals(&mut self) {
        let methods = self.sinks.iter().filter_map(|(callee, sinks)| match callee {
            Callee::Method(member) => Some((*member, sinks.first()?.arg)),
            _ => None,
        });
        let methods: Vec<(Member, Arg)> = methods.collect();
        if methods.is_empty() {
            return;
        }
        for (off, function) in self.table_rows() {
            for &(member, arg) in methods.iter().filter(|(member, _)| member.offset() == off) {
                let takes = self
                    .plain_sinks(Callee::Func(function))
                    .any(|sink| sink.arg == arg);
                if !takes && !self.methods.rivalled.contains(&member) && self.reads_number(function, arg) {
                    self.methods.rivalled.push(member);
                }
            }
        }
    }

    /// (offset from the start of its table, function) of all tables of functions in the image's data: pointers without gaps
    /// from one whose address is taken up to the next such.
    fn table_rows(&self) -> Vec<(u32, u32)> {
        let width = self.image.pointer_size();
        let pointers = self.image.pointers.iter();
        let places: Vec<(u32, u32)> = pointers
            .filter_map(|&at| Some((at, self.function_at(at)?)))
            .collect();
        let starts = self.taken(places.iter().map(|&(at, _)| at).collect());
        let mut rows = Vec::new();
        // Where the present table starts and where its next row stands.
        let mut table: Option<(u32, u32)> = None;
        for (at, function) in places {
            if starts.binary_search(&at).is_ok() {
                table = Some((at, at));
            }
            table = table.filter(|&(_, next)| next == at);
            if let Some((start, next)) = &mut table {
                rows.push((at - *start, function));
                *next = at.saturating_add(width);
            }
        }
        rows
    }

    /// True when a function first reads an argument in 32 bits; arguments on the stack are taken to be read so.
    fn reads_number(&mut self, function: u32, arg: Arg) -> bool {
        let Arg::Reg(reg) = arg else { return true };
        self.first_read(function, reg) == Some(4)
    }

    /// In how many bytes a function reads a register that it is given, if it does before it is set.
    pub(crate) fn first_read(&mut self, function: u32, reg: Reg) -> Option<u8> {
        /// Most blocks looked at.
        const SHORT: usize = 32;
        let mut found = None;
        self.all_blocks(function, SHORT, |_, block| {
            let uses = |(_, _, op): &(u32, u32, Op)| {
                let read = op.reads(reg);
                (read.is_some() || op.written() & bit(reg) != 0).then_some(read)
            };
            let first = block.ops.iter().find_map(uses);
            found = first.flatten();
            first.is_none()
        });
        found
    }

    /// True for what a global points to, or leads to, and for what a block alone does not tell.
    pub(crate) fn may_be_of_global(&self, mut sym: Sym) -> bool {
        while let Kind::Deref(base, ..) = self.symbols.kind(sym) {
            sym = base;
        }
        sym == CONST || matches!(self.symbols.kind(sym), Kind::Before(_))
    }
}
