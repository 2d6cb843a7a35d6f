//! Wrappers that are called through a pointer: a member of an object, of a table of operations, or of a table of virtual
//! methods.
//!
//! Which object a call means is not known, only how far from its start the pointer stands. Where a function that takes a
//! tag is kept at the same offset, what such a call passes in the place of the tag is one when it is four letters.

use crate::Arch;
use crate::changes::bit;
use crate::engine::{Callee, Engine, Sink};
use crate::flow::Run;
use crate::indirect::indirect_calls;
use crate::ir::{BinOp, Cond, Op, Reg, Src};
use crate::value::{Atom, CONST, Kind, STACK, TOP, Val, common};
use crate::xref::{references, takes_address};

/// Longest object or table whose members are told apart by their offsets, in bytes.
const MAX_OBJECT: u32 = 0x1000;
/// Rows of a table before the one that holds a function.
const MAX_ROWS: u32 = 64;
/// Most notes of one kind, and most places where tables are looked for.
const MAX_NOTES: usize = 1 << 14;
const MAX_TABLES: usize = 1 << 14;
/// Most ways a tag is passed on at one offset.
const MAX_SINKS: usize = 8;
/// Functions found by calls through pointers are kept in objects again so often.
const MAX_LEVELS: usize = 3;

/// Where a pointer to a function is kept: at an offset of an object or of a table; of a table, with the offset at which
/// objects point to it, when that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Member(u32);

impl Member {
    const fn new(off: u32, table: Option<u32>) -> Self {
        match table {
            Some(at) => Self((at + 1) * MAX_OBJECT + off),
            None => Self(off),
        }
    }

    pub(crate) const fn offset(self) -> u32 {
        self.0 % MAX_OBJECT
    }

    const fn table(self) -> Option<u32> {
        (self.0 / MAX_OBJECT).checked_sub(1)
    }
}

/// What is kept in memory.
#[derive(Debug, Default)]
pub(crate) struct Methods {
    /// (offset, function) of functions that were stored in objects.
    members: Vec<(u32, Callee)>,
    /// (place, function) of those that were stored in globals.
    globals: Vec<(u32, Callee)>,
    /// (address in the image's data, offset of objects that it was stored in)
    tables: Vec<(u32, u32)>,
    /// The offsets at which objects point to tables of functions that take a tag.
    pointers: Vec<u32>,
    /// Methods beside which other tables keep, at the same offset, a function that may be meant as well.
    pub(crate) rivalled: Vec<Member>,
}

