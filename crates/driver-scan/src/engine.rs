//! The demand-driven search: from the allocation routines backwards to the constants.
//!
//! Only functions that refer to an allocation routine, or to something found to lead to one, are decoded. Each is
//! interpreted over small sets of values until nothing changes. What is missing then becomes a new question: a tag that
//! is a parameter makes the function a routine itself, whose callers are looked up; a tag in a global has its writers
//! looked up; a tag made by another function has that function interpreted in place. Work is bounded by `Limits`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

use crate::blocks::Block;
use crate::fields::Fields;
use crate::framework::{WdfTable, find_wdf};
use crate::hash::{Map, Set};
use crate::image::Image;
use crate::ir::Op;
use crate::lift_arm64::Arm64;
use crate::lift_x86::X86;
use crate::local::Carried;
use crate::methods::{Member, Methods};
use crate::routines::{Arg, FRAMEWORK, Form, Routine, argument, imported};
use crate::state::State;
use crate::tables::FromTable;
use crate::value::{Sym, Symbols, Val};
use crate::xref::{Xrefs, references, takes_address};
use crate::{Arch, Certainty, Limits, TagUse};

/// What is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Callee {
    /// Imported routine by index in `names`.
    Import(u32),
    /// Function of the image.
    Func(u32),
    /// Framework routine by index.
    Wdf(u16),
    /// What a pointer in an object or a table leads to.
    Method(Member),
}

/// Where a callee takes its tag from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sink {
    pub(crate) routine: Rc<str>,
    pub(crate) arg: Arg,
    /// Offsets of the fields to follow from the argument.
    pub(crate) derefs: Vec<i64>,
    /// The value is an FLT_REGISTRATION, not a tag.
    pub(crate) filter: bool,
    /// Holds only when this argument has this value.
    pub(crate) when: Option<(Arg, u64)>,
    pub(crate) frees: bool,
    /// Number of wrappers around the routine.
    pub(crate) depth: u8,
    /// Called through the framework's table.
    pub(crate) framework: bool,
    /// The routine itself takes a structure.
    pub(crate) structure: bool,
    /// The value goes to a field where calls take their tag from: only four letters are one.
    pub(crate) letters: bool,
    /// No tag is asked for, but which object a tag was stored in: at this offset, this tag.
    pub(crate) object: Option<(i64, u32)>,
}

/// How the tag of a sink was found to come from elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Demand {
    /// From the callers of the function under analysis.
    Parameter(Sink),
    /// Computed from parameters: callers have to interpret the function in place.
    Callers,
    /// Stored at this place by other functions.
    Stored(Sym, i64),
    /// Made by another function.
    Inside(u32),
    /// Unknown after the quick look.
    Wider,
}

#[derive(Debug, Default)]
pub(crate) struct Function {
    pub(crate) inline: Set<u32>,
    pub(crate) wide: bool,
    runs: u8,
    queued: bool,
    /// Something it depends on changed, so that what was resolved as a whole is to be looked at again.
    again: bool,
    /// Sites that were resolved by their own blocks.
    resolved: Set<u32>,
    /// Places that should be reached, with other starts to try.
    sites: Vec<(u32, Vec<u32>)>,
}

#[derive(Debug)]
pub(crate) enum Lifter {
    X86(X86),
    Arm64(Arm64),
}

/// Call and routine.
type Place = (u32, Rc<str>);

/// Tags that may give way to those of a later pass.
#[derive(Debug)]
struct Vague {
    /// The function and the pass over it that they are of.
    entry: u32,
    pass: u32,
    tags: Vec<u32>,
}

