//! Who refers to what: direct calls, references to slots and globals, and the functions that hold them.

use memchr::memchr_iter;

use crate::Arch;
use crate::hash::Set;
use crate::image::{Image, arm_words};

/// References inside the code of one image.
#[derive(Debug)]
pub(crate) struct Xrefs {
    /// (target, site) of direct calls, sorted. On x86 some are chance bytes inside other instructions.
    calls: Vec<(u32, u32)>,
    /// (target, site) of long jumps, sorted; a function may end in one to another function.
    jumps: Vec<(u32, u32)>,
    /// Pointers to code in data or code (RVA of the pointer's target, RVA of the pointer), sorted.
    pointers: Vec<(u32, u32)>,
    /// Possible starts of functions, sorted.
    entries: Vec<u32>,
}

/// Most jump tables looked at, and most cases of one.
const MAX_TABLES: usize = 20_000;
const MAX_CASES: u32 = 512;
/// Most labels behind padding that are looked at before the start of a function is looked for in another way.
const MAX_CANDIDATES: u8 = 4;
/// Most direct calls kept.
const MAX_CALLS: usize = 4 << 20;

impl Xrefs {
    pub(crate) fn new(image: &Image<'_>) -> Self {
        let (mut calls, mut jumps) = (Vec::new(), Vec::new());
        for section in image.sections.iter().filter(|section| section.exec) {
            match image.arch {
                Arch::Arm64 => arm_calls(section.rva, section.data, &mut calls, &mut jumps),
                Arch::X64 | Arch::X86 => {
                    x86_branches(image, 0xe8, section.rva, section.data, &mut calls);
                    x86_branches(image, 0xe9, section.rva, section.data, &mut jumps);
                }
            }
        }
        calls.sort_unstable();
        if image.arch != Arch::Arm64 {
            for section in image.sections.iter().filter(|section| section.exec) {
                short_jumps(section.rva, section.data, &calls, &mut jumps);
            }
        }
        jumps.sort_unstable();
        let mut pointers: Vec<(u32, u32)> = image
            .pointers
            .iter()
            .filter_map(|&at| {
                let value =
                    image.value(image.base.wrapping_add(u64::from(at)), image.pointer_size() as u8)?;
                Some((image.rva_of(value)?, at))
            })
            .collect();
        pointers.sort_unstable();
        let mut xrefs = Self {
            calls,
            jumps,
            pointers,
            entries: Vec::new(),
        };
        xrefs.entries = xrefs.find_entries(image);
        xrefs
    }

    /// Call targets, pointed-to code, exports and the entry point, outside functions with exception data.
    fn find_entries(&self, image: &Image<'_>) -> Vec<u32> {
        let mut entries: Vec<u32> = image.entries.clone();
        let mut last = u32::MAX;
        for &(target, _) in &self.calls {
            if target != last && image.bounds(target).is_none_or(|bounds| bounds.start == target) {
                entries.push(target);
            }
            last = target;
        }
        entries.sort_unstable();
        let cases = self.cases(image, &entries);
        let pointed = self.pointers.iter().map(|&(target, _)| target);
        entries.extend(pointed.filter(|&target| !cases.contains(&target) && starts_function(image, target)));
        entries.sort_unstable();
        entries.dedup();
        entries
    }

    /// What the jump tables of a 32-bit image lead to: pointers in a row behind the place that `jmp [reg * 4 + table]`
    /// names, as long as they stay between the called functions around the jump.
    fn cases(&self, image: &Image<'_>, called: &[u32]) -> Set<u32> {
        let mut cases = Set::default();
        if image.arch != Arch::X86 {
            return cases;
        }
        let mut places: Vec<(u32, u32)> = self.pointers.iter().map(|&(target, at)| (at, target)).collect();
        places.sort_unstable();
        let mut tables: Set<u32> = Set::default();
        for section in image.sections.iter().filter(|section| section.exec) {
            for at in memchr_iter(0xff, section.data) {
                let Some(&[0x24, sib, a, b, c, d]) = section.data.get(at + 1..at + 7) else {
                    continue;
                };
                let table = image.rva_of(u64::from(u32::from_le_bytes([a, b, c, d])));
                let Some(table) = table
                    .filter(|&table| sib & 0xc7 == 0x85 && tables.len() < MAX_TABLES && tables.insert(table))
                else {
                    continue;
                };
                let jump = section.rva.saturating_add(at as u32);
                let upto = called.partition_point(|&entry| entry <= jump);
                let first = upto.checked_sub(1).and_then(|index| called.get(index)).copied();
                let bounds = first.unwrap_or(0)..called.get(upto).copied().unwrap_or(u32::MAX);
                let from = places.partition_point(|&(place, _)| place < table);
                let row = places.iter().skip(from).zip(0..MAX_CASES);
                cases.extend(
                    row.take_while(|&(&(place, target), index)| {
                        place == table.saturating_add(index * 4) && bounds.contains(&target)
                    })
                    .map(|(&(_, target), _)| target),
                );
            }
        }
        cases
    }

