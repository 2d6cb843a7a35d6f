//! Operands and memory: what is loaded, and where stores go.

use crate::Arch;
use crate::arithmetic::{bin, scaled, truncate};
use crate::engine::Engine;
use crate::flow::Run;
use crate::ir::{BinOp, Mem, NONE, RAX, RBP, RBX, RCX, RDI, RSI, RSP, Src, VEC};
use crate::state::State;
use crate::tables::alike;
use crate::value::{Atom, CONST, Kind, MAX_SET, STACK, TOP, Val, common, mask};

/// Longest copy or fill that is followed, in elements.
const MAX_COPY: u64 = 64;

impl Engine<'_> {
    /// The value of an operand in `size` bytes.
    pub(crate) fn value(&mut self, state: &State, src: Src, size: u8) -> Val {
        match src {
            Src::Imm(value) => Val::constant(mask(value, size)),
            Src::Reg(reg) => truncate(state.part(reg, size), size),
            Src::Mem(mem) => {
                let address = self.row_or_address(state, &mem);
                self.load(state, &address, mem.size).0
            }
        }
    }

    /// The address of a memory operand.
    pub(crate) fn address(&self, state: &State, mem: &Mem) -> Val {
        let width = self.image.pointer_size() as u8;
        let mut sum = if mem.base == NONE {
            return if mem.index == NONE {
                Val::constant(mask(mem.disp as u64, width))
            } else {
                self.add(&scaled(state.reg(mem.index), mem.scale, width), mem.disp)
            };
        } else {
            self.add(state.reg(mem.base), mem.disp)
        };
        if mem.index != NONE {
            let index = scaled(state.reg(mem.index), mem.scale, width);
            sum = bin(BinOp::Add, width, &sum, &index);
        }
        sum
    }

    /// What memory holds at an address, and whether it was stored there as a constant.
    pub(crate) fn load(&mut self, state: &State, address: &Val, size: u8) -> (Val, bool) {
        if let Val::One(atom) = address {
            return self.load_one(state, *atom, size);
        }
        let mut atoms = Vec::new();
        self.spend(4 * address.atoms().len() as u64);
        let walks = walks_on(address);
        let mut tags = Vec::new();
        for atom in address.atoms() {
            let (val, _) = self.load_one(state, *atom, size);
            if walks && atom.sym == CONST && !goes_on(&mut tags, &val) {
                // The end of the table, or nothing that matters.
                atoms.push(Atom::TOP);
                break;
            }
            atoms.extend_from_slice(val.atoms());
            if atoms.len() > 4 * MAX_SET {
                break;
            }
        }
        (Val::from_atoms(atoms), false)
    }

    pub(crate) fn load_one(&mut self, state: &State, atom: Atom, size: u8) -> (Val, bool) {
        if atom.sym == TOP || !atom.exact {
            return (Val::One(atom), false);
        }
        if let Some(found) = state.read(atom.sym, atom.off, size) {
            return found;
        }
        if atom.sym == CONST {
            return (self.load_image(atom.off as u64, size), false);
        }
        let val = match self.symbols.kind(atom.sym) {
            Kind::WdfTable => {
                let index = atom.off / i64::from(self.image.pointer_size().max(1));
                let index = u16::try_from(index).unwrap_or(u16::MAX);
                Val::symbol(self.symbols.intern(Kind::WdfFn(index)))
            }
            Kind::Import(_) | Kind::WdfFn(_) | Kind::Guard | Kind::GuardCheck => Val::TOP,
            _ => {
                let sym = self.symbols.intern(Kind::Deref(atom.sym, atom.off, size));
                self.with_writes(Val::symbol(sym), atom)
            }
        };
        (val, false)
    }

    /// Adds what other functions are known to store at a place.
    fn with_writes(&self, val: Val, place: Atom) -> Val {
        match self.writes.get(&(place.sym, place.off)) {
            Some(written) => val.join(written),
            None => val,
        }
    }

    fn load_image(&mut self, va: u64, size: u8) -> Val {
        let Some(rva) = self.image.rva_of(va) else {
            return Val::TOP;
        };
        let pointer = self.image.pointer_size();
        if u32::from(size) == pointer {
            if let Some(&index) = self.image.slots.get(&rva) {
                return Val::symbol(self.symbols.intern(Kind::Import(index)));
            }
            if self.image.guard_dispatch == Some(rva) {
                return Val::symbol(self.symbols.intern(Kind::Guard));
            }
            if self.image.guard_check == Some(rva) {
                return Val::symbol(self.symbols.intern(Kind::GuardCheck));
            }
            if let Some(table) = self.wdf {
                if table.indirect && rva == table.rva {
                    return Val::symbol(self.symbols.intern(Kind::WdfTable));
                }
                if !table.indirect && rva >= table.rva && (rva - table.rva) / pointer < table.count {
                    let index = u16::try_from((rva - table.rva) / pointer).unwrap_or(u16::MAX);
                    return Val::symbol(self.symbols.intern(Kind::WdfFn(index)));
                }
            }
        }
        let initial = self.image.value(va, size).unwrap_or(0);
        if self.image.section(rva).is_some_and(|section| !section.write) {
            return Val::constant(initial);
        }
        let place = Atom::constant(va);
        let stored = Val::symbol(self.symbols.intern(Kind::Deref(CONST, va as i64, size)));
        let stored = self.with_writes(stored, place);
        if initial == 0 && size > 1 {
            stored
        } else {
            stored.join(&Val::constant(initial))
        }
    }

    pub(crate) fn store(&mut self, run: &mut Run, state: &mut State, mem: &Mem, src: Src) {
        let size = mem.size;
        let address = self.address(state, mem);
        let val = self.value(state, src, size);
        let immediate = match src {
            Src::Imm(_) => true,
            Src::Reg(reg) => state.is_immediate(reg),
            Src::Mem(_) => false,
        };
        if self.saves_register(state, mem, src, &val) {
            // What was pushed up to here is no argument.
            state.pushed = 0;
        }
        self.store_to(run, state, &address, size, val, immediate);
        if let (
            Src::Reg(reg),
            Val::One(Atom {
                sym: STACK,
                off,
                exact: true,
            }),
        ) = (src, address)
            && reg < VEC
        {
            state.set_origin(reg, (STACK, off, size));
        }
    }

    /// True for a push of a register as the function was given it, which x86's convention lets nobody pass: ebx, ebp, esi, edi.
    fn saves_register(&self, state: &State, mem: &Mem, src: Src, val: &Val) -> bool {
        let (Src::Reg(reg @ (RBX | RBP | RSI | RDI)), Val::One(atom)) = (src, val) else {
            return false;
        };
        let untouched = atom.exact && atom.off == 0 && self.symbols.kind(atom.sym) == Kind::Entry(reg);
        untouched && self.image.arch == Arch::X86 && mem.base == RSP && mem.disp == 0 && state.pushed > 0
    }

    pub(crate) fn store_to(
        &mut self,
        run: &mut Run,
        state: &mut State,
        address: &Val,
        size: u8,
        val: Val,
        immediate: bool,
    ) {
        for atom in val.atoms() {
            if atom.sym == STACK
                && atom.exact
                && state.escaped.len() < 64
                && !state.escaped.contains(&atom.off)
            {
                // Kept return addresses and frame pointers do not matter; structures do.
                state.escaped.push(atom.off);
            }
        }
        match address {
            Val::One(atom) if atom.exact && atom.sym != TOP => {
                self.remember(run, *atom, size, &val);
                self.watch(run, *atom, size, &val);
                self.note_method(run, *atom, size, &val);
                state.write(atom.sym, atom.off, size, val, immediate);
            }
            Val::One(_) => {}
            Val::Many(atoms) => {
                self.spend(8 * atoms.len() as u64);
                for atom in atoms.iter().filter(|atom| atom.exact && atom.sym != TOP) {
                    self.remember(run, *atom, size, &val);
                    let old = match state.read(atom.sym, atom.off, size) {
                        Some((old, _)) => old,
                        None => self.load_one(state, *atom, size).0,
                    };
                    state.write(atom.sym, atom.off, size, old.join(&val), false);
                }
            }
        }
    }

    /// Notes a store that other functions can see.
    fn remember(&mut self, run: &Run, place: Atom, size: u8, val: &Val) {
        if !run.reporting || place.sym == STACK || self.stores.len() > 20_000 {
            return;
        }
        if place.sym == CONST && self.image.rva_of(place.off as u64).is_none() {
            return;
        }
        // Parameters mean nothing outside of the function.
        let kept: Vec<Atom> = val
            .atoms()
            .iter()
            .filter(|atom| atom.exact && (atom.sym == CONST || self.is_global(atom.sym)))
            .copied()
            .collect();
        if place.sym != CONST && !self.is_global(place.sym) {
            return;
        }
        if !kept.is_empty() {
            self.stores.push((place.sym, place.off, Val::from_atoms(kept)));
        }
        if let (8, Some(both)) = (size, val.single())
            && both >> 32 != 0
        {
            // Two neighbours at once.
            let high = Val::constant(both >> 32);
            self.stores.push((place.sym, place.off.wrapping_add(4), high));
        }
        if place.sym == CONST && size >= 4 {
            self.pass_to_global(run, place.off, val);
        }
    }

    /// A parameter stored to a global that calls take their tag from: asks who passes it.
    fn pass_to_global(&mut self, run: &Run, off: i64, val: &Val) {
        let Some(sinks) = self.global_sinks.get(&off).cloned() else {
            return;
        };
        self.ask_who_stores(run, &sinks, val);
    }

    /// True for symbols that mean the same in every function.
    fn is_global(&self, sym: u32) -> bool {
        let mut sym = sym;
        for _ in 0..8 {
            match self.symbols.kind(sym) {
                Kind::Deref(CONST, ..) | Kind::Ret(_) | Kind::Import(_) | Kind::WdfTable | Kind::WdfFn(_) => {
                    return true;
                }
                Kind::Deref(base, ..) => sym = base,
                _ => return false,
            }
        }
        false
    }

    /// `rep movs` and `rep stos` of known length.
    pub(crate) fn repeat(&mut self, run: &mut Run, state: &mut State, size: u8, fill: bool) {
        let (to, from) = (state.reg(RDI).clone(), state.reg(RSI).clone());
        let count = state.reg(RCX).single();
        if let (Some(count), true) = (count, to.atoms().len() == 1 && from.atoms().len() == 1)
            && count <= MAX_COPY
        {
            for index in 0..count as i64 {
                let step = index * i64::from(size);
                let target = self.add(&to, step);
                let val = if fill {
                    truncate(state.reg(RAX), size)
                } else {
                    let source = self.add(&from, step);
                    self.load(state, &source, size).0
                };
                self.store_to(run, state, &target, size, val, false);
            }
            let bytes = count as i64 * i64::from(size);
            state.set(RDI, self.add(&to, bytes));
            if !fill {
                state.set(RSI, self.add(&from, bytes));
            }
        } else {
            for atom in to.atoms().iter().filter(|atom| atom.exact && atom.sym != TOP) {
                state.may_write(atom.sym, atom.off, Atom::TOP);
            }
            state.set(RDI, Val::TOP);
            if !fill {
                state.set(RSI, Val::TOP);
            }
        }
        state.set(RCX, Val::constant(0));
    }

    /// Copies (or zeroes, without `from`) memory as `memcpy` and `memset` do.
    pub(crate) fn copy_memory(
        &mut self,
        run: &mut Run,
        state: &mut State,
        to: &Val,
        from: Option<&Val>,
        bytes: u64,
    ) {
        let mut done = 0u64;
        while done < bytes.min(MAX_COPY * 8) {
            let size = if bytes - done >= 8 {
                8
            } else if bytes - done >= 4 {
                4
            } else {
                1
            };
            let val = match from {
                Some(from) => {
                    let source = self.add(from, done as i64);
                    self.load(state, &source, size).0
                }
                None => Val::constant(0),
            };
            let target = self.add(to, done as i64);
            self.store_to(run, state, &target, size, val, false);
            done += u64::from(size);
        }
    }
}