/// The state of one scan.
#[derive(Debug)]
pub(crate) struct Engine<'a> {
    pub(crate) image: &'a Image<'a>,
    pub(crate) xrefs: Xrefs,
    pub(crate) symbols: Symbols,
    pub(crate) lifter: Lifter,
    pub(crate) names: Vec<String>,
    pub(crate) sinks: Map<Callee, Vec<Sink>>,
    pub(crate) blocks: Map<u32, Rc<Block>>,
    /// Room for decoding, used again for each block.
    pub(crate) decoded: Vec<(u32, u32, Op)>,
    pub(crate) lifted: Vec<Op>,
    /// What is known at the first instruction of any function.
    pub(crate) at_entry: Option<State>,
    /// Values stored by the functions seen so far, by place.
    pub(crate) writes: Map<(Sym, i64), Val>,
    pub(crate) dependents: Map<(Sym, i64), Vec<u32>>,
    /// What is called with the tag that a global holds.
    pub(crate) global_sinks: Map<i64, Vec<Sink>>,
    pub(crate) functions: Map<u32, Function>,
    /// Some function of the image takes a tag or what leads to one.
    pub(crate) has_wrappers: bool,
    queue: VecDeque<u32>,
    pub(crate) pending: BTreeSet<u32>,
    pub(crate) asked: Set<u32>,
    /// Addresses of globals that may hold a tag further on: only where they are passed on do they matter.
    pub(crate) near: Set<u32>,
    /// Globals that hold a tag, or lead to one.
    pub(crate) tag_globals: BTreeSet<i64>,
    pub(crate) inlined_by_callers: Set<u32>,
    pub(crate) call_targets: Map<u32, u32>,
    /// Calls that give an object which the system keeps for the driver.
    pub(crate) keepers: Set<u32>,
    /// Bytes that functions of a 32-bit image take off the stack.
    pub(crate) popped: Map<u32, Option<u16>>,
    /// Registers that functions of the image may change, as bits.
    pub(crate) changes: Map<u32, u64>,
    found: BTreeMap<([u8; 4], Rc<str>, u32), Certainty>,
    freed: BTreeMap<([u8; 4], Rc<str>, u32), Certainty>,
    /// Findings that stood beside something unknown.
    vague: Map<Place, Vague>,
    /// Number of the present pass over a function.
    pass: u32,
    pub(crate) steps: u64,
    /// Operations that may still be decoded: code that overlaps itself would be kept again and again.
    pub(crate) decodes: u64,
    max_findings: usize,
    pub(crate) wdf: Option<WdfTable>,
    pub(crate) demands: Vec<Demand>,
    /// Values that reached a tag and are neither constants nor parameters, counted.
    pub(crate) doubts: usize,
    /// Calls of something with sinks that were seen since this was cleared.
    pub(crate) fed: Vec<u32>,
    /// Tags that a block interpreted alone takes from registers.
    pub(crate) carried: Vec<Carried>,
    pub(crate) fields: Fields,
    pub(crate) methods: Methods,
    pub(crate) from_tables: Vec<FromTable>,
    pub(crate) stores: Vec<(Sym, i64, Val)>,
    pub(crate) problems: Vec<String>,
}

/// Most sites kept of one function.
pub(crate) const MAX_SITES: usize = 256;
/// Most decoded operations kept, whatever the size of the code.
const MAX_DECODES: u64 = 8 << 20;
/// Most runs of one function.
const MAX_RUNS: u8 = 12;

impl<'a> Engine<'a> {
    pub(crate) fn new(image: &'a Image<'a>, limits: &Limits) -> Self {
        let code = image.code_bytes();
        let lifter = match image.arch {
            Arch::Arm64 => Lifter::Arm64(Arm64 { base: image.base }),
            arch => Lifter::X86(X86 {
                base: image.base,
                wide: arch == Arch::X64,
            }),
        };
        Self {
            image,
            xrefs: Xrefs::new(image),
            symbols: Symbols::new(),
            lifter,
            names: image.imports.iter().map(|import| import.name.clone()).collect(),
            sinks: Map::default(),
            blocks: Map::default(),
            decoded: Vec::with_capacity(64),
            lifted: Vec::with_capacity(16),
            at_entry: None,
            writes: Map::default(),
            dependents: Map::default(),
            global_sinks: Map::default(),
            functions: Map::default(),
            has_wrappers: false,
            queue: VecDeque::new(),
            pending: BTreeSet::new(),
            asked: Set::default(),
            near: Set::default(),
            tag_globals: BTreeSet::new(),
            inlined_by_callers: Set::default(),
            call_targets: Map::default(),
            keepers: Set::default(),
            popped: Map::default(),
            changes: Map::default(),
            found: BTreeMap::new(),
            freed: BTreeMap::new(),
            vague: Map::default(),
            pass: 0,
            steps: limits
                .base_steps
                .saturating_add(code.saturating_mul(limits.steps_per_byte)),
            decodes: code.min(MAX_DECODES) + 65_536,
            max_findings: limits.max_findings,
            wdf: find_wdf(image),
            demands: Vec::new(),
            doubts: 0,
            fed: Vec::new(),
            carried: Vec::new(),
            fields: Fields::default(),
            methods: Methods::default(),
            from_tables: Vec::new(),
            stores: Vec::new(),
            problems: Vec::new(),
        }
    }

