//! What a call or a jump through a pointer leads to.

use crate::Arch;
use crate::blocks::Block;
use crate::engine::{Callee, Demand, Engine};
use crate::flow::{Edges, Run};
use crate::ir::{Op, Reg, Src};
use crate::state::State;
use crate::value::{Atom, CONST, Kind, STACK, Val};

impl Engine<'_> {
    pub(crate) fn jump_indirect(
        &mut self,
        run: &mut Run,
        ip: u32,
        src: Src,
        state: State,
        edges: &mut Edges,
    ) {
        let target = self.value(&state, src, self.image.pointer_size() as u8);
        let mut callees = self.targets(run, &state, &target);
        let mut local = Vec::new();
        callees.retain(|callee| match callee {
            Callee::Func(to) => {
                let inside = *to >= run.bounds.0 && *to < run.bounds.1;
                // Without exception data a jump table's cases are what nothing calls, behind the function's start.
                let chained = match self.image.bounds(*to) {
                    Some(bounds) => Some(bounds.primary) == run.nest.last().copied(),
                    None => to.wrapping_sub(run.bounds.0) < 0x1_0000 && !self.xrefs.is_called(*to),
                };
                if inside || chained {
                    local.push(*to);
                }
                !(inside || chained)
            }
            _ => true,
        });
        let unknown = callees.is_empty() && local.is_empty();
        for to in local {
            edges.push((to, state.clone()));
        }
        if !callees.is_empty() {
            self.tail_call(run, ip, &callees, state);
        } else if unknown {
            match &mut run.unresolved {
                Some(known) => {
                    known.absorb(&state, false);
                }
                None => run.unresolved = Some(state),
            }
        }
    }

    /// What a called address may be.
    pub(crate) fn targets(&mut self, run: &Run, state: &State, target: &Val) -> Vec<Callee> {
        let mut callees = Vec::new();
        let dispatched = |atom: &Atom| self.symbols.kind(atom.sym) == Kind::Guard;
        let called = if target.atoms().iter().any(dispatched) {
            // The dispatcher calls what rax (x64) or x15 (ARM64) holds.
            let reg: Reg = if self.image.arch == Arch::Arm64 { 15 } else { 0 };
            state.reg(reg)
        } else {
            target
        };
        for &atom in called.atoms() {
            if let Some(callee) = self.callee_of(atom) {
                callees.push(callee);
            } else if let Some(method) = self.method_at(atom) {
                callees.push(method);
            } else if run.reporting && atom.sym > STACK {
                self.ask_for_target(atom);
            }
        }
        callees.truncate(32);
        callees
    }

    /// A routine's address that another function returned or stored may become known.
    fn ask_for_target(&mut self, atom: Atom) {
        let known_names = self
            .sinks
            .keys()
            .any(|callee| matches!(callee, Callee::Import(_)));
        if !known_names || !atom.exact {
            return;
        }
        if let Kind::Ret(site) = self.symbols.kind(atom.sym)
            && let Some(&callee) = self.call_targets.get(&site)
            && self.inlined_by_callers.contains(&callee)
        {
            self.demand(Demand::Inside(callee));
        }
    }

    pub(crate) fn callee_of(&self, atom: Atom) -> Option<Callee> {
        if !atom.exact {
            return None;
        }
        match (atom.sym, self.symbols.kind(atom.sym)) {
            (CONST, _) => {
                let rva = self.image.rva_of(atom.off as u64)?;
                self.image.is_code(rva).then_some(Callee::Func(rva))
            }
            (_, Kind::Import(index)) if atom.off == 0 => Some(Callee::Import(index)),
            (_, Kind::WdfFn(index)) if atom.off == 0 => Some(Callee::Wdf(index)),
            _ => None,
        }
    }

    pub(crate) fn is_guard_check(&self, target: &Val) -> bool {
        matches!(target, Val::One(atom) if self.symbols.kind(atom.sym) == Kind::GuardCheck)
    }

    pub(crate) fn is_thunk(&mut self, entry: u32) -> bool {
        self.block(entry).is_some_and(|block| match &*block.ops {
            [(_, _, Op::Jump { .. } | Op::JumpInd { .. })] => true,
            [_, _, (_, _, Op::JumpInd { .. })] => self.image.arch == Arch::Arm64,
            _ => false,
        })
    }

    /// What a function that only jumps on leads to; another function itself.
    pub(crate) fn through_thunks(&mut self, run: &Run, state: &State, callee: Callee, out: &mut Vec<Callee>) {
        let mut current = callee;
        for _ in 0..4 {
            let Callee::Func(rva) = current else { break };
            let Some(block) = self.block(rva) else { break };
            let target = match block.ops.first() {
                Some(&(_, _, Op::Jump { to })) if to != rva => {
                    current = Callee::Func(to);
                    continue;
                }
                Some(&(_, _, Op::JumpInd { src })) => self.value(state, src, self.image.pointer_size() as u8),
                Some(&(
                    _,
                    _,
                    Op::Mov {
                        dst,
                        size,
                        src: Src::Imm(page),
                    },
                )) if self.image.arch == Arch::Arm64 => {
                    // ADRP x16; LDR x16, [x16, n]; BR x16
                    let Some(slot) = arm_thunk(&block, dst, size, page) else {
                        break;
                    };
                    self.load(state, &Val::constant(slot), 8).0
                }
                _ => break,
            };
            let found = self.targets(run, state, &target);
            if !found.is_empty() {
                found.into_iter().for_each(|callee| add(out, callee));
                return;
            }
            break;
        }
        add(out, current);
    }
}

fn add(callees: &mut Vec<Callee>, callee: Callee) {
    if !callees.contains(&callee) {
        callees.push(callee);
    }
}

/// The slot an ARM64 import thunk jumps through.
fn arm_thunk(block: &Block, dst: Reg, size: u8, page: u64) -> Option<u64> {
    let [
        _,
        (
            _,
            _,
            Op::Mov {
                dst: loaded,
                src: Src::Mem(mem),
                ..
            },
        ),
        (
            _,
            _,
            Op::JumpInd {
                src: Src::Reg(target),
            },
        ),
    ] = &*block.ops
    else {
        return None;
    };
    (size == 8 && mem.base == dst && loaded == target).then(|| page.wrapping_add(mem.disp as u64))
}
