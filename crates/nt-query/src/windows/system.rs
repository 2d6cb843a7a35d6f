//! Version, name and folders of this system.

use windows_sys::Wdk::System::SystemServices::RtlGetVersion;
use windows_sys::Win32::System::SystemInformation::{
    ComputerNameDnsHostname, GetComputerNameExW, GetSystemWindowsDirectoryW, OSVERSIONINFOW,
};

use super::last_error;
use crate::CallError;
use crate::text::from_wide;

/// Version of the kernel, as it is and not as compatibility makes it look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Version {
    /// 10 on Windows 10 and 11.
    pub major: u32,
    /// 0 there.
    pub minor: u32,
    /// 26200 and the like.
    pub build: u32,
}

/// Asks `RtlGetVersion`.
///
/// # Errors
/// The status, which Windows always makes success.
pub fn version() -> Result<Version, CallError> {
    let mut info = OSVERSIONINFOW {
        dwOSVersionInfoSize: size_of::<OSVERSIONINFOW>() as u32,
        ..OSVERSIONINFOW::default()
    };
    // SAFETY: `info` is a live structure whose length field holds its size.
    let status = unsafe { RtlGetVersion(&raw mut info) };
    if status < 0 {
        return Err(CallError::Status {
            status: status as u32,
        });
    }
    Ok(Version {
        major: info.dwMajorVersion,
        minor: info.dwMinorVersion,
        build: info.dwBuildNumber,
    })
}

/// The host's DNS name without domain.
///
/// # Errors
/// The Win32 error.
pub fn computer_name() -> Result<String, CallError> {
    let mut name = [0_u16; 256];
    let mut length = name.len() as u32;
    // SAFETY: the pointer and `length` describe `name`; `length` is a live u32.
    let done = unsafe { GetComputerNameExW(ComputerNameDnsHostname, name.as_mut_ptr(), &raw mut length) };
    if done == 0 {
        return Err(CallError::Win32 {
            call: "GetComputerNameExW",
            code: last_error(),
        });
    }
    Ok(from_wide(name.get(..length as usize).unwrap_or_default()))
}

/// The Windows folder (`C:\Windows`), which `\SystemRoot` stands for.
///
/// # Errors
/// The Win32 error.
pub fn windows_directory() -> Result<String, CallError> {
    let mut path = [0_u16; 1024];
    // SAFETY: the pointer and the length describe `path`.
    let length = unsafe { GetSystemWindowsDirectoryW(path.as_mut_ptr(), path.len() as u32) };
    match path.get(..length as usize) {
        Some(path) if length > 0 => Ok(from_wide(path)),
        _ => Err(CallError::Win32 {
            call: "GetSystemWindowsDirectoryW",
            code: last_error(),
        }),
    }
}
