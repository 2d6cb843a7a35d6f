//! A PE kernel image as the analysis sees it: sections at their addresses, imports by slot, pointers, function bounds.
//!
//! The headers, section table, imports and relocations are read with the `object` crate; everything here is hostile-safe:
//! what cannot be read is left out and said in `problems`.

use object::LittleEndian as LE;
use object::pe;
use object::read::pe::{ImageNtHeaders, ImageOptionalHeader, ImageThunkData, PeFile, optional_header_magic};

use crate::hash::Map;
use crate::{Arch, Limits, ScanError};

/// One section of the image, mapped at its address.
#[derive(Debug)]
pub(crate) struct Section<'a> {
    /// Relative virtual address.
    pub(crate) rva: u32,
    /// Size in memory; bytes beyond `data` are zero.
    pub(crate) size: u32,
    /// Bytes from the file, not longer than `size`.
    pub(crate) data: &'a [u8],
    /// May hold code.
    pub(crate) exec: bool,
    /// May be written at run time.
    pub(crate) write: bool,
}

/// An imported routine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Import {
    /// Library in lower case.
    pub(crate) library: String,
    /// Name, or `#ordinal`.
    pub(crate) name: String,
}

/// Bounds of a function from the exception directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Bounds {
    /// First byte.
    pub(crate) start: u32,
    /// One past the last byte.
    pub(crate) end: u32,
    /// A later part of the function that starts here (equal to `start` for a whole function).
    pub(crate) primary: u32,
}

/// The parsed image.
#[derive(Debug)]
pub(crate) struct Image<'a> {
    /// Instruction set.
    pub(crate) arch: Arch,
    /// Preferred load address.
    pub(crate) base: u64,
    /// Sections in order of address.
    pub(crate) sections: Vec<Section<'a>>,
    /// All imports.
    pub(crate) imports: Vec<Import>,
    /// RVA of an import slot → index in `imports`.
    pub(crate) slots: Map<u32, u32>,
    /// RVAs of pointers (base relocations of pointer size), sorted.
    pub(crate) pointers: Vec<u32>,
    /// Functions with exception data, sorted by start.
    pub(crate) functions: Vec<Bounds>,
    /// Entry point and exported code, RVAs.
    pub(crate) entries: Vec<u32>,
    /// RVA of the slot that holds the control-flow-guard dispatch routine.
    pub(crate) guard_dispatch: Option<u32>,
    /// RVA of the slot that holds the control-flow-guard check.
    pub(crate) guard_check: Option<u32>,
    /// Link time as stored.
    pub(crate) timestamp: u32,
    /// The time stamp is a hash of the content.
    pub(crate) reproducible: bool,
    /// Range of the resource directory (RVA, size).
    pub(crate) resources: Option<(u32, u32)>,
    /// The certificate table's bytes.
    pub(crate) certificates: Option<&'a [u8]>,
    /// What could not be read.
    pub(crate) problems: Vec<String>,
}

impl<'a> Image<'a> {
    /// Parses the headers and tables of an image.
    pub(crate) fn parse(bytes: &'a [u8], limits: &Limits) -> Result<Self, ScanError> {
        if bytes.len() > limits.max_bytes {
            return Err(ScanError::TooLarge {
                size: bytes.len(),
                limit: limits.max_bytes,
            });
        }
        let magic = optional_header_magic(bytes).map_err(|error| ScanError::NotPe {
            reason: error.to_string(),
        })?;
        match magic {
            pe::IMAGE_NT_OPTIONAL_HDR32_MAGIC => Self::read::<pe::ImageNtHeaders32>(bytes, limits),
            pe::IMAGE_NT_OPTIONAL_HDR64_MAGIC => Self::read::<pe::ImageNtHeaders64>(bytes, limits),
            other => Err(ScanError::NotPe {
                reason: format!("optional header magic {other:#x}"),
            }),
        }
    }