    /// Runs the search to its end.
    pub(crate) fn run(&mut self) {
        self.seed();
        if self.answer() {
            self.explain_methods();
            self.explain_fields();
            self.explain_tables();
        }
        if self.steps == 0 {
            self.problems
                .push("code: the limit of work was reached, the rest is not analysed".to_owned());
        }
        if self.decodes == 0 {
            self.problems
                .push("code: it overlaps itself too much, the rest is not analysed".to_owned());
        }
    }

    /// Analyses what is queued, and what that leads to; false when the limit of work was reached.
    pub(crate) fn answer(&mut self) -> bool {
        let code = self.image.code_bytes();
        loop {
            while let Some(entry) = self.queue.pop_front() {
                if self.steps == 0 {
                    return false;
                }
                self.analyse(entry);
            }
            if self.pending.is_empty() {
                return true;
            }
            self.spend(code / 4);
            let targets: Vec<u32> = std::mem::take(&mut self.pending).into_iter().collect();
            let mut sites = Vec::new();
            references(self.image, &targets, &mut sites);
            sites.truncate(100_000);
            for (target, site) in sites {
                if self.asked.contains(&target) || takes_address(self.image, site) {
                    self.want(site);
                }
            }
        }
    }

    fn seed(&mut self) {
        let image = self.image;
        for (&slot, &index) in &image.slots {
            let Some(name) = self.names.get(index as usize) else {
                continue;
            };
            let routine = imported(name);
            let resolves = is_resolver(name);
            if let Some(routine) = routine {
                let sinks = self.sinks_of(routine, false);
                self.sinks.insert(Callee::Import(index), sinks);
            }
            if resolves || routine.is_some_and(|routine| !routine.frees) {
                self.ask(slot);
            }
        }
        let pointer = image.pointer_size();
        let Some(table) = self.wdf else { return };
        for (index, routine) in FRAMEWORK {
            let sinks = self.sinks_of(routine, true);
            self.sinks.insert(Callee::Wdf(*index), sinks);
            if !table.indirect {
                self.ask(table.rva.saturating_add(u32::from(*index) * pointer));
            }
        }
        self.want_framework_calls(table.rva, pointer);
    }

    fn sinks_of(&self, routine: &Routine, framework: bool) -> Vec<Sink> {
        let wide = self.image.arch != Arch::X86;
        let arch = self.image.arch;
        let mut sink = Sink {
            routine: routine.name.into(),
            arg: Arg::Stack(0),
            derefs: Vec::new(),
            filter: false,
            when: None,
            frees: routine.frees,
            depth: 0,
            framework,
            structure: false,
            letters: false,
            object: None,
        };
        match routine.form {
            Form::Argument(index) => sink.arg = argument(arch, index),
            Form::Shifted(wide_index, narrow) => {
                sink.arg = argument(arch, if wide { wide_index } else { narrow });
            }
            Form::Field(index, at64, at32) => {
                sink.arg = argument(arch, index);
                sink.derefs.push(if wide { at64 } else { at32 });
                sink.structure = true;
            }
            Form::FilterRegistration(index) => {
                sink.arg = argument(arch, index);
                sink.filter = true;
                sink.structure = true;
            }
            Form::Coded(code, index) => {
                sink.when = Some((argument(arch, 0), code));
                sink.arg = argument(arch, index);
            }
        }
        vec![sink]
    }