/// True when a row of a table is one more tag, of the same maker where those before are of one.
fn goes_on(tags: &mut Vec<u32>, row: &Val) -> bool {
    let Some(tag) = row.atoms().iter().find(|atom| atom.looks_like_tag()) else {
        return false;
    };
    let tag = tag.off as u32;
    let of_one_maker = |first: &u32| tags.len() > 1 && tags.iter().all(|known| alike(*first, *known));
    let foreign = tags
        .first()
        .is_some_and(|first| of_one_maker(first) && !alike(*first, tag));
    tags.push(tag);
    !foreign
}

/// True for a pointer that walks along a table in equal steps, to an end that is not known.
fn walks_on(address: &Val) -> bool {
    let open = address.atoms().iter().any(|atom| atom.sym != CONST);
    let places = || address.atoms().iter().filter(|atom| atom.sym == CONST);
    let steps = places()
        .zip(places().skip(1))
        .map(|(a, b)| b.off.wrapping_sub(a.off));
    open && places().count() > 2 && common(steps).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_walk_ends_where_the_tags_of_its_maker_do() {
        for (rows, taken) in [
            (&[b"Gu01", b"Gu02", b"Gu03"][..], 3),
            (&[b"Gu01", b"Gu02", b"_DDC", b"Gu03"], 2),
            (&[b"Gu01", b"Fcb ", b"Irp ", b"Gu02"], 4),
            (&[b"Gu01", b"\x01\x00\x00\x00"], 1),
            (&[], 0),
        ] {
            let mut tags = Vec::new();
            let value = |row: &&[u8; 4]| Val::constant(u64::from(u32::from_le_bytes(**row)));
            let count = rows
                .iter()
                .map(value)
                .take_while(|row| goes_on(&mut tags, row))
                .count();
            assert_eq!(count, taken, "{rows:?}");
        }
    }
}