    /// Sites of direct calls and jumps to `target`.
    pub(crate) fn callers(&self, target: u32) -> impl Iterator<Item = u32> + '_ {
        let of = move |list: &'_ [(u32, u32)]| {
            let from = list.partition_point(|&(t, _)| t < target);
            from..from
                + list
                    .get(from..)
                    .unwrap_or_default()
                    .partition_point(|&(t, _)| t == target)
        };
        let (calls, jumps) = (of(&self.calls), of(&self.jumps));
        let calls = self.calls.get(calls).unwrap_or_default().iter();
        calls
            .chain(self.jumps.get(jumps).unwrap_or_default())
            .map(|&(_, site)| site)
    }

    /// True when something seems to call `rva`.
    pub(crate) fn is_called(&self, rva: u32) -> bool {
        let from = self.calls.partition_point(|&(target, _)| target < rva);
        self.calls.get(from).is_some_and(|&(target, _)| target == rva)
    }

    /// Places of pointers to `target`.
    pub(crate) fn pointers_to(&self, target: u32) -> impl Iterator<Item = u32> + '_ {
        let from = self.pointers.partition_point(|&(t, _)| t < target);
        self.pointers
            .iter()
            .skip(from)
            .take_while(move |&&(t, _)| t == target)
            .map(|&(_, at)| at)
    }

    /// True when something calls or points to `rva`.
    pub(crate) fn is_entry(&self, rva: u32) -> bool {
        self.entries.binary_search(&rva).is_ok()
    }

    /// The start of the function that holds `site`; with several candidates the nearest comes first.
    pub(crate) fn functions_of(&self, image: &Image<'_>, site: u32) -> Vec<u32> {
        if let Some(bounds) = image.bounds(site) {
            return vec![bounds.primary];
        }
        let mut found = Vec::new();
        let floor = image
            .functions
            .partition_point(|bounds| bounds.start <= site)
            .checked_sub(1)
            .and_then(|index| image.functions.get(index))
            .map_or(0, |bounds| bounds.end);
        let section_start = image.section(site).map_or(0, |section| section.rva);
        let floor = floor.max(section_start);
        let within = |start: u32| !self.is_entry(start) && is_branched_to(image, start);
        if let Some(start) = after_padding(image, floor, site, within) {
            found.push(start);
        }
        let upto = self.entries.partition_point(|&entry| entry <= site);
        for &entry in self
            .entries
            .iter()
            .take(upto)
            .rev()
            .take_while(|&&entry| entry >= floor)
            .take(4)
        {
            if !found.contains(&entry) {
                found.push(entry);
            }
        }
        found.sort_unstable_by(|a, b| b.cmp(a));
        if found.is_empty() {
            found.push(floor);
        }
        found
    }

    /// One past the last byte that may belong to the function at `entry`.
    pub(crate) fn end_of(&self, image: &Image<'_>, entry: u32) -> u32 {
        if let Some(bounds) = image.bounds(entry) {
            return bounds.end;
        }
        let next_entry = self
            .entries
            .get(self.entries.partition_point(|&other| other <= entry))
            .copied();
        let next_function = image
            .functions
            .get(image.functions.partition_point(|bounds| bounds.start <= entry))
            .map(|b| b.start);
        let section_end = image.section(entry).map_or(entry, |section| {
            section.rva.saturating_add(section.data.len() as u32)
        });
        [next_entry, next_function, Some(section_end)]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(entry)
    }
}