    /// The index of an imported or looked-up routine.
    pub(crate) fn import_index(&mut self, name: &str) -> u32 {
        let index = match self.names.iter().position(|known| known == name) {
            Some(index) => index,
            None => {
                self.names.push(name.to_owned());
                self.names.len() - 1
            }
        };
        let index = index as u32;
        if let Some(routine) = imported(name)
            && !self.sinks.contains_key(&Callee::Import(index))
        {
            let sinks = self.sinks_of(routine, false);
            self.sinks.insert(Callee::Import(index), sinks);
        }
        index
    }

    pub(crate) fn enqueue(&mut self, entry: u32, site: Option<(u32, Vec<u32>)>) {
        let function = self.functions.entry(entry).or_default();
        let anew = site.is_none();
        if let Some(site) = site {
            // What is called there may take a tag from one place more.
            function.resolved.remove(&site.0);
            if function.sites.len() < MAX_SITES && !function.sites.iter().any(|known| known.0 == site.0) {
                function.sites.push(site);
            }
        }
        function.again |= anew;
        if !function.queued && function.runs < MAX_RUNS {
            function.queued = true;
            self.queue.push_back(entry);
        }
    }

    fn analyse(&mut self, entry: u32) {
        let Some(function) = self.functions.get_mut(&entry) else {
            return;
        };
        function.queued = false;
        function.runs += 1;
        self.pass += 1;
        let (inline, wide) = (function.inline.clone(), function.wide);
        let mut sites = function.sites.clone();
        self.demands.clear();
        self.stores.clear();
        let fresh: Vec<u32> = sites
            .iter()
            .map(|(site, _)| *site)
            .filter(|site| !function.resolved.contains(site))
            .collect();
        let again = std::mem::take(&mut function.again);
        let resolved = if inline.is_empty() && !wide && !fresh.is_empty() {
            self.resolve_locally(entry, &fresh)
        } else {
            Vec::new()
        };
        let all = !again && !fresh.is_empty() && resolved.len() == fresh.len();
        if let Some(function) = self.functions.get_mut(&entry) {
            function.resolved.extend(resolved);
            sites.retain(|(site, _)| !function.resolved.contains(site));
        }
        let mut uncovered = Vec::new();
        if !all {
            uncovered = self.interpret(entry, inline, wide, &sites);
        }
        for (site, alternatives) in uncovered {
            let mut alternatives = alternatives.into_iter();
            if let Some(next) = alternatives.next() {
                self.enqueue(next, Some((site, alternatives.collect())));
            }
        }
        for (sym, off, val) in std::mem::take(&mut self.stores) {
            self.record_store(sym, off, &val);
        }
        for demand in std::mem::take(&mut self.demands) {
            self.meet(entry, demand);
        }
    }

    /// Remembers a store; functions that asked for the place are looked at again when it is new.
    fn record_store(&mut self, sym: Sym, off: i64, val: &Val) {
        let key = (sym, off);
        let before = self.writes.get(&key);
        let after = before.map_or_else(|| val.clone(), |before| before.join(val));
        if before == Some(&after) {
            return;
        }
        if self.writes.len() > 1 << 18 {
            return;
        }
        self.writes.insert(key, after);
        // A routine or a function that leads to one, kept in a global: calls through the global count.
        if sym == crate::value::CONST
            && self.leads_to_sink(val)
            && let Some(rva) = self.image.rva_of(off as u64)
        {
            self.ask(rva);
            self.ask_near(rva);
        }
        for dependent in self.dependents.get(&key).cloned().unwrap_or_default() {
            self.enqueue(dependent, None);
        }
    }

