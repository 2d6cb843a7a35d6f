//! The short way: most tags are constants written right before the call, and no more than that stretch is interpreted.
//!
//! A block is interpreted with nothing known on entry. Constants that reach the call all the same do so whatever came
//! before; when anything else reaches it, the whole function is interpreted instead.

use crate::Certainty;
use crate::changes::bit;
use crate::engine::{Callee, Demand, Engine, Sink};
use crate::flow::Run;
use crate::hash::Set;
use crate::ir::{Mem, NONE, Op, Reg, Src};
use crate::state::State;
use crate::value::{Atom, Kind, Val};

/// Most blocks of a function that are looked at here.
const MAX_BLOCKS: usize = 3_000;
/// Longest chain of blocks, each the only way to the next, that is followed back from a call.
const MAX_CHAIN: usize = 8;
/// Most blocks that the values of one register are looked for in.
const MAX_BACK: usize = 256;

/// How an instruction uses what it refers to.
enum Use {
    /// For the call at this address.
    Call(u32),
    /// Bytes inside an instruction that look like a call.
    Chance,
    /// Otherwise.
    Other,
}

/// The blocks of a function that direct branches lead to.
struct Graph {
    /// Start and end of each block, sorted.
    blocks: Vec<(u32, u32)>,
    /// (block, one that leads to it), sorted.
    edges: Vec<(u32, u32)>,
    /// No jump through a table may lead elsewhere.
    complete: bool,
}

impl Graph {
    /// The block that starts last before `site` and holds it.
    fn holding(&self, site: u32) -> Option<u32> {
        let upto = self.blocks.partition_point(|&(start, _)| start <= site);
        let &(start, end) = self.blocks.get(upto.checked_sub(1)?)?;
        (site < end).then_some(start)
    }

    /// Where the block at `at` ends: at its branch, or where another begins.
    fn end(&self, at: u32) -> u32 {
        self.blocks
            .binary_search_by(|&(start, _)| start.cmp(&at))
            .ok()
            .and_then(|index| self.blocks.get(index))
            .map_or(at, |&(_, end)| end)
    }

    /// The blocks that lead to `at`; `None` when others may.
    fn before(&self, at: u32) -> Option<&[(u32, u32)]> {
        if !self.complete {
            return None;
        }
        let from = self.edges.partition_point(|&(to, _)| to < at);
        let rest = self.edges.get(from..)?;
        rest.get(..rest.partition_point(|&(to, _)| to == at))
    }
}

/// A tag that is what a register held when the block began.
#[derive(Clone, Debug)]
pub(crate) struct Carried {
    pub(crate) sink: Sink,
    pub(crate) reg: Reg,
}