/// True where a pointer into code looks like one to a function, not to a case of a jump table.
fn starts_function(image: &Image<'_>, rva: u32) -> bool {
    if !image.is_code(rva) {
        return false;
    }
    if image.arch == Arch::Arm64
        || rva.is_multiple_of(16)
        || image.bounds(rva).is_some_and(|bounds| bounds.start == rva)
    {
        return true;
    }
    let before = rva.checked_sub(1).and_then(|before| image.bytes_at(before, 1));
    // int3 or nop before it; `push ebp` or the patchable `mov edi, edi` at it.
    matches!(before, None | Some([0xcc | 0x90]))
        || matches!(image.bytes_at(rva, 2), Some([0x55, _] | [0x8b, 0xff]))
}

/// True when a conditional jump near `rva` seems to go there: a part of a function that only stands where one could start.
fn is_branched_to(image: &Image<'_>, rva: u32) -> bool {
    const NEAR: u32 = 1_024;
    let from = image
        .section(rva)
        .map_or(rva, |section| section.rva)
        .max(rva.saturating_sub(NEAR));
    let bytes = image.tail(from).unwrap_or_default();
    let bytes = bytes
        .get(..bytes.len().min(2 * NEAR as usize))
        .unwrap_or_default();
    let places = (0u32..).map(|offset| from.wrapping_add(offset));
    places.zip(bytes.windows(6)).any(|(at, window)| match *window {
        [0x70..=0x7f, offset, ..] => at.wrapping_add(2).wrapping_add(offset as i8 as u32) == rva,
        [0x0f, 0x80..=0x8f, a, b, c, d] => {
            at.wrapping_add(6).wrapping_add(u32::from_le_bytes([a, b, c, d])) == rva
        }
        _ => false,
    })
}

/// The last place before `site` that follows padding (int3 or nop) behind a return or jump and is not `within` a function.
fn after_padding(image: &Image<'_>, floor: u32, site: u32, within: impl Fn(u32) -> bool) -> Option<u32> {
    let length = site.checked_sub(floor)? as usize;
    let window = length.min(16_384);
    let bytes = image.bytes_at(site - window as u32, window)?;
    if image.arch == Arch::Arm64 {
        return None;
    }
    let is_padding = |byte: u8| byte == 0xcc || byte == 0x90;
    let mut candidates = 0;
    for (index, pair) in bytes.windows(2).enumerate().rev() {
        let [padding, first] = pair else { continue };
        if !is_padding(*padding) || is_padding(*first) {
            continue;
        }
        let before = bytes.get(..index).unwrap_or_default();
        let run = 1 + before.iter().rev().take_while(|&&byte| is_padding(byte)).count();
        let start = site - window as u32 + index as u32 + 1;
        let last = before
            .get(..before.len().saturating_sub(run - 1))
            .unwrap_or_default();
        let ends = matches!(last, [.., 0xc3]) || matches!(last, [.., 0xc2, _, 0]);
        if *padding == 0x90 && !ends && !may_end(last) {
            // A loop is aligned in the middle of a function.
            continue;
        }
        if run >= 2 || ends || start.is_multiple_of(16) {
            if !within(start) {
                return Some(start);
            }
            candidates += 1;
            if candidates == MAX_CANDIDATES {
                return None;
            }
        }
    }
    None
}

/// True when code may end in a jump, a call that does not return, ud2 or int3.
const fn may_end(code: &[u8]) -> bool {
    matches!(
        code,
        [.., 0xeb, _] | [.., 0xe8 | 0xe9, _, _, _, _] | [.., 0xff, 0x15 | 0x25, _, _, _, _]
            | [.., 0xff, 0xd0..=0xd7 | 0xe0..=0xe7] | [.., 0x0f, 0x0b] | [.., 0xcc]
    )
}

fn x86_branches(image: &Image<'_>, opcode: u8, rva: u32, data: &[u8], out: &mut Vec<(u32, u32)>) {
    for at in memchr_iter(opcode, data) {
        let Some(bytes) = data.get(at + 1..at + 5) else {
            continue;
        };
        let Ok(bytes) = <[u8; 4]>::try_from(bytes) else {
            continue;
        };
        let site = rva.wrapping_add(at as u32);
        let target = site.wrapping_add(5).wrapping_add(u32::from_le_bytes(bytes));
        let inside = target.wrapping_sub(rva) < data.len() as u32 || image.is_code(target);
        if inside && out.len() < MAX_CALLS {
            out.push((target, site));
        }
    }
}

