//! Constants that stand in the raw code, found without following any flow: where they are stored, and what is compared
//! with them.

use crate::Arch;
use crate::hash::{Map, Set};
use crate::image::{Image, arm_words};

/// Most tags stored at one offset that are believed.
pub(crate) const MAX_TAGS: usize = 3;
/// Places kept of one tag at one offset, to tell the objects.
const MAX_PLACES: usize = 4;
/// How far before its use a constant may be put into a register: instructions of ARM64, bytes of x86-64.
const BEHIND: usize = 16;
const BEHIND_BYTES: usize = 64;

/// A constant that looks like a tag, and some places that store it.
#[derive(Debug)]
pub(crate) struct Constant {
    pub(crate) tag: u32,
    pub(crate) places: Vec<u32>,
}

/// Constants that look like tags, by the offset of the object that they are stored at.
pub(crate) type Stored = Map<i64, Vec<Constant>>;

/// Adds a tag stored at one offset; one more than are believed is kept, so that they are known to be too many.
pub(crate) fn add_constant(tags: &mut Vec<Constant>, tag: u32, place: Option<u32>) {
    if let Some(known) = tags.iter_mut().find(|known| known.tag == tag) {
        if known.places.len() < MAX_PLACES {
            known.places.extend(place);
        }
    } else if tags.len() <= MAX_TAGS {
        let places = place.into_iter().collect();
        tags.push(Constant { tag, places });
    }
}

/// Finds the constants that look like tags and are stored at the wanted offsets of objects.
pub(crate) fn stored_tags(image: &Image<'_>, wanted: impl Fn(i64) -> bool) -> Stored {
    let mut found = Stored::default();
    for section in image.sections.iter().filter(|section| section.exec) {
        let mut add = |at: usize, off: i64, tag: u32| {
            if four_letters(tag) && wanted(off) {
                let place = section.rva.saturating_add(at as u32);
                add_constant(found.entry(off).or_default(), tag, Some(place));
            }
        };
        if image.arch == Arch::Arm64 {
            arm_stores(section.data, &mut add);
        } else {
            x86_stores(section.data, &mut add);
            if image.arch == Arch::X64 {
                x64_pairs(section.data, &mut add);
            }
        }
    }
    found
}

