//! Tags kept in a field of an object whose maker is not seen: a device extension, an allocator object of C++.
//!
//! When all that is known of a tag is that it stands at some offset behind a parameter, and no caller says more, the
//! places that store a constant of four letters at that offset of any object are taken for its writers. Only what looks
//! like a tag counts, and an offset at which many different ones are stored is left alone.

use crate::Arch;
use crate::Certainty;
use crate::engine::{Engine, Sink};
use crate::flow::Run;
use crate::hash::{Map, Set};
use crate::image::Image;
use crate::routines::Arg;
use crate::value::{Atom, CONST, Kind, STACK, Val};

/// Most tags stored at one offset that are believed.
const MAX_TAGS: usize = 3;
/// Most calls with a tag from an unseen object.
const MAX_OPEN: usize = 512;

/// Most places that store to the offset of a tag and are looked at.
const MAX_SITES: usize = 128;

/// Kinds of objects, as bits: a device extension; an object that is certainly none; one that may be.
const EXTENSION: u8 = 1;
const OWN: u8 = 2;
const UNKNOWN: u8 = 4;

/// A function that takes a tag from behind a parameter: its start, the parameter, the offsets.
pub(crate) type Taker = (u32, Arg, Vec<i64>);

/// Calls whose tag comes from objects, and what became of them.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    /// (call, sink, offset of the tag, the function that takes it when it comes from a parameter)
    open: Vec<(u32, Sink, i64, Option<Taker>)>,
    /// Functions whose callers gave a constant.
    served: Set<Taker>,
    /// (function, the one that it passes its parameter to)
    passes: Vec<(Taker, Taker)>,
    /// The function whose callers are being looked at.
    pub(crate) feeding: Option<Taker>,
    /// What is called with the tag at an offset, while the places that store there are looked at.
    watched: Map<i64, Vec<Sink>>,
    /// Constants that something is compared with.
    signatures: Set<u32>,
    /// Tags whose stores were seen when they were watched, and their offsets.
    seen: Vec<(i64, u32)>,
    /// Objects that a tag was stored in, by its offset.
    objects: Map<(i64, u32), u8>,
}

impl Fields {
    /// Notes a call whose tag stands at `off` of an object.
    pub(crate) fn open(&mut self, call: u32, sink: &Sink, off: i64, taker: Option<Taker>) {
        if let (Some(taker), Some(outer)) = (&taker, &self.feeding) {
            self.passes.push((taker.clone(), outer.clone()));
        }
        if self.open.len() < MAX_OPEN && !sink.frees && !sink.letters && self.feeding.is_none() {
            self.open.push((call, sink.clone(), off, taker));
        }
    }

    /// Notes that a constant reached the function whose callers are being looked at.
    pub(crate) fn serve(&mut self) {
        if let Some(taker) = &self.feeding {
            self.served.insert(taker.clone());
        }
    }

    /// True for four letters that nothing is compared with: signatures are, and are no tags.
    pub(crate) fn may_be_tag(&self, tag: u32) -> bool {
        four_letters(tag) && !self.signatures.contains(&tag)
    }

    /// Makes those served whose callers, or callers' callers, were.
    fn propagate(&mut self) {
        for _ in 0..8 {
            let before = self.served.len();
            for (inner, outer) in &self.passes {
                if self.served.contains(inner) {
                    self.served.insert(outer.clone());
                }
            }
            if self.served.len() == before {
                break;
            }
        }
    }
}

