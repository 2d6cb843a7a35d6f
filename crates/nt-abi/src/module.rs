//! Loaded kernel modules: classes 11 and 77.

use crate::bytes::Bytes;
use crate::{AbiError, Interface, PointerWidth, Reason, class};

/// One loaded module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModuleRow {
    /// Load address; 0 where the kernel hides it (24H2 without SeDebugPrivilege).
    pub base: u64,
    /// Image size in bytes.
    pub bytes: u32,
    /// Load count.
    pub loads: u16,
    /// Path as the loader has it (`\SystemRoot\System32\drivers\x.sys`, an ARC path for boot drivers of old
    /// kernels, or a bare name). Bytes above 0x7F are taken as Latin-1.
    pub path: String,
    /// Where in `path` the file name begins, bytes; never beyond its end.
    pub name_at: usize,
    /// The header's link time, seconds since 1970 or a hash (class 77 only).
    pub time_date_stamp: Option<u32>,
}

impl ModuleRow {
    /// The file name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.path.get(self.name_at..).unwrap_or(&self.path)
    }
}

/// Bytes of the path field.
const PATH_BYTES: usize = 256;

/// Reads one `RTL_PROCESS_MODULE_INFORMATION` (296 bytes, 284 on 32-bit) at `at`.
fn module(bytes: &Bytes<'_>, at: usize, width: PointerWidth) -> Result<ModuleRow, AbiError> {
    let words = width.bytes() * 3;
    let field = |offset: usize| at.saturating_add(words).saturating_add(offset);
    let raw = bytes.slice(field(16), PATH_BYTES)?;
    let path: String = raw
        .iter()
        .take_while(|&&byte| byte != 0)
        .map(|&byte| char::from(byte))
        .collect();
    let stated = usize::from(bytes.u16(field(14))?);
    let name_at = if path.is_char_boundary(stated) && stated < path.len() && path.is_ascii() {
        stated
    } else {
        path.rfind(['\\', '/']).map_or(0, |slash| slash + 1)
    };
    Ok(ModuleRow {
        base: bytes.word(at.saturating_add(width.bytes() * 2), width)?,
        bytes: bytes.u32(field(0))?,
        loads: bytes.u16(field(12))?,
        path,
        name_at,
        time_date_stamp: None,
    })
}

const fn row_size(width: PointerWidth) -> usize {
    width.pick(284, 296)
}

/// Reads class 11, SystemModuleInformation (`RTL_PROCESS_MODULES`, phnt ntldr.h): a 32-bit count, then rows aligned
/// to a pointer. The kernel does not write a row's first word. Rows of size 0 without a path are left out.
///
/// # Errors
/// When the count does not fit the buffer.
pub fn modules(bytes: &[u8], width: PointerWidth) -> Result<Vec<ModuleRow>, AbiError> {
    let whole = Bytes::new(bytes, Interface::System(class::MODULE));
    let count = whole.u32(0)?;
    let size = row_size(width);
    let rows = whole.rows(0, count.into(), width.bytes(), size)?.len() / size;
    let mut modules = Vec::with_capacity(rows);
    for index in 0..rows {
        let row = module(&whole, width.bytes() + index * size, width)?;
        if row.bytes != 0 || !row.path.is_empty() {
            modules.push(row);
        }
    }
    Ok(modules)
}

/// More modules than any Windows loads: a chain longer than this does not end.
const MAX_MODULES: usize = 65_536;

/// Reads class 77, SystemModuleInformationEx: a chain of `RTL_PROCESS_MODULE_INFORMATION_EX` (phnt ntldr.h), 320
/// bytes each (300 on 32-bit). A 16-bit link comes first; the chain ends with a link of 0, which on Windows stands
/// alone at the end of the buffer and elsewhere may belong to a last full record.
///
/// # Errors
/// When a record is cut off or a link leads nowhere.
pub fn modules_ex(bytes: &[u8], width: PointerWidth) -> Result<Vec<ModuleRow>, AbiError> {
    let whole = Bytes::new(bytes, Interface::System(class::MODULE_EX));
    let size = width.pick(300, 320);
    let mut modules = Vec::new();
    let mut at = 0_usize;
    loop {
        if modules.len() >= MAX_MODULES {
            return Err(whole.error(
                at,
                Reason::Endless {
                    records: modules.len(),
                },
            ));
        }
        let record = whole.from(at)?;
        let next = usize::from(record.u16(0)?);
        if next != 0 || record.len() >= size {
            let mut row = module(&record, width.bytes(), width)?;
            row.time_date_stamp = Some(record.u32(width.pick(292, 308))?);
            if row.bytes != 0 || !row.path.is_empty() {
                modules.push(row);
            }
        }
        if next == 0 {
            return Ok(modules);
        }
        at = at
            .checked_add(next)
            .filter(|&after| next >= row_size(width) && after < whole.len())
            .ok_or_else(|| record.error(0, Reason::Link { next: next as u64 }))?;
    }
}