/// Letters and digits, at least two letters; spaces only at the end.
pub(crate) fn four_letters(tag: u32) -> bool {
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

/// Two fields at once: `mov r64, imm64` and shortly behind it `mov qword ptr [reg + disp], r64`.
fn x64_pairs(data: &[u8], add: &mut impl FnMut(usize, i64, u32)) {
    for at in memchr::memchr_iter(0x89, data) {
        let (before, operand) = data.split_at(at);
        let (Some(&rex @ 0x48..=0x4f), Some(&modrm)) = (before.last(), operand.get(1)) else {
            continue;
        };
        let register = [0x48 | (rex >> 2) & 1, 0xb8 | (modrm >> 3) & 7];
        let near = before.get(at.saturating_sub(BEHIND_BYTES)..).unwrap_or_default();
        let loaded = memchr::memmem::rfind(near, &register)
            .and_then(|load| near.get(load + 2..load + 10))
            .and_then(|bytes| bytes.try_into().ok())
            .map(u64::from_le_bytes);
        if let (Some(both), Some(disp)) = (loaded, operand.get(1..).and_then(stored_at)) {
            add(at, disp, both as u32);
            add(at, disp + 4, (both >> 32) as u32);
        }
    }
}

/// STR and STP of registers whose MOVZ and MOVK stand shortly before, at an unsigned offset.
fn arm_stores(data: &[u8], add: &mut impl FnMut(usize, i64, u32)) {
    let words: Vec<u32> = arm_words(data).collect();
    for (index, &store) in words.iter().enumerate() {
        let (off, size, second) = match arm_stored_at(store) {
            Some(Store { off, size, pair }) if size <= 8 => (off, size, pair.then_some((store >> 10) & 31)),
            _ => continue,
        };
        for (register, off) in [Some(store & 31), second]
            .into_iter()
            .flatten()
            .zip([off, off + size])
        {
            let Some(value) = arm_constant(&words, index, register) else {
                continue;
            };
            add(index * 4, off, value as u32);
            if size == 8 {
                add(index * 4, off + 4, (value >> 32) as u32);
            }
        }
    }
}

/// A store of ARM64: its offset, the bytes of each register, and whether there are two.
struct Store {
    off: i64,
    size: i64,
    pair: bool,
}

/// STR and STP of registers of 32, 64 and 128 bits at an unsigned offset, not of the stack.
fn arm_stored_at(word: u32) -> Option<Store> {
    let (one, two) = (i64::from((word >> 10) & 0xfff), i64::from((word >> 15) & 0x3f));
    let (off, size, pair) = match word & 0xffc0_0000 {
        0xb900_0000 => (one, 4, false),
        0xf900_0000 => (one, 8, false),
        0x3d80_0000 => (one, 16, false),
        0x2900_0000 => (two, 4, true),
        0xa900_0000 => (two, 8, true),
        _ => return None,
    };
    let off = off * size;
    ((word >> 5) & 31 != 31).then_some(Store { off, size, pair })
}

/// The constant that MOVZ and MOVK put into a register shortly before an instruction and that it still holds.
fn arm_constant(words: &[u32], index: usize, register: u32) -> Option<u64> {
    let before = words.get(index.saturating_sub(BEHIND)..index)?;
    let mut quarters = [None; 4];
    for &word in before.iter().rev() {
        let imm = u64::from((word >> 5) & 0xffff);
        let mut set = |word: u32| {
            let quarter = quarters.get_mut(((word >> 21) & 3) as usize);
            quarter.map(|quarter| *quarter.get_or_insert(imm));
        };
        match word & 0x7f80_001f {
            // MOVK
            known if known == 0x7280_0000 | register => set(word),
            // MOVZ
            known if known == 0x5280_0000 | register => {
                set(word);
                let parts = quarters.iter().rev();
                return Some(parts.fold(0, |value, part| value << 16 | part.unwrap_or(0)));
            }
            _ if arm_may_set(word, register) => return None,
            _ => {}
        }
    }
    None
}

/// True for an instruction that may set a general register (Arm Architecture Reference Manual, DDI 0487, C4.1).
const fn arm_may_set(word: u32, register: u32) -> bool {
    let calls = word & 0xfc00_0000 == 0x9400_0000 || word & 0xffff_fc1f == 0xd63f_0000;
    if calls {
        // BL and BLR: the convention lets the callee change w0 to w17, and the link register is set.
        return register < 18 || register == 30;
    }
    let pair = word & 0x3a00_0000 == 0x2800_0000;
    let loads_pair = pair && word & 0x0040_0000 != 0;
    if loads_pair && (word >> 10) & 31 == register {
        return true;
    }
    word & 31 == register && !arm_only_reads(word)
}

/// True for stores and branches, whose low five bits name no register that they set.
const fn arm_only_reads(word: u32) -> bool {
    let pair = word & 0x3a00_0000 == 0x2800_0000;
    // Loads and stores of one register: bits 22 and 23 are zero in a plain store. LDADD, SWP and their kin have bit 21
    // set and bits 10 and 11 clear.
    let one = word & 0x3a00_0000 == 0x3800_0000;
    let atomic = word & 0x3b20_0c00 == 0x3820_0000;
    let stores = (pair && word & 0x0040_0000 == 0) || (one && word & 0x00c0_0000 == 0 && !atomic);
    // Branches, exceptions and system instructions, of which MRS and SYSL set a register.
    let branches = word & 0x1c00_0000 == 0x1400_0000 && word & 0xffe0_0000 != 0xd520_0000;
    stores || branches
}

/// Where instructions may store to the wanted offsets of objects: as many places as `most` of each.
pub(crate) fn storing_sites(image: &Image<'_>, most: usize, wanted: impl Fn(i64) -> bool) -> Vec<u32> {
    let (mut sites, mut counts) = (Vec::new(), Map::<i64, usize>::default());
    for section in image.sections.iter().filter(|section| section.exec) {
        let mut add = |at: usize, off: i64| {
            let count = counts.entry(off).or_default();
            if *count < most {
                *count += 1;
                sites.push(section.rva.saturating_add(at as u32));
            }
        };
        if image.arch == Arch::Arm64 {
            arm_sites(section.data, &wanted, &mut add);
        } else {
            x86_sites(section.data, &wanted, &mut add);
        }
    }
    sites
}

/// Where an instruction may store to one of the offsets of an object, alone or with its neighbours.
fn x86_sites(data: &[u8], wanted: impl Fn(i64) -> bool, add: &mut impl FnMut(usize, i64)) {
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
        let off = stored_at(data.get(at + 1..).unwrap_or_default());
        if let Some(field) = off.and_then(|off| reached(off, reach, &wanted)) {
            add(at, field);
        }
    }
}

