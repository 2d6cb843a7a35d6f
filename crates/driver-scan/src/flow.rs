//! Interprets one function: blocks until nothing changes, then once more to report.

use std::collections::{BTreeMap, BTreeSet};

use crate::Arch;
use crate::blocks::MAX_BLOCKS;
use crate::engine::{Callee, Demand, Engine};
use crate::hash::Set;
use crate::ir::{Mem, Op, RBP, RSP, Reg, SP, Src};
use crate::rounds::{Round, Rounds};
use crate::state::State;
use crate::value::{Atom, CONST, Kind, STACK, Val};

/// Most work spent on one function, at first and when values were missing.
const QUICK_STEPS: u64 = 60_000;
const WIDE_STEPS: u64 = 250_000;
/// Deepest interpretation of called functions in place.
const MAX_INLINE: u8 = 4;
/// Largest function interpreted in place, in bytes.
const MAX_INLINE_BYTES: u32 = 4_096;

/// One function under interpretation.
#[derive(Debug)]
pub(crate) struct Run {
    /// Bounds of the innermost function.
    pub(crate) bounds: (u32, u32),
    pub(crate) inline: Set<u32>,
    /// Functions being interpreted in place.
    pub(crate) nest: Vec<u32>,
    pub(crate) reporting: bool,
    /// How often a block may change before its values are widened.
    visits: u32,
    pub(crate) wide: bool,
    /// The function only jumps on.
    pub(crate) entry_is_thunk: bool,
    /// Interpretation stops when no more than this is left of the whole scan's work.
    floor: u64,
    /// What was left when it began.
    ceiling: u64,
    /// Blocks from which a site can be reached; all when absent.
    slice: Option<Set<u32>>,
    /// Functions that were given the address of a local at this offset.
    pub(crate) given: Vec<(i64, u32)>,
    covered: Vec<(u32, u32)>,
    pub(crate) unresolved: Option<State>,
    exit: Option<State>,
}

impl Run {
    /// For a few blocks of the function at `entry`.
    pub(crate) fn local(entry: u32, bounds: (u32, u32), entry_is_thunk: bool) -> Self {
        Self {
            bounds,
            inline: Set::default(),
            nest: vec![entry],
            reporting: false,
            visits: 0,
            wide: false,
            entry_is_thunk,
            floor: 0,
            ceiling: 0,
            slice: None,
            given: Vec::new(),
            covered: Vec::new(),
            unresolved: None,
            exit: None,
        }
    }

    /// True when only some blocks are looked at, with nothing known before.
    pub(crate) const fn is_local(&self) -> bool {
        self.visits == 0
    }

    /// Largest range that a bound makes of something unknown.
    pub(crate) const fn widest(&self) -> u64 {
        if self.wide { 64 } else { 8 }
    }
}

/// Where a block goes.
pub(crate) type Edges = Vec<(u32, State)>;

