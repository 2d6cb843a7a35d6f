//! What is known at one place of a function: registers, memory that was written, the last comparison.

use crate::arithmetic::keep_symbols;
use crate::ir::{NONE, REGS, RSP, Reg};
use crate::value::{Atom, CONST, STACK, Sym, Val, mask};

/// Most memory cells followed at once.
const MAX_SLOTS: usize = 320;

/// A cell of memory: `size` bytes at `sym + off`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) sym: Sym,
    pub(crate) off: i64,
    pub(crate) size: u8,
    /// The value was written as a constant by the storing instruction.
    pub(crate) immediate: bool,
    pub(crate) val: Val,
}

impl Slot {
    /// The offset behind its last byte.
    const fn end(&self) -> i64 {
        self.off.saturating_add(self.size as i64)
    }
}

/// A cell: base, offset, bytes.
pub(crate) type Cell = (Sym, i64, u8);

/// The last comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Flags {
    /// Where the compared value lives: a register, and cells it was loaded from or stored to.
    pub(crate) reg: Reg,
    pub(crate) cells: [Option<Cell>; 2],
    pub(crate) a: Val,
    pub(crate) b: Val,
    pub(crate) size: u8,
    pub(crate) test: bool,
    /// Holds `a - b`, when the comparison was a subtraction.
    pub(crate) difference: Reg,
    /// Says nothing of above and below.
    pub(crate) equality_only: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) regs: Box<[Val; REGS]>,
    /// Registers set by a constant in the same block.
    pub(crate) immediate: u64,
    /// Registers of which the lowest byte alone is known, and those of which the lowest two are: they were set, over
    /// something that is not known.
    low_only: [u64; 2],
    /// Registers that hold a copy of a cell.
    pub(crate) origin: Vec<(Reg, Cell)>,
    pub(crate) mem: Vec<Slot>,
    pub(crate) flags: Option<Flags>,
    /// Stack offsets whose address was stored or passed on.
    pub(crate) escaped: Vec<i64>,
    /// Bytes pushed since the last call (x86).
    pub(crate) pushed: u32,
    /// A comparison of two known values decided the way since the last round of a loop began.
    pub(crate) decided: bool,
}

impl Clone for State {
    fn clone(&self) -> Self {
        // A copy is made to go on from here, which mostly stores something.
        let mut mem = Vec::with_capacity(self.mem.len() + 8);
        mem.extend_from_slice(&self.mem);
        Self {
            regs: self.regs.clone(),
            immediate: self.immediate,
            low_only: self.low_only,
            origin: self.origin.clone(),
            mem,
            flags: self.flags.clone(),
            escaped: self.escaped.clone(),
            pushed: self.pushed,
            decided: self.decided,
        }
    }
}

impl State {
    pub(crate) fn new() -> Self {
        Self {
            regs: Box::new([const { Val::TOP }; REGS]),
            immediate: 0,
            low_only: [0; 2],
            origin: Vec::new(),
            mem: Vec::new(),
            flags: None,
            escaped: Vec::new(),
            pushed: 0,
            decided: false,
        }
    }

    /// Number of cells followed.
    pub(crate) fn cells(&self) -> usize {
        self.mem.len()
    }

    pub(crate) fn reg(&self, reg: Reg) -> &Val {
        self.part(reg, 8)
    }

    /// A register of which the lowest `size` bytes are asked for.
    pub(crate) fn part(&self, reg: Reg, size: u8) -> &Val {
        let [byte, two] = self.low_only;
        let unknown = match size {
            1 => 0,
            2 => byte,
            _ => byte | two,
        };
        if reg < 64 && unknown & (1u64 << reg) != 0 {
            return const { &Val::TOP };
        }
        match self.regs.get(usize::from(reg)) {
            Some(val) => val,
            None => const { &Val::TOP },
        }
    }

    pub(crate) fn set(&mut self, reg: Reg, val: Val) {
        if let Some(place) = self.regs.get_mut(usize::from(reg)) {
            *place = val;
            self.immediate &= !(1u64 << (reg & 63));
            self.low_only = self.low_only.map(|of| of & !(1u64 << (reg & 63)));
            let mut copied = [None; 2];
            if !self.origin.is_empty() {
                for (place, (_, cell)) in copied
                    .iter_mut()
                    .zip(self.origin.iter().filter(|(copy, _)| *copy == reg))
                {
                    *place = Some(*cell);
                }
                self.origin.retain(|(copy, _)| *copy != reg);
            }
            if let Some(flags) = &mut self.flags {
                if flags.reg == reg {
                    flags.reg = NONE;
                    flags.cells = copied;
                }
                if flags.difference == reg {
                    flags.difference = NONE;
                }
            }
        }
    }