/// The first field of 32 bits from `off` on that is wanted.
fn reached(off: i64, bytes: i64, wanted: &impl Fn(i64) -> bool) -> Option<i64> {
    (0..bytes)
        .step_by(4)
        .map(|field| off + field)
        .find(|&field| wanted(field))
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

/// The same for ARM64.
fn arm_sites(data: &[u8], wanted: impl Fn(i64) -> bool, add: &mut impl FnMut(usize, i64)) {
    for (index, word) in arm_words(data).enumerate() {
        let Some(Store { off, size, pair }) = arm_stored_at(word) else {
            continue;
        };
        if let Some(field) = reached(off, size << u8::from(pair), &wanted) {
            add(index * 4, field);
        }
    }
}

/// Constants of four letters that something is compared with.
pub(crate) fn compared(image: &Image<'_>) -> Set<u32> {
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
    let words: Vec<u32> = arm_words(data).collect();
    for (index, &word) in words.iter().enumerate() {
        // SUBS of two registers; without optimisation the difference is kept.
        if word & 0xffe0_fc00 == 0x6b00_0000 {
            let constants = [(word >> 5) & 31, (word >> 16) & 31]
                .into_iter()
                .filter_map(|register| arm_constant(&words, index, register));
            found.extend(constants.map(|imm| imm as u32).filter(|&imm| four_letters(imm)));
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
    fn fields_that_are_stored_together_are_told_apart() {
        let mut found = Vec::new();
        // mov r9, imm64; mov [rcx+0x10], r9; a register that holds something else; the stack
        let code = b"\x49\xb9\x03\0\0\0Tag1\x4c\x89\x49\x10\x48\x89\x41\x18\x4c\x89\x4c\x24\x20";
        x64_pairs(code, &mut |_, off, imm| found.push((off, imm)));
        let tag = u32::from_le_bytes(*b"Tag1");
        assert_eq!(found, [(0x10, 3), (0x14, tag)]);
        let of = |words: &[u32]| {
            let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
            let mut found = Vec::new();
            arm_stores(&bytes, &mut |_, off, imm| found.push((off, imm)));
            found
        };
        let half = |word: u32, imm: [u8; 2]| word | u32::from(u16::from_le_bytes(imm)) << 5;
        // movz x8, #3; movk x8, "Ta", lsl 32; movk x8, "g1", lsl 48; str x8, [x0, #0x10]
        let (low, high) = (half(0xf2c0_0008, *b"Ta"), half(0xf2e0_0008, *b"g1"));
        assert_eq!(
            of(&[0xd280_0068, low, high, 0xf900_0808]),
            [(0x10, 3), (0x14, tag)]
        );
        // movz w9, "Ta"; movk w9, "g1", lsl 16; stp w8, w9, [x0, #0x10]
        let (low, high) = (half(0x5280_0009, *b"Ta"), half(0x72a0_0009, *b"g1"));
        assert_eq!(of(&[low, high, 0x2902_2408]), [(0x14, tag)]);
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
        for (name, between, holds) in [
            ("nothing of it: str w9, [sp]", 0xb900_03e9u32, true),
            ("str w8, [sp]", 0xb900_03e8, true),
            ("cbz w8, +8", 0x3400_0048, true),
            ("ldr w8, [sp]", 0xb940_03e8, false),
            ("ldr w8, literal", 0x1800_0048, false),
            ("ldadd w0, w8, [x1]", 0xb820_0028, false),
            ("swp w0, w8, [x1]", 0xb820_8028, false),
            ("mrs x8, tpidr_el0", 0xd53b_d048, false),
            ("ldp w9, w8, [sp]", 0x2940_23e9, false),
            ("bl +4", 0x9400_0001, false),
            ("blr x9", 0xd63f_0120, false),
            ("add w8, w8, 1", 0x1100_0508, false),
        ] {
            // movz w8, #0x6261; movk w8, #0x3163, lsl 16; …; str w8, [x0, #0x14]
            let words = [0x528c_4c28u32, 0x72a6_2c68, between, 0xb900_1408];
            let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
            let mut found = Vec::new();
            arm_stores(&bytes, &mut |_, off, imm| found.push((off, imm)));
            assert_eq!(
                found.contains(&(0x14, u32::from_le_bytes(*b"abc1"))),
                holds,
                "{name}"
            );
        }
    }

    #[test]
    fn a_constant_outlives_a_call_in_a_register_that_callees_keep() {
        // movz w19, #0x6261; movk w19, #0x3163, lsl 16; bl +4; str w19, [x0, #0x14]
        let words = [0x528c_4c33u32, 0x72a6_2c73, 0x9400_0001, 0xb900_1413];
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let mut found = Vec::new();
        arm_stores(&bytes, &mut |_, off, imm| found.push((off, imm)));
        assert_eq!(found, [(0x14, u32::from_le_bytes(*b"abc1"))]);
    }

    #[test]
    fn few_places_of_a_tag_are_kept_and_too_many_tags_are_known_to_be_so() {
        let mut tags = Vec::new();
        for place in 0..10 {
            add_constant(&mut tags, 1, Some(place));
        }
        assert_eq!((tags.len(), tags[0].places.len()), (1, MAX_PLACES));
        for tag in 0..10 {
            add_constant(&mut tags, tag, None);
        }
        assert_eq!(tags.len(), MAX_TAGS + 1);
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