    fn read<Pe: ImageNtHeaders>(bytes: &'a [u8], limits: &Limits) -> Result<Self, ScanError> {
        let file = PeFile::<Pe>::parse(bytes).map_err(|error| ScanError::NotPe {
            reason: error.to_string(),
        })?;
        let header = file.nt_headers();
        let machine = header.file_header().machine.get(LE);
        let arch = match machine {
            pe::IMAGE_FILE_MACHINE_AMD64 => Arch::X64,
            pe::IMAGE_FILE_MACHINE_I386 => Arch::X86,
            pe::IMAGE_FILE_MACHINE_ARM64 => Arch::Arm64,
            other => return Err(ScanError::Machine(other.0)),
        };
        let optional = header.optional_header();
        let mut image = Self {
            arch,
            base: optional.image_base(),
            sections: Vec::new(),
            imports: Vec::new(),
            slots: Map::default(),
            pointers: Vec::new(),
            functions: Vec::new(),
            entries: Vec::new(),
            guard_dispatch: None,
            guard_check: None,
            timestamp: header.file_header().time_date_stamp.get(LE),
            reproducible: false,
            resources: None,
            certificates: None,
            problems: Vec::new(),
        };
        image.map_sections(bytes, &file);
        if optional.address_of_entry_point() != 0 {
            image.entries.push(optional.address_of_entry_point());
        }
        image.read_directories(bytes, &file, limits);
        image.read_imports(&file, limits);
        image.read_delay_imports(&file, limits);
        image.read_relocations(bytes, &file, limits);
        image.read_exports(&file, limits);
        Ok(image)
    }

    fn map_sections<Pe: ImageNtHeaders>(&mut self, bytes: &'a [u8], file: &PeFile<'a, Pe>) {
        // Sections that share bytes of the file would make the work larger than the file.
        let mut left = bytes.len();
        for header in file.section_table().iter() {
            let rva = header.virtual_address.get(LE);
            let raw = header.size_of_raw_data.get(LE);
            let virtual_size = header.virtual_size.get(LE);
            let size = if virtual_size == 0 { raw } else { virtual_size };
            let (file_offset, file_size) = header.pe_file_range();
            let start = (file_offset as usize).min(bytes.len());
            let end = start
                .saturating_add(file_size.min(size) as usize)
                .min(bytes.len());
            let flags = header.characteristics.get(LE);
            let mut data = bytes.get(start..end).unwrap_or_default();
            match left.checked_sub(data.len()) {
                Some(rest) => left = rest,
                None => {
                    data = &[];
                    self.problems
                        .push("sections: they overlap in the file, one is left out".to_owned());
                }
            }
            self.sections.push(Section {
                rva,
                size,
                data,
                exec: flags.0 & (pe::IMAGE_SCN_MEM_EXECUTE.0 | pe::IMAGE_SCN_CNT_CODE.0) != 0,
                write: flags.0 & pe::IMAGE_SCN_MEM_WRITE.0 != 0,
            });
        }
        self.problems.dedup();
        self.sections.sort_by_key(|section| section.rva);
    }

    fn read_directories<Pe: ImageNtHeaders>(
        &mut self,
        bytes: &'a [u8],
        file: &PeFile<'a, Pe>,
        limits: &Limits,
    ) {
        let range = |index| {
            file.data_directory(index)
                .map(|directory| directory.address_range())
                .filter(|&(rva, _)| rva != 0)
        };
        if let Some((rva, size)) = range(pe::IMAGE_DIRECTORY_ENTRY_EXCEPTION) {
            self.read_functions(rva, size, limits);
        }
        if let Some((rva, _)) = range(pe::IMAGE_DIRECTORY_ENTRY_LOAD_CONFIG) {
            // IMAGE_LOAD_CONFIG_DIRECTORY: GuardCFCheckFunctionPointer, GuardCFDispatchFunctionPointer.
            let (check, dispatch, width) = if self.arch == Arch::X86 {
                (0x48, 0x4c, 4)
            } else {
                (0x70, 0x78, 8)
            };
            let size = self.u32(rva).unwrap_or(0);
            let pointer = |at: u32| {
                let va = self.base.wrapping_add(u64::from(rva)).wrapping_add(u64::from(at));
                self.value(va, width)
                    .filter(|_| size > at)
                    .and_then(|va| self.rva_of(va))
            };
            (self.guard_check, self.guard_dispatch) = (pointer(check), pointer(dispatch));
        }
        if let Some((rva, size)) = range(pe::IMAGE_DIRECTORY_ENTRY_DEBUG) {
            // IMAGE_DEBUG_DIRECTORY entries are 28 bytes long; Type stands at 12.
            self.reproducible = (0..(size / 28).min(32)).any(|entry| {
                self.u32(rva.saturating_add(entry * 28).saturating_add(12))
                    == Some(pe::IMAGE_DEBUG_TYPE_REPRO.0)
            });
        }
        self.resources = range(pe::IMAGE_DIRECTORY_ENTRY_RESOURCE);
        // The certificate table's "address" is a file offset.
        self.certificates = range(pe::IMAGE_DIRECTORY_ENTRY_SECURITY).and_then(|(offset, size)| {
            bytes.get(offset as usize..(offset as usize).saturating_add(size as usize).min(bytes.len()))
        });
    }

