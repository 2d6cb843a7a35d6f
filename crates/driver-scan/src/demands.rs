//! Questions that come up during the search, and what is queued to answer them.

use crate::Arch;
use crate::engine::{Callee, Demand, Engine};
use crate::value::CONST;

/// Most questions of one pass over a function.
const MAX_DEMANDS: usize = 1 << 14;
/// Most sinks of one function.
const MAX_SINKS: usize = 24;
/// Deepest nesting of wrappers.
const MAX_WRAPPERS: u8 = 8;
/// Bytes of the widest store, and of an object whose address is passed to what fills it.
const WIDEST_STORE: u32 = 16;
const MAX_OBJECT: u32 = 0x60;
/// Pointers of an object of which one is a routine.
const MAX_MEMBERS: u32 = 8;
/// Most functions asked for because they may write one global.
const MAX_WRITERS: usize = 400;

impl Engine<'_> {
    /// Asks for the references to an address of the image.
    pub(crate) fn ask(&mut self, rva: u32) {
        if self.asked.insert(rva) {
            self.pending.insert(rva);
        }
    }

    /// Asks who writes a global: by its address, together with the members before it, or through the address of the
    /// object that it is a member of.
    fn ask_writers(&mut self, off: i64) {
        let Some(rva) = self.image.rva_of(off as u64) else {
            return;
        };
        self.ask(rva);
        let writable = self.image.section(rva).is_some_and(|section| section.write);
        if !writable || self.tag_globals.len() >= MAX_WRITERS || !self.tag_globals.insert(off) {
            return;
        }
        for before in (4..WIDEST_STORE).step_by(4) {
            self.ask(rva.saturating_sub(before));
        }
        for before in (WIDEST_STORE..MAX_OBJECT).step_by(4) {
            let base = rva.saturating_sub(before);
            if self.near.insert(base) {
                self.pending.insert(base);
            }
        }
    }

    /// Asks who passes on the address of an object whose member at `rva` was made a routine.
    pub(crate) fn ask_near(&mut self, rva: u32) {
        for back in 1..MAX_MEMBERS {
            let base = rva.saturating_sub(back * self.image.pointer_size());
            if self.near.insert(base) {
                self.pending.insert(base);
            }
        }
    }

    /// True when a global that holds a tag may be a member of the object at this address.
    pub(crate) fn may_hold_tag(&self, object: i64) -> bool {
        let behind = object..object.saturating_add(i64::from(MAX_OBJECT));
        self.tag_globals.range(behind).next().is_some()
    }

    /// Queues the function that holds `site`.
    pub(crate) fn want(&mut self, site: u32) {
        let mut starts = self.xrefs.functions_of(self.image, site).into_iter();
        if let Some(first) = starts.next() {
            self.enqueue(first, Some((site, starts.collect())));
        }
    }

    /// Asks for what is missing. More than a function can lead to is not kept.
    pub(crate) fn demand(&mut self, demand: Demand) {
        self.spend(1);
        if self.demands.len() < MAX_DEMANDS {
            self.demands.push(demand);
        }
    }

    pub(crate) fn meet(&mut self, entry: u32, demand: Demand) {
        match demand {
            Demand::Parameter(sink) => {
                let known = self.sinks.entry(Callee::Func(entry)).or_default();
                if sink.depth <= MAX_WRAPPERS && known.len() < MAX_SINKS && !known.contains(&sink) {
                    let propagate = !sink.frees;
                    known.push(sink);
                    self.has_wrappers |= propagate;
                    if propagate {
                        self.ask_callers(entry);
                    }
                }
            }
            Demand::Callers => {
                if self.inlined_by_callers.insert(entry) {
                    self.ask_callers(entry);
                }
            }
            Demand::Stored(sym, off) => {
                let dependents = self.dependents.entry((sym, off)).or_default();
                if !dependents.contains(&entry) && dependents.len() < MAX_WRITERS {
                    dependents.push(entry);
                }
                if sym == CONST {
                    self.ask_writers(off);
                }
            }
            Demand::Inside(callee) => {
                let new = self
                    .functions
                    .get_mut(&entry)
                    .is_some_and(|function| function.inline.len() < 64 && function.inline.insert(callee));
                if new {
                    self.enqueue(entry, None);
                }
            }
            Demand::Wider => {
                let new = self
                    .functions
                    .get_mut(&entry)
                    .is_some_and(|f| !std::mem::replace(&mut f.wide, true));
                if new {
                    self.enqueue(entry, None);
                }
            }
        }
    }

    /// Queues everything that calls or takes the address of a function.
    fn ask_callers(&mut self, entry: u32) {
        let sites: Vec<u32> = self.xrefs.callers(entry).take(50_000).collect();
        for site in sites {
            self.want(site);
        }
        let pointers: Vec<u32> = self.xrefs.pointers_to(entry).take(64).collect();
        let width = self.image.pointer_size();
        for at in pointers {
            if self.image.is_code(at) && self.image.arch == Arch::X86 {
                self.want(at);
                continue;
            }
            // A table of functions is referred to by its start.
            for back in 0..24u32 {
                self.ask(at.saturating_sub(back * width));
            }
        }
        self.ask(entry);
    }
}