impl Engine<'_> {
    /// Resolves calls at `sites` of the function at `entry` by their own blocks. Returns those that need no more.
    pub(crate) fn resolve_locally(&mut self, entry: u32, sites: &[u32]) -> Vec<u32> {
        let bounds = (entry, self.xrefs.end_of(self.image, entry));
        let Some(graph) = self.graph(entry, bounds) else {
            return Vec::new();
        };
        let mut calls: Vec<(u32, bool)> = Vec::new();
        let mut resolved = Vec::new();
        for &site in sites {
            let Some(at) = graph.holding(site) else { continue };
            let done = match self.leads_to_call(at, site) {
                Use::Call(call) => match calls.iter().find(|(known, _)| *known == call) {
                    Some(&(_, done)) => done,
                    None => {
                        let done = self.resolve_block(entry, bounds, &graph, at, call);
                        calls.push((call, done));
                        done
                    }
                },
                Use::Chance => true,
                Use::Other => false,
            };
            if done {
                resolved.push(site);
            }
        }
        resolved
    }

    /// What the instruction at `site`, in the block at `at`, uses the routine for.
    fn leads_to_call(&mut self, at: u32, site: u32) -> Use {
        let Some(block) = self.block(at) else {
            return Use::Other;
        };
        let Some(index) = block
            .ops
            .iter()
            .rposition(|&(ip, next, _)| ip <= site && site < next)
        else {
            return Use::Other;
        };
        let mut following = block.ops.iter().skip(index);
        let Some(&(ip, _, op)) = following.next() else {
            return Use::Other;
        };
        match op {
            Op::Call { .. } | Op::Jump { .. } if ip != site => Use::Chance,
            Op::Call { to } | Op::Jump { to } if self.sinks.contains_key(&Callee::Func(to)) => Use::Call(ip),
            Op::CallInd { src: Src::Mem(_) } => Use::Call(ip),
            Op::JumpInd { src: Src::Mem(mem) } if mem.index == NONE => Use::Call(ip),
            // Loaded into a register that the next call uses up, by itself or through the guard.
            Op::Mov {
                dst,
                src: Src::Mem(_),
                ..
            } => {
                let mut used_up = self.is_volatile(dst);
                for &(ip, _, op) in following {
                    match op {
                        Op::CallInd { src: Src::Mem(mem) } if self.is_guard_slot(&mem) => used_up = true,
                        Op::CallInd { .. } | Op::Call { .. } | Op::JumpInd { .. } if used_up => {
                            return Use::Call(ip);
                        }
                        Op::CallInd { .. } | Op::Call { .. } => break,
                        _ => {}
                    }
                }
                Use::Other
            }
            _ => Use::Other,
        }
    }

    /// True for the check of control-flow guard on x86, which is called before the call itself.
    fn is_guard_slot(&self, mem: &Mem) -> bool {
        mem.base == NONE
            && self
                .image
                .rva_of(mem.disp as u64)
                .is_some_and(|rva| self.image.guard_check == Some(rva))
    }

    fn resolve_block(&mut self, entry: u32, bounds: (u32, u32), graph: &Graph, at: u32, call: u32) -> bool {
        let mut chain = vec![at];
        loop {
            let first = chain.last().copied().unwrap_or(at);
            // A loop that leads back to the start may have changed the parameters.
            let from_start = first == entry && graph.before(entry).is_some_and(<[_]>::is_empty);
            if self.try_chain(entry, bounds, &chain, call, from_start)
                && self.trace_back(graph, first, entry, call)
            {
                return true;
            }
            match graph.before(first) {
                Some(&[(_, before)])
                    if chain.len() < MAX_CHAIN && first != entry && !chain.contains(&before) =>
                {
                    chain.push(before);
                }
                _ => return false,
            }
        }
    }

    /// Finds what the registers that carry tags into the block at `first` were set to, and reports it.
    fn trace_back(&mut self, graph: &Graph, first: u32, entry: u32, call: u32) -> bool {
        let carried = std::mem::take(&mut self.carried);
        let mut found = Vec::new();
        for Carried { sink, reg } in carried {
            match self.reaching(graph, first, entry, reg) {
                Some(values) => found.push((sink, values)),
                None => return false,
            }
        }
        for (sink, values) in found {
            let certainty = if sink.depth > 0 {
                Certainty::Wrapper
            } else {
                Certainty::Dataflow
            };
            for value in values.into_iter().filter(|&value| value as u32 != 0) {
                self.report(&sink, value as u32, call, certainty);
            }
        }
        true
    }

    /// The constants that `reg` may hold at the start of the block at `first`; `None` when it may hold something else.
    fn reaching(&mut self, graph: &Graph, first: u32, entry: u32, reg: Reg) -> Option<Vec<u64>> {
        let mut values = Vec::new();
        let mut seen = vec![(first, reg)];
        let mut next = 0;
        while let Some(&(at, reg)) = seen.get(next) {
            next += 1;
            if at == entry || seen.len() > MAX_BACK {
                return None;
            }
            for &(_, before) in graph.before(at)? {
                let block = self.block(before)?;
                self.spend(block.ops.len() as u64 / 4 + 8);
                let end = graph.end(before);
                let ops = || block.ops.iter().take_while(|&&(ip, _, _)| ip < end);
                let mut wanted = Some(reg);
                if ops().any(|(_, _, op)| self.writes(op, reg)) {
                    let mut run = Run::local(entry, (entry, entry), false);
                    let mut state = self.state_before();
                    for (_, _, op) in ops() {
                        match op {
                            Op::Call { .. } | Op::CallInd { .. } => self.forget_volatile(&mut state),
                            _ => self.execute(&mut run, &mut state, *op),
                        }
                    }
                    let val = state.reg(reg);
                    if let Some(constants) = val.constants() {
                        values.extend(constants);
                        wanted = None;
                    } else if let Val::One(Atom {
                        sym,
                        exact: true,
                        off: 0,
                    }) = val
                        && let Kind::Before(other) = self.symbols.kind(*sym)
                    {
                        wanted = Some(other);
                    } else {
                        return None;
                    }
                }
                if let Some(reg) = wanted
                    && !seen.contains(&(before, reg))
                {
                    seen.push((before, reg));
                }
            }
        }
        Some(values)
    }

    /// True when an operation changes a register.
    fn writes(&self, op: &Op, reg: Reg) -> bool {
        match op {
            Op::Call { .. } | Op::CallInd { .. } => self.is_volatile(reg),
            _ => op.written() & bit(reg) != 0,
        }
    }

    /// Interprets the blocks of `chain`, last first. True when only constants (or, from the function's start on,
    /// parameters) reach the calls of the block that the chain ends in.
    fn try_chain(
        &mut self,
        entry: u32,
        bounds: (u32, u32),
        chain: &[u32],
        call: u32,
        from_start: bool,
    ) -> bool {
        let mut run = Run::local(entry, bounds, self.is_thunk(entry));
        let mut state = if from_start {
            self.entry_state()
        } else {
            self.state_before()
        };
        let (demands, stores) = (self.demands.len(), self.stores.len());
        self.doubts = 0;
        self.fed.clear();
        self.carried.clear();
        for (index, &at) in chain.iter().enumerate().rev() {
            run.reporting = index == 0;
            let edges = self.step(&mut run, at, state);
            let Some(next) = index.checked_sub(1).and_then(|next| chain.get(next)) else {
                break;
            };
            let Some((_, after)) = edges.into_iter().find(|(to, _)| to == next) else {
                return false;
            };
            state = after;
        }
        let resolved = self.doubts == 0
            && self.fed.contains(&call)
            && self
                .demands
                .iter()
                .skip(demands)
                .all(|demand| from_start && matches!(demand, Demand::Parameter(_)));
        if !resolved {
            self.demands.truncate(demands);
            self.stores.truncate(stores);
        }
        resolved
    }

    /// Nothing is known of the registers but that each keeps its value: what a block stores through them it can read.
    fn state_before(&mut self) -> State {
        let mut state = self.unknown_state();
        for reg in 0..31 {
            if reg != self.stack_pointer() {
                let sym = self.symbols.intern(Kind::Before(reg));
                state.set(reg, Val::symbol(sym));
            }
        }
        state
    }

    /// Decodes the function at `entry`; `None` when it is too large.
    fn graph(&mut self, entry: u32, bounds: (u32, u32)) -> Option<Graph> {
        let mut seen: Set<u32> = Set::default();
        let mut found = Vec::new();
        let mut work = vec![entry];
        let mut complete = true;
        seen.insert(entry);
        while let Some(at) = work.pop() {
            self.spend(4);
            if found.len() > MAX_BLOCKS || self.steps == 0 {
                return None;
            }
            let Some(block) = self.block(at) else { continue };
            let (jump, falls) = match block.ops.last() {
                Some((_, _, Op::Jump { to })) => (Some(*to), None),
                Some((_, next, Op::JumpIf { to, .. } | Op::JumpZero { to, .. })) => (Some(*to), Some(*next)),
                Some((_, _, Op::JumpInd { src: Src::Mem(mem) })) if mem.base == NONE && mem.index == NONE => {
                    (None, None)
                }
                Some((_, _, Op::JumpInd { .. })) => {
                    complete = false;
                    (None, None)
                }
                Some((_, _, Op::Ret { .. } | Op::Stop)) => (None, None),
                _ => (None, Some(block.end)),
            };
            let stays = |to: &u32| self.stays(*to, entry, bounds);
            let next = [jump.filter(stays), falls.filter(stays)];
            found.push((at, block.end, next));
            work.extend(next.into_iter().flatten().filter(|&to| seen.insert(to)));
        }
        found.sort_unstable();
        let (mut blocks, mut edges) = (Vec::new(), Vec::new());
        for (index, &(at, end, next)) in found.iter().enumerate() {
            // A branch into the middle of a block divides it.
            match found.get(index + 1) {
                Some(&(second, ..)) if second < end => {
                    blocks.push((at, second));
                    edges.push((second, at));
                }
                _ => {
                    blocks.push((at, end));
                    edges.extend(next.into_iter().flatten().map(|to| (to, at)));
                }
            }
        }
        edges.sort_unstable();
        Some(Graph {
            blocks,
            edges,
            complete,
        })
    }
}