    /// Reads RUNTIME_FUNCTION entries. x64: begin, end, unwind data; ARM64: begin, packed data or unwind data.
    fn read_functions(&mut self, rva: u32, size: u32, limits: &Limits) {
        let stride = match self.arch {
            Arch::X86 => return,
            Arch::X64 => 12,
            Arch::Arm64 => 8,
        };
        let count = (size / stride).min(limits.max_functions);
        let mut found = Vec::with_capacity(count.min(65_536) as usize);
        for index in 0..count {
            let at = rva.saturating_add(index * stride);
            let (Some(start), Some(second)) = (self.u32(at), self.u32(at.saturating_add(4))) else {
                break;
            };
            if start == 0 {
                continue;
            }
            let bounds = if self.arch == Arch::X64 {
                let unwind = self.u32(at.saturating_add(8)).unwrap_or(0);
                Bounds {
                    start,
                    end: second,
                    primary: self.chained_to(unwind).unwrap_or(start),
                }
            } else {
                let words = match second & 3 {
                    0 => self.u32(second).unwrap_or(0) & 0x3ffff,
                    _ => (second >> 2) & 0x7ff,
                };
                Bounds {
                    start,
                    end: start.saturating_add(words.saturating_mul(4)),
                    primary: start,
                }
            };
            if bounds.end > bounds.start && self.is_code(start) {
                found.push(bounds);
            }
        }
        found.sort_unstable();
        found.dedup_by_key(|bounds| bounds.start);
        self.functions = found;
    }

    /// The first function of a chain of unwind data (UNW_FLAG_CHAININFO), when `unwind` is a later part.
    fn chained_to(&self, unwind: u32) -> Option<u32> {
        let mut unwind = unwind;
        let mut primary = None;
        for _ in 0..8 {
            let head = self.bytes_at(unwind, 4)?;
            let (&flags, &codes) = (head.first()?, head.get(2)?);
            if (flags >> 3) & 4 == 0 {
                break;
            }
            let chained = unwind.checked_add(4 + u32::from(codes).div_ceil(2) * 4)?;
            primary = Some(self.u32(chained)?);
            unwind = self.u32(chained.checked_add(8)?)?;
        }
        primary.filter(|&rva| self.is_code(rva))
    }

    fn add_import(&mut self, slot: u32, library: &str, name: String) {
        let index = u32::try_from(self.imports.len()).unwrap_or(u32::MAX);
        self.imports.push(Import {
            library: library.to_owned(),
            name,
        });
        self.slots.insert(slot, index);
    }

    fn read_imports<Pe: ImageNtHeaders>(&mut self, file: &PeFile<'a, Pe>, limits: &Limits) {
        let table = match file.import_table() {
            Ok(Some(table)) => table,
            Ok(None) => return,
            Err(error) => return self.problems.push(format!("imports: {error}")),
        };
        let width = self.pointer_size();
        let Ok(mut descriptors) = table.descriptors() else {
            return self
                .problems
                .push("imports: descriptors cannot be read".to_owned());
        };
        while let Ok(Some(descriptor)) = descriptors.next() {
            let library = table.name(descriptor.name.get(LE)).map(lower).unwrap_or_default();
            let slots = descriptor.first_thunk.get(LE);
            let names = match descriptor.original_first_thunk.get(LE) {
                0 => slots,
                names => names,
            };
            let Ok(mut thunks) = table.thunks(names) else {
                continue;
            };
            let mut slot = slots;
            while let Ok(Some(thunk)) = thunks.next::<Pe>() {
                if self.imports.len() >= limits.max_imports {
                    return self
                        .problems
                        .push("imports: too many, the rest is ignored".to_owned());
                }
                let name = if thunk.is_ordinal() {
                    format!("#{}", thunk.ordinal())
                } else {
                    table
                        .hint_name(thunk.address())
                        .map(|(_, name)| text(name))
                        .unwrap_or_default()
                };
                self.add_import(slot, &library, name);
                slot = slot.saturating_add(width);
            }
        }
    }