impl Engine<'_> {
    /// Interprets the function at `entry`; returns the sites that were not reached.
    pub(crate) fn interpret(
        &mut self,
        entry: u32,
        inline: Set<u32>,
        wide: bool,
        sites: &[(u32, Vec<u32>)],
    ) -> Vec<(u32, Vec<u32>)> {
        let mut run = Run {
            bounds: (entry, self.xrefs.end_of(self.image, entry)),
            inline,
            nest: vec![entry],
            reporting: false,
            visits: if wide { 100 } else { 5 },
            wide,
            entry_is_thunk: self.is_thunk(entry),
            floor: self
                .steps
                .saturating_sub(if wide { WIDE_STEPS } else { QUICK_STEPS }),
            ceiling: self.steps,
            slice: None,
            given: Vec::new(),
            covered: Vec::new(),
            unresolved: None,
            exit: None,
        };
        let start = self.entry_state();
        run.slice = self.slice(entry, run.bounds, sites);
        self.flow(&mut run, vec![(entry, start)], true);
        let reached = |run: &Run, site: u32| run.covered.iter().any(|&(from, to)| from <= site && site < to);
        let missed: Vec<_> = sites
            .iter()
            .filter(|(site, _)| !reached(&run, *site))
            .cloned()
            .collect();
        if run.unresolved.is_some() && !wide {
            // A jump through a table whose bounds were not found: its cases may share the call.
            self.demand(Demand::Wider);
        }
        let (mut others, lost): (Vec<_>, Vec<_>) =
            missed.into_iter().partition(|(_, starts)| !starts.is_empty());
        if !lost.is_empty() {
            // Handlers of exceptions and cases of jumps that were not understood: with nothing known on entry.
            let mut starts = Vec::new();
            for (site, _) in &lost {
                let Some(leader) = self
                    .leader_before(entry, *site)
                    .filter(|&leader| !reached(&run, leader))
                else {
                    continue;
                };
                if leader != entry && self.image.bounds(leader).is_none() {
                    // Behind a return, reached from nowhere, and without exception data: a function of its own.
                    others.push((*site, vec![leader]));
                } else if !starts.iter().any(|(at, _)| *at == leader) {
                    starts.push((
                        leader,
                        run.unresolved.clone().unwrap_or_else(|| self.unknown_state()),
                    ));
                }
            }
            if !starts.is_empty() {
                run.slice = None;
                self.flow(&mut run, starts, true);
            }
        }
        others
    }

    /// The state at the first instruction of a function, made once.
    pub(crate) fn entry_state(&mut self) -> State {
        if let Some(state) = &self.at_entry {
            return state.clone();
        }
        let mut state = State::new();
        for reg in 0..31u8 {
            let sym = self.symbols.intern(Kind::Entry(reg));
            state.set(reg, Val::symbol(sym));
        }
        state.set(self.stack_pointer(), Val::symbol(STACK));
        self.at_entry = Some(state.clone());
        state
    }

    /// A place in the middle of a function of which nothing is known but that there is a stack.
    pub(crate) fn unknown_state(&self) -> State {
        let mut state = State::new();
        state.set(
            self.stack_pointer(),
            Val::One(Atom {
                sym: STACK,
                exact: true,
                off: -0x10000,
            }),
        );
        state
    }

    pub(crate) fn stack_pointer(&self) -> Reg {
        if self.image.arch == Arch::Arm64 { SP } else { RSP }
    }

    /// Interprets from `starts` until nothing changes; the joined state at the returns.
    fn flow(&mut self, run: &mut Run, starts: Edges, report: bool) -> Option<State> {
        let mut states: BTreeMap<(u32, Round), (State, u32)> = BTreeMap::new();
        let mut work: BTreeSet<(u32, Round)> = BTreeSet::new();
        let mut rounds = Rounds::new(run.wide);
        let was_reporting = std::mem::replace(&mut run.reporting, false);
        for (at, state) in starts {
            states.insert((at, 0), (state, 0));
            work.insert((at, 0));
        }
        let mut orphans = false;
        loop {
            while let Some((at, round)) = work.pop_first() {
                let Some((state, _)) = states.get(&(at, round)) else {
                    continue;
                };
                let state = state.clone();
                let edges = self.step(run, at, state);
                let end = self.blocks.get(&at).map_or(at, |block| block.end);
                for (to, mut next) in edges {
                    if run.nest.len() == 1 && run.slice.as_ref().is_some_and(|slice| !slice.contains(&to)) {
                        continue;
                    }
                    if states.len() >= MAX_BLOCKS {
                        break;
                    }
                    let mut round = rounds.stay(round, to);
                    // Half of the room is left to what comes behind the loops.
                    let room = states.len() < MAX_BLOCKS / 2 && self.steps > run.floor.midpoint(run.ceiling);
                    if to < end && std::mem::take(&mut next.decided) && room {
                        // What changes nothing is no new round.
                        let known = states.get(&(to, round)).map(|(known, _)| known.clone());
                        if known.is_none_or(|mut known| known.absorb(&next, false)) {
                            round = rounds.again(round, end, to);
                        }
                    }
                    let to = (to, round);
                    match states.get_mut(&to) {
                        None => {
                            states.insert(to, (next, 0));
                            work.insert(to);
                        }
                        Some((known, visits)) => {
                            let widen = *visits >= run.visits;
                            if known.absorb(&next, widen) {
                                *visits += 1;
                                if *visits < run.visits + 8 {
                                    work.insert(to);
                                }
                            }
                        }
                    }
                }
                if self.steps <= run.floor {
                    break;
                }
            }
            if orphans || self.steps <= run.floor {
                break;
            }
            // A jump that was not understood may go to any stretch of the function that nothing else reaches.
            orphans = true;
            let Some(state) = run.unresolved.take() else { break };
            for at in self.unreached(run.bounds, states.keys().map(|&(at, _)| at).collect()) {
                states.insert((at, 0), (state.clone(), 0));
                work.insert((at, 0));
            }
            run.unresolved = Some(state);
        }
        run.exit = None;
        run.reporting = report;
        for ((at, _), (state, _)) in states {
            if run.nest.len() == 1
                && let Some(end) = self.blocks.get(&at).map(|block| block.end)
            {
                run.covered.push((at, end));
            }
            self.step(run, at, state);
            if self.steps == 0 {
                break;
            }
        }
        run.reporting = was_reporting;
        run.exit.take()
    }

    /// Interprets one block.
    pub(crate) fn step(&mut self, run: &mut Run, at: u32, mut state: State) -> Edges {
        let Some(block) = self.block(at) else {
            return Vec::new();
        };
        state.immediate = 0;
        let mut edges = Edges::new();
        self.spend(block.ops.len() as u64 + 8 + state.cells() as u64 / 4);
        for (index, &(ip, next, op)) in block.ops.iter().enumerate() {
            match op {
                Op::Jump { to } => {
                    self.leave(run, ip, to, state, &mut edges);
                    return edges;
                }
                Op::JumpIf { cond, to } => {
                    state.decided |= state.is_decided();
                    let mut taken = state.clone();
                    if taken.assume(cond, run.widest()) {
                        self.leave(run, ip, to, taken, &mut edges);
                    }
                    if state.assume(cond.not(), run.widest()) {
                        edges.push((next, state));
                    }
                    return edges;
                }
                Op::JumpZero { reg, size, zero, to } => {
                    state.decided |= state.reg(reg).single().is_some();
                    let mut taken = state.clone();
                    if taken.assume_zero(reg, size, zero) {
                        self.leave(run, ip, to, taken, &mut edges);
                    }
                    if state.assume_zero(reg, size, !zero) {
                        edges.push((next, state));
                    }
                    return edges;
                }
                Op::JumpInd { src } => {
                    self.jump_indirect(run, ip, src, state, &mut edges);
                    return edges;
                }
                Op::Call { to } => {
                    let rest = block.ops.get(index + 1..).unwrap_or_default();
                    let Some(after) = self.call(run, ip, &[Callee::Func(to)], state, rest) else {
                        return edges;
                    };
                    state = after;
                }
                Op::CallInd { src } => {
                    let rest = block.ops.get(index + 1..).unwrap_or_default();
                    let target = self.value(&state, src, self.image.pointer_size() as u8);
                    if self.is_guard_check(&target) {
                        continue;
                    }
                    let callees = self.targets(run, &state, &target);
                    let Some(after) = self.call(run, ip, &callees, state, rest) else {
                        return edges;
                    };
                    state = after;
                }
                Op::Ret { pop } => {
                    self.finish(run, state, pop);
                    return edges;
                }
                Op::Stop => return edges,
                _ => self.execute(run, &mut state, op),
            }
        }
        edges.push((block.end, state));
        edges
    }

    /// Joins a state into what is known at the returns.
    fn finish(&self, run: &mut Run, mut state: State, pop: u16) {
        if self.image.arch != Arch::Arm64 {
            let width = i64::from(self.image.pointer_size());
            let sp = state.reg(RSP).clone();
            state.set(RSP, self.add(&sp, width + i64::from(pop)));
        }
        match &mut run.exit {
            None => run.exit = Some(state),
            Some(exit) => {
                exit.absorb(&state, false);
            }
        }
    }

    pub(crate) fn add(&self, val: &Val, by: i64) -> Val {
        let size = self.image.pointer_size() as u8;
        val.each(|atom| match atom.sym {
            CONST => Atom::constant(crate::value::mask(atom.off.wrapping_add(by) as u64, size)),
            _ => atom.moved(by),
        })
    }

    /// A jump: inside the function, or the call of another one in its last place.
    fn leave(&mut self, run: &mut Run, ip: u32, to: u32, state: State, edges: &mut Edges) {
        let first = run.nest.last().copied().unwrap_or(run.bounds.0);
        if self.stays(to, first, run.bounds) {
            edges.push((to, state));
        } else if to == first || !self.image.is_code(to) {
            // Nowhere that can be followed.
        } else {
            self.tail_call(run, ip, &[Callee::Func(to)], state);
        }
    }

    /// True for a jump inside the function that starts at `entry`, not the call of another one in its last place.
    pub(crate) fn stays(&self, to: u32, entry: u32, bounds: (u32, u32)) -> bool {
        let inside = to >= bounds.0 && to < bounds.1;
        let other = match self.image.bounds(to) {
            Some(bounds) => bounds.start == to && bounds.primary == to && !inside,
            None => !inside && self.xrefs.is_entry(to),
        };
        (to == entry || !(other || self.sinks.contains_key(&Callee::Func(to)))) && self.image.is_code(to)
    }

    pub(crate) fn tail_call(&mut self, run: &mut Run, ip: u32, callees: &[Callee], mut state: State) {
        // The callee finds its stack as if it had been called here.
        if self.image.arch != Arch::Arm64 {
            let sp = state.reg(RSP).clone();
            state.set(RSP, self.add(&sp, i64::from(self.image.pointer_size())));
        }
        let Some(mut after) = self.call(run, ip, callees, state, &[]) else {
            return;
        };
        if self.image.arch != Arch::Arm64 {
            let sp = after.reg(RSP).clone();
            after.set(RSP, self.add(&sp, -i64::from(self.image.pointer_size())));
        }
        self.finish(run, after, 0);
    }

    /// Interprets a called function in place; `None` when that is not possible.
    pub(crate) fn inline_call(&mut self, run: &mut Run, callee: u32, state: &State) -> Option<State> {
        let end = self.xrefs.end_of(self.image, callee);
        if run.nest.len() > usize::from(MAX_INLINE)
            || run.nest.contains(&callee)
            || end.saturating_sub(callee) > MAX_INLINE_BYTES
        {
            return None;
        }
        let mut state = state.clone();
        let width = i64::from(self.image.pointer_size());
        if self.image.arch != Arch::Arm64 {
            let sp = state.reg(RSP).clone();
            let sp = self.add(&sp, -width);
            state.set(RSP, sp.clone());
            if let Val::One(atom) = sp {
                state.write(atom.sym, atom.off, width as u8, Val::TOP, false);
            }
        }
        let bounds = std::mem::replace(&mut run.bounds, (callee, end));
        let (unresolved, exit) = (run.unresolved.take(), run.exit.take());
        run.nest.push(callee);
        let report = run.reporting;
        let result = self.flow(run, vec![(callee, state)], report);
        run.nest.pop();
        run.bounds = bounds;
        run.unresolved = unresolved;
        run.exit = exit;
        let mut result = result?;
        if let Val::One(Atom { sym: STACK, off, .. }) = result.reg(self.stack_pointer()) {
            let off = *off;
            result.drop_below(off);
        }
        result.flags = None;
        Some(result)
    }

    /// True for the helpers that build or take down a frame for their caller (`_SEH_prolog4` on x86).
    pub(crate) fn builds_frame(&mut self, callee: u32) -> bool {
        if self.image.arch != Arch::X86 {
            return false;
        }
        let Some(block) = self.block(callee) else {
            return false;
        };
        let mut pushed_rbp = false;
        for (_, _, op) in block.ops.iter().take(16) {
            match op {
                Op::Store {
                    mem: Mem {
                        base: RSP, disp: 0, ..
                    },
                    src: Src::Reg(RBP),
                } => pushed_rbp = true,
                Op::Lea { dst: RBP, mem, .. } if mem.base == RSP => return !pushed_rbp,
                Op::Mov { dst: RBP, .. } => return false,
                _ => {}
            }
        }
        false
    }
}
