//! Calls: what reaches the tag of the routine that is called.

use crate::engine::{Callee, Demand, Engine, Sink};
use crate::flow::Run;
use crate::ir::{Op, RAX, Reg, Src, X86_PARAMETERS};
use crate::local::Carried;
use crate::methods::gives_number;
use crate::routines::{Arg, argument};
use crate::state::State;
use crate::tables::Column;
use crate::value::{Atom, CONST, Kind, STACK, Sym, TOP, Val, common};
use crate::walks::Walks;
use crate::{Arch, Certainty};

/// Bytes of a structure that are searched for a routine.
const MAX_TABLE: i64 = 0x40;
/// Arguments that may be a routine, or the address of what holds one.
const MAX_ARGUMENTS: u8 = 8;
/// Fewest numbers in equal steps that are taken for a count.
const LEAST_COUNTED: usize = 12;

impl Engine<'_> {
    /// A call; the state after it, `None` when it does not return.
    pub(crate) fn call(
        &mut self,
        run: &mut Run,
        ip: u32,
        callees: &[Callee],
        state: State,
        rest: &[(u32, u32, Op)],
    ) -> Option<State> {
        let mut targets = Vec::new();
        for &callee in callees {
            self.through_thunks(run, &state, callee, &mut targets);
            if !targets.contains(&callee) && self.sinks.contains_key(&callee) && targets.len() < 32 {
                targets.push(callee);
            }
        }
        if gives_number(self.image.arch, rest) {
            targets.retain(|target| !self.is_pointer_method(*target));
        }
        if run.reporting {
            for &target in &targets {
                self.feed(run, ip, target, &state);
            }
            if !targets.iter().any(|target| matches!(target, Callee::Func(_))) {
                self.feed_callbacks(run, ip, &state);
            }
        }
        if let [Callee::Func(function)] = targets.as_slice() {
            let function = *function;
            if run.nest.len() == 1 {
                self.call_targets.insert(ip, function);
            }
            if self.allocates_stack(&state, rest) {
                return Some(state);
            }
            let forced = run.inline.contains(&function)
                || self.inlined_by_callers.contains(&function)
                || self.builds_frame(function)
                || (self.passes_routine(function, &state) && self.constant_copy(function, &state).is_none());
            if forced && let Some(after) = self.inline_call(run, function, &state) {
                return Some(after);
            }
        }
        Some(self.after_call(run, ip, &targets, state, rest))
    }

    /// `__chkstk` and its kin: they only touch the stack that is taken afterwards.
    fn allocates_stack(&self, state: &State, rest: &[(u32, u32, Op)]) -> bool {
        let sp = self.stack_pointer();
        let (reg, least): (Reg, u64) = if self.image.arch == Arch::Arm64 {
            (15, 1)
        } else {
            (RAX, 0x100)
        };
        if self.image.arch == Arch::X86 {
            return false;
        }
        state.reg(reg).single().is_some_and(|size| size >= least)
            && rest
                .iter()
                .take(3)
                .any(|(_, _, op)| matches!(op, Op::Bin { dst, b: Src::Reg(_), .. } if *dst == sp))
    }

    /// True when a routine is passed to a function as an argument: it may call it.
    fn passes_routine(&mut self, function: u32, state: &State) -> bool {
        let passes = |engine: &Self, arg: Arg| {
            let val = engine.given(state, arg);
            engine.leads_to_sink(&val) || engine.holds_routine(state, &val)
        };
        if (0..MAX_ARGUMENTS).any(|index| passes(self, argument(self.image.arch, index))) {
            return true;
        }
        self.image.arch == Arch::X86
            && X86_PARAMETERS
                .into_iter()
                .any(|reg| passes(self, Arg::Reg(reg)) && self.first_read(function, reg).is_some())
    }

    /// True for the address of a structure that holds a routine: of a local, of an object that one was stored in here, or of
    /// data of the image.
    fn holds_routine(&self, state: &State, val: &Val) -> bool {
        let &Val::One(Atom {
            sym,
            exact: true,
            off,
        }) = val
        else {
            return false;
        };
        let end = match sym {
            TOP => return false,
            STACK if off >= 0 => return false,
            STACK => off.saturating_add(MAX_TABLE).min(0),
            CONST if !self.image.is_data(off as u64) => return false,
            _ => off.saturating_add(MAX_TABLE),
        };
        let stored = state
            .stored_between(sym, off, end)
            .any(|val| self.leads_to_sink(val));
        stored || (sym == CONST && self.is_table_with_routine(off))
    }

    /// True for an address in the image's data behind which a routine is kept, from the start or by a function.
    fn is_table_with_routine(&self, off: i64) -> bool {
        let width = self.image.pointer_size();
        (off..off.saturating_add(MAX_TABLE))
            .step_by(width as usize)
            .any(|at| {
                let first = self.image.value(at as u64, width as u8).unwrap_or(0);
                let written = self.writes.get(&(CONST, at));
                self.leads_to_sink(&Val::constant(first))
                    || written.is_some_and(|val| self.leads_to_sink(val))
            })
    }

    /// The stack pointer as the callee finds it.
    fn callee_stack(&self, state: &State) -> Val {
        let sp = state.reg(self.stack_pointer());
        if self.image.arch == Arch::Arm64 {
            sp.clone()
        } else {
            self.add(sp, -i64::from(self.image.pointer_size()))
        }
    }

    /// What is known to be passed as an argument, of the size of a pointer; nothing is asked for what is not.
    pub(crate) fn given(&self, state: &State, arg: Arg) -> Val {
        let stored = match (arg, self.callee_stack(state)) {
            (Arg::Reg(reg), _) => return state.reg(reg).clone(),
            (
                Arg::Stack(off),
                Val::One(Atom {
                    sym: STACK, off: sp, ..
                }),
            ) => state.read(STACK, sp.saturating_add(off), self.image.pointer_size() as u8),
            (Arg::Stack(_), _) => None,
        };
        stored.map_or(Val::TOP, |(val, _)| val)
    }

    pub(crate) fn argument_value(&mut self, state: &State, arg: Arg, size: u8) -> (Val, bool) {
        match arg {
            Arg::Reg(reg) => (state.reg(reg).clone(), state.is_immediate(reg)),
            Arg::Stack(off) => {
                let stack = self.callee_stack(state);
                let address = self.add(&stack, off);
                self.load(state, &address, size)
            }
        }
    }

    /// Follows the sinks of a callee at a call.
    fn feed(&mut self, run: &Run, ip: u32, callee: Callee, state: &State) {
        let Some(sinks) = self.sinks.get(&callee) else {
            return;
        };
        if self.fed.len() < 256 {
            self.fed.push(ip);
        }
        // Inside a wrapper interpreted in place the finding belongs to the outer function's call.
        let mut sinks = sinks.clone();
        let mut walks = Walks::new(&mut sinks);
        for sink in sinks {
            if walks.is_over(&sink) {
                continue;
            }
            self.fields.feeding = match callee {
                Callee::Func(function) if !sink.derefs.is_empty() && !sink.structure => {
                    Some((function, sink.arg, sink.derefs.clone()))
                }
                _ => None,
            };
            if let Some((arg, wanted)) = sink.when {
                let (code, _) = self.argument_value(state, arg, 4);
                let fits = code
                    .atoms()
                    .iter()
                    .any(|atom| atom.sym == CONST && atom.off as u64 == wanted);
                self.doubts += usize::from(code.constants().is_none());
                if !fits {
                    continue;
                }
            }
            let pointer = self.image.pointer_size() as u8;
            let (mut val, mut immediate) = self.argument_value(
                state,
                sink.arg,
                if sink.derefs.is_empty() && !sink.filter && sink.object.is_none() {
                    4
                } else {
                    pointer
                },
            );
            (val, immediate) = self.behind(state, &sink, val, immediate);
            if walks.ends(&sink, &val) {
                continue;
            }
            if sink.filter {
                self.filter_contexts(run, ip, &sink, &val, state);
            } else {
                self.take(run, ip, &sink, &val, immediate);
            }
        }
    }

    /// What stands behind a pointer at the offsets of a sink.
    pub(crate) fn behind(
        &mut self,
        state: &State,
        sink: &Sink,
        mut val: Val,
        mut immediate: bool,
    ) -> (Val, bool) {
        let pointer = self.image.pointer_size() as u8;
        for (index, &off) in sink.derefs.iter().enumerate() {
            let last = index + 1 == sink.derefs.len() && !sink.filter;
            let address = self.add(&val, off);
            (val, immediate) = self.load(state, &address, if last { 4 } else { pointer });
        }
        (val, immediate)
    }

    /// Reports the constants of a tag and asks for what is behind the rest.
    pub(crate) fn take(&mut self, run: &Run, ip: u32, sink: &Sink, val: &Val, immediate: bool) {
        if sink.object.is_some() {
            // What a call in between may have written counts only where nothing else is known.
            let known = |atom: &Atom| atom.exact && atom.sym != TOP;
            let any = val.atoms().iter().any(known);
            for atom in val.atoms().iter().filter(|atom| !any || known(atom)) {
                self.note_object(run, sink, *atom);
            }
            return;
        }
        let mut tags = believable(val);
        if sink.letters {
            tags.retain(|&tag| self.fields.may_be_tag(tag));
        }
        if let Some(&entry) = run.nest.first() {
            self.settle(entry, ip, sink, &tags, val.constants().is_some());
        }
        for tag in tags {
            self.fields.serve();
            self.report(sink, tag, ip, certainty(run, sink, val, immediate));
        }
        for atom in val.atoms() {
            match atom.sym {
                CONST => {}
                TOP | STACK => {
                    self.doubts += usize::from(!sink.frees);
                    if !run.wide && !sink.frees {
                        self.demand(Demand::Wider);
                    }
                }
                sym => {
                    if let (Kind::Before(reg), true) = (self.symbols.kind(sym), atom.exact && atom.off == 0) {
                        if !sink.frees {
                            self.carried.push(Carried {
                                sink: sink.clone(),
                                reg,
                            });
                        }
                        continue;
                    }
                    let before = self.demands.len();
                    self.ask_behind(run, ip, sink, sym, atom.exact && atom.off == 0);
                    let asked = self.demands.get(before..).unwrap_or_default();
                    let passed_on = matches!(asked, [Demand::Parameter(_)]);
                    self.doubts += usize::from(!passed_on && !sink.frees);
                }
            }
        }
    }

    pub(crate) fn ask_behind(&mut self, run: &Run, ip: u32, sink: &Sink, sym: Sym, exact: bool) {
        let mut derefs = sink.derefs.clone();
        let mut path = Vec::new();
        let mut current = sym;
        loop {
            match self.symbols.kind(current) {
                Kind::Deref(CONST, off, _) => {
                    if sink.frees {
                        return;
                    }
                    self.demand(Demand::Stored(CONST, off));
                    if path.is_empty() && exact {
                        self.keep_global_sink(off, sink);
                    }
                    if let (Some(&(_, off)), true) = (path.first(), exact) {
                        self.fields.open(ip, sink, off, None);
                    }
                    for (base, off) in path {
                        self.demand(Demand::Stored(base, off));
                    }
                    if !exact && !run.wide {
                        self.demand(Demand::Wider);
                    }
                    return;
                }
                Kind::Deref(STACK, off, _) => {
                    if (0..=0x100).contains(&off) {
                        self.parameter(run, ip, sink, Arg::Stack(off), &path, exact);
                    } else if !sink.frees {
                        // A local nobody here stored to: a function that was given its address did.
                        let near = |from: i64| from <= off && off.saturating_sub(from) < 0x80;
                        let fillers = run.given.iter().filter(|(from, _)| near(*from));
                        for &(_, callee) in fillers {
                            self.demand(Demand::Inside(callee));
                        }
                    }
                    return;
                }
                Kind::Deref(base, off, _) => {
                    path.push((base, off));
                    derefs.push(off);
                    current = base;
                }
                Kind::Row(at) => {
                    let column = match *path.as_slice() {
                        [(_, off)] => Some((off, None)),
                        [(_, behind), (_, off)] => Some((off, Some(behind))),
                        _ => None,
                    };
                    if let Some((off, behind)) = column.filter(|_| exact) {
                        let first = at.wrapping_add(off as u64);
                        self.note_table(ip, sink, Column { first, behind });
                    }
                    return;
                }
                Kind::Entry(reg) => {
                    if reg != self.stack_pointer() {
                        self.parameter(run, ip, sink, Arg::Reg(reg), &path, exact);
                    }
                    return;
                }
                Kind::Ret(site) => {
                    if let Some(&callee) = self.call_targets.get(&site)
                        && !sink.frees
                    {
                        self.demand(Demand::Inside(callee));
                    } else if let ([(_, off)], true) =
                        (path.as_slice(), exact && self.keepers.contains(&site))
                    {
                        self.fields.open_kept(ip, sink, *off);
                    }
                    for (base, off) in path {
                        self.demand(Demand::Stored(base, off));
                    }
                    return;
                }
                _ => return,
            }
        }
    }

    /// The tag stands in the global at `off`: functions that store a parameter there pass it on.
    fn keep_global_sink(&mut self, off: i64, sink: &Sink) {
        let sinks = self.global_sinks.entry(off).or_default();
        let known = sinks.iter().any(|known| known.routine == sink.routine);
        if !known && !sink.letters && sink.derefs.is_empty() && sinks.len() < 8 {
            sinks.push(Sink {
                letters: true,
                depth: sink.depth + 1,
                when: None,
                ..sink.clone()
            });
        }
    }

    /// The tag is a parameter of the function under analysis, or lies behind one.
    fn parameter(&mut self, run: &Run, ip: u32, sink: &Sink, arg: Arg, path: &[(Sym, i64)], exact: bool) {
        if sink.frees && sink.depth > 0 {
            return;
        }
        if !exact {
            if !sink.frees {
                self.demand(Demand::Callers);
            }
            return;
        }
        let derefs: Vec<i64> = path.iter().rev().map(|&(_, off)| off).collect();
        // A structure that is passed on is the routine's own; one that its tag was copied from is an object.
        let own = sink.structure && path.first().map(|&(_, off)| off) == sink.derefs.last().copied();
        if let (Some(&(_, off)), Some(&entry), false) = (path.first(), run.nest.first(), own) {
            self.fields
                .open(ip, sink, off, Some((entry, arg, derefs.clone())));
        }
        let thunk = run.entry_is_thunk;
        let sink = Sink {
            routine: std::rc::Rc::clone(&sink.routine),
            arg,
            derefs,
            filter: false,
            when: None,
            frees: sink.frees,
            depth: sink.depth + u8::from(!thunk),
            framework: sink.framework,
            structure: sink.structure,
            letters: sink.letters,
            object: sink.object,
        };
        self.demand(Demand::Parameter(sink));
    }

    /// The tags of the context definitions of an FLT_REGISTRATION.
    fn filter_contexts(&mut self, run: &Run, ip: u32, sink: &Sink, registration: &Val, state: &State) {
        let wide = self.image.arch != Arch::X86;
        let pointer = self.image.pointer_size() as u8;
        // FLT_CONTEXT_REGISTRATION: ContextType (16 bits), …, PoolTag, ContextAllocateCallback
        let (tag_at, callback_at, stride) = if wide {
            (0x18, 0x20, 0x38)
        } else {
            (0xc, 0x10, 0x1c)
        };
        let contexts = self.load(state, &self.add(registration, 8), pointer).0;
        for atom in contexts.atoms().to_vec() {
            self.doubts += usize::from(atom.sym != CONST);
            if atom.sym == TOP || !atom.exact || (atom.sym == CONST && atom.off == 0) {
                continue;
            }
            for index in 0..32i64 {
                let at = Val::One(Atom {
                    off: atom.off.wrapping_add(index * stride),
                    ..atom
                });
                let kind = self.load(state, &at, 2).0;
                let known = kind
                    .atoms()
                    .iter()
                    .find(|kind| kind.sym == CONST)
                    .map(|kind| kind.off as u64);
                // FLT_CONTEXT_END, or something that is no context type at all.
                if known.is_none_or(|known| known == 0xffff || known == 0 || known > 0x100) {
                    break;
                }
                let callback = self.load(state, &self.add(&at, callback_at), pointer).0;
                let own = callback
                    .atoms()
                    .iter()
                    .any(|atom| atom.sym == CONST && atom.off != 0);
                if !own {
                    let (tag, immediate) = self.load(state, &self.add(&at, tag_at), 4);
                    self.take(run, ip, sink, &tag, immediate);
                }
            }
        }
    }
}

/// The constants that are taken for tags. Beside something unknown, part of a tag that is not put together yet and the
/// numbers of a count without a known end are none.
fn believable(val: &Val) -> Vec<u32> {
    let numbers = val.atoms().iter().filter(|atom| atom.sym == CONST);
    let mut tags: Vec<u32> = numbers
        .map(|atom| atom.off as u32)
        .filter(|&tag| tag != 0)
        .collect();
    if val.constants().is_none() {
        tags.retain(|&tag| Atom::constant(u64::from(tag)).looks_like_tag());
        let steps = tags.iter().zip(tags.iter().skip(1));
        if tags.len() >= LEAST_COUNTED && common(steps.map(|(a, b)| b.wrapping_sub(*a))).is_some() {
            tags.truncate(1);
        }
    }
    tags
}

fn certainty(run: &Run, sink: &Sink, val: &Val, immediate: bool) -> Certainty {
    if sink.framework {
        Certainty::Framework
    } else if sink.structure {
        Certainty::ParameterBlock
    } else if sink.depth > 0 || run.nest.len() > 1 {
        Certainty::Wrapper
    } else if immediate && matches!(val, Val::One(_)) {
        Certainty::Direct
    } else {
        Certainty::Dataflow
    }
}
