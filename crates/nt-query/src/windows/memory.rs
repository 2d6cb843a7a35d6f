//! Memory counters of the documented interfaces, and our own cost.

use windows_sys::Win32::Foundation::{FILETIME, HANDLE};
use windows_sys::Win32::System::ProcessStatus::{PERFORMANCE_INFORMATION, PROCESS_MEMORY_COUNTERS};
use windows_sys::Win32::System::SystemInformation::{GlobalMemoryStatusEx, MEMORYSTATUSEX};
use windows_sys::Win32::System::Threading::{GetCurrentProcess, GetProcessHandleCount, GetProcessTimes};

use super::last_error;
use super::library::{Function, Library};
use crate::CallError;

/// `GetPerformanceInfo`. Pages unless the name says otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PerformanceInfo {
    /// Commit charge.
    pub commit: u64,
    /// Commit limit.
    pub commit_limit: u64,
    /// Physical memory.
    pub physical: u64,
    /// Available.
    pub available: u64,
    /// System cache.
    pub cache: u64,
    /// Paged pool.
    pub paged: u64,
    /// Nonpaged pool.
    pub nonpaged: u64,
    /// Bytes of a page.
    pub page_bytes: u64,
    /// Handles (a count).
    pub handles: u32,
    /// Processes (a count).
    pub processes: u32,
    /// Threads (a count).
    pub threads: u32,
}

/// Asks `GetPerformanceInfo`.
///
/// # Errors
/// The Win32 error; [`CallError::Missing`] on a kernel32 older than Windows 7, which has it in psapi.dll.
pub fn performance_info() -> Result<PerformanceInfo, CallError> {
    type GetPerformanceInfo = unsafe extern "system" fn(*mut PERFORMANCE_INFORMATION, u32) -> i32;
    let function = Library::kernel32()?.function(c"K32GetPerformanceInfo")?;
    // SAFETY: this is GetPerformanceInfo, whose documented signature is that of the type.
    let ask = unsafe { std::mem::transmute::<Function, GetPerformanceInfo>(function) };
    let size = size_of::<PERFORMANCE_INFORMATION>() as u32;
    let mut info = PERFORMANCE_INFORMATION {
        cb: size,
        ..PERFORMANCE_INFORMATION::default()
    };
    // SAFETY: `info` is a live structure of `size` bytes.
    let done = unsafe { ask(&raw mut info, size) };
    if done == 0 {
        return Err(CallError::Win32 {
            call: "GetPerformanceInfo",
            code: last_error(),
        });
    }
    Ok(PerformanceInfo {
        commit: info.CommitTotal as u64,
        commit_limit: info.CommitLimit as u64,
        physical: info.PhysicalTotal as u64,
        available: info.PhysicalAvailable as u64,
        cache: info.SystemCache as u64,
        paged: info.KernelPaged as u64,
        nonpaged: info.KernelNonpaged as u64,
        page_bytes: info.PageSize as u64,
        handles: info.HandleCount,
        processes: info.ProcessCount,
        threads: info.ThreadCount,
    })
}

/// `GlobalMemoryStatusEx`, bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoryStatus {
    /// Physical memory.
    pub physical: u64,
    /// Available.
    pub available: u64,
}

/// Asks `GlobalMemoryStatusEx`.
///
/// # Errors
/// The Win32 error.
pub fn memory_status() -> Result<MemoryStatus, CallError> {
    let mut status = MEMORYSTATUSEX {
        dwLength: size_of::<MEMORYSTATUSEX>() as u32,
        ..MEMORYSTATUSEX::default()
    };
    // SAFETY: `status` is a live structure whose length field holds its size.
    let done = unsafe { GlobalMemoryStatusEx(&raw mut status) };
    if done == 0 {
        return Err(CallError::Win32 {
            call: "GlobalMemoryStatusEx",
            code: last_error(),
        });
    }
    Ok(MemoryStatus {
        physical: status.ullTotalPhys,
        available: status.ullAvailPhys,
    })
}

/// What this process has used.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct OwnUsage {
    /// Processor time, seconds.
    pub cpu_s: Option<f64>,
    /// Working set, bytes.
    pub working_set: Option<u64>,
    /// Open handles.
    pub handles: Option<u64>,
}

/// Asks what this process has used; what cannot be had is absent.
#[must_use]
pub fn own_usage() -> OwnUsage {
    // SAFETY: GetCurrentProcess has no preconditions; its pseudo handle needs no closing.
    let me = unsafe { GetCurrentProcess() };
    let mut times = [FILETIME::default(); 4];
    let [created, exited, kernel, user] = &mut times;
    // SAFETY: `me` is this process; the four are live FILETIMEs.
    let timed = unsafe { GetProcessTimes(me, created, exited, kernel, user) } != 0;
    let seconds =
        |time: &FILETIME| (u64::from(time.dwHighDateTime) << 32 | u64::from(time.dwLowDateTime)) as f64 / 1e7;
    let cpu_s = seconds(kernel) + seconds(user);

    let mut handles = 0_u32;
    // SAFETY: `me` is this process; `handles` is a live u32.
    let handled = unsafe { GetProcessHandleCount(me, &raw mut handles) } != 0;
    OwnUsage {
        cpu_s: timed.then_some(cpu_s),
        working_set: working_set(me),
        handles: handled.then_some(handles.into()),
    }
}

/// Resident bytes of a process.
fn working_set(process: HANDLE) -> Option<u64> {
    type GetProcessMemoryInfo = unsafe extern "system" fn(HANDLE, *mut PROCESS_MEMORY_COUNTERS, u32) -> i32;
    let function = Library::kernel32()
        .ok()?
        .function(c"K32GetProcessMemoryInfo")
        .ok()?;
    // SAFETY: this is GetProcessMemoryInfo, whose documented signature is that of the type.
    let ask = unsafe { std::mem::transmute::<Function, GetProcessMemoryInfo>(function) };
    let size = size_of::<PROCESS_MEMORY_COUNTERS>() as u32;
    let mut counters = PROCESS_MEMORY_COUNTERS {
        cb: size,
        ..PROCESS_MEMORY_COUNTERS::default()
    };
    // SAFETY: `process` is a live handle or this process's pseudo handle; `counters` is a live structure of `size`
    // bytes.
    let counted = unsafe { ask(process, &raw mut counters, size) } != 0;
    counted.then_some(counters.WorkingSetSize as u64)
}
