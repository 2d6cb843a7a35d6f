//! Memory counters: classes 0, 2, 21, 80 and 182.

use crate::bytes::Bytes;
use crate::{AbiError, Interface, PointerWidth, class};

/// Class 0: what does not change while the system runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BasicInfo {
    /// Bytes of a page.
    pub page_bytes: u32,
    /// Physical pages that the kernel manages.
    pub physical_pages: u32,
    /// Logical processors of the caller's processor group.
    pub processors: u8,
}

/// Reads class 0, SystemBasicInformation (`SYSTEM_BASIC_INFORMATION`, phnt ntexapi.h): 64 bytes, or 44 on 32-bit.
///
/// # Errors
/// When the buffer is shorter.
pub fn basic_info(bytes: &[u8], width: PointerWidth) -> Result<BasicInfo, AbiError> {
    let bytes = Bytes::new(bytes, Interface::System(class::BASIC));
    Ok(BasicInfo {
        page_bytes: bytes.u32(8)?,
        physical_pages: bytes.u32(12)?,
        processors: bytes.u8(width.pick(40, 56))?,
    })
}

/// Class 2: system-wide counters, in pages unless the name says otherwise. Newer kernels append fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Performance {
    /// Pages that can be had at once.
    pub available_pages: u32,
    /// Commit charge.
    pub committed_pages: u32,
    /// Commit limit.
    pub commit_limit: u32,
    /// Highest commit charge since boot.
    pub peak_commitment: u32,
    /// Paged pool.
    pub paged_pool_pages: u32,
    /// Nonpaged pool.
    pub nonpaged_pool_pages: u32,
    /// Paged pool allocations since boot, modulo 2^32 (a count).
    pub paged_pool_allocs: u32,
    /// Paged pool frees, likewise.
    pub paged_pool_frees: u32,
    /// Nonpaged pool allocations, likewise.
    pub nonpaged_pool_allocs: u32,
    /// Nonpaged pool frees, likewise.
    pub nonpaged_pool_frees: u32,
    /// Free system page table entries (a count).
    pub free_system_ptes: u32,
    /// System cache, resident.
    pub resident_system_cache_pages: u32,
    /// Paged pool, resident.
    pub resident_paged_pool_pages: u32,
    /// Drivers' images, resident.
    pub resident_system_driver_pages: u32,
    /// Pages that can still be locked; from a 344-byte structure (Windows 10) on.
    pub resident_available_pages: Option<i64>,
    /// Shared committed pages; likewise.
    pub shared_committed_pages: Option<u64>,
    /// Pages that drivers took with `MmAllocatePagesForMdl`; from a 376-byte structure (24H2) on.
    pub mdl_pages_allocated: Option<u64>,
    /// Commit of the page frame database; likewise.
    pub pfn_database_committed_pages: Option<u64>,
    /// Commit of the system's page tables; likewise.
    pub system_page_table_committed_pages: Option<u64>,
    /// Physically contiguous allocations; likewise.
    pub contiguous_pages_allocated: Option<u64>,
}

/// Reads class 2, SystemPerformanceInformation (`SYSTEM_PERFORMANCE_INFORMATION`, phnt ntexapi.h). No field
/// depends on the pointer width. 312 bytes up to Windows 8.1, 344 from Windows 10, 376 from 24H2; longer is accepted.
///
/// # Errors
/// When there are fewer than 312 bytes.
pub fn performance(bytes: &[u8]) -> Result<Performance, AbiError> {
    let bytes = Bytes::new(bytes, Interface::System(class::PERFORMANCE));
    bytes.slice(0, 312)?;
    Ok(Performance {
        available_pages: bytes.u32(44)?,
        committed_pages: bytes.u32(48)?,
        commit_limit: bytes.u32(52)?,
        peak_commitment: bytes.u32(56)?,
        paged_pool_pages: bytes.u32(112)?,
        nonpaged_pool_pages: bytes.u32(116)?,
        paged_pool_allocs: bytes.u32(120)?,
        paged_pool_frees: bytes.u32(124)?,
        nonpaged_pool_allocs: bytes.u32(128)?,
        nonpaged_pool_frees: bytes.u32(132)?,
        free_system_ptes: bytes.u32(136)?,
        resident_system_cache_pages: bytes.u32(164)?,
        resident_paged_pool_pages: bytes.u32(168)?,
        resident_system_driver_pages: bytes.u32(172)?,
        resident_available_pages: bytes.i64(328).ok(),
        shared_committed_pages: bytes.u64(336).ok(),
        mdl_pages_allocated: bytes.u64(344).ok(),
        pfn_database_committed_pages: bytes.u64(352).ok(),
        system_page_table_committed_pages: bytes.u64(360).ok(),
        contiguous_pages_allocated: bytes.u64(368).ok(),
    })
}

