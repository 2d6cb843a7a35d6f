//! Installed drivers, from the service control manager.

use windows_sys::Win32::System::Services::{
    CloseServiceHandle, ENUM_SERVICE_STATUS_PROCESSW, EnumServicesStatusExW, OpenSCManagerW, OpenServiceW,
    QueryServiceConfigW, SC_ENUM_PROCESS_INFO, SC_HANDLE, SC_MANAGER_ENUMERATE_SERVICE, SERVICE_DRIVER,
    SERVICE_QUERY_CONFIG, SERVICE_RUNNING, SERVICE_STATE_ALL,
};

use super::last_error;
use crate::text::{text_by_pointer, u32_at, wide};
use crate::{Answer, Buffer, CallError, Limits, grow};

/// One driver service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Driver {
    /// Service name.
    pub service: String,
    /// Display name.
    pub display_name: String,
    /// Running now.
    pub running: bool,
    /// Path as configured (`\SystemRoot\…`, `\??\…`, relative to the Windows folder), where it could be read.
    pub path: Option<String>,
    /// Start type: 0 boot, 1 system, 2 automatic, 3 on demand, 4 disabled.
    pub start: Option<u32>,
}

/// Closes a handle of the service control manager.
struct Handle(SC_HANDLE);

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: the handle came from OpenSCManagerW or OpenServiceW and is closed once, here.
        unsafe { CloseServiceHandle(self.0) };
    }
}

const LIMITS: Limits = Limits {
    first: 64 << 10,
    bytes: 16 << 20,
    tries: 8,
};
const ERROR_MORE_DATA: u32 = 234;
const ERROR_INSUFFICIENT_BUFFER: u32 = 122;

/// A Win32 result as an answer of the grow-and-retry loop: "more room" becomes a status that means it.
fn answer(done: bool, length: u32) -> Answer {
    const BUFFER_TOO_SMALL: u32 = 0xC000_0023;
    /// Facility NTWIN32, severity error: carries a Win32 code through.
    const NTWIN32: u32 = 0xC007_0000;
    let status = match last_error() {
        _ if done => 0,
        ERROR_MORE_DATA | ERROR_INSUFFICIENT_BUFFER => BUFFER_TOO_SMALL,
        code => NTWIN32 | (code & 0xFFFF),
    };
    Answer {
        status,
        length: length as usize,
    }
}

fn unwrap_win32(call: &'static str, error: CallError) -> CallError {
    match error {
        CallError::Status { status } if status >> 16 == 0xC007 => CallError::Win32 {
            call,
            code: status & 0xFFFF,
        },
        other => other,
    }
}

/// All driver services. No elevation is needed.
///
/// # Errors
/// The Win32 error of opening or listing; a single service that cannot be opened has no path.
pub fn drivers() -> Result<Vec<Driver>, CallError> {
    // SAFETY: null names mean this machine and the active database.
    let manager = unsafe { OpenSCManagerW(std::ptr::null(), std::ptr::null(), SC_MANAGER_ENUMERATE_SERVICE) };
    if manager.is_null() {
        return Err(CallError::Win32 {
            call: "OpenSCManagerW",
            code: last_error(),
        });
    }
    let manager = Handle(manager);
    let mut buffer = Buffer::new();
    let mut count = 0_u32;
    grow(&mut buffer, LIMITS, |room| {
        let (mut needed, mut resume) = (0_u32, 0_u32);
        let length = room.len() as u32;
        // SAFETY: the manager is open with the right to enumerate; pointer and length describe `room`, aligned to
        // eight; the counters are live u32s; a null group means all.
        let done = unsafe {
            EnumServicesStatusExW(
                manager.0,
                SC_ENUM_PROCESS_INFO,
                SERVICE_DRIVER,
                SERVICE_STATE_ALL,
                room.as_mut_ptr(),
                length,
                &raw mut needed,
                &raw mut count,
                &raw mut resume,
                std::ptr::null(),
            )
        };
        answer(
            done != 0,
            if done != 0 {
                length
            } else {
                needed.saturating_add(length)
            },
        )
    })
    .map_err(|error| unwrap_win32("EnumServicesStatusExW", error))?;
    let mut drivers = Vec::new();
    let mut config = Buffer::new();
    for index in 0..count as usize {
        let at = index.saturating_mul(size_of::<ENUM_SERVICE_STATUS_PROCESSW>());
        let Some(mut driver) = record(buffer.bytes(), buffer.address(), at) else {
            break;
        };
        if let Ok((path, start)) = configuration(&manager, &driver.service, &mut config) {
            driver.path = Some(path).filter(|path| !path.is_empty());
            driver.start = Some(start);
        }
        drivers.push(driver);
    }
    Ok(drivers)
}

/// One `ENUM_SERVICE_STATUS_PROCESSW`: two pointers to texts in the same buffer, then type and state.
fn record(bytes: &[u8], base: u64, at: usize) -> Option<Driver> {
    let word = size_of::<usize>();
    Some(Driver {
        service: text_by_pointer(bytes, base, at)?,
        display_name: text_by_pointer(bytes, base, at + word)?,
        running: u32_at(bytes, at + word * 2 + 4)? == SERVICE_RUNNING,
        path: None,
        start: None,
    })
}

/// Path and start type of a service: `QUERY_SERVICE_CONFIGW` is type, start, error control, pointer to the path.
fn configuration(manager: &Handle, service: &str, buffer: &mut Buffer) -> Result<(String, u32), CallError> {
    let name = wide(service);
    // SAFETY: the manager is open; `name` ends in NUL.
    let handle = unsafe { OpenServiceW(manager.0, name.as_ptr(), SERVICE_QUERY_CONFIG) };
    if handle.is_null() {
        return Err(CallError::Win32 {
            call: "OpenServiceW",
            code: last_error(),
        });
    }
    let handle = Handle(handle);
    grow(
        buffer,
        Limits {
            first: 1024,
            ..LIMITS
        },
        |room| {
            let mut needed = 0_u32;
            let length = room.len() as u32;
            // SAFETY: the service is open with the right to be asked; pointer and length describe `room`, aligned to
            // eight; `needed` is a live u32.
            let done =
                unsafe { QueryServiceConfigW(handle.0, room.as_mut_ptr().cast(), length, &raw mut needed) };
            answer(done != 0, if done != 0 { length } else { needed })
        },
    )
    .map_err(|error| unwrap_win32("QueryServiceConfigW", error))?;
    let pointer_at = 12_usize.next_multiple_of(size_of::<usize>());
    let path = text_by_pointer(buffer.bytes(), buffer.address(), pointer_at).unwrap_or_default();
    Ok((path, u32_at(buffer.bytes(), 4).unwrap_or(u32::MAX)))
}
