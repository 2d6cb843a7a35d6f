//! What is known of a value: a small set of constants and of addresses relative to a symbol.

use std::rc::Rc;

use crate::hash::{Map, Seeded};

/// A symbol: something whose value is not known, but which is the same wherever it appears.
pub(crate) type Sym = u32;

/// Plain number or address in the image.
pub(crate) const CONST: Sym = 0;
/// Anything at all.
pub(crate) const TOP: Sym = 1;
/// The stack pointer at the entry of the function under analysis.
pub(crate) const STACK: Sym = 2;

/// Most members of a set; larger sets become "anything".
pub(crate) const MAX_SET: usize = 72;

/// Most members of a set that are only known to depend on something.
const MAX_VAGUE: usize = 6;

/// One possible value: `sym + off`, or (not `exact`) something computed from `sym`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Atom {
    /// Base.
    pub(crate) sym: Sym,
    /// False: only known to depend on `sym`.
    pub(crate) exact: bool,
    /// Distance from the base.
    pub(crate) off: i64,
}

impl Atom {
    pub(crate) const TOP: Self = Self {
        sym: TOP,
        exact: true,
        off: 0,
    };

    pub(crate) const fn constant(value: u64) -> Self {
        Self {
            sym: CONST,
            exact: true,
            off: value as i64,
        }
    }

    pub(crate) const fn symbol(sym: Sym) -> Self {
        Self {
            sym,
            exact: true,
            off: 0,
        }
    }

    pub(crate) const fn depends(sym: Sym) -> Self {
        Self {
            sym,
            exact: false,
            off: 0,
        }
    }

    /// The address `by` bytes further on, where it is known of which place it is one.
    pub(crate) const fn moved(self, by: i64) -> Self {
        if self.sym == TOP || !self.exact {
            return self;
        }
        Self {
            off: self.off.wrapping_add(by),
            ..self
        }
    }

    /// True for a number of four printable characters.
    pub(crate) fn looks_like_tag(self) -> bool {
        let bytes = (self.off as u32 & 0x7fff_ffff).to_le_bytes();
        self.sym == CONST && bytes.iter().all(|byte| (0x20..0x7f).contains(byte))
    }
}

/// What all of these are; `None` where they differ or there is none.
pub(crate) fn common<T: PartialEq>(mut all: impl Iterator<Item = T>) -> Option<T> {
    let first = all.next()?;
    all.all(|one| one == first).then_some(first)
}

/// A set of possible values, never empty, sorted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Val {
    /// Exactly one.
    One(Atom),
    /// Several.
    Many(Rc<[Atom]>),
}

impl Val {
    pub(crate) const TOP: Self = Self::One(Atom::TOP);

    pub(crate) const fn constant(value: u64) -> Self {
        Self::One(Atom::constant(value))
    }

    pub(crate) const fn symbol(sym: Sym) -> Self {
        Self::One(Atom::symbol(sym))
    }

    /// All possible values.
    pub(crate) fn atoms(&self) -> &[Atom] {
        match self {
            Self::One(atom) => std::slice::from_ref(atom),
            Self::Many(atoms) => atoms,
        }
    }

    /// The value when it is one known number.
    pub(crate) fn single(&self) -> Option<u64> {
        match self {
            Self::One(Atom { sym: CONST, off, .. }) => Some(*off as u64),
            _ => None,
        }
    }