impl Engine<'_> {
    /// Reports the tags that stand where the calls nobody explained take theirs from.
    pub(crate) fn explain_fields(&mut self) {
        let open = self.unexplained();
        if open.is_empty() {
            return;
        }
        self.fields.signatures = compared(self.image);
        let mut stored = stored_tags(self.image);
        self.ask_makers(&open, &stored);
        for (off, tag) in std::mem::take(&mut self.fields.seen) {
            let tags = stored.entry(off).or_default();
            if tags.len() <= MAX_TAGS && !tags.iter().any(|&(_, known)| known == tag) {
                tags.push((0, tag));
            }
        }
        for Open {
            call,
            sink,
            off,
            extension,
        } in open
        {
            let tags = stored.get(&off).map_or(&[][..], Vec::as_slice);
            if tags.len() <= MAX_TAGS {
                for &(_, tag) in tags {
                    let elsewhere = self.fields.objects.get(&(off, tag)) == Some(&OWN);
                    if self.fields.may_be_tag(tag) && !(extension && elsewhere) {
                        self.report(&sink, tag, call, Certainty::Dataflow);
                    }
                }
            }
        }
    }

    /// Calls that take their tag from an object which no caller told of.
    fn unexplained(&mut self) -> Vec<Open> {
        self.fields.propagate();
        let open = std::mem::take(&mut self.fields.open);
        open.into_iter()
            .filter(|(call, sink, off, taker)| {
                let served = taker
                    .as_ref()
                    .is_some_and(|taker| self.fields.served.contains(taker));
                *off > 0 && !served && !self.is_found(&sink.routine, *call)
            })
            .map(|(call, sink, off, taker)| Open {
                call,
                sink,
                off,
                extension: taker.is_some_and(|(_, _, derefs)| {
                    derefs
                        .iter()
                        .rev()
                        .nth(1)
                        .is_some_and(|&before| self.is_extension_offset(before))
                }),
            })
            .collect()
    }

    /// Looks at the functions that store to one of the offsets: one that stores a parameter there has callers that may
    /// pass a tag.
    fn ask_makers(&mut self, open: &[Open], stored: &Stored) {
        for Open { sink, off, .. } in open {
            let sink = Sink {
                derefs: Vec::new(),
                filter: false,
                when: None,
                letters: true,
                structure: false,
                ..sink.clone()
            };
            let sinks = self.fields.watched.entry(*off).or_default();
            if !sinks.iter().any(|known| known.routine == sink.routine) {
                sinks.push(sink);
            }
        }
        let mut sites = Vec::new();
        let wanted = |off: i64| self.fields.watched.contains_key(&off);
        for section in self.image.sections.iter().filter(|section| section.exec) {
            let mut add = |at: usize| sites.push(section.rva.saturating_add(at as u32));
            if self.image.arch == Arch::Arm64 {
                arm_sites(section.data, wanted, &mut add);
            } else {
                x86_sites(section.data, wanted, &mut add);
            }
        }
        sites.truncate(MAX_SITES);
        for Open { off, .. } in open.iter().filter(|open| open.extension) {
            let tags = stored.get(off).into_iter().flatten();
            sites.extend(tags.map(|&(site, _)| site));
        }
        for site in sites {
            self.want(site);
        }
        self.answer();
        self.fields.watched.clear();
    }

    /// A store that is watched: asks who passes the value.
    pub(crate) fn watch(&mut self, run: &Run, place: Atom, size: u8, val: &Val) {
        if self.fields.watched.is_empty() || !run.reporting || size < 4 || place.sym <= STACK {
            return;
        }
        if let (8, Some(both)) = (size, val.single()) {
            // Two neighbours at once.
            self.note_tag(run, place, both as u32);
            let next = place.off.wrapping_add(4);
            self.note_tag(run, Atom { off: next, ..place }, (both >> 32) as u32);
            return;
        }
        for tag in val.atoms().iter().filter(|atom| atom.sym == CONST) {
            self.note_tag(run, place, tag.off as u32);
        }
        let sinks = self.fields.watched.get(&place.off).cloned().unwrap_or_default();
        self.ask_who_stores(run, &sinks, val);
    }

    /// Asks where a value comes from that is stored where the calls of `sinks` take their tag.
    pub(crate) fn ask_who_stores(&mut self, run: &Run, sinks: &[Sink], val: &Val) {
        for atom in val.atoms().iter().filter(|atom| atom.sym > STACK && atom.exact) {
            for sink in sinks {
                self.ask_behind(run, 0, sink, atom.sym, atom.off == 0);
            }
        }
    }

    /// Notes a constant stored at an offset that is watched, and in what.
    fn note_tag(&mut self, run: &Run, place: Atom, tag: u32) {
        let sinks = self.fields.watched.get(&place.off);
        let Some(sink) = sinks
            .and_then(|sinks| sinks.first())
            .filter(|_| four_letters(tag))
        else {
            return;
        };
        let sink = Sink {
            object: Some((place.off, tag)),
            ..sink.clone()
        };
        self.fields.seen.push((place.off, tag));
        self.note_object(run, &sink, Atom { off: 0, ..place });
    }

    /// Notes which kind of object a tag was stored in; of a parameter, callers are asked.
    pub(crate) fn note_object(&mut self, run: &Run, sink: &Sink, object: Atom) {
        let Some(key) = sink.object else { return };
        let kind = match (object.sym, self.symbols.kind(object.sym)) {
            (CONST | STACK, _) | (_, Kind::Ret(_)) => OWN,
            (_, Kind::Deref(base, off, _)) if base != STACK && self.is_extension_offset(off) => EXTENSION,
            (_, Kind::Entry(_) | Kind::Deref(STACK, 0.., _)) if object.exact && object.off == 0 => {
                let entry = run.nest.first().copied().unwrap_or_default();
                if self.xrefs.callers(entry).next().is_some() {
                    self.ask_behind(run, 0, sink, object.sym, true);
                    return;
                }
                if !self.xrefs.is_entry(entry) && self.image.bounds(entry).is_none() {
                    // Nothing says that a function starts here.
                    return;
                }
                UNKNOWN
            }
            _ => UNKNOWN,
        };
        if kind == UNKNOWN && run.is_local() {
            // The whole function may say more.
            self.doubts += 1;
            return;
        }
        *self.fields.objects.entry(key).or_default() |= kind;
    }

    /// True for the offset at which a DEVICE_OBJECT points to its extension. That of 64-bit images counts everywhere:
    /// objects of a driver's own are rarely that long, and chained in the same way.
    fn is_extension_offset(&self, off: i64) -> bool {
        off == 0x40 || (off == 0x28 && self.image.arch == Arch::X86)
    }
}

