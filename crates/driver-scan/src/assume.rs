//! What a condition says of the values that were compared.

use crate::ir::{Cond, Reg};
use crate::state::{Cell, State};
use crate::value::{Atom, CONST, STACK, TOP, Val, mask, sign_extend};

impl State {
    /// True when both sides of the last comparison are known, or their distance.
    pub(crate) fn is_decided(&self) -> bool {
        self.flags.as_ref().is_some_and(|flags| {
            (flags.a.single().is_some() && (flags.test || flags.b.single().is_some()))
                || same_base(&flags.a, &flags.b).is_some()
        })
    }

    /// Narrows what was compared to what the condition allows; false when it cannot hold. A bound of up to `widest`
    /// makes something unknown a range of numbers.
    pub(crate) fn assume(&mut self, cond: Cond, widest: u64) -> bool {
        let Some(flags) = self.flags.clone() else {
            return true;
        };
        if flags.equality_only && !matches!(cond, Cond::Eq | Cond::Ne | Cond::S | Cond::Ns) {
            return true;
        }
        let narrowed = if flags.test {
            // test a, a compares with zero.
            if flags.b != flags.a && flags.b.single() != Some(0) {
                return true;
            }
            narrow(&flags.a, 0, flags.size, cond, widest)
        } else {
            match flags.b.single() {
                Some(b) => narrow(&flags.a, b, flags.size, cond, widest),
                // Two addresses in the same object.
                None => {
                    return same_base(&flags.a, &flags.b)
                        .is_none_or(|(a, b)| narrow(&Val::constant(a), b, 8, cond, 1).is_some());
                }
            }
        };
        let Some(narrowed) = narrowed else { return false };
        if let (Some(place), Some(b)) = (self.regs.get_mut(usize::from(flags.difference)), flags.b.single()) {
            *place = Val::from_atoms(
                narrowed
                    .atoms()
                    .iter()
                    .map(|atom| less(*atom, b, flags.size))
                    .collect(),
            );
        }
        for cell in flags.cells.into_iter().flatten() {
            self.put_cell(cell, narrowed.clone());
        }
        self.put(flags.reg, narrowed);
        true
    }

    /// Narrows a register to zero or to not zero; false when it cannot be.
    pub(crate) fn assume_zero(&mut self, reg: Reg, size: u8, zero: bool) -> bool {
        let cond = if zero { Cond::Eq } else { Cond::Ne };
        match narrow(self.reg(reg), 0, size, cond, 1) {
            Some(narrowed) => {
                self.put(reg, narrowed);
                true
            }
            None => false,
        }
    }

    /// Replaces the value of a register and of the cells that hold the same.
    pub(crate) fn put(&mut self, reg: Reg, val: Val) {
        for index in 0..self.origin.len() {
            if let Some(&(copy, cell)) = self.origin.get(index)
                && copy == reg
            {
                self.put_cell(cell, val.clone());
            }
        }
        if let Some(place) = self.regs.get_mut(usize::from(reg)) {
            *place = val;
        }
    }

    fn put_cell(&mut self, (sym, off, size): Cell, val: Val) {
        let index = self.position(sym, off);
        if let Some(slot) = self.mem.get_mut(index)
            && (slot.sym, slot.off, slot.size) == (sym, off, size)
        {
            slot.val = val;
        }
    }
}

/// The distances of two addresses from the same base, made positive.
fn same_base(a: &Val, b: &Val) -> Option<(u64, u64)> {
    let (Val::One(a), Val::One(b)) = (a, b) else {
        return None;
    };
    let same = a.sym == b.sym && a.sym > TOP && a.exact && b.exact;
    let positive = |off: i64| (off as u64) ^ (1 << 63);
    same.then(|| (positive(a.off), positive(b.off)))
}

/// A value less `by`.
pub(crate) fn less(atom: Atom, by: u64, size: u8) -> Atom {
    match atom.sym {
        CONST => Atom::constant(mask((atom.off as u64).wrapping_sub(by), size)),
        _ if !atom.exact || atom.sym == TOP => atom,
        _ => Atom {
            off: atom.off.wrapping_sub(sign_extend(by, size) as i64),
            ..atom
        },
    }
}

/// The members of `a` for which `a cond b` can hold; `None` when there are none.
pub(crate) fn narrow(a: &Val, b: u64, size: u8, cond: Cond, widest: u64) -> Option<Val> {
    let b = mask(b, size);
    let holds = |value: u64| {
        let value = mask(value, size);
        let (x, y) = (sign_extend(value, size) as i64, sign_extend(b, size) as i64);
        match cond {
            Cond::Eq => value == b,
            Cond::Ne => value != b,
            Cond::B => value < b,
            Cond::Ae => value >= b,
            Cond::Be => value <= b,
            Cond::A => value > b,
            Cond::L => x < y,
            Cond::Ge => x >= y,
            Cond::Le => x <= y,
            Cond::G => x > y,
            Cond::S => x < y,
            Cond::Ns => x >= y,
            Cond::Other => true,
        }
    };
    let mut kept = Vec::with_capacity(a.atoms().len());
    let mut unknown = false;
    for atom in a.atoms() {
        match atom.sym {
            CONST if !holds(atom.off as u64) => {}
            // Addresses on the stack and of imports are not zero.
            STACK if cond == Cond::Eq && b == 0 => {}
            CONST => kept.push(*atom),
            sym => {
                unknown |= sym == TOP || !atom.exact || matches!(cond, Cond::Eq | Cond::Be | Cond::B);
                kept.push(*atom);
            }
        }
    }
    if unknown {
        // A bound on something unknown makes it a small range.
        let range = match cond {
            Cond::Eq if kept.iter().all(|atom| atom.sym == TOP || atom.sym == CONST) => Some(b..=b),
            Cond::Be if b < widest => Some(0..=b),
            Cond::B if b > 0 && b <= widest => Some(0..=b - 1),
            _ => None,
        };
        if let Some(range) = range {
            kept.retain(|atom| atom.sym == CONST);
            kept.extend(range.map(Atom::constant));
        }
    }
    if kept.is_empty() {
        None
    } else {
        Some(Val::from_atoms(kept))
    }
}