impl Engine<'_> {
    /// Notes a function, or the address of what may be a table of functions, that is stored in an object or in a global.
    pub(crate) fn note_method(&mut self, run: &Run, place: Atom, size: u8, val: &Val) {
        let wide = u32::from(size) == self.image.pointer_size();
        if !wide || !run.reporting || place.sym == STACK || place.sym == TOP {
            return;
        }
        let global = (place.sym == CONST).then(|| self.image.rva_of(place.off as u64));
        let member = offset(place.off);
        for atom in val.atoms() {
            let callee = self.callee_of(*atom);
            let methods = &mut self.methods;
            match (callee, global) {
                (Some(callee), Some(at)) => note(&mut methods.globals, at.map(|at| (at, callee))),
                (Some(callee), None) => note(&mut methods.members, member.map(|off| (off, callee))),
                (None, None) if atom.sym == CONST => {
                    let table = self.image.rva_of(atom.off as u64);
                    note(&mut methods.tables, table.zip(member));
                }
                _ => {}
            }
        }
    }

    /// The method that a call through `atom` may mean, when tags are passed to such.
    pub(crate) fn method_at(&self, atom: Atom) -> Option<Callee> {
        let Kind::Deref(base, off, _) = self.symbols.kind(atom.sym) else {
            return None;
        };
        if !atom.exact || atom.off != 0 || base <= STACK {
            return None;
        }
        let table = match self.symbols.kind(base) {
            Kind::Deref(object, at, _) if object > STACK => offset(at),
            _ => None,
        };
        let table = table.filter(|at| self.methods.pointers.contains(at));
        let member = Member::new(offset(off)?, table);
        // What a global points to is one object for each purpose: a log, a filter, a device.
        if self.methods.rivalled.contains(&member) && self.may_be_of_global(base) {
            return None;
        }
        let method = Callee::Method(member);
        self.sinks.contains_key(&method).then_some(method)
    }

    /// Follows the calls through pointers at offsets where functions that take a tag are kept.
    pub(crate) fn explain_methods(&mut self) {
        for _ in 0..MAX_LEVELS {
            let fresh = self.keep_methods();
            if fresh.is_empty() {
                return;
            }
            self.read_signatures();
            self.find_rivals();
            self.spend(self.image.code_bytes() / 2);
            for site in indirect_calls(self.image, &fresh) {
                self.want(site);
            }
            if !self.answer() {
                return;
            }
        }
    }

    /// True for a method of which all functions call routines that give back an address.
    pub(crate) fn is_pointer_method(&self, callee: Callee) -> bool {
        let sinks = self.sinks.get(&callee).into_iter().flatten();
        let mut routines = sinks.map(|sink| &*sink.routine);
        matches!(callee, Callee::Method(_)) && routines.all(|name| name.starts_with("ExAllocatePool"))
    }

    /// Makes methods of the functions that take a tag and are kept somewhere; the offsets at which one is new, sorted.
    fn keep_methods(&mut self) -> Vec<u32> {
        let members = self.methods.members.iter();
        let mut kept: Vec<(Member, Callee)> = members
            .map(|&(off, callee)| (Member::new(off, None), callee))
            .collect();
        self.add_rows(&mut kept);
        kept.sort_unstable();
        kept.dedup();
        let mut fresh = Vec::new();
        for same in kept.chunk_by(|one, next| one.0 == next.0) {
            let Some(&(member, _)) = same.first() else {
                continue;
            };
            self.methods.pointers.extend(member.table());
            for sink in self.shared_sinks(same) {
                let known = self.sinks.entry(Callee::Method(member)).or_default();
                let alike = |one: &Sink| one.arg == sink.arg && one.routine == sink.routine;
                if known.len() < MAX_SINKS && !known.iter().any(alike) {
                    known.push(sink);
                    fresh.push(member.offset());
                }
            }
        }
        fresh.sort_unstable();
        fresh
    }

    /// How the functions that are kept at one place take their tag, when all do so in the same argument.
    fn shared_sinks(&self, kept: &[(Member, Callee)]) -> Vec<Sink> {
        let mut sinks: Vec<&Sink> = Vec::new();
        for (_, callee) in kept {
            let before = sinks.len();
            sinks.extend(self.plain_sinks(*callee));
            if sinks.len() == before {
                return Vec::new();
            }
        }
        if common(sinks.iter().map(|sink| sink.arg)).is_none() {
            return Vec::new();
        }
        let as_method = |sink: &Sink| Sink {
            letters: true,
            depth: sink.depth.saturating_add(1),
            ..sink.clone()
        };
        sinks.into_iter().map(as_method).collect()
    }

    /// The tags that are arguments themselves.
    pub(crate) fn plain_sinks(&self, callee: Callee) -> impl Iterator<Item = &Sink> {
        let sinks = self.sinks.get(&callee).into_iter().flatten();
        sinks.filter(|sink| {
            let direct = sink.derefs.is_empty() && !sink.filter && sink.when.is_none();
            direct && !sink.frees && sink.object.is_none()
        })
    }

    /// Adds all rows of the tables that hold functions which take a tag: of those of the image, and of objects in it.
    fn add_rows(&self, rows: &mut Vec<(Member, Callee)>) {
        let places = self.places_of_takers();
        let starts = self.starts_before(&places);
        for at in places {
            let upto = starts.partition_point(|&start| start <= at);
            let start = upto.checked_sub(1).and_then(|index| starts.get(index)).copied();
            let longest = MAX_ROWS * self.image.pointer_size();
            let Some(start) = start.filter(|start| at - start <= longest) else {
                continue;
            };
            let objects = self.methods.tables.iter().filter(|(table, _)| *table == start);
            let mut tables: Vec<Option<u32>> = objects.map(|&(_, off)| Some(off)).collect();
            if tables.is_empty() {
                tables.push(None);
            }
            for (off, callee) in self.rows_between(start, at) {
                rows.extend(tables.iter().map(|&table| (Member::new(off, table), callee)));
            }
        }
    }

    /// The function that the image's data points to at this place.
    pub(crate) fn function_at(&self, place: u32) -> Option<u32> {
        let value = self.image.base.wrapping_add(u64::from(place));
        let value = self.image.value(value, self.image.pointer_size() as u8)?;
        self.image.rva_of(value).filter(|&rva| self.image.is_code(rva))
    }

    /// Where functions that take a tag are kept in the image's data.
    fn places_of_takers(&self) -> Vec<u32> {
        let takes = |callee: Callee| self.plain_sinks(callee).next().is_some();
        let globals = self.methods.globals.iter();
        let mut places: Vec<u32> = globals
            .filter(|(_, callee)| takes(*callee))
            .map(|&(at, _)| at)
            .collect();
        for &callee in self.sinks.keys().filter(|&&callee| takes(callee)) {
            if let Callee::Func(function) = callee {
                let pointers = self.xrefs.pointers_to(function);
                places.extend(pointers.filter(|&at| !self.image.is_code(at)));
            }
        }
        places.sort_unstable();
        places.dedup();
        places.truncate(MAX_TABLES / MAX_ROWS as usize);
        places
    }

    /// (offset, function) of the rows of the table at `start`, as far as that at `last`.
    fn rows_between(&self, start: u32, last: u32) -> Vec<(u32, Callee)> {
        let inside = start..last.saturating_add(1);
        let globals = self.methods.globals.iter();
        let mut rows: Vec<(u32, Callee)> = globals
            .filter(|(place, _)| inside.contains(place))
            .map(|&(place, callee)| (place - start, callee))
            .collect();
        let pointers = &self.image.pointers;
        let from = pointers.partition_point(|&place| place < start);
        let places = pointers
            .iter()
            .skip(from)
            .take_while(|place| inside.contains(place));
        rows.extend(places.filter_map(|&place| {
            let function = self.function_at(place)?;
            Some((place - start, Callee::Func(function)))
        }));
        rows.retain(|&(off, _)| off < MAX_OBJECT);
        rows
    }

    /// Where tables or objects that hold one of these places begin: their address is taken. Sorted.
    fn starts_before(&self, places: &[u32]) -> Vec<u32> {
        let width = self.image.pointer_size();
        let before = places
            .iter()
            .flat_map(|at| (0..=MAX_ROWS).map(move |row| at.saturating_sub(row * width)));
        self.taken(before.collect())
    }

    /// Those of the places whose address is taken. Sorted.
    pub(crate) fn taken(&self, mut before: Vec<u32>) -> Vec<u32> {
        before.sort_unstable();
        before.dedup();
        let mut uses = Vec::new();
        references(self.image, &before, &mut uses);
        uses.retain(|&(_, site)| takes_address(self.image, site));
        let pointed = |at: &u32| {
            let mut places = self.xrefs.pointers_to(*at);
            places.any(|place| !self.image.is_code(place))
        };
        before.retain(pointed);
        before.extend(uses.into_iter().map(|(target, _)| target));
        before.sort_unstable();
        before.dedup();
        before
    }
}

