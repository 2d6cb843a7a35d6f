//! Calls through pointers at known offsets, found in the raw code.

use crate::Arch;
use crate::constants::four_letters;
use crate::image::{Image, arm_words};

/// How far from the use of a pointer the constant may stand that is passed, in bytes of code.
const NEAR: usize = 96;
/// How far behind the load of a pointer it is called.
const CALLED: usize = 64;
/// Most calls of one offset that have no constant near, and of those that have one.
const MAX_PLAIN: usize = 48;
const MAX_WITH_LETTERS: usize = 512;

/// Places that may call through a pointer at one of the offsets of an object (sorted); those near which four letters are
/// loaded come first.
pub(crate) fn indirect_calls(image: &Image<'_>, offsets: &[u32]) -> Vec<u32> {
    let mut uses = Uses::new(offsets);
    for section in image.sections.iter().filter(|section| section.exec) {
        if image.arch == Arch::Arm64 {
            arm_uses(section.rva, section.data, &mut uses);
        } else {
            x86_uses(section.rva, section.data, &mut uses);
        }
    }
    let mut sites = uses.with_letters;
    sites.extend(uses.plain);
    sites
}

struct Uses<'a> {
    offsets: &'a [u32],
    /// Number of places found of each offset, with letters and without.
    counts: Vec<[usize; 2]>,
    with_letters: Vec<u32>,
    plain: Vec<u32>,
}

impl<'a> Uses<'a> {
    fn new(offsets: &'a [u32]) -> Self {
        Self {
            offsets,
            counts: vec![[0; 2]; offsets.len()],
            with_letters: Vec::new(),
            plain: Vec::new(),
        }
    }

    /// Which of the offsets this is.
    fn index(&self, off: u32) -> Option<usize> {
        self.offsets.binary_search(&off).ok()
    }

    fn add(&mut self, index: usize, site: u32, letters: bool) {
        let Some([with_letters, plain]) = self.counts.get_mut(index) else {
            return;
        };
        let (count, most, sites) = if letters {
            (with_letters, MAX_WITH_LETTERS, &mut self.with_letters)
        } else {
            (plain, MAX_PLAIN, &mut self.plain)
        };
        if *count < most {
            *count += 1;
            sites.push(site);
        }
    }
}

/// `call` and `jmp [reg + off]` (FF /2, FF /4), and `mov reg, [reg + off]` (8B) before a call.
fn x86_uses(rva: u32, data: &[u8], uses: &mut Uses<'_>) {
    let letters = x86_letters(data);
    let near = |at: usize| {
        let first = letters.partition_point(|&place| place + NEAR < at);
        letters.get(first).is_some_and(|&place| place < at + NEAR)
    };
    for at in memchr::memchr2_iter(0xff, 0x8b, data) {
        let operand = data.get(at + 1..).unwrap_or_default();
        let off = displacement(operand).and_then(|off| u32::try_from(off).ok());
        let Some(index) = off.and_then(|off| uses.index(off)) else {
            continue;
        };
        let loads = data.get(at) == Some(&0x8b);
        let calls = matches!(operand.first().map(|modrm| (modrm >> 3) & 7), Some(2 | 4));
        let letters = near(at);
        if (loads && (letters || is_called(operand))) || (!loads && calls) {
            uses.add(index, rva.saturating_add(at as u32), letters);
        }
    }
}

/// Places of constants of four letters that are loaded, pushed or stored on the stack.
fn x86_letters(data: &[u8]) -> Vec<usize> {
    let loaded = |at: usize| {
        let before = data.get(at.saturating_sub(4)..at).unwrap_or_default();
        matches!(
            before,
            [.., 0xb8..=0xbf | 0x68] | [.., 0xc7, 0x04, 0x24] | [.., 0xc7, 0x44, 0x24, _]
        )
    };
    let words = data.windows(4).enumerate();
    words
        .filter(|(at, word)| {
            let tag = u32::from_le_bytes((*word).try_into().unwrap_or_default());
            four_letters(tag) && loaded(*at)
        })
        .map(|(at, _)| at)
        .collect()
}

/// True when a register is called shortly behind the load whose operand this is, by itself or through the guard.
fn is_called(operand: &[u8]) -> bool {
    let code = operand.get(..operand.len().min(CALLED)).unwrap_or_default();
    let calls = |pair: &[u8]| matches!(pair, [0xff, 0xd0..=0xd7 | 0xe0..=0xe7 | 0x15 | 0x25]);
    code.windows(2).any(calls)
}