    /// Forgets the registers of the bits `which`, and the last comparison.
    pub(crate) fn forget(&mut self, which: u64) {
        let mut left = which;
        while left != 0 {
            if let Some(place) = self.regs.get_mut(left.trailing_zeros() as usize) {
                *place = Val::TOP;
            }
            left &= left - 1;
        }
        self.immediate &= !which;
        self.low_only = self.low_only.map(|of| of & !which);
        self.origin
            .retain(|(copy, _)| which & 1u64.wrapping_shl(u32::from(*copy)) == 0);
        self.flags = None;
    }

    /// Sets the lowest byte, or two, of a register that holds something unknown.
    pub(crate) fn set_part(&mut self, reg: Reg, size: u8, val: Val) {
        self.set(reg, val);
        let [byte, two] = &mut self.low_only;
        if reg < 64 {
            *(if size == 1 { byte } else { two }) |= 1u64 << reg;
        }
    }

    pub(crate) fn mark_immediate(&mut self, reg: Reg) {
        if reg != NONE {
            self.immediate |= 1u64 << (reg & 63);
        }
    }

    pub(crate) fn is_immediate(&self, reg: Reg) -> bool {
        reg < 64 && self.immediate & (1u64 << reg) != 0
    }

    pub(crate) fn set_origin(&mut self, reg: Reg, cell: Cell) {
        if self.origin.len() < 16 {
            self.origin.push((reg, cell));
        }
    }

    /// Index of the first cell at or after (`sym`, `off`).
    pub(crate) fn position(&self, sym: Sym, off: i64) -> usize {
        self.mem.partition_point(|slot| (slot.sym, slot.off) < (sym, off))
    }

    /// Cells that overlap `size` bytes at `sym + off`, as a range of indices.
    fn overlap(&self, sym: Sym, off: i64, size: i64) -> std::ops::Range<usize> {
        let mut start = self.position(sym, off);
        let beyond = (sym, off.saturating_add(size));
        let covered = self.mem.iter().skip(start);
        let end = start + covered.take_while(|slot| (slot.sym, slot.off) < beyond).count();
        while let Some(before) = start.checked_sub(1).and_then(|index| self.mem.get(index)) {
            if before.sym == sym && before.end() > off {
                start -= 1;
            } else {
                break;
            }
        }
        start..end
    }

    /// What was stored from `from` up to `to`.
    pub(crate) fn stored_between(&self, sym: Sym, from: i64, to: i64) -> impl Iterator<Item = &Val> {
        let start = self.position(sym, from);
        self.mem
            .iter()
            .skip(start)
            .take_while(move |slot| slot.sym == sym && slot.off < to)
            .map(|slot| &slot.val)
    }

    /// What was stored at a cell, and whether as a constant; `None` when nothing is known to have been stored there.
    pub(crate) fn read(&self, sym: Sym, off: i64, size: u8) -> Option<(Val, bool)> {
        let range = self.overlap(sym, off, i64::from(size));
        let slots = self.mem.get(range)?;
        match slots {
            [] => None,
            [slot] if slot.off == off && slot.size == size => Some((slot.val.clone(), slot.immediate)),
            [slot] if slot.off <= off && slot.end() >= off.saturating_add(i64::from(size)) => {
                let shift = ((off - slot.off) * 8) as u32;
                if shift == 0 {
                    // The low part: addresses and parameters are taken to fit.
                    return Some((keep_symbols(&slot.val, |value| mask(value, size)), slot.immediate));
                }
                Some((slot.val.map(|value| mask(value >> shift, size)), slot.immediate))
            }
            several => Some((
                one_half(several, off, size).unwrap_or_else(|| combine(several, off, size)),
                false,
            )),
        }
    }