/// A call whose tag stands in an object that nobody explained.
struct Open {
    call: u32,
    sink: Sink,
    off: i64,
    /// The object is a device extension.
    extension: bool,
}

/// Where a constant that looks like a tag is stored, and the constant, by the offset.
type Stored = Map<i64, Vec<(u32, u32)>>;

/// Constants that look like tags, by the offset of the object that they are stored at.
fn stored_tags(image: &Image<'_>) -> Stored {
    let mut found = Stored::default();
    for section in image.sections.iter().filter(|section| section.exec) {
        let mut add = |at: usize, off: i64, tag: u32| {
            let tags = found.entry(off).or_default();
            let known = tags.iter().filter(|(_, known)| *known == tag).count();
            // A few places of each, to tell the objects.
            if four_letters(tag) && tags.len() <= MAX_TAGS && known == 0 {
                tags.push((section.rva.saturating_add(at as u32), tag));
            }
        };
        if image.arch == Arch::Arm64 {
            arm_stores(section.data, &mut add);
        } else {
            x86_stores(section.data, &mut add);
        }
    }
    found
}

/// Letters and digits, at least two letters; spaces only at the end.
fn four_letters(tag: u32) -> bool {
    let bytes = tag.to_le_bytes();
    let padding = bytes.iter().rev().take_while(|&&byte| byte == b' ').count();
    let text = bytes.get(..4 - padding).unwrap_or_default();
    text.iter()
        .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
        && text.iter().filter(|byte| byte.is_ascii_alphabetic()).count() >= 2
}