/// Class 21: the system cache's working set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileCache {
    /// Working set now, bytes.
    pub current_bytes: u64,
    /// Its peak, bytes.
    pub peak_bytes: u64,
    /// Working set with pages in transition (standby and modified), pages.
    pub with_transition_pages: u64,
}

/// Reads class 21, SystemFileCacheInformation (`SYSTEM_FILECACHE_INFORMATION`, phnt ntexapi.h): 64 bytes, or 36 on
/// 32-bit.
///
/// # Errors
/// When the buffer is shorter.
pub fn file_cache(bytes: &[u8], width: PointerWidth) -> Result<FileCache, AbiError> {
    let bytes = Bytes::new(bytes, Interface::System(class::FILE_CACHE));
    bytes.slice(0, width.pick(36, 64))?;
    Ok(FileCache {
        current_bytes: bytes.word(0, width)?,
        peak_bytes: bytes.word(width.bytes(), width)?,
        with_transition_pages: bytes.word(width.pick(20, 40), width)?,
    })
}

/// Class 80: the page lists, in pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoryList {
    /// Zeroed.
    pub zeroed: u64,
    /// Free.
    pub free: u64,
    /// Modified, to be written to a page file or mapped file.
    pub modified: u64,
    /// Modified, not to be written.
    pub modified_no_write: u64,
    /// Bad.
    pub bad: u64,
    /// Standby, by priority 0 to 7.
    pub standby: [u64; 8],
}

impl MemoryList {
    /// All standby pages.
    #[must_use]
    pub fn standby_total(&self) -> u64 {
        self.standby
            .iter()
            .fold(0, |sum, pages| sum.saturating_add(*pages))
    }
}

/// Reads class 80, SystemMemoryListInformation (`SYSTEM_MEMORY_LIST_INFORMATION`, phnt ntexapi.h and ntdiff): 176
/// bytes, 168 up to Windows 7; half of that on 32-bit. Needs SeProfileSingleProcessPrivilege to be asked.
///
/// # Errors
/// When the buffer is shorter than the older form.
pub fn memory_list(bytes: &[u8], width: PointerWidth) -> Result<MemoryList, AbiError> {
    let bytes = Bytes::new(bytes, Interface::System(class::MEMORY_LIST));
    bytes.slice(0, width.pick(84, 168))?;
    let word = |index: usize| bytes.word(index * width.bytes(), width);
    let mut standby = [0; 8];
    for (priority, pages) in standby.iter_mut().enumerate() {
        *pages = word(5 + priority)?;
    }
    Ok(MemoryList {
        zeroed: word(0)?,
        free: word(1)?,
        modified: word(2)?,
        modified_no_write: word(3)?,
        bad: word(4)?,
        standby,
    })
}

/// Class 182: memory in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoryUsage {
    /// Physical memory.
    pub physical: u64,
    /// Available.
    pub available: u64,
    /// Can still be locked; negative when overcommitted.
    pub resident_available: i64,
    /// Commit charge.
    pub committed: u64,
    /// Shared commit.
    pub shared_committed: u64,
    /// Commit limit.
    pub commit_limit: u64,
    /// Highest commit charge.
    pub peak_commitment: u64,
}

/// Reads class 182, SystemMemoryUsageInformation (`SYSTEM_MEMORY_USAGE_INFORMATION`, phnt ntexapi.h and ntdiff): 56
/// bytes on every kernel.
///
/// # Errors
/// When the buffer is shorter.
pub fn memory_usage(bytes: &[u8]) -> Result<MemoryUsage, AbiError> {
    let bytes = Bytes::new(bytes, Interface::System(class::MEMORY_USAGE));
    Ok(MemoryUsage {
        physical: bytes.u64(0)?,
        available: bytes.u64(8)?,
        resident_available: bytes.i64(16)?,
        committed: bytes.u64(24)?,
        shared_committed: bytes.u64(32)?,
        commit_limit: bytes.u64(40)?,
        peak_commitment: bytes.u64(48)?,
    })
}
