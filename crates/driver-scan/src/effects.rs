//! What a call leaves behind in registers and memory.

use crate::Arch;
use crate::changes::bit;
use crate::engine::{Callee, Demand, Engine, is_resolver};
use crate::flow::Run;
use crate::ir::{Op, RDX, RSP, Reg, Src, VEC, X86_PARAMETERS};
use crate::routines::argument;
use crate::state::State;
use crate::stdcall;
use crate::value::{Atom, CONST, Kind, STACK, TOP, Val};

impl Engine<'_> {
    /// What is left of the state after a call that is not interpreted.
    pub(crate) fn after_call(
        &mut self,
        run: &mut Run,
        ip: u32,
        targets: &[Callee],
        mut state: State,
        rest: &[(u32, u32, Op)],
    ) -> State {
        let ret = self.symbols.intern(Kind::Ret(ip));
        self.note_keeper(ip, targets);
        let mut result = Val::symbol(ret);
        let mut pops = None;
        let mut changed = u64::MAX;
        let mut by = Atom::TOP;
        match targets {
            [Callee::Import(index)] => {
                let name = self.names.get(*index as usize).cloned().unwrap_or_default();
                pops = (self.image.arch == Arch::X86)
                    .then(|| stdcall::popped(&name))
                    .flatten();
                if let Some(known) = self.known_routine(run, &name, &mut state) {
                    result = known;
                    by = Atom {
                        sym: CONST,
                        exact: true,
                        off: 0,
                    };
                } else if is_resolver(&name)
                    && let Some(found) = self.resolve(run, &name, &state)
                {
                    result = found;
                    if run.reporting && !self.leads_to_sink(&result) {
                        // A routine that has nothing to do with tags.
                        self.fed.push(ip);
                    }
                }
            }
            [Callee::Func(function)] => {
                pops = self.pops(*function);
                changed = self.changed_by(*function);
                by = if self.copies_constant(run, *function, &mut state) {
                    Atom::constant(0)
                } else {
                    Atom::depends(ret)
                };
            }
            _ => {}
        }
        if by.sym != CONST {
            let callee = if let [Callee::Func(function)] = targets {
                Some(*function)
            } else {
                None
            };
            self.escape(run, &mut state, by, callee);
        }
        self.forget_changed(&mut state, changed);
        if changed & bit(0) != 0 {
            state.set(0, result);
        }
        if let ([Callee::Func(_)], Arch::X86 | Arch::Arm64) = (targets, self.image.arch) {
            // The second half of a structure that is returned in two registers.
            let second = if self.image.arch == Arch::X86 { RDX } else { 1 };
            if changed & bit(second) != 0 {
                state.set(second, Val::One(Atom::depends(ret)));
            }
        }
        if self.image.arch == Arch::X86 {
            let pops = pops.map_or_else(|| guessed_pops(&state, rest), i64::from);
            let sp = state.reg(RSP).clone();
            state.set(RSP, self.add(&sp, pops));
            state.pushed = 0;
        }
        state
    }

    /// Memory a call may write: what its arguments point to, and what was stored where it may be seen.
    fn escape(&mut self, run: &mut Run, state: &mut State, by: Atom, callee: Option<u32>) {
        let mut places: Vec<Atom> = Vec::new();
        let registers: &[Reg] = match self.image.arch {
            Arch::X64 => &[1, 2, 8, 9],
            Arch::X86 if callee.is_some() => &X86_PARAMETERS,
            Arch::X86 => &[1, 2],
            Arch::Arm64 => &[0, 1, 2, 3, 4, 5, 6, 7],
        };
        for &reg in registers {
            places.extend(
                state
                    .reg(reg)
                    .atoms()
                    .iter()
                    .filter(|atom| atom.exact && atom.sym != TOP),
            );
        }
        if let Val::One(Atom { sym: STACK, off, .. }) = state.reg(self.stack_pointer()) {
            let width = i64::from(self.image.pointer_size());
            let (first, count) = match self.image.arch {
                Arch::X64 => (4, 8),
                Arch::X86 => (0, 8),
                Arch::Arm64 => (0, 2),
            };
            for index in first..first + count {
                if let Some((val, _)) = state.read(STACK, off.saturating_add(index * width), width as u8) {
                    let counts = |atom: &&Atom| {
                        atom.exact
                            && (atom.sym == STACK || (atom.sym == CONST && self.may_hold_tag(atom.off)))
                    };
                    places.extend(val.atoms().iter().filter(counts));
                }
            }
        }
        places.extend(state.escaped.iter().map(|&off| Atom {
            sym: STACK,
            exact: true,
            off,
        }));
        for place in places {
            if let (Some(callee), STACK) = (callee, place.sym)
                && run.given.len() < 256
                && !run.given.contains(&(place.off, callee))
            {
                run.given.push((place.off, callee));
            }
            if let (Some(callee), CONST, true) = (callee, place.sym, run.reporting)
                && self.may_hold_tag(place.off)
            {
                self.demand(Demand::Inside(callee));
            }
            if place.sym != STACK || place.off < 0 {
                state.may_write(place.sym, place.off, by);
            }
        }
    }

    /// General registers that a call does not keep, as bits.
    fn volatile(&self) -> u64 {
        match self.image.arch {
            // rax, rcx, rdx, r8 to r11
            Arch::X64 => 0xf07,
            Arch::X86 => 0x7,
            // x0 to x17, and the link register
            Arch::Arm64 => 0x3_ffff | 1 << 30,
        }
    }

    pub(crate) fn is_volatile(&self, reg: Reg) -> bool {
        self.volatile() & bit(reg) != 0
    }

    pub(crate) fn forget_volatile(&self, state: &mut State) {
        self.forget_changed(state, u64::MAX);
    }

    /// Forgets the registers that a call does not keep and that are among the bits of `changed`.
    fn forget_changed(&self, state: &mut State, changed: u64) {
        let general = self.volatile() & changed;
        let vectors: u64 = if self.image.arch == Arch::X64 {
            0xfff
        } else {
            0xffff
        };
        state.forget(general | vectors << VEC);
    }

    /// Routines whose effect matters: text set-up and memory copies. Their result.
    fn known_routine(&mut self, run: &mut Run, name: &str, state: &mut State) -> Option<Val> {
        let arch = self.image.arch;
        let pointer = self.image.pointer_size() as u8;
        match name {
            "RtlInitUnicodeString" | "RtlInitAnsiString" | "RtlInitString" => {
                let to = self.argument_value(state, argument(arch, 0), pointer).0;
                let text = self.argument_value(state, argument(arch, 1), pointer).0;
                let buffer = self.add(&to, i64::from(pointer));
                self.store_to(run, state, &buffer, pointer, text, false);
                Some(Val::TOP)
            }
            "memcpy" | "memmove" | "RtlCopyMemory" | "RtlMoveMemory" | "memset" | "RtlZeroMemory" => {
                let to = self.argument_value(state, argument(arch, 0), pointer).0;
                let second = self.argument_value(state, argument(arch, 1), pointer).0;
                let zero_only = name == "RtlZeroMemory";
                let length = if zero_only {
                    second.clone()
                } else {
                    self.argument_value(state, argument(arch, 2), pointer).0
                };
                let bytes = length.single().filter(|&bytes| bytes <= 512)?;
                if to.atoms().len() != 1 {
                    return None;
                }
                let fills = zero_only || (name == "memset" && second.single() == Some(0));
                if name == "memset" && !fills {
                    return None;
                }
                self.copy_memory(run, state, &to, if fills { None } else { Some(&second) }, bytes);
                Some(to)
            }
            _ => None,
        }
    }

    /// The driver's own `memcpy`, called to fill a local with constant data: a function that calls nothing, given a
    /// place on the stack, a place in read-only data, and a length.
    fn copies_constant(&mut self, run: &mut Run, function: u32, state: &mut State) -> bool {
        let Some((to, from, bytes)) = self.constant_copy(function, state) else {
            return false;
        };
        self.copy_memory(run, state, &to, Some(&from), bytes);
        true
    }

    /// Where to, where from and how many bytes such a call copies.
    pub(crate) fn constant_copy(&mut self, function: u32, state: &State) -> Option<(Val, Val, u64)> {
        let arch = self.image.arch;
        let pointer = self.image.pointer_size() as u8;
        let to = self.argument_value(state, argument(arch, 0), pointer).0;
        let known = match to {
            Val::One(Atom {
                sym: STACK,
                exact: true,
                off,
            }) => off < 0,
            Val::One(Atom { sym: CONST, off, .. }) => self.may_hold_tag(off),
            _ => false,
        };
        if !known {
            return None;
        }
        let from = self.argument_value(state, argument(arch, 1), pointer).0;
        let constant = from
            .single()
            .and_then(|va| self.image.rva_of(va))
            .and_then(|rva| self.image.section(rva))
            .is_some_and(|section| !section.exec && !section.write);
        if !constant {
            return None;
        }
        let length = self
            .argument_value(state, argument(arch, 2), pointer)
            .0
            .single()?;
        ((4..=512).contains(&length) && self.is_leaf(function)).then_some((to, from, length))
    }

    /// True for a short function that calls nothing.
    fn is_leaf(&mut self, function: u32) -> bool {
        /// Most blocks of a short function.
        const SHORT: usize = 64;
        self.all_blocks(function, SHORT, |_, block| {
            let calls = |op: &Op| matches!(op, Op::Call { .. } | Op::CallInd { .. });
            !block.ops.iter().any(|(_, _, op)| calls(op))
        })
    }

    /// The routine a resolver is asked for, when its name is known.
    fn resolve(&mut self, run: &Run, name: &str, state: &State) -> Option<Val> {
        let arch = self.image.arch;
        let pointer = self.image.pointer_size() as u8;
        let wide = name != "FltGetRoutineAddress";
        let mut text = self.argument_value(state, argument(arch, 0), pointer).0;
        if wide {
            let address = self.add(&text, i64::from(pointer));
            text = self.load(state, &address, pointer).0;
        }
        let mut atoms = Vec::new();
        for atom in text.atoms().to_vec() {
            match (atom.sym, self.symbols.kind(atom.sym)) {
                (CONST, _) => {
                    let read = if wide {
                        self.image.wide_text(atom.off as u64)
                    } else {
                        self.image.narrow_text(atom.off as u64)
                    };
                    if let Some(routine) = read.filter(|routine| !routine.is_empty()) {
                        let index = self.import_index(&routine);
                        atoms.push(Atom::symbol(self.symbols.intern(Kind::Import(index))));
                    }
                }
                (_, Kind::Entry(_) | Kind::Deref(..)) if run.reporting => self.demand(Demand::Callers),
                _ => {}
            }
        }
        (!atoms.is_empty()).then(|| Val::from_atoms(atoms))
    }

    /// Bytes of arguments a function of a 32-bit image takes off the stack: from its `ret`.
    pub(crate) fn pops(&mut self, function: u32) -> Option<u16> {
        if self.image.arch != Arch::X86 {
            return None;
        }
        if let Some(&known) = self.popped.get(&function) {
            return known;
        }
        let end = self
            .xrefs
            .end_of(self.image, function)
            .min(function.saturating_add(0x4000));
        let mut at = function;
        let mut ops = Vec::new();
        let mut found = None;
        let mut furthest = function;
        while at < end {
            ops.clear();
            let Some(length) = self
                .image
                .tail(at)
                .and_then(|bytes| self.lift(bytes, at, &mut ops))
            else {
                break;
            };
            at = at.saturating_add(length);
            for op in &ops {
                match op {
                    Op::Ret { pop } => found = Some(*pop),
                    Op::JumpIf { to, .. } | Op::Jump { to } if *to < end => furthest = furthest.max(*to),
                    _ => {}
                }
            }
            if found.is_some() || (matches!(ops.last(), Some(Op::Stop | Op::Jump { .. })) && at > furthest) {
                break;
            }
        }
        self.popped.insert(function, found);
        found
    }
}

/// Callees of unknown convention: the caller cleans up when it does so right after the call; otherwise everything
/// pushed since the last call was for this one.
fn guessed_pops(state: &State, rest: &[(u32, u32, Op)]) -> i64 {
    let cleans = rest.first().is_some_and(|(_, _, op)| {
        matches!(
            op,
            Op::Bin {
                op: crate::ir::BinOp::Add,
                dst: RSP,
                b: Src::Imm(_),
                ..
            }
        )
    });
    let sp_below = matches!(state.reg(RSP), Val::One(Atom { sym: STACK, .. }));
    if cleans || !sp_below {
        0
    } else {
        i64::from(state.pushed)
    }
}