/// `mov dword ptr [reg + disp], imm32` (C7 /0), not through the stack or frame pointer.
fn x86_stores(data: &[u8], add: &mut impl FnMut(usize, i64, u32)) {
    for at in memchr::memchr_iter(0xc7, data) {
        let operand = data.get(at + 1..).unwrap_or_default();
        let Some(&modrm) = operand.first() else { continue };
        if (modrm >> 3) & 7 != 0 || (at > 0 && data.get(at - 1) == Some(&0x66)) {
            continue;
        }
        let displacement = if modrm >> 6 == 1 { 1 } else { 4 };
        let length = 1 + usize::from(modrm & 7 == 4) + displacement;
        let imm = operand
            .get(length..length + 4)
            .and_then(|bytes| bytes.try_into().ok())
            .map(u32::from_le_bytes);
        if let (Some(disp), Some(imm)) = (stored_at(operand), imm) {
            add(at, disp, imm);
        }
    }
}

/// STR of a 32-bit register at an unsigned offset, whose MOVZ and MOVK stand shortly before it.
fn arm_stores(data: &[u8], add: &mut impl FnMut(usize, i64, u32)) {
    const BEHIND: usize = 16;
    let word = |index: usize| -> Option<u32> {
        Some(u32::from_le_bytes(
            data.get(index * 4..index * 4 + 4)?.try_into().ok()?,
        ))
    };
    for index in 0..data.len() / 4 {
        let Some(store) = word(index).filter(|word| word & 0xffc0_0000 == 0xb900_0000) else {
            continue;
        };
        let (register, base, off) = (
            store & 31,
            (store >> 5) & 31,
            i64::from((store >> 10) & 0xfff) * 4,
        );
        if base == 31 || register == 31 {
            continue;
        }
        let mut high = None;
        for back in 1..=BEHIND.min(index) {
            let Some(before) = word(index - back).filter(|word| word & 31 == register) else {
                continue;
            };
            let imm = (before >> 5) & 0xffff;
            match before & 0xffe0_0000 {
                // MOVK w, imm, lsl 16
                0x72a0_0000 => high = Some(imm),
                // MOVZ w, imm
                0x5280_0000 => {
                    if let Some(high) = high {
                        add(index * 4, off, high << 16 | imm);
                    }
                    break;
                }
                // Stores and branches leave the register alone.
                _ if arm_stores_or_branches(before) => {}
                _ => break,
            }
        }
    }
}

/// True for an instruction whose low five bits name no register that it sets.
const fn arm_stores_or_branches(word: u32) -> bool {
    let memory = word & 0x0a00_0000 == 0x0800_0000;
    let pair = word & 0x3a00_0000 == 0x2800_0000;
    let loads = if pair {
        word & 0x0040_0000 != 0
    } else {
        word & 0x00c0_0000 != 0
    };
    (memory && !loads) || word & 0x1c00_0000 == 0x1400_0000
}

/// Where an instruction may store to one of the offsets of an object, alone or with its neighbours.
fn x86_sites(data: &[u8], wanted: impl Fn(i64) -> bool, add: &mut impl FnMut(usize)) {
    for at in memchr::memchr3_iter(0x89, 0x11, 0x7f, data) {
        let before = at
            .checked_sub(1)
            .and_then(|before| data.get(before))
            .copied()
            .unwrap_or(0);
        // mov [reg + disp], reg; movups and movdqu [reg + disp], xmm
        let reach = match data.get(at) {
            Some(0x89) if before & 0xf8 == 0x48 => 8,
            Some(0x89) => 4,
            _ if before == 0x0f => 16,
            _ => continue,
        };
        if stored_at(data.get(at + 1..).unwrap_or_default()).is_some_and(|disp| reaches(disp, reach, &wanted))
        {
            add(at);
        }
    }
}

/// True when one of the fields of 32 bits from `off` on is wanted.
fn reaches(off: i64, bytes: i64, wanted: &impl Fn(i64) -> bool) -> bool {
    (0..bytes).step_by(4).any(|field| wanted(off + field))
}

