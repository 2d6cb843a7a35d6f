//! Values below HKEY_LOCAL_MACHINE, read only.

use windows_sys::Win32::System::Registry::{
    HKEY_LOCAL_MACHINE, RRF_RT_REG_BINARY, RRF_RT_REG_DWORD, RRF_RT_REG_SZ, RRF_SUBKEY_WOW6464KEY,
    RegGetValueW,
};

use crate::CallError;
use crate::text::{from_wide_bytes, wide};

/// Longest value read.
const MOST: usize = 64 << 10;

fn value(key: &str, name: &str, kind: u32) -> Result<Vec<u8>, CallError> {
    let (key, name) = (wide(key), wide(name));
    let mut bytes = vec![0_u8; 1024];
    loop {
        let mut length = bytes.len() as u32;
        // SAFETY: both names end in NUL; the data pointer and `length` describe `bytes`; the type is not asked for.
        let code = unsafe {
            RegGetValueW(
                HKEY_LOCAL_MACHINE,
                key.as_ptr(),
                name.as_ptr(),
                kind | RRF_SUBKEY_WOW6464KEY,
                std::ptr::null_mut(),
                bytes.as_mut_ptr().cast(),
                &raw mut length,
            )
        };
        const ERROR_MORE_DATA: u32 = 234;
        match code {
            0 => {
                bytes.truncate(length as usize);
                return Ok(bytes);
            }
            ERROR_MORE_DATA if bytes.len() < MOST => bytes.resize(MOST, 0),
            code => {
                return Err(CallError::Win32 {
                    call: "RegGetValueW",
                    code,
                });
            }
        }
    }
}

/// A REG_DWORD.
///
/// # Errors
/// The Win32 error; 2 when there is none.
pub fn registry_number(key: &str, name: &str) -> Result<u32, CallError> {
    let bytes = value(key, name, RRF_RT_REG_DWORD)?;
    let number = bytes.first_chunk().copied().map(u32::from_le_bytes);
    number.ok_or(CallError::Win32 {
        call: "RegGetValueW",
        code: 13,
    })
}

/// A REG_SZ.
///
/// # Errors
/// The Win32 error; 2 when there is none.
pub fn registry_text(key: &str, name: &str) -> Result<String, CallError> {
    value(key, name, RRF_RT_REG_SZ).map(|bytes| from_wide_bytes(&bytes))
}

/// A REG_BINARY.
///
/// # Errors
/// The Win32 error; 2 when there is none.
pub fn registry_binary(key: &str, name: &str) -> Result<Vec<u8>, CallError> {
    value(key, name, RRF_RT_REG_BINARY)
}
