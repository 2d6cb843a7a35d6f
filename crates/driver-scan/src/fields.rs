//! Tags kept in a field of an object whose maker is not seen: a device extension, an allocator object of C++.
//!
//! When all that is known of a tag is that it stands at some offset behind a parameter, and no caller says more, the
//! places that store a constant of four letters at that offset of any object are taken for its writers. Only what looks
//! like a tag counts, and an offset at which many different ones are stored is left alone.

use crate::Arch;
use crate::Certainty;
use crate::engine::{Engine, Sink};
use crate::hash::{Map, Set};
use crate::image::Image;
use crate::routines::Arg;

/// Most tags stored at one offset that are believed.
const MAX_TAGS: usize = 3;
/// Most calls with a tag from an unseen object.
const MAX_OPEN: usize = 512;

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
}

impl Fields {
    /// Notes a call whose tag stands at `off` of an object.
    pub(crate) fn open(&mut self, call: u32, sink: &Sink, off: i64, taker: Option<Taker>) {
        if let (Some(taker), Some(outer)) = (&taker, &self.feeding) {
            self.passes.push((taker.clone(), outer.clone()));
        }
        if self.open.len() < MAX_OPEN && !sink.frees && sink.depth == 0 && self.feeding.is_none() {
            self.open.push((call, sink.clone(), off, taker));
        }
    }

    /// Notes that a constant reached the function whose callers are being looked at.
    pub(crate) fn serve(&mut self) {
        if let Some(taker) = &self.feeding {
            self.served.insert(taker.clone());
        }
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
        self.fields.propagate();
        let mut open = std::mem::take(&mut self.fields.open);
        open.retain(|(call, sink, off, taker)| {
            let served = taker
                .as_ref()
                .is_some_and(|taker| self.fields.served.contains(taker));
            *off > 0 && !served && !self.is_found(&sink.routine, *call)
        });
        if open.is_empty() {
            return;
        }
        let stored = stored_tags(self.image);
        for (call, sink, off, _) in open {
            let tags = stored.get(&off).map_or(&[][..], Vec::as_slice);
            if tags.len() <= MAX_TAGS {
                for &tag in tags {
                    self.report(&sink, tag, call, Certainty::Dataflow);
                }
            }
        }
    }
}

/// Constants that look like tags, by the offset of the object that they are stored at.
fn stored_tags(image: &Image<'_>) -> Map<i64, Vec<u32>> {
    let mut found: Map<i64, Vec<u32>> = Map::default();
    for section in image.sections.iter().filter(|section| section.exec) {
        let mut add = |off: i64, tag: u32| {
            let tags = found.entry(off).or_default();
            if four_letters(tag) && tags.len() <= MAX_TAGS && !tags.contains(&tag) {
                tags.push(tag);
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
fn x86_stores(data: &[u8], add: &mut impl FnMut(i64, u32)) {
    for at in memchr::memchr_iter(0xc7, data) {
        let Some(bytes) = data.get(at + 1..at.saturating_add(11).min(data.len())) else {
            continue;
        };
        let Some(&modrm) = bytes.first() else { continue };
        let (mode, reg, rm) = (modrm >> 6, (modrm >> 3) & 7, modrm & 7);
        let sib = usize::from(rm == 4);
        let stack = rm == 5 || (rm == 4 && bytes.get(1).is_none_or(|sib| sib & 7 == 4 || sib & 7 == 5));
        if reg != 0 || stack || (at > 0 && data.get(at - 1) == Some(&0x66)) {
            continue;
        }
        let word = |from: usize| -> Option<u32> {
            Some(u32::from_le_bytes(bytes.get(from..from + 4)?.try_into().ok()?))
        };
        let (disp, imm) = match mode {
            1 => (
                bytes.get(1 + sib).map(|&byte| i64::from(byte as i8)),
                word(2 + sib),
            ),
            2 => (word(1 + sib).map(|disp| i64::from(disp as i32)), word(5 + sib)),
            _ => continue,
        };
        if let (Some(disp), Some(imm)) = (disp, imm) {
            add(disp, imm);
        }
    }
}

/// STR of a 32-bit register at an unsigned offset, whose MOVZ and MOVK stand shortly before it.
fn arm_stores(data: &[u8], add: &mut impl FnMut(i64, u32)) {
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
                        add(off, high << 16 | imm);
                    }
                    break;
                }
                _ => {}
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
            x86_stores(bytes, &mut |off, imm| found.push((off, imm)));
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
    fn constants_of_two_halves_are_put_together() {
        // movz w8, #0x6261; movk w8, #0x3163, lsl 16; str w8, [x0, #0x14]
        let words = [
            0x5280_0008u32 | 0x6261 << 5,
            0x72a0_0008 | 0x3163 << 5,
            0xb900_1408,
        ];
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let mut found = Vec::new();
        arm_stores(&bytes, &mut |off, imm| found.push((off, imm)));
        assert_eq!(found, [(0x14, u32::from_le_bytes(*b"abc1"))]);
    }
}