/// Short jumps to what looks like a function: called elsewhere, aligned like one, or behind the end of another.
fn short_jumps(rva: u32, data: &[u8], calls: &[(u32, u32)], out: &mut Vec<(u32, u32)>) {
    for at in memchr_iter(0xeb, data) {
        let Some(&offset) = data.get(at + 1) else { continue };
        let site = rva.wrapping_add(at as u32);
        let target = site.wrapping_add(2).wrapping_add(offset as i8 as u32);
        let called = || calls.binary_search_by(|&(t, _)| t.cmp(&target)).is_ok();
        let offset = target.wrapping_sub(rva) as usize;
        let before = data.get(offset.saturating_sub(5)..offset).unwrap_or_default();
        let after_end = matches!(
            before,
            [.., 0xc3 | 0xcc | 0x90] | [.., 0xc2, _, 0] | [.., 0xeb, _] | [0xe9, ..]
        );
        if (target.is_multiple_of(16) || after_end || called()) && out.len() < MAX_CALLS {
            out.push((target, site));
        }
    }
}

fn arm_calls(rva: u32, data: &[u8], calls: &mut Vec<(u32, u32)>, jumps: &mut Vec<(u32, u32)>) {
    for (index, word) in arm_words(data).enumerate() {
        // B and BL: opcode 00101 in bits 30 to 26, a 26-bit word offset; bit 31 links.
        if (word >> 26) & 0x1f == 5 {
            let offset = ((word << 6) as i32 >> 4) as u32;
            let site = rva.wrapping_add((index * 4) as u32);
            let out = if word >> 31 == 1 { &mut *calls } else { &mut *jumps };
            if out.len() < MAX_CALLS {
                out.push((site.wrapping_add(offset), site));
            }
        }
    }
}

/// Finds references in code to any of `targets` (sorted RVAs). Appends (target, site).
pub(crate) fn references(image: &Image<'_>, targets: &[u32], out: &mut Vec<(u32, u32)>) {
    let (Some(&low), Some(&high)) = (targets.first(), targets.last()) else {
        return;
    };
    if image.arch == Arch::X86 && !image.pointers.is_empty() {
        // Every absolute address in the code has a relocation.
        for &at in &image.pointers {
            let Some(value) = image.u32(at) else { continue };
            let target = value.wrapping_sub(image.base as u32);
            if (low..=high).contains(&target) && targets.binary_search(&target).is_ok() && image.is_code(at) {
                out.push((target, at));
            }
        }
        return;
    }
    for section in image.sections.iter().filter(|section| section.exec) {
        match image.arch {
            Arch::X64 => relative(section.rva, section.data, targets, out),
            Arch::X86 => absolute(image.base as u32, section.rva, section.data, targets, out),
            Arch::Arm64 => paged(section.rva, section.data, targets, out),
        }
    }
}

/// RIP-relative displacements, which may be followed by an immediate of up to four bytes.
fn relative(rva: u32, data: &[u8], targets: &[u32], out: &mut Vec<(u32, u32)>) {
    let (Some(&low), Some(&high)) = (targets.first(), targets.last()) else {
        return;
    };
    let span = (high - low).saturating_add(4);
    let start = rva.wrapping_add(4).wrapping_sub(low);
    for (index, bytes) in data.windows(4).enumerate() {
        let Ok(bytes) = <[u8; 4]>::try_from(bytes) else {
            continue;
        };
        let distance = start
            .wrapping_add(index as u32)
            .wrapping_add(u32::from_le_bytes(bytes));
        if distance.wrapping_add(4) <= span.saturating_add(4) {
            let site = rva.wrapping_add(index as u32);
            for behind in [0, 1, 2, 4] {
                let target = low.wrapping_add(distance).wrapping_add(behind);
                if targets.binary_search(&target).is_ok() {
                    out.push((target, site));
                }
            }
        }
    }
}

/// Absolute 32-bit addresses.
fn absolute(base: u32, rva: u32, data: &[u8], targets: &[u32], out: &mut Vec<(u32, u32)>) {
    let (Some(&low), Some(&high)) = (targets.first(), targets.last()) else {
        return;
    };
    for (index, bytes) in data.windows(4).enumerate() {
        let Ok(bytes) = <[u8; 4]>::try_from(bytes) else {
            continue;
        };
        let target = u32::from_le_bytes(bytes).wrapping_sub(base);
        if target.wrapping_sub(low) <= high - low && targets.binary_search(&target).is_ok() {
            out.push((target, rva.wrapping_add(index as u32)));
        }
    }
}