/// The displacement of an operand that starts at its ModRM byte, when it is none of the stack or of a fixed place.
fn displacement(operand: &[u8]) -> Option<i64> {
    let modrm = *operand.first()?;
    let (mode, rm) = (modrm >> 6, modrm & 7);
    let sib = rm == 4;
    let base = if sib { operand.get(1)? & 7 } else { rm };
    if (sib && base == 4) || (mode == 0 && base == 5) {
        return None;
    }
    let rest = operand.get(1 + usize::from(sib)..)?;
    match mode {
        0 => Some(0),
        1 => rest.first().map(|&byte| i64::from(byte as i8)),
        2 => Some(i64::from(i32::from_le_bytes(rest.get(..4)?.try_into().ok()?))),
        _ => None,
    }
}

/// LDR of 64 bits at an unsigned offset before BLR or BR.
fn arm_uses(rva: u32, data: &[u8], uses: &mut Uses<'_>) {
    let words: Vec<u32> = arm_words(data).collect();
    for (index, &word) in words.iter().enumerate() {
        let off = ((word >> 10) & 0xfff) * 8;
        let loads = word & 0xffc0_0000 == 0xf940_0000 && (word >> 5) & 31 != 31;
        let Some(member) = uses.index(off).filter(|_| loads) else {
            continue;
        };
        let following = words.get(index..).unwrap_or_default();
        let is_call = |word: &u32| word & 0xffdf_fc1f == 0xd61f_0000;
        let called = following.iter().take(CALLED / 4).any(is_call);
        // MOVK of the upper half of four letters; the lower half stands before it.
        let from = index.saturating_sub(NEAR / 4);
        let around = words
            .get(from..words.len().min(index + NEAR / 4))
            .unwrap_or_default();
        let letters = around.iter().any(|&word| is_upper_half(word));
        if called {
            uses.add(member, rva.saturating_add((index * 4) as u32), letters);
        }
    }
}

/// MOVK w, imm, lsl 16 with two printable characters.
fn is_upper_half(word: u32) -> bool {
    let bytes = (((word >> 5) & 0xffff) as u16).to_le_bytes();
    let printable = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'_');
    word & 0xffe0_0000 == 0x72a0_0000 && bytes.iter().all(printable)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (no letters near, place)
    fn found(arm: bool, code: &[u8]) -> Vec<(bool, u32)> {
        let mut uses = Uses::new(&[0x18]);
        if arm {
            arm_uses(0x1000, code, &mut uses);
        } else {
            x86_uses(0x1000, code, &mut uses);
        }
        let with_letters = uses.with_letters.into_iter().map(|site| (false, site));
        with_letters
            .chain(uses.plain.into_iter().map(|site| (true, site)))
            .collect()
    }

    #[test]
    fn calls_through_a_member_are_found() {
        for (name, code, expected) in [
            ("call [rcx+18h]", &b"\xff\x51\x18"[..], &[(true, 0x1000)][..]),
            ("jmp [rcx+18h]", b"\xff\x61\x18", &[(true, 0x1000)]),
            ("call [rcx+rdx+18h]", b"\xff\x54\x11\x18", &[(true, 0x1000)]),
            ("call [rcx+20h]", b"\xff\x51\x20", &[]),
            ("call [rsp+18h]", b"\xff\x54\x24\x18", &[]),
            ("inc [rcx+18h]", b"\xff\x41\x18", &[]),
            (
                "mov rax, [rcx+18h]; call rax",
                b"\x48\x8b\x41\x18\xff\xd0",
                &[(true, 0x1001)],
            ),
            ("mov rax, [rcx+18h]; ret", b"\x48\x8b\x41\x18\xc3", &[]),
            (
                "mov r8d, letters; call [rcx+18h]",
                b"\x41\xb8Tag1\xff\x51\x18",
                &[(false, 0x1006)],
            ),
            (
                "mov r8d, number; call [rcx+18h]",
                b"\x41\xb8\x01\0\0\0\xff\x51\x18",
                &[(true, 0x1006)],
            ),
            ("cut off", b"\xff\x51", &[]),
        ] {
            assert_eq!(found(false, code), expected, "{name}");
        }
    }

    #[test]
    fn calls_through_a_member_are_found_in_arm64_code() {
        // ldr x8, [x0, #24]; blr x8 or br x8 or ret; movk w2, "g1", lsl 16
        let (load, letters) = (0xf940_0c08u32, 0x72a0_0002 | 0x3167 << 5);
        for (name, words, expected) in [
            ("blr", &[load, 0xd63f_0100][..], &[(true, 0x1000)][..]),
            ("br", &[load, 0xd61f_0100], &[(true, 0x1000)]),
            ("ret", &[load, 0xd65f_03c0], &[]),
            ("letters", &[load, letters, 0xd63f_0100], &[(false, 0x1000)]),
            ("another member", &[0xf940_1008, 0xd63f_0100], &[]),
        ] {
            let code: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
            assert_eq!(found(true, &code), expected, "{name}");
        }
    }
}
