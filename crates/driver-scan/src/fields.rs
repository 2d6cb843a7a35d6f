//! Tags kept in a field of an object whose maker is not seen: a device extension, an allocator object of C++.
//!
//! When all that is known of a tag is that it stands at some offset behind a parameter, and no caller says more, the
//! places that store a constant of four letters at that offset of any object are taken for its writers. Only what looks
//! like a tag counts, and an offset at which many different ones are stored is left alone.

use crate::Arch;
use crate::Certainty;
use crate::constants::{
    Constant, MAX_TAGS, Stored, add_constant, compared, four_letters, stored_tags, storing_sites,
};
use crate::engine::{Callee, Engine, Sink};
use crate::flow::Run;
use crate::hash::{Map, Set};
use crate::routines::{Arg, WDF_TYPED_CONTEXT, is_keeper};
use crate::value::{Atom, CONST, Kind, STACK, Val};

/// Most calls with a tag from an unseen object.
const MAX_OPEN: usize = 512;
/// Most places that store to the offsets of tags and are looked at, and fewest of one offset.
const MAX_SITES: usize = 192;
const LEAST_SITES: usize = 16;
/// Most pairs of an offset and a tag that are noted.
const MAX_SEEN: usize = 4_096;

/// Kinds of objects, as bits: a device extension, or another that the system keeps for the driver; an object that is
/// certainly none; one that may be.
const EXTENSION: u8 = 1;
const OWN: u8 = 2;
const UNKNOWN: u8 = 4;

/// A function that takes a tag from behind a parameter: its start, the parameter, the offsets.
pub(crate) type Taker = (u32, Arg, Vec<i64>);

/// Calls whose tag comes from objects, and what became of them.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    /// (call, sink, offset of the tag, the function that takes it when it comes from a parameter)
    open: Vec<(u32, Sink, i64, Option<Taker>)>,
    /// Those of them that take it from an object which the system keeps.
    kept: Set<u32>,
    /// Functions whose callers gave a constant.
    served: Set<Taker>,
    /// (function, the one that it passes its parameter to)
    passes: Vec<(Taker, Taker)>,
    /// The function whose callers are being looked at.
    pub(crate) feeding: Option<Taker>,
    /// What is called with the tag at an offset, while the places that store there are looked at.
    watched: Map<i64, Vec<Sink>>,
    /// Constants that something is compared with.
    signatures: Option<Set<u32>>,
    /// Tags whose stores were seen when they were watched, and their offsets.
    seen: Set<(i64, u32)>,
    /// Objects that a tag was stored in, by its offset.
    objects: Map<(i64, u32), u8>,
}

impl Fields {
    /// Notes a call whose tag stands at `off` of an object.
    pub(crate) fn open(&mut self, call: u32, sink: &Sink, off: i64, taker: Option<Taker>) {
        if let (Some(taker), Some(outer)) = (&taker, &self.feeding) {
            self.passes.push((taker.clone(), outer.clone()));
        }
        if self.open.len() < MAX_OPEN && !sink.frees && !sink.letters && self.feeding.is_none() {
            self.open.push((call, sink.clone(), off, taker));
        }
    }

    /// Notes a call whose tag stands at `off` of an object that the system keeps for the driver.
    pub(crate) fn open_kept(&mut self, call: u32, sink: &Sink, off: i64) {
        self.kept.insert(call);
        self.open(call, sink, off, None);
    }

    /// Notes that a constant reached the function whose callers are being looked at.
    pub(crate) fn serve(&mut self) {
        if let Some(taker) = &self.feeding {
            self.served.insert(taker.clone());
        }
    }

    /// True for four letters that nothing is compared with: signatures are, and are no tags.
    pub(crate) fn may_be_tag(&self, tag: u32) -> bool {
        let signatures = self.signatures.as_ref();
        four_letters(tag) && !signatures.is_some_and(|signatures| signatures.contains(&tag))
    }

    /// Makes those served whose callers, or callers' callers, were.
    fn propagate(&mut self) {
        for _ in 0..8 {
            let before = self.served.len();
            for (inner, outer) in &self.passes {
                if self.served.contains(inner) {
                    self.served.insert(outer.clone());
                }
            }
            if self.served.len() == before {
                break;
            }
        }
    }
}