    /// Stores a value; cells it covers in part keep the rest of their constants.
    pub(crate) fn write(&mut self, sym: Sym, off: i64, size: u8, val: Val, immediate: bool) {
        let end = off.saturating_add(i64::from(size));
        let range = self.overlap(sym, off, i64::from(size));
        self.origin
            .retain(|&(_, (s, o, n))| s != sym || o >= end || o.saturating_add(i64::from(n)) <= off);
        if let Some(flags) = &mut self.flags {
            for place in &mut flags.cells {
                if place.is_some_and(|(s, o, n)| s == sym && o < end && o.saturating_add(i64::from(n)) > off)
                {
                    *place = None;
                }
            }
        }
        if let Some(slot) = self.mem.get_mut(range.start)
            && range.len() == 1
            && slot.off == off
            && slot.size == size
        {
            slot.val = val;
            slot.immediate = immediate;
            return;
        }
        if range.is_empty() {
            if self.mem.len() < MAX_SLOTS {
                let slot = Slot {
                    sym,
                    off,
                    size,
                    immediate,
                    val,
                };
                self.mem.insert(range.start, slot);
            }
            return;
        }
        let mut pieces = Vec::new();
        for slot in self.mem.drain(range.clone()) {
            let slot_end = slot.end();
            if slot.off < off {
                push_piece(&mut pieces, &slot, slot.off, off);
            }
            if slot_end > end {
                push_piece(&mut pieces, &slot, end, slot_end);
            }
        }
        pieces.push(Slot {
            sym,
            off,
            size,
            immediate,
            val,
        });
        pieces.sort_by_key(|slot| slot.off);
        if self.mem.len() + pieces.len() > MAX_SLOTS {
            return;
        }
        self.mem.splice(range.start..range.start, pieces);
    }

    /// A call may have written through a pointer to `sym + off`: the cell itself is replaced, the following ones may keep
    /// their value.
    pub(crate) fn may_write(&mut self, sym: Sym, off: i64, by: Atom) {
        let start = self.position(sym, off);
        for slot in self.mem.iter_mut().skip(start) {
            if slot.sym != sym || slot.off >= off.saturating_add(0x80) {
                break;
            }
            if sym == STACK && slot.off >= 0 && off < 0 {
                break;
            }
            slot.immediate = false;
            slot.val = slot.val.join(&Val::One(by));
        }
        self.origin.retain(|&(_, (s, o, _))| s != sym || o < off);
    }

    /// Forgets everything written below the stack pointer's offset `sp` that is not reachable any more.
    pub(crate) fn drop_below(&mut self, sp: i64) {
        let range = self.position(STACK, i64::MIN)..self.position(STACK, sp);
        self.mem.drain(range);
    }

    /// True when both states know of the same cells, whatever they hold.
    fn has_cells_of(&self, other: &Self) -> bool {
        let cell = |slot: &Slot| (slot.sym, slot.off, slot.size);
        self.mem.iter().map(cell).eq(other.mem.iter().map(cell))
    }

    /// Joins `other` into this state; true when it changed. With `widen`, what still changes becomes anything.
    pub(crate) fn absorb(&mut self, other: &Self, widen: bool) -> bool {
        let mut changed = false;
        for (index, (mine, theirs)) in self.regs.iter_mut().zip(other.regs.iter()).enumerate() {
            if index == usize::from(RSP)
                && let (Val::One(Atom { sym: STACK, .. }), Val::One(Atom { sym: STACK, .. })) =
                    (&*mine, theirs)
            {
                // Depths of the stack differ only where a call's arguments were counted wrong: one of them will do.
                continue;
            }
            changed |= join_into(mine, theirs, widen);
        }
        self.origin.retain(|copy| other.origin.contains(copy));
        self.immediate = 0;
        for (mine, theirs) in self.low_only.iter_mut().zip(other.low_only) {
            changed |= theirs & !*mine != 0;
            *mine |= theirs;
        }
        self.pushed = self.pushed.min(other.pushed);
        self.decided &= other.decided;
        if self.flags != other.flags {
            self.flags = None;
        }
        for off in &other.escaped {
            if !self.escaped.contains(off) {
                self.escaped.push(*off);
            }
        }
        if self.has_cells_of(other) {
            for (mine, theirs) in self.mem.iter_mut().zip(&other.mem) {
                changed |= join_into(&mut mine.val, &theirs.val, widen);
                mine.immediate &= theirs.immediate;
            }
            return changed;
        }
        // A cell written on one way only keeps its value beside whatever was there before.
        let mut other_cells = other.mem.iter().peekable();
        let mut merged: Vec<Slot> = Vec::with_capacity(self.mem.len().max(other.mem.len()));
        let mut mine_cells = std::mem::take(&mut self.mem).into_iter().peekable();
        loop {
            match (mine_cells.peek(), other_cells.peek()) {
                (Some(mine), Some(theirs)) => {
                    let (a, b) = ((mine.sym, mine.off), (theirs.sym, theirs.off));
                    if a == b && mine.size == theirs.size {
                        let Some(mut slot) = mine_cells.next() else { break };
                        if let Some(theirs) = other_cells.next() {
                            changed |= join_into(&mut slot.val, &theirs.val, widen);
                            slot.immediate &= theirs.immediate;
                        }
                        push_slot(&mut merged, slot);
                    } else if a <= b {
                        let Some(mut slot) = mine_cells.next() else { break };
                        changed |= join_into(&mut slot.val, &Val::TOP, false);
                        push_slot(&mut merged, slot);
                    } else {
                        let Some(theirs) = other_cells.next() else { break };
                        changed |= add_foreign(&mut merged, theirs);
                    }
                }
                (Some(_), None) => {
                    let Some(mut slot) = mine_cells.next() else { break };
                    changed |= join_into(&mut slot.val, &Val::TOP, false);
                    push_slot(&mut merged, slot);
                }
                (None, Some(_)) => {
                    let Some(theirs) = other_cells.next() else { break };
                    changed |= add_foreign(&mut merged, theirs);
                }
                (None, None) => break,
            }
        }
        self.mem = merged;
        changed
    }
}

