//! Methods beside which something else may be meant: another table of functions keeps, at the same offset, one that takes a
//! number in the place of the tag and allocates nothing with it.

use crate::changes::bit;
use crate::engine::{Callee, Engine};
use crate::ir::{Op, Reg, Src};
use crate::methods::{Member, read_size};
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
        let width = self.image.pointer_size();
        let places: Vec<u32> = self.image.pointers.clone();
        let rows: Vec<(u32, u32)> = places
            .into_iter()
            .filter_map(|at| Some((at, self.function_at(at)?)))
            .collect();
        let starts = self.taken(rows.iter().map(|&(at, _)| at).collect());
        for (index, &start) in starts.iter().enumerate() {
            let end = starts.get(index + 1).copied().unwrap_or(u32::MAX);
            let from = rows.partition_point(|&(at, _)| at < start);
            let table = rows.get(from..).unwrap_or_default();
            let in_row = |(row, &(at, function)): (usize, &(u32, u32))| {
                let expected = start.saturating_add(row as u32 * width);
                (at == expected && at < end).then_some((at - start, function))
            };
            let table: Vec<(u32, u32)> = table.iter().enumerate().map_while(in_row).collect();
            for &(off, function) in &table {
                for &(member, arg) in methods.iter().filter(|(member, _)| member.offset() == off) {
                    let takes = self
                        .plain_sinks(Callee::Func(function))
                        .any(|sink| sink.arg == arg);
                    if !takes && !self.methods.rivalled.contains(&member) && self.reads_number(function, arg)
                    {
                        self.methods.rivalled.push(member);
                    }
                }
            }
        }
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
                let calls = matches!(op, Op::CallInd { src: Src::Reg(to) } | Op::JumpInd { src: Src::Reg(to) } if *to == reg);
                let read = if calls { Some(8) } else { read_size(op, reg) };
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
