//! Byte layouts of the NT information classes: bytes in, rows out, for every Windows generation.
//!
//! This crate calls nothing and holds no `unsafe`: it is fed buffers, from a live call or from a file, and is tested
//! on any system. It does not know poolscope's own domain types; `source` translates. It may not open files, ask an
//! operating system, print, or panic on any input.
//!
//! # How buffers are read
//!
//! Every field is read by its offset with a bounds check, as little-endian bytes. Nothing is cast to a structure, so
//! alignment does not matter and padding, which kernels leave unwritten, is never looked at. Where a layout depends
//! on the kernel's pointer size, the reader is told the [`PointerWidth`]; each offset table is checked in the tests
//! against a small model of the C compiler's layout rules.
//!
//! # Sources
//!
//! The layouts are facts about Windows, taken from the public headers of System Informer
//! (`phnt/include/ntexapi.h`, `ntobapi.h`, `ntldr.h` of winsiderss/systeminformer), the type listings of
//! ntdiff/headers (from Microsoft's public symbols), and the Windows SDK (`evntrace.h`, `fltUserStructures.h`).
//! Each reader names its own.
#![forbid(unsafe_code)]

mod bytes;
mod error;
mod etw;
mod filter;
mod handle;
mod memory;
mod module;
mod object;
mod pagefile;
mod pool;
mod process;
mod security;
mod status;
mod time;
mod width;

pub use error::{AbiError, Interface, Reason};
pub use etw::{EVENT_TRACE_USE_PAGED_MEMORY, EtwProperties, etw_properties};
pub use filter::{FilterRow, filter_aggregate, filter_full};
pub use handle::{HandleRow, HandleRows, handles, handles_short};
pub use memory::{
    BasicInfo, FileCache, MemoryList, MemoryUsage, Performance, basic_info, file_cache, memory_list,
    memory_usage, performance,
};
pub use module::{ModuleRow, modules, modules_ex};
pub use object::{ObjectTypeRow, object_types};
pub use pagefile::{PageFileRow, page_files};
pub use pool::{
    BigPoolRow, BigPoolRows, CounterBits, PoolCounters, PoolTagRow, PoolTagRows, SessionPool, big_pool,
    pool_tags, pool_tags_2, session_pool_tags,
};
pub use process::{ProcessRow, processes};
pub use security::{CodeIntegrity, IsolatedUserMode, code_integrity, isolated_user_mode};
pub use status::{NtStatus, status_name};
pub use time::{TimeOfDay, time_of_day};
pub use width::PointerWidth;

/// Numbers of the information classes that poolscope asks for.
pub mod class {
    /// SystemBasicInformation.
    pub const BASIC: u32 = 0;
    /// SystemPerformanceInformation.
    pub const PERFORMANCE: u32 = 2;
    /// SystemTimeOfDayInformation.
    pub const TIME_OF_DAY: u32 = 3;
    /// SystemProcessInformation.
    pub const PROCESS: u32 = 5;
    /// SystemModuleInformation.
    pub const MODULE: u32 = 11;
    /// SystemHandleInformation, 16-bit process ids.
    pub const HANDLE: u32 = 16;
    /// SystemPageFileInformation.
    pub const PAGE_FILE: u32 = 18;
    /// SystemFileCacheInformation.
    pub const FILE_CACHE: u32 = 21;
    /// SystemPoolTagInformation.
    pub const POOL_TAG: u32 = 22;
    /// SystemExtendedHandleInformation.
    pub const HANDLE_EX: u32 = 64;
    /// SystemBigPoolInformation.
    pub const BIG_POOL: u32 = 66;
    /// SystemSessionPoolTagInformation.
    pub const SESSION_POOL_TAG: u32 = 67;
    /// SystemModuleInformationEx.
    pub const MODULE_EX: u32 = 77;
    /// SystemMemoryListInformation.
    pub const MEMORY_LIST: u32 = 80;
    /// SystemCodeIntegrityInformation.
    pub const CODE_INTEGRITY: u32 = 103;
    /// SystemPageFileInformationEx.
    pub const PAGE_FILE_EX: u32 = 144;
    /// SystemIsolatedUserModeInformation.
    pub const ISOLATED_USER_MODE: u32 = 165;
    /// SystemMemoryUsageInformation.
    pub const MEMORY_USAGE: u32 = 182;
    /// SystemPoolTagInformation2.
    pub const POOL_TAG_2: u32 = 255;
}
