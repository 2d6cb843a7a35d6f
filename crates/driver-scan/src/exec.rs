//! What the operations do to values and memory.

use crate::engine::Engine;
use crate::flow::Run;
use crate::ir::{BinOp, Cond, Mem, NONE, Op, RAX, RCX, RDI, RSI, RSP, Src, UnOp, VEC};
use crate::state::{Flags, State};
use crate::value::{Atom, CONST, Kind, MAX_SET, STACK, TOP, Val, common, mask, sign_extend};

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
        for atom in address.atoms() {
            let (val, _) = self.load_one(state, *atom, size);
            if walks && atom.sym == CONST && !val.atoms().iter().any(|atom| atom.looks_like_tag()) {
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

    fn load_one(&mut self, state: &State, atom: Atom, size: u8) -> (Val, bool) {
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

    pub(crate) fn execute(&mut self, run: &mut Run, state: &mut State, op: Op) {
        match op {
            Op::Mov { dst, size, src } => {
                let immediate = matches!(src, Src::Imm(_))
                    || matches!(src, Src::Reg(from) if size >= 4 && state.is_immediate(from) && from >= 48);
                if let Src::Mem(mem) = src {
                    let address = self.row_or_address(state, &mem);
                    let (val, _) = self.load(state, &address, mem.size.min(size));
                    state.set(dst, truncate(&val, size));
                    if let Val::One(Atom {
                        sym,
                        off,
                        exact: true,
                    }) = address
                        && sym != TOP
                    {
                        state.set_origin(dst, (sym, off, mem.size.min(size)));
                    }
                } else {
                    let val = self.value(state, src, size);
                    state.set(dst, val);
                }
                if immediate {
                    state.mark_immediate(dst);
                }
            }
            Op::Insert {
                dst,
                size,
                shift,
                src,
            } => {
                let new = self.value(state, src, size);
                let immediate = matches!(src, Src::Imm(_)) && state.is_immediate(dst);
                if size <= 2
                    && shift == 0
                    && new.constants().is_some()
                    && state.reg(dst).constants().is_none()
                {
                    state.set_part(dst, size, new);
                    return;
                }
                let ones = (if size >= 8 {
                    u64::MAX
                } else {
                    (1u64 << (u32::from(size) * 8)) - 1
                })
                .wrapping_shl(u32::from(shift));
                let old = bin(BinOp::And, 8, state.reg(dst), &Val::constant(!ones));
                let moved = new.map(|value| value.wrapping_shl(u32::from(shift)));
                state.set(dst, bin(BinOp::Or, 8, &old, &moved));
                if immediate {
                    state.mark_immediate(dst);
                }
            }
            Op::Extend {
                dst,
                size,
                from,
                signed,
                src,
            } => {
                let val = self.value(state, src, from);
                let val = if from >= 4 || val.constants().is_some() {
                    let f = |value: u64| {
                        if signed {
                            mask(sign_extend(value, from), size)
                        } else {
                            mask(value, from)
                        }
                    };
                    keep_symbols(&val, f)
                } else {
                    val.map(|value| {
                        if signed {
                            mask(sign_extend(value, from), size)
                        } else {
                            mask(value, from)
                        }
                    })
                };
                state.set(dst, val);
            }
            Op::Bin { op, dst, size, a, b } => {
                let (left, b) = (a, self.value(state, b, size));
                let a = match (left, b.single()) {
                    // What a shift pushes out need not be known.
                    (Src::Reg(reg), Some(by)) if op == BinOp::Shl => {
                        let kept = (u64::from(size) * 8).saturating_sub(by).div_ceil(8).max(1);
                        truncate(state.part(reg, kept as u8), size)
                    }
                    _ => self.value(state, left, size),
                };
                self.spend((a.atoms().len() + b.atoms().len()) as u64 / 2);
                let mut val = bin(op, size, &a, &b);
                if op == BinOp::Add
                    && unknown(&val)
                    && let Some(known) = a.single().or_else(|| b.single())
                {
                    val = self.with_row(val, known);
                }
                if dst == RSP && op == BinOp::Sub && self.image.pointer_size() == 4 && b.single() == Some(4) {
                    state.pushed = state.pushed.saturating_add(4);
                }
                state.set(dst, val);
            }
            Op::Un { op, dst, size, a } => {
                let a = self.value(state, a, size);
                let val = a.map(|value| {
                    let value = match op {
                        UnOp::Not => !value,
                        UnOp::Neg => value.wrapping_neg(),
                        UnOp::Bswap => match size {
                            8 => value.swap_bytes(),
                            2 => u64::from((value as u16).swap_bytes()),
                            _ => u64::from((value as u32).swap_bytes()),
                        },
                    };
                    mask(value, size)
                });
                state.set(dst, val);
            }
            Op::Lea { dst, size, mem } => {
                let base = state.reg(mem.base);
                // Some compilers put halves together so, where others say `or`.
                let half = (size == 8 && mem.index == NONE && unknown(base))
                    .then(|| half_known(&Val::constant(mem.disp as u64), base))
                    .flatten();
                let val = half.unwrap_or_else(|| self.row_or_address(state, &mem));
                state.set(dst, truncate(&val, size));
            }
            Op::Store { mem, src } => self.store(run, state, &mem, src),
            Op::Select {
                dst,
                size,
                cond,
                a,
                b,
            } => {
                let val = self.select(state, size, [(cond, a), (cond.not(), b)], run.widest());
                state.set(dst, val);
            }
            Op::Cmp { size, a, b, test } => self.compare(state, size, a, b, test),
            Op::Difference { dst } => {
                if let Some(flags) = &mut state.flags {
                    flags.difference = dst;
                }
            }
            Op::EqualityOnly => {
                if let Some(flags) = &mut state.flags {
                    flags.equality_only = true;
                }
            }
            Op::FlagsLost => state.flags = None,
            Op::Clobber { dst } => state.set(dst, Val::TOP),
            Op::Rep { size, fill } => self.repeat(run, state, size, fill),
            _ => {}
        }
    }

    /// The value of the first choice where its condition can hold, and of the second where that can.
    fn select(&mut self, state: &State, size: u8, choices: [(Cond, Src); 2], widest: u64) -> Val {
        let mut val: Option<Val> = None;
        for (cond, src) in choices {
            let mut assumed = state.clone();
            if assumed.assume(cond, widest) {
                let one = self.value(&assumed, src, size);
                val = Some(val.map_or_else(|| one.clone(), |other| other.join(&one)));
            }
        }
        val.unwrap_or(Val::TOP)
    }

    fn compare(&mut self, state: &mut State, size: u8, a: Src, b: Src, test: bool) {
        let (mut reg, mut cells) = (NONE, [None; 2]);
        match a {
            Src::Reg(compared) => reg = compared,
            Src::Mem(mem) => {
                if let Val::One(Atom {
                    sym,
                    off,
                    exact: true,
                }) = self.address(state, &mem)
                    && sym != TOP
                {
                    cells = [Some((sym, off, mem.size)), None];
                }
            }
            Src::Imm(_) => {}
        }
        let (left, right) = (self.value(state, a, size), self.value(state, b, size));
        if test && a != b && right.single() != Some(0) {
            let bits = bin(BinOp::And, size, &left, &right);
            state.flags = bits.single().is_some().then(|| Flags {
                reg: NONE,
                cells: [None; 2],
                difference: NONE,
                equality_only: false,
                a: bits,
                b: Val::constant(0),
                size,
                test,
            });
            return;
        }
        state.flags = Some(Flags {
            reg,
            cells,
            difference: NONE,
            equality_only: false,
            a: left,
            b: right,
            size,
            test,
        });
    }

    fn store(&mut self, run: &mut Run, state: &mut State, mem: &Mem, src: Src) {
        let size = mem.size;
        let address = self.address(state, mem);
        let val = self.value(state, src, size);
        let immediate = match src {
            Src::Imm(_) => true,
            Src::Reg(reg) => state.is_immediate(reg),
            Src::Mem(_) => false,
        };
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
    fn repeat(&mut self, run: &mut Run, state: &mut State, size: u8, fill: bool) {
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

/// True for a pointer that walks along a table in equal steps, to an end that is not known.
fn walks_on(address: &Val) -> bool {
    let open = address.atoms().iter().any(|atom| atom.sym != CONST);
    let places = || address.atoms().iter().filter(|atom| atom.sym == CONST);
    let steps = places()
        .zip(places().skip(1))
        .map(|(a, b)| b.off.wrapping_sub(a.off));
    open && places().count() > 2 && common(steps).is_some()
}

/// Numbers cut to `size` bytes; addresses and parameters are taken to fit.
pub(crate) fn truncate(val: &Val, size: u8) -> Val {
    if size >= 8 {
        return val.clone();
    }
    match val {
        Val::One(Atom { sym: CONST, off, .. }) => Val::constant(mask(*off as u64, size)),
        Val::One(atom) if size >= 4 || atom.sym <= STACK => Val::One(*atom),
        _ if size >= 4 => keep_symbols(val, |value| mask(value, size)),
        _ => val.map(|value| mask(value, size)),
    }
}

/// Applies `f` to the numbers and keeps the symbols as they are.
fn keep_symbols(val: &Val, f: impl Fn(u64) -> u64) -> Val {
    match val {
        Val::One(Atom { sym: CONST, off, .. }) => Val::constant(f(*off as u64)),
        Val::One(atom) => Val::One(*atom),
        Val::Many(atoms) => Val::from_atoms(
            atoms
                .iter()
                .map(|atom| {
                    if atom.sym == CONST {
                        Atom::constant(f(atom.off as u64))
                    } else {
                        *atom
                    }
                })
                .collect(),
        ),
    }
}

fn scaled(val: &Val, scale: u8, width: u8) -> Val {
    if scale <= 1 {
        return val.clone();
    }
    val.map(|value| mask(value.wrapping_mul(u64::from(scale)), width))
}

fn compute(op: BinOp, size: u8, a: u64, b: u64) -> Option<u64> {
    let bits = u32::from(size) * 8;
    let by = (b as u32) & (if size == 8 { 63 } else { 31 });
    let value = match op {
        BinOp::Add => a.wrapping_add(b),
        BinOp::Sub => a.wrapping_sub(b),
        BinOp::And => a & b,
        BinOp::Or => a | b,
        BinOp::Xor => a ^ b,
        BinOp::Shl => a.checked_shl(by).unwrap_or(0),
        BinOp::Shr => mask(a, size).checked_shr(by).unwrap_or(0),
        BinOp::Sar => ((sign_extend(a, size) as i64) >> by.min(63)) as u64,
        BinOp::Rol | BinOp::Ror => {
            let by = by % bits.max(1);
            let by = if op == BinOp::Ror {
                (bits - by) % bits.max(1)
            } else {
                by
            };
            let a = mask(a, size);
            if by == 0 {
                a
            } else {
                (a << by) | (a >> (bits - by))
            }
        }
        BinOp::Mul => a.wrapping_mul(b),
        BinOp::Div => a.checked_div(b)?,
    };
    Some(mask(value, size))
}

/// The result of `a op b` over sets.
pub(crate) fn bin(op: BinOp, size: u8, a: &Val, b: &Val) -> Val {
    if let (Some(x), Some(y)) = (a.single(), b.single()) {
        return compute(op, size, x, y).map_or(Val::TOP, Val::constant);
    }
    if let Some(y) = b.single() {
        if let Some(val) = with_constant(op, size, a, y) {
            return val;
        }
    } else if let (Some(x), true) = (
        a.single(),
        matches!(op, BinOp::Add | BinOp::And | BinOp::Or | BinOp::Xor),
    ) && let Some(val) = with_constant(op, size, b, x)
    {
        return val;
    }
    if op == BinOp::Sub
        && let (Val::One(x), Val::One(y)) = (a, b)
        && x.sym == y.sym
        && x.exact
        && y.exact
        && x.sym > TOP
    {
        return Val::constant(mask(x.off.wrapping_sub(y.off) as u64, size));
    }
    if size == 8
        && matches!(op, BinOp::Or | BinOp::Add)
        && let Some(half) = half_known(a, b).or_else(|| half_known(b, a))
    {
        return half;
    }
    // Two sets of several members each are related in ways not known: no product of both.
    let mut atoms: Vec<Atom> = Vec::new();
    if a.atoms().len() == 1 || b.atoms().len() == 1 {
        for x in a.atoms() {
            for y in b.atoms() {
                match (x.sym, y.sym) {
                    (CONST, CONST) => atoms.push(
                        compute(op, size, x.off as u64, y.off as u64).map_or(Atom::TOP, Atom::constant),
                    ),
                    (sym, CONST) if sym > TOP && op == BinOp::Add && x.exact => {
                        atoms.push(Atom {
                            off: x.off.wrapping_add(signed(y.off, size)),
                            ..*x
                        });
                    }
                    (CONST, sym) if sym > TOP && op == BinOp::Add && y.exact => {
                        atoms.push(Atom {
                            off: y.off.wrapping_add(signed(x.off, size)),
                            ..*y
                        });
                    }
                    _ => {
                        for atom in [x, y] {
                            match atom.sym {
                                CONST => {}
                                TOP | STACK => atoms.push(Atom::TOP),
                                sym => atoms.push(Atom::depends(sym)),
                            }
                        }
                    }
                }
            }
        }
    } else if let Some(val) = in_step(op, size, a, b) {
        return val;
    } else {
        atoms.extend(a.dependencies());
        atoms.extend(b.dependencies());
        atoms.push(Atom::TOP);
    }
    Val::from_atoms(atoms)
}

/// True when nothing is known of a value but what it depends on.
pub(crate) fn unknown(val: &Val) -> bool {
    val.atoms().iter().all(|atom| atom.sym == TOP || !atom.exact)
}

/// Two members of a structure put together in one register: tags in one half, something unknown in the other, which is
/// taken for zero.
fn half_known(known: &Val, other: &Val) -> Option<Val> {
    let halves = |value: u64| value & 0xffff_ffff == 0 || value >> 32 == 0;
    let tags = known.atoms().iter().all(|atom| {
        let value = atom.off as u64;
        atom.sym == CONST && halves(value) && Atom::constant(value | value >> 32).looks_like_tag()
    });
    (tags && other.constants().is_none()).then(|| known.clone())
}

/// Two sets of equally many numbers are taken to come from the same variable (a loop's `i` and `2 * i`): member by member.
fn in_step(op: BinOp, size: u8, a: &Val, b: &Val) -> Option<Val> {
    if a.atoms().len() != b.atoms().len() || !matches!(op, BinOp::Add | BinOp::Sub | BinOp::Or | BinOp::Xor) {
        return None;
    }
    let pairs = a.constants()?.zip(b.constants()?);
    Some(Val::from_atoms(
        pairs
            .filter_map(|(x, y)| compute(op, size, x, y))
            .map(Atom::constant)
            .collect(),
    ))
}

fn signed(off: i64, size: u8) -> i64 {
    sign_extend(off as u64, size) as i64
}

/// `a op constant`, where that says more than for two sets.
fn with_constant(op: BinOp, size: u8, a: &Val, constant: u64) -> Option<Val> {
    let width = if size >= 8 {
        u64::MAX
    } else {
        (1u64 << (u32::from(size) * 8)) - 1
    };
    let neutral = match op {
        BinOp::Add | BinOp::Sub | BinOp::Or | BinOp::Xor | BinOp::Shl | BinOp::Shr => constant == 0,
        // Bit 31 marks protected allocations and is no part of the tag.
        BinOp::And => constant & width == width || (size == 4 && constant == 0x7fff_ffff),
        _ => false,
    };
    if neutral || (op == BinOp::Or && size == 4 && constant == 0x8000_0000) {
        return Some(keep_symbols(a, |value| {
            compute(op, size, value, constant).unwrap_or(value)
        }));
    }
    match op {
        BinOp::Add | BinOp::Sub => {
            let by = signed(constant as i64, size);
            let by = if op == BinOp::Sub { by.wrapping_neg() } else { by };
            Some(Val::from_atoms(
                a.atoms()
                    .iter()
                    .map(|atom| match atom.sym {
                        CONST => Atom::constant(mask(atom.off.wrapping_add(by) as u64, size)),
                        TOP => *atom,
                        _ if !atom.exact => *atom,
                        _ => Atom {
                            off: atom.off.wrapping_add(by),
                            ..*atom
                        },
                    })
                    .collect(),
            ))
        }
        BinOp::And => {
            let keeps_high = constant & width & !0xfff == width & !0xfff;
            let few = constant.count_ones() <= 5;
            let mut atoms = Vec::new();
            for atom in a.atoms() {
                match atom.sym {
                    CONST => atoms.push(Atom::constant(atom.off as u64 & constant)),
                    STACK if keeps_high => atoms.push(Atom {
                        off: atom.off & sign_extend(constant, size) as i64,
                        ..*atom
                    }),
                    sym if few => {
                        atoms.extend(submasks(constant).map(Atom::constant));
                        if sym > STACK {
                            atoms.push(Atom::depends(sym));
                        }
                    }
                    TOP | STACK => atoms.push(Atom::TOP),
                    sym => atoms.push(Atom::depends(sym)),
                }
            }
            if few {
                atoms.retain(|atom| atom.sym == CONST);
            }
            Some(Val::from_atoms(atoms))
        }
        _ => None,
    }
}

/// All values of the bits of `bits`.
fn submasks(bits: u64) -> impl Iterator<Item = u64> {
    let mut next = Some(bits);
    std::iter::from_fn(move || {
        let current = next?;
        next = if current == 0 {
            None
        } else {
            Some((current - 1) & bits)
        };
        Some(current)
    })
}
