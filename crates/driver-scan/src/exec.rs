//! What the operations do to registers and flags.

use crate::arithmetic::{bin, half_known, keep_symbols, truncate, unknown};
use crate::engine::Engine;
use crate::flow::Run;
use crate::ir::{BinOp, Cond, NONE, Op, RSP, Reg, Src, TMP, UnOp};
use crate::state::{Flags, State};
use crate::value::{Atom, TOP, Val, mask, sign_extend};

impl Engine<'_> {
    pub(crate) fn execute(&mut self, run: &mut Run, state: &mut State, op: Op) {
        match op {
            Op::Mov { dst, size, src } => self.mov(state, dst, size, src),
            Op::Insert {
                dst,
                size,
                shift,
                src,
            } => self.insert(state, (dst, size, shift), src),
            Op::Extend {
                dst,
                size,
                from,
                signed,
                src,
            } => {
                let val = self.value(state, src, from);
                state.set(dst, extend(&val, size, from, signed));
            }
            Op::Bin { op, dst, size, a, b } => self.binary(state, op, (dst, size), a, b),
            Op::Un { op, dst, size, a } => {
                let val = self.value(state, a, size).map(|value| unary(op, size, value));
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

    fn mov(&mut self, state: &mut State, dst: Reg, size: u8, src: Src) {
        let immediate = matches!(src, Src::Imm(_))
            || matches!(src, Src::Reg(from) if size >= 4 && state.is_immediate(from) && from >= TMP);
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

    /// Sets `size` bytes of a register from bit `shift` on.
    fn insert(&mut self, state: &mut State, (dst, size, shift): (Reg, u8, u8), src: Src) {
        let new = self.value(state, src, size);
        let immediate = matches!(src, Src::Imm(_)) && state.is_immediate(dst);
        if size <= 2 && shift == 0 && new.constants().is_some() && state.reg(dst).constants().is_none() {
            state.set_part(dst, size, new);
            return;
        }
        let ones = mask(u64::MAX, size).wrapping_shl(u32::from(shift));
        let old = bin(BinOp::And, 8, state.reg(dst), &Val::constant(!ones));
        let moved = new.map(|value| value.wrapping_shl(u32::from(shift)));
        state.set(dst, bin(BinOp::Or, 8, &old, &moved));
        if immediate {
            state.mark_immediate(dst);
        }
    }

    fn binary(&mut self, state: &mut State, op: BinOp, (dst, size): (Reg, u8), a: Src, b: Src) {
        let b = self.value(state, b, size);
        let a = match (a, b.single()) {
            // What a shift pushes out need not be known.
            (Src::Reg(reg), Some(by)) if op == BinOp::Shl => {
                let kept = (u64::from(size) * 8).saturating_sub(by).div_ceil(8).max(1);
                truncate(state.part(reg, kept as u8), size)
            }
            _ => self.value(state, a, size),
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
}

fn extend(val: &Val, size: u8, from: u8, signed: bool) -> Val {
    let widen = |value: u64| {
        if signed {
            mask(sign_extend(value, from), size)
        } else {
            mask(value, from)
        }
    };
    if from >= 4 || val.constants().is_some() {
        keep_symbols(val, widen)
    } else {
        val.map(widen)
    }
}

fn unary(op: UnOp, size: u8, value: u64) -> u64 {
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
}