    fn read_delay_imports<Pe: ImageNtHeaders>(&mut self, file: &PeFile<'a, Pe>, limits: &Limits) {
        let Ok(Some(table)) = file.delay_load_import_table() else {
            return;
        };
        let Ok(mut descriptors) = table.descriptors() else {
            return;
        };
        let width = self.pointer_size();
        while let Ok(Some(descriptor)) = descriptors.next() {
            // Bit 0 of the attributes: addresses are relative. The old form with virtual addresses is for 32-bit images.
            let relative = descriptor.attributes.get(LE) & 1 != 0;
            let fix = |value: u32| {
                if relative {
                    value
                } else {
                    value.wrapping_sub(self.base as u32)
                }
            };
            let library = table
                .name(fix(descriptor.dll_name_rva.get(LE)))
                .map(lower)
                .unwrap_or_default();
            let mut slot = fix(descriptor.import_address_table_rva.get(LE));
            let Ok(mut thunks) = table.thunks(fix(descriptor.import_name_table_rva.get(LE))) else {
                continue;
            };
            let mut found = Vec::new();
            while let Ok(Some(thunk)) = thunks.next::<Pe>() {
                if self.imports.len().saturating_add(found.len()) >= limits.max_imports {
                    break;
                }
                let name = if thunk.is_ordinal() {
                    format!("#{}", thunk.ordinal())
                } else {
                    table
                        .hint_name(fix(thunk.address()))
                        .map(|(_, name)| text(name))
                        .unwrap_or_default()
                };
                found.push((slot, name));
                slot = slot.saturating_add(width);
            }
            for (slot, name) in found {
                self.add_import(slot, &library, name);
            }
        }
    }

    fn read_relocations<Pe: ImageNtHeaders>(
        &mut self,
        bytes: &'a [u8],
        file: &PeFile<'a, Pe>,
        limits: &Limits,
    ) {
        let Ok(Some(mut blocks)) = file
            .data_directories()
            .relocation_blocks(bytes, &file.section_table())
        else {
            return;
        };
        let wanted = if self.arch == Arch::X86 {
            pe::IMAGE_REL_BASED_HIGHLOW
        } else {
            pe::IMAGE_REL_BASED_DIR64
        };
        while let Ok(Some(block)) = blocks.next() {
            for relocation in block {
                if self.pointers.len() >= limits.max_pointers {
                    return self
                        .problems
                        .push("relocations: too many, the rest is ignored".to_owned());
                }
                if relocation.typ == wanted {
                    self.pointers.push(relocation.virtual_address);
                }
            }
        }
        self.pointers.sort_unstable();
        self.pointers.dedup();
    }

    fn read_exports<Pe: ImageNtHeaders>(&mut self, file: &PeFile<'a, Pe>, limits: &Limits) {
        if let Ok(Some(table)) = file.export_table() {
            for address in table.addresses().iter().take(limits.max_imports) {
                let rva = address.get(LE);
                if self.is_code(rva) {
                    self.entries.push(rva);
                }
            }
        }
    }

    /// Bytes of code in the file.
    pub(crate) fn code_bytes(&self) -> u64 {
        let code = self.sections.iter().filter(|section| section.exec);
        code.map(|section| section.data.len() as u64).sum()
    }

    /// Bytes of a pointer.
    pub(crate) const fn pointer_size(&self) -> u32 {
        match self.arch {
            Arch::X86 => 4,
            Arch::X64 | Arch::Arm64 => 8,
        }
    }

