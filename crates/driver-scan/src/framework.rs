//! The kernel-mode driver framework: where its table of routines is, and who calls through it.

use crate::Arch;
use crate::engine::Engine;
use crate::image::{Image, arm_words};
use crate::routines::FRAMEWORK;
use crate::xref::references;

/// Where the framework's routine table is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WdfTable {
    /// RVA of the pointer to the table, or of the table.
    pub(crate) rva: u32,
    /// `rva` is a pointer's place (framework 1.15 and later).
    pub(crate) indirect: bool,
    /// Entries of the table.
    pub(crate) count: u32,
}

impl Engine<'_> {
    /// Functions that may call the framework's allocating routines: those that hold the displacement of their entry
    /// shortly behind a use of the table.
    pub(crate) fn want_framework_calls(&mut self, table: u32, pointer: u32) {
        const NEAR: u32 = 768;
        let mut uses = Vec::new();
        references(self.image, &[table], &mut uses);
        let mut uses: Vec<u32> = uses.into_iter().map(|(_, site)| site).collect();
        uses.sort_unstable();
        let mut sites = Vec::new();
        for section in self.image.sections.iter().filter(|section| section.exec) {
            for (index, _) in FRAMEWORK {
                let disp = u32::from(*index) * pointer;
                if self.image.arch == Arch::Arm64 {
                    for (at, word) in arm_words(section.data).enumerate() {
                        // LDR (64 bit, unsigned offset)
                        if word & 0xffc0_0000 == 0xf940_0000 && ((word >> 10) & 0xfff) * 8 == disp {
                            sites.push(section.rva.saturating_add((at * 4) as u32));
                        }
                    }
                } else {
                    sites.extend(
                        memchr::memmem::find_iter(section.data, &disp.to_le_bytes())
                            .map(|at| section.rva.saturating_add(at as u32)),
                    );
                }
            }
        }
        sites.retain(|&site| {
            let upto = uses.partition_point(|&at| at < site);
            upto.checked_sub(1)
                .and_then(|index| uses.get(index))
                .is_some_and(|&at| site - at < NEAR)
        });
        sites.truncate(20_000);
        for site in sites {
            self.want(site);
        }
    }
}

/// Finds the framework's bind structure (WDF_BIND_INFO): its second member points to the text "KmdfLibrary".
pub(crate) fn find_wdf(image: &Image<'_>) -> Option<WdfTable> {
    if !image
        .imports
        .iter()
        .any(|import| import.name.starts_with("WdfVersionBind"))
    {
        return None;
    }
    let width = image.pointer_size();
    let mut candidates: Vec<u32> = image.pointers.clone();
    if candidates.is_empty() {
        for section in image.sections.iter().filter(|section| !section.exec) {
            let count = (section.data.len() as u32 / width).min(1 << 16);
            candidates.extend((0..count).map(|index| section.rva.saturating_add(index * width)));
        }
    }
    let wide = width == 8;
    for at in candidates {
        let at_va = image.base.wrapping_add(u64::from(at));
        let Some(value) = image.value(at_va, width as u8) else {
            continue;
        };
        // Size (then padding), Component, Version.Major, Minor, Build, FuncCount, FuncTable
        let start = at_va.wrapping_sub(u64::from(width));
        let size = image.value(start, 4).unwrap_or(0);
        if !(0x20..=0x80).contains(&size) || image.wide_text(value).as_deref() != Some("KmdfLibrary") {
            continue;
        }
        let member = |wide_at: u64, narrow_at: u64, bytes: u8| {
            image.value(start.wrapping_add(if wide { wide_at } else { narrow_at }), bytes)
        };
        let minor = member(0x14, 0xc, 4)?;
        let count = member(0x1c, 0x14, 4)? as u32;
        let table = image.rva_of(member(0x20, 0x18, width as u8)?)?;
        return Some(WdfTable {
            rva: table,
            indirect: minor >= 15,
            count,
        });
    }
    None
}
