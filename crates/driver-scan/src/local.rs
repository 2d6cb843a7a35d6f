//! The short way: most tags are constants written right before the call, and no more than that stretch is interpreted.
//!
//! A block is interpreted with nothing known on entry. Constants that reach the call all the same do so whatever came
//! before; when anything else reaches it, the whole function is interpreted instead.

use std::collections::HashMap;

use crate::engine::{Callee, Demand, Engine};
use crate::flow::Run;
use crate::ir::{NONE, Op, Src};

/// Most blocks of a function that are looked at here.
const MAX_BLOCKS: usize = 3_000;
/// Longest chain of blocks, each the only way to the next, that is followed back from a call.
const MAX_CHAIN: usize = 8;

/// The blocks of a function that direct branches lead to.
struct Graph {
    /// Start and end of each block, sorted.
    blocks: Vec<(u32, u32)>,
    /// The block that leads to this one; `None` when several do.
    before: HashMap<u32, Option<u32>>,
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

    /// The only block that leads to `at`, when all ways to it are known.
    fn before(&self, at: u32) -> Option<u32> {
        let only = self.before.get(&at).copied().flatten()?;
        // Blocks that overlap: the longer one runs into this one.
        let upto = self.blocks.partition_point(|&(start, _)| start < at);
        let overlapped = self
            .blocks
            .get(upto.checked_sub(1)?)
            .is_some_and(|&(_, end)| end > at);
        (self.complete && !overlapped).then_some(only)
    }
}

impl Engine<'_> {
    /// Resolves the calls at all `sites` of the function at `entry` by their own blocks. False when one of them needs
    /// more; what was found by then holds.
    pub(crate) fn resolve_locally(&mut self, entry: u32, sites: &[u32]) -> bool {
        let bounds = (entry, self.xrefs.end_of(self.image, entry));
        let Some(graph) = self.graph(entry, bounds) else {
            return false;
        };
        let mut done: Vec<u32> = Vec::new();
        for &site in sites {
            let Some(at) = graph.holding(site) else {
                return false;
            };
            match self.leads_to_call(at, site) {
                Some(true) => {}
                // Bytes inside another instruction that look like a call.
                None => continue,
                Some(false) => return false,
            }
            if done.contains(&at) {
                continue;
            }
            if !self.resolve_block(entry, bounds, &graph, at) {
                return false;
            }
            done.push(at);
        }
        true
    }

    /// Whether the instruction at `site` calls something with sinks, or jumps to it; `None` when no instruction starts
    /// where a direct call was seen.
    fn leads_to_call(&mut self, at: u32, site: u32) -> Option<bool> {
        let block = self.block(at)?;
        let &(ip, _, op) = block
            .ops
            .iter()
            .rfind(|&&(ip, next, _)| ip <= site && site < next)?;
        let known = match op {
            Op::Call { to } | Op::Jump { to } => {
                if ip != site {
                    return None;
                }
                self.sinks.contains_key(&Callee::Func(to))
            }
            Op::CallInd { src: Src::Mem(mem) } | Op::JumpInd { src: Src::Mem(mem) } => {
                mem.base == NONE
                    && mem.index == NONE
                    && self
                        .image
                        .rva_of(mem.disp as u64)
                        .and_then(|rva| self.image.slots.get(&rva))
                        .is_some_and(|&index| self.sinks.contains_key(&Callee::Import(index)))
            }
            _ => false,
        };
        Some(known)
    }

    fn resolve_block(&mut self, entry: u32, bounds: (u32, u32), graph: &Graph, at: u32) -> bool {
        let mut chain = vec![at];
        loop {
            let first = chain.last().copied().unwrap_or(at);
            if self.try_chain(entry, bounds, &chain, first == entry && graph.complete) {
                return true;
            }
            let before = graph.before(first).filter(|before| !chain.contains(before));
            match before {
                Some(before) if chain.len() < MAX_CHAIN && first != entry => chain.push(before),
                _ => return false,
            }
        }
    }

    /// Interprets the blocks of `chain`, last first. True when only constants (or, from the function's start on,
    /// parameters) reach the calls of the block that the chain ends in.
    fn try_chain(&mut self, entry: u32, bounds: (u32, u32), chain: &[u32], from_start: bool) -> bool {
        let mut run = Run::local(entry, bounds, self.is_thunk(entry));
        let mut state = if from_start {
            self.entry_state()
        } else {
            self.unknown_state()
        };
        let (demands, stores) = (self.demands.len(), self.stores.len());
        self.doubts = 0;
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

    /// Decodes the function at `entry`; `None` when it is too large.
    fn graph(&mut self, entry: u32, bounds: (u32, u32)) -> Option<Graph> {
        let mut before: HashMap<u32, Option<u32>> = HashMap::new();
        let mut blocks = Vec::new();
        let mut work = vec![entry];
        let mut complete = true;
        before.insert(entry, None);
        while let Some(at) = work.pop() {
            if blocks.len() > MAX_BLOCKS {
                return None;
            }
            let Some(block) = self.block(at) else { continue };
            blocks.push((at, block.end));
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
            for to in jump.into_iter().chain(falls) {
                if !self.stays(to, entry, bounds) {
                    continue;
                }
                match before.get_mut(&to) {
                    Some(known) => *known = None,
                    None => {
                        before.insert(to, Some(at));
                        work.push(to);
                    }
                }
            }
        }
        blocks.sort_unstable();
        Some(Graph {
            blocks,
            before,
            complete,
        })
    }
}