    /// The section that holds `rva`.
    pub(crate) fn section(&self, rva: u32) -> Option<&Section<'a>> {
        let index = self
            .sections
            .partition_point(|section| section.rva <= rva)
            .checked_sub(1)?;
        let section = self.sections.get(index)?;
        (rva - section.rva < section.size).then_some(section)
    }

    /// True where code may stand.
    pub(crate) fn is_code(&self, rva: u32) -> bool {
        self.section(rva)
            .is_some_and(|section| section.exec && (rva - section.rva) < section.data.len() as u32)
    }

    /// True for an address in data of the image.
    pub(crate) fn is_data(&self, va: u64) -> bool {
        let section = self.rva_of(va).and_then(|rva| self.section(rva));
        section.is_some_and(|section| !section.exec)
    }

    /// File bytes from `rva` to the end of its section.
    pub(crate) fn tail(&self, rva: u32) -> Option<&'a [u8]> {
        let section = self.section(rva)?;
        section.data.get((rva - section.rva) as usize..)
    }

    /// `len` file bytes at `rva`.
    pub(crate) fn bytes_at(&self, rva: u32, len: usize) -> Option<&'a [u8]> {
        self.tail(rva)?.get(..len)
    }

    /// A 32-bit little-endian value in file bytes.
    pub(crate) fn u32(&self, rva: u32) -> Option<u32> {
        self.bytes_at(rva, 4)
            .and_then(|bytes| bytes.try_into().ok())
            .map(u32::from_le_bytes)
    }

    /// The RVA of an address inside the image.
    pub(crate) fn rva_of(&self, va: u64) -> Option<u32> {
        let rva = u32::try_from(va.checked_sub(self.base)?).ok()?;
        self.section(rva).map(|_| rva)
    }

    /// The initial value of `size` (1 to 8) bytes at an address; zero where the file holds no bytes.
    pub(crate) fn value(&self, va: u64, size: u8) -> Option<u64> {
        let rva = u32::try_from(va.checked_sub(self.base)?).ok()?;
        let section = self.section(rva)?;
        let start = (rva - section.rva) as usize;
        let mut value = 0u64;
        for index in 0..usize::from(size.min(8)) {
            let byte = section
                .data
                .get(start.saturating_add(index))
                .copied()
                .unwrap_or(0);
            value |= u64::from(byte) << (8 * index);
        }
        Some(value)
    }

    /// The function of the exception directory that holds `rva`.
    pub(crate) fn bounds(&self, rva: u32) -> Option<Bounds> {
        let index = self
            .functions
            .partition_point(|bounds| bounds.start <= rva)
            .checked_sub(1)?;
        self.functions
            .get(index)
            .copied()
            .filter(|bounds| rva < bounds.end)
    }

    /// The text of one-byte characters at an address, at most 127 of them.
    pub(crate) fn narrow_text(&self, va: u64) -> Option<String> {
        let mut text = String::new();
        for index in 0..128u64 {
            match self.value(va.checked_add(index)?, 1)? as u8 {
                0 => return Some(text),
                byte => text.push(char::from(byte)),
            }
        }
        None
    }

    /// The UTF-16 text at an address, at most 127 characters.
    pub(crate) fn wide_text(&self, va: u64) -> Option<String> {
        let mut units = Vec::new();
        for index in 0..128u64 {
            match self.value(va.checked_add(index * 2)?, 2)? {
                0 => return String::from_utf16(&units).ok(),
                unit => units.push(u16::try_from(unit).ok()?),
            }
        }
        None
    }
}

fn text(name: &[u8]) -> String {
    String::from_utf8_lossy(name.get(..name.len().min(256)).unwrap_or_default()).into_owned()
}

fn lower(name: &[u8]) -> String {
    text(name).to_ascii_lowercase()
}

/// The instructions of ARM64 code; bytes behind the last whole one are left out.
pub(crate) fn arm_words(code: &[u8]) -> impl Iterator<Item = u32> + '_ {
    code.chunks_exact(4)
        .map(|bytes| u32::from_le_bytes(bytes.try_into().unwrap_or_default()))
}
