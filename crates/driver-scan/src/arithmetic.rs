//! Arithmetic over sets of values.

use crate::ir::BinOp;
use crate::value::{Atom, CONST, STACK, TOP, Val, mask, sign_extend};

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
pub(crate) fn keep_symbols(val: &Val, f: impl Fn(u64) -> u64) -> Val {
    val.each(|atom| {
        if atom.sym == CONST {
            Atom::constant(f(atom.off as u64))
        } else {
            atom
        }
    })
}

pub(crate) fn scaled(val: &Val, scale: u8, width: u8) -> Val {
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
pub(crate) fn half_known(known: &Val, other: &Val) -> Option<Val> {
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

pub(crate) fn signed(off: i64, size: u8) -> i64 {
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
            Some(a.each(|atom| match atom.sym {
                CONST => Atom::constant(mask(atom.off.wrapping_add(by) as u64, size)),
                _ => atom.moved(by),
            }))
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