/// The displacement of an operand that starts at its ModRM byte, when it is none of the stack.
fn stored_at(operand: &[u8]) -> Option<i64> {
    let modrm = *operand.first()?;
    let (mode, rm) = (modrm >> 6, modrm & 7);
    let base = if rm == 4 { operand.get(1)? & 7 } else { rm };
    if base == 5 || (rm == 4 && base == 4) {
        return None;
    }
    let rest = operand.get(1 + usize::from(rm == 4)..)?;
    match mode {
        1 => rest.first().map(|&byte| i64::from(byte as i8)),
        2 => Some(i64::from(i32::from_le_bytes(rest.get(..4)?.try_into().ok()?))),
        _ => None,
    }
}

/// The same for STR and STP of registers of 32, 64 and 128 bits.
fn arm_sites(data: &[u8], wanted: impl Fn(i64) -> bool, add: &mut impl FnMut(usize)) {
    for (index, bytes) in data.chunks_exact(4).enumerate() {
        let word = u32::from_le_bytes(bytes.try_into().unwrap_or_default());
        if (word >> 5) & 31 == 31 {
            continue;
        }
        let (one, two) = (i64::from((word >> 10) & 0xfff), i64::from((word >> 15) & 0x3f));
        let (off, bytes) = match word & 0xffc0_0000 {
            0xb900_0000 => (one * 4, 4),
            0xf900_0000 => (one * 8, 8),
            0x3d80_0000 => (one * 16, 16),
            0x2900_0000 => (two * 4, 8),
            0xa900_0000 => (two * 8, 16),
            _ => continue,
        };
        if reaches(off, bytes, &wanted) {
            add(index * 4);
        }
    }
}

/// Constants of four letters that something is compared with.
fn compared(image: &Image<'_>) -> Set<u32> {
    let mut found = Set::default();
    for section in image.sections.iter().filter(|section| section.exec) {
        if image.arch == Arch::Arm64 {
            arm_compared(section.data, &mut found);
        } else {
            x86_compared(section.data, &mut found);
        }
    }
    found
}

/// `cmp eax, imm32` and `cmp reg or memory, imm32` (81 /7).
fn x86_compared(data: &[u8], found: &mut Set<u32>) {
    for at in memchr::memchr2_iter(0x3d, 0x81, data) {
        let rest = data.get(at..).unwrap_or_default();
        let skip = match rest {
            [0x3d, ..] => 1,
            [_, modrm, ..] if (modrm >> 3) & 7 == 7 => {
                let (mode, rm) = (modrm >> 6, modrm & 7);
                let sib = usize::from(mode != 3 && rm == 4);
                let disp = match mode {
                    1 => 1,
                    2 => 4,
                    0 if rm == 5 => 4,
                    _ => 0,
                };
                2 + sib + disp
            }
            _ => continue,
        };
        if let Some(imm) = rest.get(skip..skip + 4).and_then(|bytes| bytes.try_into().ok()) {
            let imm = u32::from_le_bytes(imm);
            if four_letters(imm) {
                found.insert(imm);
            }
        }
    }
}

