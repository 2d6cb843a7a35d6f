//! An independent builder of NT buffers: structures are declared field by field as the headers declare them, and
//! laid out by the rules of the C compiler. No offset of the crate is known here.
#![allow(dead_code, reason = "each test binary uses its own part")]

use nt_abi::PointerWidth;

/// A structure being declared. What a kernel leaves unwritten (padding) is filled with 0xCC.
pub(crate) struct CStruct {
    width: PointerWidth,
    pub(crate) bytes: Vec<u8>,
    align: usize,
}

impl CStruct {
    pub(crate) fn new(width: PointerWidth) -> Self {
        Self {
            width,
            bytes: Vec::new(),
            align: 1,
        }
    }

    fn field(mut self, value: &[u8]) -> Self {
        self.pad(value.len());
        self.bytes.extend_from_slice(value);
        self
    }

    fn pad(&mut self, align: usize) {
        self.align = self.align.max(align);
        while !self.bytes.len().is_multiple_of(align) {
            self.bytes.push(0xCC);
        }
    }

    pub(crate) fn uchar(self, value: u8) -> Self {
        self.field(&[value])
    }

    pub(crate) fn ushort(self, value: u16) -> Self {
        self.field(&value.to_le_bytes())
    }

    pub(crate) fn ulong(self, value: u32) -> Self {
        self.field(&value.to_le_bytes())
    }

    pub(crate) fn ulongs(self, values: &[u32]) -> Self {
        values.iter().fold(self, |s, v| s.ulong(*v))
    }

    pub(crate) fn ulonglong(self, value: u64) -> Self {
        self.field(&value.to_le_bytes())
    }

    pub(crate) fn ulonglongs(self, values: &[u64]) -> Self {
        values.iter().fold(self, |s, v| s.ulonglong(*v))
    }

    /// `PVOID`, `SIZE_T`, `ULONG_PTR`, `HANDLE`.
    pub(crate) fn word(self, value: u64) -> Self {
        match self.width {
            PointerWidth::Bits32 => self.ulong(value as u32),
            PointerWidth::Bits64 => self.ulonglong(value),
        }
    }

    pub(crate) fn words(self, values: &[u64]) -> Self {
        values.iter().fold(self, |s, v| s.word(*v))
    }

    pub(crate) fn raw(mut self, value: &[u8]) -> Self {
        self.bytes.extend_from_slice(value);
        self
    }

    pub(crate) fn unicode_string(self, length: u16, capacity: u16, buffer: u64) -> Self {
        let s = self.ushort(length).ushort(capacity);
        s.word(buffer)
    }

    /// A member structure: aligned as its own widest field.
    pub(crate) fn member(mut self, other: Self) -> Self {
        let (bytes, align) = other.finish_aligned();
        self.pad(align);
        self.bytes.extend_from_slice(&bytes);
        self
    }

    fn finish_aligned(mut self) -> (Vec<u8>, usize) {
        let align = self.align;
        self.pad(align);
        (self.bytes, align)
    }

    /// The structure with its tail padding.
    pub(crate) fn finish(self) -> Vec<u8> {
        self.finish_aligned().0
    }
}

pub(crate) fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// One row of a pool tag table as both widths can hold it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Tag {
    pub(crate) tag: [u8; 4],
    pub(crate) paged: [u64; 3],
    pub(crate) nonpaged: [u64; 3],
}

pub(crate) fn pooltag(width: PointerWidth, row: &Tag) -> CStruct {
    let [pa, pf, pb] = row.paged;
    let [na, nf, nb] = row.nonpaged;
    CStruct::new(width)
        .ulong(u32::from_le_bytes(row.tag))
        .ulong(pa as u32)
        .ulong(pf as u32)
        .word(pb)
        .ulong(na as u32)
        .ulong(nf as u32)
        .word(nb)
}

pub(crate) fn pooltag2(width: PointerWidth, row: &Tag) -> CStruct {
    CStruct::new(width)
        .ulong(u32::from_le_bytes(row.tag))
        .words(&row.paged)
        .words(&row.nonpaged)
}

pub(crate) fn counted(width: PointerWidth, rows: impl Iterator<Item = CStruct>) -> Vec<u8> {
    let mut count = 0;
    let body = rows.fold(CStruct::new(width).ulong(0), |table, row| {
        count += 1;
        table.member(row)
    });
    let mut bytes = body.finish();
    bytes[..4].copy_from_slice(&u32::to_le_bytes(count));
    bytes
}

/// A process as the builder is told it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Process {
    pub(crate) pid: u64,
    pub(crate) name: String,
    pub(crate) threads: u32,
    pub(crate) handles: u32,
    pub(crate) working_set: u64,
    pub(crate) private: u64,
    pub(crate) quota: [u64; 2],
    pub(crate) created: u64,
}

