//! Calls: what reaches a routine's tag, and what a call leaves behind.

use crate::changes::bit;
use crate::engine::{Callee, Demand, Engine, Sink, is_resolver};
use crate::flow::Run;
use crate::ir::{Op, RAX, RDX, RSP, Reg, Src, VEC};
use crate::local::Carried;
use crate::methods::gives_number;
use crate::routines::{Arg, argument};
use crate::state::State;
use crate::stdcall;
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
            for target in self.through_thunks(run, &state, callee) {
                if !targets.contains(&target) {
                    targets.push(target);
                }
            }
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
                || (self.passes_routine(&state) && self.constant_copy(function, &state).is_none());
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

    /// True when a routine is passed as an argument: the callee may call it.
    fn passes_routine(&self, state: &State) -> bool {
        (0..MAX_ARGUMENTS).any(|index| {
            let val = self.given(state, argument(self.image.arch, index));
            self.leads_to_sink(&val) || self.holds_routine(state, &val)
        })
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
    pub(crate) fn callee_stack(&self, state: &State) -> Val {
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
                    if let ([(_, off)], true) = (path.as_slice(), exact) {
                        self.note_table(ip, sink, at.wrapping_add(*off as u64));
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

    /// What is left of the state after a call that is not interpreted.
    fn after_call(
        &mut self,
        run: &mut Run,
        ip: u32,
        targets: &[Callee],
        mut state: State,
        rest: &[(u32, u32, Op)],
    ) -> State {
        let ret = self.symbols.intern(Kind::Ret(ip));
        self.note_keeper(ip, targets);
        let mut result = Val::symbol(ret);
        let mut pops = None;
        let mut changed = u64::MAX;
        let mut by = Atom::TOP;
        match targets {
            [Callee::Import(index)] => {
                let name = self.names.get(*index as usize).cloned().unwrap_or_default();
                pops = stdcall::popped(&name);
                if let Some(known) = self.known_routine(run, &name, &mut state) {
                    result = known;
                    by = Atom {
                        sym: CONST,
                        exact: true,
                        off: 0,
                    };
                } else if is_resolver(&name)
                    && let Some(found) = self.resolve(run, &name, &state)
                {
                    result = found;
                    if run.reporting && !self.leads_to_sink(&result) {
                        // A routine that has nothing to do with tags.
                        self.fed.push(ip);
                    }
                }
            }
            [Callee::Func(function)] => {
                pops = self.pops(*function);
                changed = self.changed_by(*function);
                by = if self.copies_constant(run, *function, &mut state) {
                    Atom::constant(0)
                } else {
                    Atom::depends(ret)
                };
            }
            _ => {}
        }
        if by.sym != CONST {
            let callee = if let [Callee::Func(function)] = targets {
                Some(*function)
            } else {
                None
            };
            self.escape(run, &mut state, by, callee);
        }
        self.forget_changed(&mut state, changed);
        if changed & bit(0) != 0 {
            state.set(0, result);
        }
        if let ([Callee::Func(_)], Arch::X86 | Arch::Arm64) = (targets, self.image.arch) {
            // The second half of a structure that is returned in two registers.
            let second = if self.image.arch == Arch::X86 { RDX } else { 1 };
            if changed & bit(second) != 0 {
                state.set(second, Val::One(Atom::depends(ret)));
            }
        }
        if self.image.arch == Arch::X86 {
            let pops = pops.map_or_else(|| guessed_pops(&state, rest), i64::from);
            let sp = state.reg(RSP).clone();
            state.set(RSP, self.add(&sp, pops));
            state.pushed = 0;
        }
        state
    }

    /// Memory a call may write: what its arguments point to, and what was stored where it may be seen.
    fn escape(&mut self, run: &mut Run, state: &mut State, by: Atom, callee: Option<u32>) {
        let mut places: Vec<Atom> = Vec::new();
        let registers: &[Reg] = match self.image.arch {
            Arch::X64 => &[1, 2, 8, 9],
            // Functions of the image may take a parameter in eax.
            Arch::X86 if callee.is_some() => &[0, 1, 2],
            Arch::X86 => &[1, 2],
            Arch::Arm64 => &[0, 1, 2, 3, 4, 5, 6, 7],
        };
        for &reg in registers {
            places.extend(
                state
                    .reg(reg)
                    .atoms()
                    .iter()
                    .filter(|atom| atom.exact && atom.sym != TOP),
            );
        }
        if let Val::One(Atom { sym: STACK, off, .. }) = state.reg(self.stack_pointer()) {
            let width = i64::from(self.image.pointer_size());
            let (first, count) = match self.image.arch {
                Arch::X64 => (4, 8),
                Arch::X86 => (0, 8),
                Arch::Arm64 => (0, 2),
            };
            for index in first..first + count {
                if let Some((val, _)) = state.read(STACK, off.saturating_add(index * width), width as u8) {
                    let counts = |atom: &&Atom| {
                        atom.exact
                            && (atom.sym == STACK || (atom.sym == CONST && self.may_hold_tag(atom.off)))
                    };
                    places.extend(val.atoms().iter().filter(counts));
                }
            }
        }
        places.extend(state.escaped.iter().map(|&off| Atom {
            sym: STACK,
            exact: true,
            off,
        }));
        for place in places {
            if let (Some(callee), STACK) = (callee, place.sym)
                && run.given.len() < 256
                && !run.given.contains(&(place.off, callee))
            {
                run.given.push((place.off, callee));
            }
            if let (Some(callee), CONST, true) = (callee, place.sym, run.reporting)
                && self.may_hold_tag(place.off)
            {
                self.demand(Demand::Inside(callee));
            }
            if place.sym != STACK || place.off < 0 {
                state.may_write(place.sym, place.off, by);
            }
        }
    }

    /// General registers that a call does not keep.
    fn volatile(&self) -> &'static [Reg] {
        match self.image.arch {
            Arch::X64 => &[0, 1, 2, 8, 9, 10, 11],
            Arch::X86 => &[0, 1, 2],
            Arch::Arm64 => &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 30],
        }
    }

    pub(crate) fn is_volatile(&self, reg: Reg) -> bool {
        self.volatile().contains(&reg)
    }

    pub(crate) fn forget_volatile(&self, state: &mut State) {
        self.forget_changed(state, u64::MAX);
    }

    /// Forgets the registers that a call does not keep and that are among the bits of `changed`.
    fn forget_changed(&self, state: &mut State, changed: u64) {
        for &reg in self.volatile() {
            if changed & bit(reg) != 0 {
                state.set(reg, Val::TOP);
            }
        }
        let vectors = if self.image.arch == Arch::X64 {
            VEC..VEC + 12
        } else {
            VEC..VEC + 16
        };
        for reg in vectors {
            state.set(reg, Val::TOP);
        }
        state.flags = None;
    }

    /// Routines whose effect matters: text set-up and memory copies. Their result.
    fn known_routine(&mut self, run: &mut Run, name: &str, state: &mut State) -> Option<Val> {
        let arch = self.image.arch;
        let pointer = self.image.pointer_size() as u8;
        match name {
            "RtlInitUnicodeString" | "RtlInitAnsiString" | "RtlInitString" => {
                let to = self.argument_value(state, argument(arch, 0), pointer).0;
                let text = self.argument_value(state, argument(arch, 1), pointer).0;
                let buffer = self.add(&to, i64::from(pointer));
                self.store_to(run, state, &buffer, pointer, text, false);
                Some(Val::TOP)
            }
            "memcpy" | "memmove" | "RtlCopyMemory" | "RtlMoveMemory" | "memset" | "RtlZeroMemory" => {
                let to = self.argument_value(state, argument(arch, 0), pointer).0;
                let second = self.argument_value(state, argument(arch, 1), pointer).0;
                let zero_only = name == "RtlZeroMemory";
                let length = if zero_only {
                    second.clone()
                } else {
                    self.argument_value(state, argument(arch, 2), pointer).0
                };
                let bytes = length.single().filter(|&bytes| bytes <= 512)?;
                if to.atoms().len() != 1 {
                    return None;
                }
                let fills = zero_only || (name == "memset" && second.single() == Some(0));
                if name == "memset" && !fills {
                    return None;
                }
                self.copy_memory(run, state, &to, if fills { None } else { Some(&second) }, bytes);
                Some(to)
            }
            _ => None,
        }
    }

    /// The driver's own `memcpy`, called to fill a local with constant data: a function that calls nothing, given a
    /// place on the stack, a place in read-only data, and a length.
    fn copies_constant(&mut self, run: &mut Run, function: u32, state: &mut State) -> bool {
        let Some((to, from, bytes)) = self.constant_copy(function, state) else {
            return false;
        };
        self.copy_memory(run, state, &to, Some(&from), bytes);
        true
    }

    /// Where to, where from and how many bytes such a call copies.
    fn constant_copy(&mut self, function: u32, state: &State) -> Option<(Val, Val, u64)> {
        let arch = self.image.arch;
        let pointer = self.image.pointer_size() as u8;
        let to = self.argument_value(state, argument(arch, 0), pointer).0;
        let known = match to {
            Val::One(Atom {
                sym: STACK,
                exact: true,
                off,
            }) => off < 0,
            Val::One(Atom { sym: CONST, off, .. }) => self.may_hold_tag(off),
            _ => false,
        };
        if !known {
            return None;
        }
        let from = self.argument_value(state, argument(arch, 1), pointer).0;
        let constant = from
            .single()
            .and_then(|va| self.image.rva_of(va))
            .and_then(|rva| self.image.section(rva))
            .is_some_and(|section| !section.exec && !section.write);
        if !constant {
            return None;
        }
        let length = self
            .argument_value(state, argument(arch, 2), pointer)
            .0
            .single()?;
        ((4..=512).contains(&length) && self.is_leaf(function)).then_some((to, from, length))
    }

    /// True for a short function that calls nothing.
    fn is_leaf(&mut self, function: u32) -> bool {
        /// Most blocks of a short function.
        const SHORT: usize = 64;
        self.all_blocks(function, SHORT, |_, block| {
            let calls = |op: &Op| matches!(op, Op::Call { .. } | Op::CallInd { .. });
            !block.ops.iter().any(|(_, _, op)| calls(op))
        })
    }

    /// The routine a resolver is asked for, when its name is known.
    fn resolve(&mut self, run: &Run, name: &str, state: &State) -> Option<Val> {
        let arch = self.image.arch;
        let pointer = self.image.pointer_size() as u8;
        let wide = name != "FltGetRoutineAddress";
        let mut text = self.argument_value(state, argument(arch, 0), pointer).0;
        if wide {
            let address = self.add(&text, i64::from(pointer));
            text = self.load(state, &address, pointer).0;
        }
        let mut atoms = Vec::new();
        for atom in text.atoms().to_vec() {
            match (atom.sym, self.symbols.kind(atom.sym)) {
                (CONST, _) => {
                    let read = if wide {
                        self.image.wide_text(atom.off as u64)
                    } else {
                        self.image.narrow_text(atom.off as u64)
                    };
                    if let Some(routine) = read.filter(|routine| !routine.is_empty()) {
                        let index = self.import_index(&routine);
                        atoms.push(Atom::symbol(self.symbols.intern(Kind::Import(index))));
                    }
                }
                (_, Kind::Entry(_) | Kind::Deref(..)) if run.reporting => self.demand(Demand::Callers),
                _ => {}
            }
        }
        (!atoms.is_empty()).then(|| Val::from_atoms(atoms))
    }

    /// Bytes of arguments a function of a 32-bit image takes off the stack: from its `ret`.
    fn pops(&mut self, function: u32) -> Option<u16> {
        if self.image.arch != Arch::X86 {
            return None;
        }
        if let Some(&known) = self.popped.get(&function) {
            return known;
        }
        let end = self
            .xrefs
            .end_of(self.image, function)
            .min(function.saturating_add(0x4000));
        let mut at = function;
        let mut ops = Vec::new();
        let mut found = None;
        let mut furthest = function;
        while at < end {
            ops.clear();
            let Some(length) = self
                .image
                .tail(at)
                .and_then(|bytes| self.lift(bytes, at, &mut ops))
            else {
                break;
            };
            at = at.saturating_add(length);
            for op in &ops {
                match op {
                    Op::Ret { pop } => found = Some(*pop),
                    Op::JumpIf { to, .. } | Op::Jump { to } if *to < end => furthest = furthest.max(*to),
                    _ => {}
                }
            }
            if found.is_some() || (matches!(ops.last(), Some(Op::Stop | Op::Jump { .. })) && at > furthest) {
                break;
            }
        }
        self.popped.insert(function, found);
        found
    }
}

/// Callees of unknown convention: the caller cleans up when it does so right after the call; otherwise everything
/// pushed since the last call was for this one.
fn guessed_pops(state: &State, rest: &[(u32, u32, Op)]) -> i64 {
    let cleans = rest.first().is_some_and(|(_, _, op)| {
        matches!(
            op,
            Op::Bin {
                op: crate::ir::BinOp::Add,
                dst: RSP,
                b: Src::Imm(_),
                ..
            }
        )
    });
    let sp_below = matches!(state.reg(RSP), Val::One(Atom { sym: STACK, .. }));
    if cleans || !sp_below {
        0
    } else {
        i64::from(state.pushed)
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