fn add_foreign(merged: &mut Vec<Slot>, theirs: &Slot) -> bool {
    let mut slot = theirs.clone();
    slot.val = slot.val.join(&Val::TOP);
    let before = merged.len();
    push_slot(merged, slot);
    merged.len() != before
}

fn push_slot(merged: &mut Vec<Slot>, slot: Slot) {
    let free = merged
        .last()
        .is_none_or(|last| last.sym != slot.sym || last.off.saturating_add(i64::from(last.size)) <= slot.off);
    if free && merged.len() < MAX_SLOTS {
        merged.push(slot);
    }
}

fn join_into(mine: &mut Val, theirs: &Val, widen: bool) -> bool {
    if mine.includes(theirs) {
        return false;
    }
    let joined = mine.join(theirs);
    if joined == *mine {
        return false;
    }
    *mine = if widen && *mine != Val::TOP {
        // What is known so far stays, beside "anything".
        let known = mine.atoms().iter().filter(|atom| atom.sym == CONST).copied();
        let mut rest: Vec<Atom> = joined.dependencies().chain(known).collect();
        rest.push(Atom::TOP);
        let widened = Val::from_atoms(rest);
        if widened == *mine {
            return false;
        }
        widened
    } else {
        joined
    };
    true
}

fn push_piece(pieces: &mut Vec<Slot>, slot: &Slot, from: i64, to: i64) {
    let size = (to - from) as u8;
    let shift = ((from - slot.off) * 8) as u32;
    if slot.val.constants().is_none() {
        return;
    }
    let cut = |value: u64| {
        let value = value.checked_shr(shift).unwrap_or(0);
        if size >= 8 {
            value
        } else {
            value & ((1u64 << (u32::from(size) * 8)) - 1)
        }
    };
    pieces.push(Slot {
        sym: slot.sym,
        off: from,
        size,
        immediate: slot.immediate,
        val: slot.val.map(cut),
    });
}

/// Two members of a structure read at once: the tags in one half, when the other is not known and is taken for zero.
fn one_half(slots: &[Slot], off: i64, size: u8) -> Option<Val> {
    let ([low, high], 8) = (slots, size) else {
        return None;
    };
    if (low.off, low.size, high.off, high.size) != (off, 4, off.saturating_add(4), 4) {
        return None;
    }
    let tags = |val: &Val| val.atoms().iter().all(|atom| atom.looks_like_tag());
    match (low.val.constants().is_some(), high.val.constants().is_some()) {
        (true, false) if tags(&low.val) => Some(low.val.clone()),
        (false, true) if tags(&high.val) => Some(high.val.map(|value| value << 32)),
        _ => None,
    }
}

/// Puts a value together from several cells; when a byte is missing or not one constant, only what it depends on is left.
fn combine(slots: &[Slot], off: i64, size: u8) -> Val {
    let mut value = 0u64;
    for index in 0..i64::from(size) {
        let at = off.saturating_add(index);
        let byte = slots
            .iter()
            .find(|slot| slot.off <= at && at < slot.end())
            .and_then(|slot| {
                slot.val
                    .single()
                    .map(|value| (value >> ((at - slot.off) * 8)) & 0xff)
            });
        match byte {
            Some(byte) => value |= byte << (index * 8),
            None => {
                let behind = slots.iter().flat_map(|slot| slot.val.dependencies());
                return Val::from_atoms(behind.chain([Atom::TOP]).collect());
            }
        }
    }
    Val::constant(value)
}