    /// True when a value may be a routine with sinks.
    pub(crate) fn leads_to_sink(&self, val: &Val) -> bool {
        val.atoms().iter().any(|atom| {
            self.callee_of(*atom).is_some_and(|callee| {
                self.sinks
                    .get(&callee)
                    .is_some_and(|sinks| sinks.iter().any(|sink| !sink.frees))
            })
        })
    }

    /// Counts work done.
    pub(crate) fn spend(&mut self, steps: u64) {
        self.steps = self.steps.saturating_sub(steps);
    }

    /// Adds a finding.
    pub(crate) fn report(&mut self, sink: &Sink, tag: u32, site: u32, certainty: Certainty) {
        let map = if sink.frees {
            &mut self.freed
        } else {
            &mut self.found
        };
        if map.len() >= self.max_findings {
            return;
        }
        let key = (tag.to_le_bytes(), Rc::clone(&sink.routine), site);
        let entry = map.entry(key).or_insert(certainty);
        *entry = (*entry).min(certainty);
    }

    /// Notes what a call is given by the function at `entry`. When the tag was not known for sure in an earlier pass, what
    /// was found then gives way; of a sure one nothing does.
    pub(crate) fn settle(&mut self, entry: u32, site: u32, sink: &Sink, tags: &[u32], sure: bool) {
        if sink.frees || tags.is_empty() {
            return;
        }
        let key = (site, Rc::clone(&sink.routine));
        if sure && !self.vague.contains_key(&key) {
            return;
        }
        let pass = self.pass;
        let vague = self.vague.entry(key).or_insert_with(|| Vague {
            entry,
            pass,
            tags: Vec::new(),
        });
        if !sure && vague.entry != entry {
            // What two functions found does not give way to a later pass over one of them.
            vague.tags.retain(|known| !tags.contains(known));
            return;
        }
        if vague.entry == entry && vague.pass != pass {
            vague.pass = pass;
            for tag in std::mem::take(&mut vague.tags) {
                self.found
                    .remove(&(tag.to_le_bytes(), Rc::clone(&sink.routine), site));
            }
        }
        for &tag in tags {
            let key = (tag.to_le_bytes(), Rc::clone(&sink.routine), site);
            if sure {
                vague.tags.retain(|&known| known != tag);
            } else if !self.found.contains_key(&key) {
                vague.tags.push(tag);
            }
        }
    }

    /// The tags that were found for the routine at a call.
    pub(crate) fn found_at<'b>(&'b self, routine: &'b str, call: u32) -> impl Iterator<Item = u32> + 'b {
        let found = self.found.keys();
        found
            .filter(move |(_, known, site)| *site == call && &**known == routine)
            .map(|(tag, ..)| u32::from_le_bytes(*tag))
    }

    /// True when something was found for the routine at a call.
    pub(crate) fn is_found(&self, routine: &str, call: u32) -> bool {
        self.found_at(routine, call).next().is_some()
    }

    /// Allocations and frees found.
    pub(crate) fn into_findings(self) -> (Vec<TagUse>, Vec<TagUse>, Vec<String>) {
        let uses = |map: BTreeMap<([u8; 4], Rc<str>, u32), Certainty>| {
            map.into_iter()
                .map(|((tag, routine, rva), certainty)| TagUse {
                    tag,
                    routine: routine.to_string(),
                    rva,
                    certainty,
                })
                .collect()
        };
        (uses(self.found), uses(self.freed), self.problems)
    }
}

/// True when the image imports a routine that allocates under a tag, or one that leads to some.
pub(crate) fn may_allocate(image: &Image<'_>) -> bool {
    image.imports.iter().any(|import| {
        let name = import.name.as_str();
        is_resolver(name)
            || name.starts_with("WdfVersionBind")
            || imported(name).is_some_and(|routine| !routine.frees)
    })
}

/// Routines that return the address of a routine by name.
pub(crate) fn is_resolver(name: &str) -> bool {
    matches!(
        name,
        "MmGetSystemRoutineAddress" | "NdisGetRoutineAddress" | "FltGetRoutineAddress"
    )
}
