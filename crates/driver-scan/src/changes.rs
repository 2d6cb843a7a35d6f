//! Which registers a function of the image leaves alone. Compilers that see both sides keep values over a call in
//! registers that the convention lets the callee change.

use crate::blocks::Block;
use crate::engine::Engine;
use crate::ir::{Op, RCX, RDI, RSI, Reg, Src};

/// Any register may be changed.
const ALL: u64 = u64::MAX;
/// Most blocks of a callee that are looked at.
const MAX_BLOCKS: usize = 48;
/// Deepest nesting of callees looked at.
const MAX_DEPTH: u8 = 3;

/// The bit of a register.
pub(crate) const fn bit(reg: Reg) -> u64 {
    if reg < 64 { 1 << reg } else { 0 }
}

impl Op {
    /// In how many bytes the operation reads a register first of all; as an address, a whole one.
    pub(crate) fn reads(&self, reg: Reg) -> Option<u8> {
        let (size, sources) = match *self {
            Self::Mov { size, src, .. } | Self::Insert { size, src, .. } => (size, [src, src]),
            Self::Extend { from, src, .. } => (from, [src, src]),
            Self::Bin { size, a, b, .. } | Self::Select { size, a, b, .. } | Self::Cmp { size, a, b, .. } => {
                (size, [a, b])
            }
            Self::Un { size, a, .. } => (size, [a, a]),
            Self::Store { mem, src } if mem.base == reg || mem.index == reg => (8, [src, Src::Reg(reg)]),
            Self::Store { mem, src } => (mem.size, [src, src]),
            Self::Lea { mem, .. } => (8, [Src::Mem(mem), Src::Mem(mem)]),
            Self::JumpZero { reg, size, .. } => (size, [Src::Reg(reg), Src::Reg(reg)]),
            Self::CallInd { src } | Self::JumpInd { src } => (8, [src, src]),
            _ => return None,
        };
        sources.into_iter().find_map(|src| match src {
            Src::Reg(read) if read == reg => Some(size),
            Src::Mem(mem) if mem.base == reg || mem.index == reg => Some(8),
            _ => None,
        })
    }

    /// The registers that the operation sets, as bits; calls apart.
    pub(crate) const fn written(&self) -> u64 {
        match *self {
            Self::Mov { dst, .. }
            | Self::Insert { dst, .. }
            | Self::Extend { dst, .. }
            | Self::Bin { dst, .. }
            | Self::Un { dst, .. }
            | Self::Lea { dst, .. }
            | Self::Select { dst, .. }
            | Self::Clobber { dst } => bit(dst),
            Self::Rep { .. } => bit(RCX) | bit(RSI) | bit(RDI),
            _ => 0,
        }
    }
}

impl Engine<'_> {
    /// The registers that a call of the function may change, as bits.
    pub(crate) fn changed_by(&mut self, function: u32) -> u64 {
        self.changed_within(function, 0)
    }

    fn changed_within(&mut self, function: u32, depth: u8) -> u64 {
        if let Some(&known) = self.changes.get(&function) {
            return known;
        }
        if depth >= MAX_DEPTH {
            return ALL;
        }
        // A function that calls itself changes anything.
        self.changes.insert(function, ALL);
        let changed = self.changed_in_blocks(function, depth).unwrap_or(ALL);
        self.changes.insert(function, changed);
        changed
    }

    /// `None` when not all of the function is seen.
    fn changed_in_blocks(&mut self, function: u32, depth: u8) -> Option<u64> {
        let mut changed = 0;
        let all = self.all_blocks(function, MAX_BLOCKS, |engine, block| {
            engine.spend(block.ops.len() as u64 / 8 + 1);
            for &(at, next, op) in &block.ops {
                changed |= op.written();
                match op {
                    // An instruction that cannot be decoded may do anything.
                    Op::Stop if next == at => return false,
                    Op::Call { to } => changed |= engine.changed_within(to, depth + 1),
                    Op::CallInd { .. } | Op::JumpInd { .. } => return false,
                    _ => {}
                }
                if changed == ALL {
                    return false;
                }
            }
            true
        });
        all.then_some(changed)
    }

    /// Goes through the blocks of a function while `look` says so; true when it saw all of them, `most` or fewer.
    pub(crate) fn all_blocks(
        &mut self,
        function: u32,
        most: usize,
        mut look: impl FnMut(&mut Self, &Block) -> bool,
    ) -> bool {
        let (mut work, mut seen) = (vec![function], Vec::new());
        while let Some(at) = work.pop() {
            if seen.contains(&at) {
                continue;
            }
            seen.push(at);
            if seen.len() > most {
                return false;
            }
            let Some(block) = self.block(at) else { return false };
            if !look(self, &block) {
                return false;
            }
            for &(_, next, op) in &block.ops {
                match op {
                    Op::Jump { to } => work.push(to),
                    Op::JumpIf { to, .. } | Op::JumpZero { to, .. } => work.extend([to, next]),
                    _ => {}
                }
            }
            if !block.ops.last().is_some_and(|(_, _, op)| op.ends_block()) {
                work.push(block.end);
            }
        }
        true
    }
}
