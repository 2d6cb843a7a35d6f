//! DLLs that are loaded when a step needs them, from System32 only.

use std::ffi::CStr;

use windows_sys::Win32::Foundation::HMODULE;
use windows_sys::Win32::System::LibraryLoader::{
    GetModuleHandleW, GetProcAddress, LOAD_LIBRARY_SEARCH_SYSTEM32, LoadLibraryExW,
};

use super::last_error;
use crate::CallError;
use crate::text::wide;

/// Restricts all later DLL searches of this process to System32: the program is run elevated from download folders,
/// where somebody else's DLLs may lie. To be called before anything else.
///
/// # Errors
/// The Win32 error; [`CallError::Missing`] on a kernel32 that cannot restrict the search.
pub fn restrict_dll_search() -> Result<(), CallError> {
    type SetDefaultDllDirectories = unsafe extern "system" fn(u32) -> i32;
    let function = Library::kernel32()?.function(c"SetDefaultDllDirectories")?;
    // SAFETY: this is SetDefaultDllDirectories, whose documented signature is that of the type.
    let set = unsafe { std::mem::transmute::<Function, SetDefaultDllDirectories>(function) };
    // SAFETY: the call takes a flag and has no other preconditions.
    let done = unsafe { set(LOAD_LIBRARY_SEARCH_SYSTEM32) };
    if done == 0 {
        return Err(CallError::Win32 {
            call: "SetDefaultDllDirectories",
            code: last_error(),
        });
    }
    Ok(())
}

/// An address of a function in a loaded library, of a type that its user must know.
pub(crate) type Function = unsafe extern "system" fn() -> isize;

/// A library of System32. It stays loaded: its functions are used until the process ends.
#[derive(Clone, Copy)]
pub(crate) struct Library {
    module: HMODULE,
}

impl Library {
    /// The library that every program has already. Its newer functions are asked for by name, so that an older or
    /// other NT system (ReactOS, Windows PE) still starts the program and misses one fact instead of all.
    pub(crate) fn kernel32() -> Result<Self, CallError> {
        let file = wide("kernel32.dll");
        // SAFETY: `file` ends in NUL; the handle is not counted and kernel32 is never unloaded.
        let module = unsafe { GetModuleHandleW(file.as_ptr()) };
        Self::loaded(module, "kernel32.dll")
    }

    pub(crate) fn system32(name: &'static str) -> Result<Self, CallError> {
        let file = wide(name);
        // SAFETY: `file` ends in NUL; the reserved handle is null; only System32 is searched, so what is loaded and
        // run is the system's own.
        let module =
            unsafe { LoadLibraryExW(file.as_ptr(), std::ptr::null_mut(), LOAD_LIBRARY_SEARCH_SYSTEM32) };
        Self::loaded(module, name)
    }

    fn loaded(module: HMODULE, what: &'static str) -> Result<Self, CallError> {
        if module.is_null() {
            return Err(CallError::Missing {
                what,
                code: last_error(),
            });
        }
        Ok(Self { module })
    }

    pub(crate) fn function(self, name: &'static CStr) -> Result<Function, CallError> {
        // SAFETY: the module stays loaded; `name` ends in NUL.
        let address = unsafe { GetProcAddress(self.module, name.as_ptr().cast()) };
        let what = name.to_str().unwrap_or("function");
        address.ok_or_else(|| CallError::Missing {
            what,
            code: last_error(),
        })
    }
}