/// True for a data-processing instruction or load whose destination is the register.
const fn arm_writes(word: u32, register: u32) -> bool {
    // Top-level encoding groups, bits 28 to 25: 100x and x101 are data processing, x1x0 loads and stores (bit 22: load).
    let group = (word >> 25) & 0xf;
    let writes = group & 0xe == 8
        || group & 7 == 5
        || (group & 5 == 4 && word & (1 << 22) != 0 && word & (1 << 26) == 0);
    writes && word & 31 == register
}

/// True when the reference at `site` takes the address of its target: LEA, PUSH or MOV of an address, ADD behind ADRP.
pub(crate) fn takes_address(image: &Image<'_>, site: u32) -> bool {
    let before = |count: u32| image.bytes_at(site.saturating_sub(count), count as usize);
    match image.arch {
        Arch::X64 => matches!(before(2), Some([0x8d, _])),
        Arch::X86 => {
            matches!(before(1), Some([0x68 | 0xb8..=0xbf]))
                || matches!(before(3), Some([0xc7, 0x04, 0x24]))
                || matches!(before(4), Some([0xc7, 0x44, 0x24, _]))
                // Stored in an object, and in a global.
                || matches!(before(2), Some([0xc7, 0x00..=0x03 | 0x06 | 0x07]))
                || matches!(before(3), Some([0xc7, 0x40..=0x43 | 0x45..=0x47, _]))
                || matches!(before(6), Some([0xc7, 0x80..=0x83 | 0x85..=0x87 | 0x05, ..]))
        }
        Arch::Arm64 => image.u32(site).is_some_and(adds_immediate),
    }
}

/// ADD of an immediate.
const fn adds_immediate(word: u32) -> bool {
    word & 0x7f80_0000 == 0x1100_0000
}

/// ADRP of a page, then an addition or access with the rest of the address within a few dozen instructions.
fn paged(rva: u32, data: &[u8], targets: &[u32], out: &mut Vec<(u32, u32)>) {
    const AHEAD: usize = 96;
    let word = |index: usize| -> Option<u32> {
        Some(u32::from_le_bytes(
            data.get(index * 4..index * 4 + 4)?.try_into().ok()?,
        ))
    };
    for index in 0..data.len() / 4 {
        let Some(first) = word(index) else { break };
        let site = rva.wrapping_add((index * 4) as u32);
        let offset = (((first >> 5) & 0x7ffff) << 2 | (first >> 29) & 3) << 11;
        if first & 0x9f00_0000 == 0x1000_0000 {
            // ADR
            let target = site.wrapping_add((offset as i32 >> 11) as u32);
            if targets.binary_search(&target).is_ok() {
                out.push((target, site));
            }
            continue;
        }
        if first & 0x9f00_0000 != 0x9000_0000 {
            continue;
        }
        let page = (site & !0xfff).wrapping_add(((offset as i32 >> 11) as u32) << 12);
        let from = targets.partition_point(|&target| target < page);
        let to = targets.partition_point(|&target| target < page.saturating_add(0x1000));
        if from >= to {
            continue;
        }
        let register = first & 31;
        let mut branched = false;
        let mut dead = false;
        for ahead in 1..=AHEAD {
            let Some(next) = word(index + ahead) else { break };
            if dead {
                break;
            }
            // Branches: the way on is not the only one, so the register may live on elsewhere.
            branched |= (next >> 26) & 7 == 5;
            dead = !branched && arm_writes(next, register);
            let low = if adds_immediate(next) {
                (next >> 10) & 0xfff
            } else if next & 0x3b00_0000 == 0x3900_0000 {
                let scale = if next & 0x0480_0000 == 0x0480_0000 {
                    4
                } else {
                    next >> 30
                };
                ((next >> 10) & 0xfff) << scale
            } else {
                continue;
            };
            if (next >> 5) & 31 == register {
                let target = page.wrapping_add(low);
                if targets
                    .get(from..to)
                    .is_some_and(|some| some.binary_search(&target).is_ok())
                {
                    out.push((target, site.wrapping_add((ahead * 4) as u32)));
                }
            }
        }
    }
}