/// CMP of two 32-bit registers, one of which MOVZ and MOVK filled shortly before.
fn arm_compared(data: &[u8], found: &mut Set<u32>) {
    let words: Vec<u32> = data
        .chunks_exact(4)
        .map(|bytes| u32::from_le_bytes(bytes.try_into().unwrap_or_default()))
        .collect();
    for (index, &word) in words.iter().enumerate() {
        // SUBS wzr, wN, wM
        if word & 0xffe0_fc1f != 0x6b00_001f {
            continue;
        }
        for register in [(word >> 5) & 31, (word >> 16) & 31] {
            let mut high = None;
            for &before in words
                .get(index.saturating_sub(8)..index)
                .unwrap_or_default()
                .iter()
                .rev()
            {
                let imm = (before >> 5) & 0xffff;
                match before & 0xffe0_001f {
                    set if set == 0x72a0_0000 | register => high = Some(imm),
                    set if set == 0x5280_0000 | register => {
                        found.extend(high.map(|high| high << 16 | imm).filter(|&imm| four_letters(imm)));
                        break;
                    }
                    _ => {}
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_looks_like_a_tag_counts() {
        for (tag, expected) in [
            (*b"Abc1", true),
            (*b"NtF ", true),
            (*b"a_b9", true),
            (*b"1234", false),
            (*b"A 1b", false),
            (*b"Ab\0\0", false),
            ([0x41, 0x42, 0x43, 0xc3], false),
        ] {
            assert_eq!(four_letters(u32::from_le_bytes(tag)), expected, "{tag:?}");
        }
    }

    #[test]
    fn stores_to_objects_are_read_and_those_to_the_stack_are_not() {
        let of = |bytes: &[u8]| {
            let mut found = Vec::new();
            x86_stores(bytes, &mut |_, off, imm| found.push((off, imm)));
            found
        };
        // mov dword ptr [rcx+0x14], imm; the same with a 32-bit offset and with an index
        assert_eq!(of(&[0xc7, 0x41, 0x14, 1, 2, 3, 4]), [(0x14, 0x0403_0201)]);
        assert_eq!(
            of(&[0xc7, 0x81, 0x14, 1, 0, 0, 1, 2, 3, 4]),
            [(0x114, 0x0403_0201)]
        );
        assert_eq!(of(&[0xc7, 0x44, 0x8b, 8, 1, 2, 3, 4]), [(8, 0x0403_0201)]);
        // [rsp+0x20], [rbp-8], a 16-bit store, and one that is cut off
        assert_eq!(of(&[0xc7, 0x44, 0x24, 0x20, 1, 2, 3, 4]), []);
        assert_eq!(of(&[0xc7, 0x45, 0xf8, 1, 2, 3, 4]), []);
        assert_eq!(of(&[0x66, 0xc7, 0x41, 0x14, 1, 2, 3, 4]), []);
        assert_eq!(of(&[0xc7, 0x41, 0x14, 1, 2]), []);
    }

    #[test]
    fn what_is_compared_is_a_signature() {
        let mut found = Set::default();
        // cmp eax, imm; cmp dword ptr [rcx+8], imm; mov dword ptr [rcx+8], imm
        x86_compared(b"\x3dSig1\x81\x79\x08Sig2\xc7\x41\x08Tag3", &mut found);
        // movz w8, #0x6953; movk w8, #0x3467, lsl 16; cmp w9, w8
        let words = [0x528d_2a68u32, 0x72a6_8ce8, 0x6b08_013f];
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        arm_compared(&bytes, &mut found);
        let mut found: Vec<_> = found.into_iter().map(u32::to_le_bytes).collect();
        found.sort_unstable();
        assert_eq!(found, [*b"Sig1", *b"Sig2", *b"Sig4"]);
    }

    #[test]
    fn a_register_set_anew_holds_no_constant_any_more() {
        // movz w8, #0x6261; movk w8, #0x3163, lsl 16; ldr w8, [sp]; str w8, [x0, #0x14]
        let words = [0x528c_4c28u32, 0x72a6_2c68, 0xb940_03e8, 0xb900_1408];
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        arm_stores(&bytes, &mut |_, off, imm| panic!("{imm:#x} at {off}"));
    }

    #[test]
    fn constants_of_two_halves_are_put_together() {
        // movz w8, #0x6261; movk w8, #0x3163, lsl 16; str w8, [x0, #0x14]
        let words = [
            0x5280_0008u32 | 0x6261 << 5,
            0x72a0_0008 | 0x3163 << 5,
            0xb900_1408,
        ];
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let mut found = Vec::new();
        arm_stores(&bytes, &mut |_, off, imm| found.push((off, imm)));
        assert_eq!(found, [(0x14, u32::from_le_bytes(*b"abc1"))]);
    }
}
