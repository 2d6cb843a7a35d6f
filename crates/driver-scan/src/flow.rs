//! Interprets one function: blocks until nothing changes, then once more to report.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::Arch;
use crate::engine::{Callee, Demand, Engine, Lifter, MAX_SITES};
use crate::hash::{Map, Set};
use crate::ir::{Mem, NONE, Op, RBP, RSP, Reg, SP, Src};
use crate::rounds::{Round, Rounds};
use crate::state::State;
use crate::value::{Atom, CONST, Kind, STACK, TOP, Val};

/// Decoded operations up to a branch.
#[derive(Debug)]
pub(crate) struct Block {
    /// Address of each operation's instruction, the address after it, and the operation.
    pub(crate) ops: Vec<(u32, u32, Op)>,
    /// Where the block ends.
    pub(crate) end: u32,
}

/// Most work spent on one function, at first and when values were missing.
const QUICK_STEPS: u64 = 60_000;
const WIDE_STEPS: u64 = 250_000;
/// Longest block in instructions.
const MAX_BLOCK: usize = 600;
/// Most blocks of a function.
const MAX_BLOCKS: usize = 4_000;
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
    unresolved: Option<State>,
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

    /// The blocks from which one of the sites can be reached. `None` when that cannot be told beforehand: the function
    /// jumps through tables, or a site is not a plain use of a routine.
    fn slice(&mut self, entry: u32, bounds: (u32, u32), sites: &[(u32, Vec<u32>)]) -> Option<Set<u32>> {
        let mut seen: Set<u32> = [entry].into_iter().collect();
        let mut work = vec![entry];
        let mut back: Map<u32, Vec<u32>> = Map::default();
        let mut goals = Vec::new();
        let mut loads_routine = false;
        let mut indirect = Vec::new();
        // With so many sites not all of them are kept.
        let full = sites.len() >= MAX_SITES;
        while let Some(at) = work.pop() {
            if seen.len() > MAX_BLOCKS {
                return None;
            }
            let block = self.block(at)?;
            let holds = sites.iter().any(|&(site, _)| at <= site && site < block.end);
            let mut next = Vec::new();
            let mut goal = holds;
            for &(ip, after, op) in &block.ops {
                let here = holds && sites.iter().any(|&(site, _)| ip <= site && site < after);
                match op {
                    Op::JumpInd { src: Src::Mem(mem) } if mem.index == NONE && mem.base == NONE => {}
                    Op::JumpInd { .. } => return None,
                    Op::CallInd { src: Src::Mem(mem) } if mem.base == NONE => {}
                    Op::CallInd { .. } => indirect.push(at),
                    Op::Call { to } => goal |= full && self.sinks.contains_key(&Callee::Func(to)),
                    Op::Jump { to } => next.push(to),
                    Op::JumpIf { to, .. } | Op::JumpZero { to, .. } => next.extend([to, after]),
                    Op::Mov {
                        src: Src::Mem(mem), ..
                    } if here => {
                        let slot = self
                            .image
                            .rva_of(mem.disp as u64)
                            .is_some_and(|rva| self.image.slots.contains_key(&rva));
                        if mem.base != NONE || !slot {
                            return None;
                        }
                        loads_routine = true;
                    }
                    Op::Store { .. } => {}
                    _ if here => return None,
                    _ => {}
                }
            }
            if !block.ops.last().is_some_and(|(_, _, op)| op.ends_block()) {
                next.push(block.end);
            }
            if goal {
                goals.push(at);
            }
            for to in next {
                let inside = to >= bounds.0 && to < bounds.1;
                back.entry(to).or_default().push(at);
                if self.sinks.contains_key(&Callee::Func(to)) {
                    if full {
                        goals.push(at);
                    }
                } else if (inside || self.image.is_code(to)) && seen.insert(to) {
                    work.push(to);
                }
            }
        }
        if loads_routine {
            goals.extend(indirect);
        }
        let mut slice: Set<u32> = Set::default();
        while let Some(at) = goals.pop() {
            if slice.insert(at) {
                goals.extend(back.get(&at).into_iter().flatten());
            }
        }
        Some(slice)
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

    /// The start of the stretch of code without branches' ends before `site`, decoding from `entry` on.
    fn leader_before(&mut self, entry: u32, site: u32) -> Option<u32> {
        if site < entry || site - entry > 1 << 20 {
            return None;
        }
        let (mut at, mut leader) = (entry, entry);
        let mut ops = Vec::new();
        while at <= site {
            ops.clear();
            let length = self
                .image
                .tail(at)
                .and_then(|bytes| self.lift(bytes, at, &mut ops));
            self.steps = self.steps.checked_sub(1)?;
            if ops.is_empty() && leader == at && length.is_some_and(|length| at + length <= site) {
                // Padding before a function.
                leader = leader.saturating_add(length.unwrap_or(1));
            }
            let Some(length) = length else {
                at += if self.image.arch == Arch::Arm64 { 4 } else { 1 };
                leader = at;
                continue;
            };
            if at <= site && site < at.saturating_add(length) {
                return Some(leader);
            }
            at = at.saturating_add(length);
            if ops.iter().any(|op| {
                matches!(
                    op,
                    Op::Jump { .. } | Op::JumpInd { .. } | Op::Ret { .. } | Op::Stop
                )
            }) {
                leader = at;
            }
        }
        None
    }

    pub(crate) fn lift(&self, bytes: &[u8], rva: u32, out: &mut Vec<Op>) -> Option<u32> {
        match &self.lifter {
            Lifter::X86(lifter) => lifter.lift(bytes, rva, out),
            Lifter::Arm64(lifter) => lifter.lift(bytes, rva, out),
        }
    }

    /// The block at `rva`, decoded once.
    pub(crate) fn block(&mut self, rva: u32) -> Option<Rc<Block>> {
        if let Some(block) = self.blocks.get(&rva) {
            return Some(Rc::clone(block));
        }
        if !self.image.is_code(rva) || self.decodes == 0 {
            return None;
        }
        let bytes = self.image.tail(rva)?;
        let mut ops = Vec::with_capacity(32);
        let mut lifted = Vec::new();
        let mut at = rva;
        for _ in 0..MAX_BLOCK {
            let Some(rest) = bytes.get((at - rva) as usize..) else {
                break;
            };
            lifted.clear();
            let Some(length) = self.lift(rest, at, &mut lifted) else {
                ops.push((at, at, Op::Stop));
                break;
            };
            let next = at.saturating_add(length);
            ops.extend(lifted.iter().map(|op| (at, next, *op)));
            at = next;
            if lifted.last().is_some_and(Op::ends_block) {
                break;
            }
        }
        self.decodes = self.decodes.saturating_sub(ops.len() as u64);
        ops.shrink_to_fit();
        let block = Rc::new(Block { ops, end: at });
        self.blocks.insert(rva, Rc::clone(&block));
        Some(block)
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

    /// Starts of stretches inside the bounds that are in none of the known blocks.
    fn unreached(&mut self, (from, to): (u32, u32), known: Vec<u32>) -> Vec<u32> {
        let mut ranges: Vec<(u32, u32)> = known
            .iter()
            .filter_map(|at| self.blocks.get(at).map(|block| (*at, block.end)))
            .collect();
        ranges.sort_unstable();
        let mut found = Vec::new();
        let mut at = from;
        for (start, end) in ranges.into_iter().chain([(to, to)]) {
            if start > at && start <= to && found.len() < 512 {
                // Tables of a jump stand between the cases: start where an instruction may follow.
                let from = self.behind_padding(at, start);
                if from < start {
                    found.push(from);
                }
            }
            at = at.max(end);
        }
        found
    }

    /// The first instruction from `at` on that does something, at most `end`.
    fn behind_padding(&mut self, mut at: u32, end: u32) -> u32 {
        let mut ops = Vec::new();
        while at < end && self.steps > 0 {
            self.spend(1);
            let length = self
                .image
                .tail(at)
                .and_then(|bytes| self.lift(bytes, at, &mut ops));
            // int3 stops; it stands between functions too.
            let pads = ops.iter().all(|op| matches!(op, Op::Stop));
            match length {
                Some(length) if pads => at = at.saturating_add(length),
                _ => break,
            }
            ops.clear();
        }
        at.min(end)
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
        Val::from_atoms(
            val.atoms()
                .iter()
                .map(|atom| match atom.sym {
                    TOP => *atom,
                    _ if !atom.exact => *atom,
                    CONST => Atom::constant(crate::value::mask(atom.off.wrapping_add(by) as u64, size)),
                    _ => Atom {
                        off: atom.off.wrapping_add(by),
                        ..*atom
                    },
                })
                .collect(),
        )
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

    fn tail_call(&mut self, run: &mut Run, ip: u32, callees: &[Callee], mut state: State) {
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

    fn jump_indirect(&mut self, run: &mut Run, ip: u32, src: Src, state: State, edges: &mut Edges) {
        let target = self.value(&state, src, self.image.pointer_size() as u8);
        let mut callees = self.targets(run, &state, &target);
        let mut local = Vec::new();
        callees.retain(|callee| match callee {
            Callee::Func(to) => {
                let inside = *to >= run.bounds.0 && *to < run.bounds.1;
                // Without exception data a jump table's cases are what nothing calls, behind the function's start.
                let chained = match self.image.bounds(*to) {
                    Some(bounds) => Some(bounds.primary) == run.nest.last().copied(),
                    None => to.wrapping_sub(run.bounds.0) < 0x1_0000 && !self.xrefs.is_called(*to),
                };
                if inside || chained {
                    local.push(*to);
                }
                !(inside || chained)
            }
            _ => true,
        });
        let unknown = callees.is_empty() && local.is_empty();
        for to in local {
            edges.push((to, state.clone()));
        }
        if !callees.is_empty() {
            self.tail_call(run, ip, &callees, state);
        } else if unknown {
            match &mut run.unresolved {
                Some(known) => {
                    known.absorb(&state, false);
                }
                None => run.unresolved = Some(state),
            }
        }
    }

    /// What a called address may be.
    pub(crate) fn targets(&mut self, run: &Run, state: &State, target: &Val) -> Vec<Callee> {
        let mut callees = Vec::new();
        let mut atoms = target.atoms().to_vec();
        if atoms
            .iter()
            .any(|atom| self.symbols.kind(atom.sym) == Kind::Guard)
        {
            // The dispatcher calls what rax (x64) or x15 (ARM64) holds.
            let reg: Reg = if self.image.arch == Arch::Arm64 { 15 } else { 0 };
            atoms = state.reg(reg).atoms().to_vec();
        }
        for atom in atoms {
            if let Some(callee) = self.callee_of(atom) {
                callees.push(callee);
            } else if let Some(method) = self.method_at(atom) {
                callees.push(method);
            } else if run.reporting && atom.sym > STACK {
                self.ask_for_target(atom);
            }
        }
        callees.truncate(32);
        callees
    }

    /// A routine's address that another function returned or stored may become known.
    fn ask_for_target(&mut self, atom: Atom) {
        let known_names = self
            .sinks
            .keys()
            .any(|callee| matches!(callee, Callee::Import(_)));
        if !known_names || !atom.exact {
            return;
        }
        if let Kind::Ret(site) = self.symbols.kind(atom.sym)
            && let Some(&callee) = self.call_targets.get(&site)
            && self.inlined_by_callers.contains(&callee)
        {
            self.demand(Demand::Inside(callee));
        }
    }

    pub(crate) fn callee_of(&self, atom: Atom) -> Option<Callee> {
        if !atom.exact {
            return None;
        }
        match (atom.sym, self.symbols.kind(atom.sym)) {
            (CONST, _) => {
                let rva = self.image.rva_of(atom.off as u64)?;
                self.image.is_code(rva).then_some(Callee::Func(rva))
            }
            (_, Kind::Import(index)) if atom.off == 0 => Some(Callee::Import(index)),
            (_, Kind::WdfFn(index)) if atom.off == 0 => Some(Callee::Wdf(index)),
            _ => None,
        }
    }

    fn is_guard_check(&self, target: &Val) -> bool {
        matches!(target, Val::One(atom) if self.symbols.kind(atom.sym) == Kind::GuardCheck)
    }

    pub(crate) fn is_thunk(&mut self, entry: u32) -> bool {
        self.block(entry).is_some_and(|block| match block.ops.as_slice() {
            [(_, _, Op::Jump { .. } | Op::JumpInd { .. })] => true,
            [_, _, (_, _, Op::JumpInd { .. })] => self.image.arch == Arch::Arm64,
            _ => false,
        })
    }

    /// Follows functions that only jump on.
    pub(crate) fn through_thunks(&mut self, run: &Run, state: &State, callee: Callee) -> Vec<Callee> {
        let mut current = callee;
        for _ in 0..4 {
            let Callee::Func(rva) = current else {
                return vec![current];
            };
            let Some(block) = self.block(rva) else {
                return vec![current];
            };
            match block.ops.first() {
                Some(&(_, _, Op::Jump { to })) if to != rva => current = Callee::Func(to),
                Some(&(_, _, Op::JumpInd { src })) => {
                    let target = self.value(state, src, self.image.pointer_size() as u8);
                    let found = self.targets(run, state, &target);
                    return if found.is_empty() { vec![current] } else { found };
                }
                Some(&(
                    _,
                    _,
                    Op::Mov {
                        dst,
                        size,
                        src: Src::Imm(page),
                    },
                )) if self.image.arch == Arch::Arm64 => {
                    // ADRP x16; LDR x16, [x16, n]; BR x16
                    let Some(slot) = arm_thunk(&block, dst, size, page) else {
                        return vec![current];
                    };
                    let target = self.load(state, &Val::constant(slot), 8).0;
                    let found = self.targets(run, state, &target);
                    return if found.is_empty() { vec![current] } else { found };
                }
                _ => return vec![current],
            }
        }
        vec![current]
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

/// The slot an ARM64 import thunk jumps through.
fn arm_thunk(block: &Block, dst: Reg, size: u8, page: u64) -> Option<u64> {
    let [
        _,
        (
            _,
            _,
            Op::Mov {
                dst: loaded,
                src: Src::Mem(mem),
                ..
            },
        ),
        (
            _,
            _,
            Op::JumpInd {
                src: Src::Reg(target),
            },
        ),
    ] = block.ops.as_slice()
    else {
        return None;
    };
    (size == 8 && mem.base == dst && loaded == target).then(|| page.wrapping_add(mem.disp as u64))
}