pub(crate) fn process_fixed(width: PointerWidth, next: u32, p: &Process, name_pointer: u64) -> CStruct {
    let length = (p.name.encode_utf16().count() * 2) as u16;
    CStruct::new(width)
        .ulong(next)
        .ulong(p.threads)
        .ulonglong(77) // WorkingSetPrivateSize
        .ulong(1) // HardFaultCount
        .ulong(2) // NumberOfThreadsHighWatermark
        .ulonglong(3) // CycleTime
        .ulonglong(p.created)
        .ulonglongs(&[4, 5]) // UserTime, KernelTime
        .unicode_string(length, length + 2, if length == 0 { 0 } else { name_pointer })
        .ulong(8) // BasePriority
        .word(p.pid)
        .word(9) // InheritedFromUniqueProcessId
        .ulong(p.handles)
        .ulong(1) // SessionId
        .words(&[10, 11, 12]) // UniqueProcessKey, PeakVirtualSize, VirtualSize
        .ulong(13) // PageFaultCount
        .words(&[
            14,
            p.working_set,
            15,
            p.quota[0],
            16,
            p.quota[1],
            17,
            18,
            p.private,
        ])
        .ulonglongs(&[19; 6])
}

pub(crate) fn thread(width: PointerWidth) -> CStruct {
    CStruct::new(width)
        .ulonglongs(&[1, 2, 3]) // kernel, user, create time
        .ulong(4) // WaitTime
        .words(&[5, 6, 7]) // StartAddress, ClientId
        .ulongs(&[8, 9, 10, 11, 12])
}

/// The whole class-5 buffer with names behind the threads and pointers as if it lay at `base`.
pub(crate) fn process_list(width: PointerWidth, base: u64, list: &[Process]) -> Vec<u8> {
    let mut out = Vec::new();
    for (index, p) in list.iter().enumerate() {
        let fixed = process_fixed(width, 0, p, 0).finish().len();
        let threads = thread(width).finish().len() * p.threads as usize;
        let name = utf16(&p.name);
        let unpadded = fixed + threads + if name.is_empty() { 0 } else { name.len() + 2 };
        let size = unpadded.next_multiple_of(8);
        let next = if index + 1 == list.len() { 0 } else { size as u32 };
        let pointer = base + (out.len() + fixed + threads) as u64;
        let mut record = process_fixed(width, next, p, pointer).finish();
        for _ in 0..p.threads {
            record.extend(thread(width).finish());
        }
        record.extend(name);
        record.resize(size, 0);
        out.extend(record);
    }
    out
}

pub(crate) fn module(width: PointerWidth, base: u64, size: u32, path: &str) -> CStruct {
    let mut text = [0_u8; 256];
    text[..path.len()].copy_from_slice(path.as_bytes());
    let name = path.rfind('\\').map_or(0, |at| at + 1) as u16;
    CStruct::new(width)
        .words(&[0xCCCC_CCCC, 0, base])
        .ulongs(&[size, 0])
        .ushort(1)
        .ushort(2)
        .ushort(3)
        .ushort(name)
        .raw(&text)
}

pub(crate) fn module_ex(width: PointerWidth, next: u16, base: u64, size: u32, path: &str) -> CStruct {
    CStruct::new(width)
        .ushort(next)
        .member(module(width, base, size, path))
        .ulongs(&[0xABCD, 0x6543_2100])
        .word(base)
}

pub(crate) fn object_type(
    width: PointerWidth,
    name: &str,
    objects: u32,
    handles: u32,
    index: u8,
) -> (CStruct, Vec<u8>) {
    let text = utf16(name);
    let length = text.len() as u16;
    let fixed = CStruct::new(width)
        .unicode_string(length, length + 2, 0xDEAD_0000)
        .ulongs(&[
            objects,
            handles,
            1,
            2,
            3,
            4,
            objects + 5,
            handles + 6,
            7,
            8,
            9,
            10,
        ])
        .ulong(0x2) // InvalidAttributes
        .ulongs(&[1, 2, 3, 4]) // GenericMapping
        .ulong(0x1F_FFFF)
        .uchar(0)
        .uchar(1)
        .uchar(index)
        .uchar(0)
        .ulongs(&[512, 0x100, 0x200]);
    (fixed, text)
}

pub(crate) fn object_types(width: PointerWidth, types: &[(&str, u32, u32, u8)]) -> Vec<u8> {
    let align = width.bytes();
    let mut out = (types.len() as u32).to_le_bytes().to_vec();
    for (name, objects, handles, index) in types {
        out.resize(out.len().next_multiple_of(align), 0xCC);
        let (fixed, text) = object_type(width, name, *objects, *handles, *index);
        out.extend(fixed.finish());
        out.extend(text);
        out.extend([0, 0]);
    }
    out
}
