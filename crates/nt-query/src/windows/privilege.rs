//! Privileges that some classes ask for.

use windows_sys::Win32::Foundation::{CloseHandle, ERROR_SUCCESS, HANDLE, LUID};
use windows_sys::Win32::Security::{
    AdjustTokenPrivileges, LUID_AND_ATTRIBUTES, LookupPrivilegeValueW, SE_PRIVILEGE_ENABLED,
    TOKEN_ADJUST_PRIVILEGES, TOKEN_PRIVILEGES, TOKEN_QUERY,
};
use windows_sys::Win32::System::Threading::{GetCurrentProcess, OpenProcessToken};

use super::last_error;
use crate::CallError;
use crate::text::wide;

/// A privilege that poolscope makes use of if it has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Privilege {
    /// Page lists (class 80).
    ProfileSingleProcess,
    /// Kernel addresses on 24H2 and later (classes 11, 66).
    Debug,
}

impl Privilege {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ProfileSingleProcess => "SeProfileSingleProcessPrivilege",
            Self::Debug => "SeDebugPrivilege",
        }
    }
}

/// Closes a token.
struct Token(HANDLE);

impl Drop for Token {
    fn drop(&mut self) {
        // SAFETY: the handle came from OpenProcessToken and is closed once, here.
        unsafe { CloseHandle(self.0) };
    }
}

/// Switches a privilege of this process on, if its token holds it (it does when run as administrator).
///
/// # Errors
/// The Win32 error; 1300 (ERROR_NOT_ALL_ASSIGNED) when the token does not hold it.
pub fn enable_privilege(privilege: Privilege) -> Result<(), CallError> {
    let mut token: HANDLE = std::ptr::null_mut();
    // SAFETY: GetCurrentProcess has no preconditions.
    let me = unsafe { GetCurrentProcess() };
    // SAFETY: `me` is this process; `token` is a live handle variable.
    let opened = unsafe { OpenProcessToken(me, TOKEN_ADJUST_PRIVILEGES | TOKEN_QUERY, &raw mut token) };
    if opened == 0 {
        return Err(CallError::Win32 {
            call: "OpenProcessToken",
            code: last_error(),
        });
    }
    let token = Token(token);
    let name = wide(privilege.name());
    let mut luid = LUID::default();
    // SAFETY: `name` ends in NUL; a null system name means this one; `luid` is a live LUID.
    let found = unsafe { LookupPrivilegeValueW(std::ptr::null(), name.as_ptr(), &raw mut luid) };
    if found == 0 {
        return Err(CallError::Win32 {
            call: "LookupPrivilegeValueW",
            code: last_error(),
        });
    }
    let wanted = TOKEN_PRIVILEGES {
        PrivilegeCount: 1,
        Privileges: [LUID_AND_ATTRIBUTES {
            Luid: luid,
            Attributes: SE_PRIVILEGE_ENABLED,
        }],
    };
    // SAFETY: the token is open with the right to adjust; `wanted` holds one privilege as its count says; the
    // previous state is not asked for, so null and 0 are right.
    let adjusted = unsafe {
        AdjustTokenPrivileges(
            token.0,
            0,
            &raw const wanted,
            0,
            std::ptr::null_mut(),
            std::ptr::null_mut(),
        )
    };
    match last_error() {
        ERROR_SUCCESS if adjusted != 0 => Ok(()),
        code => Err(CallError::Win32 {
            call: "AdjustTokenPrivileges",
            code,
        }),
    }
}