/// True when the first use of what a call gives back, among the operations behind it, is that of a number, not of an
/// address: in 32 bits of a 64-bit image, or for its sign.
pub(crate) fn gives_number(arch: Arch, rest: &[(u32, u32, Op)]) -> bool {
    let mut result: Reg = 0;
    for (_, _, op) in rest {
        match (op.reads(result), op) {
            (
                Some(4),
                Op::Mov {
                    dst,
                    src: Src::Reg(_),
                    ..
                },
            ) if arch == Arch::X86 => result = *dst,
            (Some(size), _) => return (size < 8 && arch != Arch::X86) || asks_sign(op, rest),
            _ if op.written() & bit(result) != 0 => break,
            _ => {}
        }
    }
    false
}

/// True for a test of the highest of 32 bits, or a comparison whose sign decides the branch at the end of the block.
fn asks_sign(op: &Op, block: &[(u32, u32, Op)]) -> bool {
    match op {
        Op::Cmp { .. } => matches!(
            block.last(),
            Some((
                _,
                _,
                Op::JumpIf {
                    cond: Cond::S | Cond::Ns | Cond::L | Cond::Ge | Cond::Le | Cond::G,
                    ..
                }
            ))
        ),
        Op::Bin {
            op: BinOp::And,
            b: Src::Imm(bits),
            ..
        } => *bits == 1 << 31,
        _ => false,
    }
}

/// Keeps a note while there is room.
fn note<T: PartialEq>(to: &mut Vec<T>, note: Option<T>) {
    if let Some(note) = note
        && to.len() < MAX_NOTES
        && to.last() != Some(&note)
    {
        to.push(note);
    }
}

/// The distance from the start of an object to its member, when it is one that is looked at.
fn offset(off: i64) -> Option<u32> {
    u32::try_from(off).ok().filter(|&off| off < MAX_OBJECT)
}