    /// All values when all are known numbers.
    pub(crate) fn constants(&self) -> Option<impl Iterator<Item = u64> + '_> {
        self.atoms()
            .iter()
            .all(|atom| atom.sym == CONST)
            .then(|| self.atoms().iter().map(|atom| atom.off as u64))
    }

    /// Builds a set; too many members become "anything", keeping what it depends on.
    pub(crate) fn from_atoms(mut atoms: Vec<Atom>) -> Self {
        if let [one] = atoms.as_slice() {
            return Self::One(*one);
        }
        atoms.sort_unstable();
        atoms.dedup();
        Self::from_sorted(atoms)
    }

    fn from_sorted(mut atoms: Vec<Atom>) -> Self {
        let vague = atoms.iter().filter(|atom| !atom.exact).count();
        if vague > MAX_VAGUE {
            // What depends on many things depends on anything.
            let mut left = MAX_VAGUE;
            atoms.retain(|atom| {
                let keep = atom.exact || left > 0;
                left -= usize::from(!atom.exact && left > 0);
                keep
            });
            if let Err(at) = atoms.binary_search(&Atom::TOP) {
                atoms.insert(at, Atom::TOP);
            }
        }
        if atoms.len() > MAX_SET {
            // The first numbers stay: of a pointer that walks along a table they are the first entries.
            let mut rest: Vec<Atom> = atoms
                .iter()
                .filter(|atom| atom.sym == CONST)
                .take(MAX_SET / 2)
                .copied()
                .collect();
            let mut vague: Vec<Atom> = atoms
                .iter()
                .filter(|atom| atom.sym > STACK)
                .map(|atom| Atom::depends(atom.sym))
                .collect();
            vague.dedup();
            rest.extend(vague.into_iter().take(4));
            rest.push(Atom::TOP);
            atoms = rest;
            atoms.sort_unstable();
        }
        match atoms.as_slice() {
            [] => Self::TOP,
            [one] => Self::One(*one),
            _ => Self::Many(atoms.into()),
        }
    }

    /// True when every member of `other` is one of this set.
    pub(crate) fn includes(&self, other: &Self) -> bool {
        if let (Self::Many(a), Self::Many(b)) = (self, other)
            && Rc::ptr_eq(a, b)
        {
            return true;
        }
        let mut mine = self.atoms().iter();
        other.atoms().iter().all(|atom| {
            mine.by_ref()
                .find(|have| *have >= atom)
                .is_some_and(|have| have == atom)
        })
    }

    /// Union of both sets.
    pub(crate) fn join(&self, other: &Self) -> Self {
        if self.includes(other) {
            return self.clone();
        }
        if other.includes(self) {
            return other.clone();
        }
        if let (Self::One(a), Self::One(b)) = (self, other) {
            return Self::Many(Rc::new([*a.min(b), *a.max(b)]));
        }
        let (mut a, mut b) = (self.atoms().iter().peekable(), other.atoms().iter().peekable());
        let mut atoms = Vec::with_capacity(a.len() + b.len());
        loop {
            let next = match (a.peek(), b.peek()) {
                (Some(x), Some(y)) if x == y => {
                    b.next();
                    a.next()
                }
                (Some(x), Some(y)) => {
                    if x < y {
                        a.next()
                    } else {
                        b.next()
                    }
                }
                (Some(_), None) => a.next(),
                (None, _) => b.next(),
            };
            match next {
                Some(atom) => atoms.push(*atom),
                None => break,
            }
        }
        Self::from_sorted(atoms)
    }

    /// Applies `f` to each member. Nearly all sets have one, which costs no allocation.
    pub(crate) fn each(&self, f: impl Fn(Atom) -> Atom) -> Self {
        match self {
            Self::One(atom) => Self::One(f(*atom)),
            Self::Many(atoms) if atoms.iter().all(|atom| f(*atom) == *atom) => self.clone(),
            Self::Many(atoms) => Self::from_atoms(atoms.iter().copied().map(f).collect()),
        }
    }

    /// Applies `f` to each number; symbols become dependencies.
    pub(crate) fn map(&self, f: impl Fn(u64) -> u64) -> Self {
        self.each(|atom| match atom.sym {
            CONST => Atom::constant(f(atom.off as u64)),
            TOP | STACK => Atom::TOP,
            sym => Atom::depends(sym),
        })
    }

    /// Only what the set depends on.
    pub(crate) fn dependencies(&self) -> impl Iterator<Item = Atom> + '_ {
        self.atoms()
            .iter()
            .filter(|atom| atom.sym != CONST)
            .map(|atom| match atom.sym {
                TOP | STACK => Atom::TOP,
                sym => Atom::depends(sym),
            })
    }
}

/// Truncates a number to `size` bytes.
pub(crate) const fn mask(value: u64, size: u8) -> u64 {
    match size {
        1 => value & 0xff,
        2 => value & 0xffff,
        4 => value & 0xffff_ffff,
        _ => value,
    }
}

/// Extends the sign of a number of `size` bytes.
pub(crate) const fn sign_extend(value: u64, size: u8) -> u64 {
    match size {
        1 => value as u8 as i8 as i64 as u64,
        2 => value as u16 as i16 as i64 as u64,
        4 => value as u32 as i32 as i64 as u64,
        _ => value,
    }
}

/// What a symbol stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// One of the three fixed symbols.
    Fixed,
    /// A register at the entry of the function.
    Entry(u8),
    /// A register at the start of a block that is interpreted alone.
    Before(u8),
    /// What was stored at `base + off` (`size` bytes) before the function ran.
    Deref(Sym, i64, u8),
    /// A row of the table at this address, which one is not known.
    Row(u64),
    /// What the call at this address returned or wrote.
    Ret(u32),
    /// An imported routine.
    Import(u32),
    /// The table of framework (WDF) routines.
    WdfTable,
    /// A framework routine.
    WdfFn(u16),
    /// The control-flow-guard dispatcher, which calls what a register holds.
    Guard,
    /// The control-flow-guard check, which only looks.
    GuardCheck,
}

/// All symbols of a scan.
#[derive(Debug)]
pub(crate) struct Symbols {
    kinds: Vec<Kind>,
    depth: Vec<u8>,
    ids: Map<Kind, Sym>,
}

/// Symbols of a small driver.
const USUAL_SYMBOLS: usize = 100;
/// Most symbols of one scan.
const MAX_SYMBOLS: usize = 1 << 20;
/// Deepest chain of pointers followed.
const MAX_DEPTH: u8 = 5;

/// The three fixed symbols, and room for more.
fn with_room<T: Clone>(fixed: T) -> Vec<T> {
    let mut of = Vec::with_capacity(USUAL_SYMBOLS);
    of.resize(3, fixed);
    of
}

impl Symbols {
    pub(crate) fn new() -> Self {
        Self {
            kinds: with_room(Kind::Fixed),
            depth: with_room(0),
            ids: Map::with_capacity_and_hasher(USUAL_SYMBOLS, Seeded::default()),
        }
    }

    /// The symbol of `kind`; "anything" when there are too many or the chain is too deep.
    pub(crate) fn intern(&mut self, kind: Kind) -> Sym {
        if let Some(&sym) = self.ids.get(&kind) {
            return sym;
        }
        let depth = match kind {
            Kind::Deref(base, ..) => self
                .depth
                .get(base as usize)
                .copied()
                .unwrap_or(0)
                .saturating_add(1),
            _ => 0,
        };
        if depth > MAX_DEPTH || self.kinds.len() >= MAX_SYMBOLS {
            return TOP;
        }
        let Ok(sym) = Sym::try_from(self.kinds.len()) else {
            return TOP;
        };
        self.kinds.push(kind);
        self.depth.push(depth);
        self.ids.insert(kind, sym);
        sym
    }

    pub(crate) fn kind(&self, sym: Sym) -> Kind {
        self.kinds.get(sym as usize).copied().unwrap_or(Kind::Fixed)
    }
}