impl Engine<'_> {
    /// Reports the tags that stand where the calls nobody explained take theirs from.
    pub(crate) fn explain_fields(&mut self) {
        let open = self.unexplained();
        if open.is_empty() {
            return;
        }
        self.read_signatures();
        let mut stored = stored_tags(self.image, |off| open.iter().any(|one| one.off == off));
        self.ask_makers(&open, &stored);
        for (off, tag) in std::mem::take(&mut self.fields.seen) {
            add_constant(stored.entry(off).or_default(), tag, None);
        }
        for Open {
            call,
            sink,
            off,
            extension,
        } in open
        {
            let tags = stored.get(&off).map_or(&[][..], Vec::as_slice);
            if tags.len() <= MAX_TAGS {
                for &Constant { tag, .. } in tags {
                    let elsewhere = self.fields.objects.get(&(off, tag)) == Some(&OWN);
                    if self.fields.may_be_tag(tag) && !(extension && elsewhere) {
                        self.report(&sink, tag, call, Certainty::Dataflow);
                    }
                }
            }
        }
    }

    /// Finds what the code compares with something, once.
    pub(crate) fn read_signatures(&mut self) {
        if self.fields.signatures.is_none() {
            self.fields.signatures = Some(compared(self.image));
        }
    }

    /// Calls that take their tag from an object which no caller told of.
    fn unexplained(&mut self) -> Vec<Open> {
        self.fields.propagate();
        let open = std::mem::take(&mut self.fields.open);
        open.into_iter()
            .filter(|(call, sink, off, taker)| {
                let served = taker
                    .as_ref()
                    .is_some_and(|taker| self.fields.served.contains(taker));
                *off > 0 && !served && !self.is_found(&sink.routine, *call)
            })
            .map(|(call, sink, off, taker)| Open {
                call,
                sink,
                off,
                extension: self.fields.kept.contains(&call)
                    || taker.is_some_and(|(_, _, derefs)| {
                        derefs
                            .iter()
                            .rev()
                            .nth(1)
                            .is_some_and(|&before| self.is_extension_offset(before))
                    }),
            })
            .collect()
    }

    /// Looks at the functions that store to one of the offsets: one that stores a parameter there has callers that may
    /// pass a tag.
    fn ask_makers(&mut self, open: &[Open], stored: &Stored) {
        for Open { sink, off, .. } in open {
            let sink = Sink {
                derefs: Vec::new(),
                filter: false,
                when: None,
                letters: true,
                structure: false,
                ..sink.clone()
            };
            let sinks = self.fields.watched.entry(*off).or_default();
            if !sinks.iter().any(|known| known.routine == sink.routine) {
                sinks.push(sink);
            }
        }
        let watched = &self.fields.watched;
        let most = (MAX_SITES / watched.len().max(1)).max(LEAST_SITES);
        let mut sites = storing_sites(self.image, most, |off| watched.contains_key(&off));
        for Open { off, .. } in open.iter().filter(|open| open.extension) {
            let tags = stored.get(off).into_iter().flatten();
            sites.extend(tags.flat_map(|constant| &constant.places));
        }
        for site in sites {
            self.want(site);
        }
        self.answer();
        self.fields.watched.clear();
    }

    /// A store that is watched: asks who passes the value.
    pub(crate) fn watch(&mut self, run: &Run, place: Atom, size: u8, val: &Val) {
        if self.fields.watched.is_empty() || !run.reporting || size < 4 || place.sym <= STACK {
            return;
        }
        if let (8, Some(both)) = (size, val.single()) {
            // Two neighbours at once.
            self.note_tag(run, place, both as u32);
            let next = place.off.wrapping_add(4);
            self.note_tag(run, Atom { off: next, ..place }, (both >> 32) as u32);
            return;
        }
        for tag in val.atoms().iter().filter(|atom| atom.sym == CONST) {
            self.note_tag(run, place, tag.off as u32);
        }
        let sinks = self.fields.watched.get(&place.off).cloned().unwrap_or_default();
        self.ask_who_stores(run, &sinks, val);
    }

    /// Asks where a value comes from that is stored where the calls of `sinks` take their tag.
    pub(crate) fn ask_who_stores(&mut self, run: &Run, sinks: &[Sink], val: &Val) {
        for atom in val.atoms().iter().filter(|atom| atom.sym > STACK && atom.exact) {
            for sink in sinks {
                self.ask_behind(run, 0, sink, atom.sym, atom.off == 0);
            }
        }
    }

    /// Notes a constant stored at an offset that is watched, and in what.
    fn note_tag(&mut self, run: &Run, place: Atom, tag: u32) {
        let sinks = self.fields.watched.get(&place.off);
        let Some(sink) = sinks
            .and_then(|sinks| sinks.first())
            .filter(|_| four_letters(tag))
        else {
            return;
        };
        let sink = Sink {
            object: Some((place.off, tag)),
            ..sink.clone()
        };
        self.spend(1);
        if self.fields.seen.len() < MAX_SEEN {
            self.fields.seen.insert((place.off, tag));
        }
        self.note_object(run, &sink, Atom { off: 0, ..place });
    }

    /// Notes which kind of object a tag was stored in; of a parameter, callers are asked.
    pub(crate) fn note_object(&mut self, run: &Run, sink: &Sink, object: Atom) {
        let Some(key) = sink.object else { return };
        let kind = match (object.sym, self.symbols.kind(object.sym)) {
            (CONST | STACK, _) => OWN,
            (_, Kind::Ret(call)) if self.keepers.contains(&call) => EXTENSION,
            (_, Kind::Ret(call)) if self.makes_objects(call) => OWN,
            (_, Kind::Deref(base, off, _)) if base != STACK && self.is_extension_offset(off) => EXTENSION,
            (_, Kind::Entry(_) | Kind::Deref(STACK, 0.., _)) if object.exact && object.off == 0 => {
                let entry = run.nest.first().copied().unwrap_or_default();
                if self.xrefs.callers(entry).next().is_some() {
                    self.ask_behind(run, 0, sink, object.sym, true);
                    return;
                }
                if !self.xrefs.is_entry(entry) && self.image.bounds(entry).is_none() {
                    // Nothing says that a function starts here.
                    return;
                }
                UNKNOWN
            }
            _ => UNKNOWN,
        };
        if kind == UNKNOWN && run.is_local() {
            // The whole function may say more.
            self.doubts += 1;
            return;
        }
        *self.fields.objects.entry(key).or_default() |= kind;
    }

    /// Notes a call that gives an object which the system keeps for the driver.
    pub(crate) fn note_keeper(&mut self, call: u32, targets: &[Callee]) {
        let keeps = |target: &Callee| match target {
            Callee::Import(index) => self
                .names
                .get(*index as usize)
                .is_some_and(|name| is_keeper(name)),
            Callee::Wdf(index) => *index == WDF_TYPED_CONTEXT,
            Callee::Func(_) | Callee::Method(_) => false,
        };
        if targets.iter().any(keeps) {
            self.keepers.insert(call);
        }
    }

    /// True for a call whose result is an object of the driver's own: of an imported routine, or of a function that is
    /// known to allocate. Any other function may find a device extension.
    fn makes_objects(&self, call: u32) -> bool {
        let Some(&callee) = self.call_targets.get(&call) else {
            return true;
        };
        let sinks = self.sinks.get(&Callee::Func(callee));
        sinks.is_some_and(|sinks| sinks.iter().any(|sink| !sink.frees && sink.object.is_none()))
    }

    /// True for the offset at which a DEVICE_OBJECT points to its extension. That of 64-bit images counts everywhere:
    /// objects of a driver's own are rarely that long, and chained in the same way.
    fn is_extension_offset(&self, off: i64) -> bool {
        off == 0x40 || (off == 0x28 && self.image.arch == Arch::X86)
    }
}

/// A call whose tag stands in an object that nobody explained.
struct Open {
    call: u32,
    sink: Sink,
    off: i64,
    /// The object is a device extension, or another that the system keeps for the driver.
    extension: bool,
}
