//! Memory counters of the documented interfaces, and our own cost.

use windows_sys::Win32::Foundation::FILETIME;
use windows_sys::Win32::System::ProcessStatus::{
    K32GetPerformanceInfo, K32GetProcessMemoryInfo, PERFORMANCE_INFORMATION, PROCESS_MEMORY_COUNTERS,
};
use windows_sys::Win32::System::SystemInformation::{GlobalMemoryStatusEx, MEMORYSTATUSEX};
use windows_sys::Win32::System::Threading::{GetCurrentProcess, GetProcessHandleCount, GetProcessTimes};

use super::last_error;
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
/// The Win32 error.
pub fn performance_info() -> Result<PerformanceInfo, CallError> {
    let size = size_of::<PERFORMANCE_INFORMATION>() as u32;
    let mut info = PERFORMANCE_INFORMATION {
        cb: size,
        ..PERFORMANCE_INFORMATION::default()
    };
    // SAFETY: `info` is a live structure of `size` bytes.
    let done = unsafe { K32GetPerformanceInfo(&raw mut info, size) };
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

    let size = size_of::<PROCESS_MEMORY_COUNTERS>() as u32;
    let mut counters = PROCESS_MEMORY_COUNTERS {
        cb: size,
        ..PROCESS_MEMORY_COUNTERS::default()
    };
    // SAFETY: `me` is this process; `counters` is a live structure of `size` bytes.
    let counted = unsafe { K32GetProcessMemoryInfo(me, &raw mut counters, size) } != 0;

    let mut handles = 0_u32;
    // SAFETY: `me` is this process; `handles` is a live u32.
    let handled = unsafe { GetProcessHandleCount(me, &raw mut handles) } != 0;
    OwnUsage {
        cpu_s: timed.then_some(cpu_s),
        working_set: counted.then_some(counters.WorkingSetSize as u64),
        handles: handled.then_some(handles.into()),
    }
}
