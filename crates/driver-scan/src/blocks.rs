//! Code in blocks: decoding, and what lies before, behind and between them.

use std::rc::Rc;

use crate::Arch;
use crate::engine::{Callee, Engine, Lifter, MAX_SITES};
use crate::hash::{Map, Set};
use crate::ir::{NONE, Op, Src};

/// Longest block in instructions.
const MAX_BLOCK: usize = 600;
/// Most blocks of a function.
pub(crate) const MAX_BLOCKS: usize = 4_000;

/// Decoded operations up to a branch.
#[derive(Debug)]
pub(crate) struct Block {
    /// Address of each operation's instruction, the address after it, and the operation.
    pub(crate) ops: Box<[(u32, u32, Op)]>,
    /// Where the block ends.
    pub(crate) end: u32,
}

impl Engine<'_> {
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
        let mut ops = std::mem::take(&mut self.decoded);
        let mut lifted = std::mem::take(&mut self.lifted);
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
        let block = Rc::new(Block {
            ops: ops.as_slice().into(),
            end: at,
        });
        ops.clear();
        (self.decoded, self.lifted) = (ops, lifted);
        self.blocks.insert(rva, Rc::clone(&block));
        Some(block)
    }

    /// The blocks from which one of the sites can be reached. `None` when that cannot be told beforehand: the function
    /// jumps through tables, or a site is not a plain use of a routine.
    pub(crate) fn slice(
        &mut self,
        entry: u32,
        bounds: (u32, u32),
        sites: &[(u32, Vec<u32>)],
    ) -> Option<Set<u32>> {
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
                    // What an object holds is often stored after its address was kept.
                    Op::Store { mem, .. } if here && u32::from(mem.size) == self.image.pointer_size() => {
                        return None;
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

    /// The start of the stretch of code without branches' ends before `site`, decoding from `entry` on.
    pub(crate) fn leader_before(&mut self, entry: u32, site: u32) -> Option<u32> {
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

    /// Starts of stretches inside the bounds that are in none of the known blocks.
    pub(crate) fn unreached(&mut self, (from, to): (u32, u32), known: Vec<u32>) -> Vec<u32> {
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
}
