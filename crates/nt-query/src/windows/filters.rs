//! File system filters, through fltlib.

use windows_sys::Win32::Foundation::HANDLE;

use super::library::Library;
use crate::{Answer, Buffer, CallError, Limits, grow};

/// What to ask fltlib for (`FILTER_INFORMATION_CLASS`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilterClass {
    /// FilterFullInformation.
    Full = 0,
    /// FilterAggregateBasicInformation: with altitudes and legacy filters.
    Aggregate = 1,
}

type FindFirst = unsafe extern "system" fn(u32, *mut u8, u32, *mut u32, *mut HANDLE) -> i32;
type FindNext = unsafe extern "system" fn(HANDLE, u32, *mut u8, u32, *mut u32) -> i32;
type FindClose = unsafe extern "system" fn(HANDLE) -> i32;

/// HRESULTs of the end of the list.
const NO_MORE_ITEMS: u32 = 0x8007_0103;
const INSUFFICIENT_BUFFER: u32 = 0x8007_007A;
const LIMITS: Limits = Limits {
    first: 4096,
    bytes: 1 << 20,
    tries: 6,
};
const MAX_FILTERS: usize = 4096;

struct Search {
    handle: HANDLE,
    close: FindClose,
}

impl Drop for Search {
    fn drop(&mut self) {
        // SAFETY: the handle came from FilterFindFirst and is closed once, here, by FilterFindClose itself.
        unsafe { (self.close)(self.handle) };
    }
}

/// All filters, each answer's bytes by itself. Needs administrator rights.
///
/// # Errors
/// When fltlib is not there (Nano Server), or the HRESULT with which it refuses.
pub fn filters(class: FilterClass) -> Result<Vec<Vec<u8>>, CallError> {
    let library = Library::system32("fltlib.dll")?;
    let function = library.function(c"FilterFindFirst")?;
    // SAFETY: this is FilterFindFirst, whose documented signature is that of FindFirst.
    let first = unsafe { std::mem::transmute::<super::library::Function, FindFirst>(function) };
    let function = library.function(c"FilterFindNext")?;
    // SAFETY: this is FilterFindNext, whose documented signature is that of FindNext.
    let next = unsafe { std::mem::transmute::<super::library::Function, FindNext>(function) };
    let function = library.function(c"FilterFindClose")?;
    // SAFETY: this is FilterFindClose, whose documented signature is that of FindClose.
    let close = unsafe { std::mem::transmute::<super::library::Function, FindClose>(function) };

    let mut buffer = Buffer::new();
    let mut handle: HANDLE = std::ptr::null_mut();
    let begun = collect(&mut buffer, |room, returned| {
        // SAFETY: pointer and length describe `room`, aligned to eight; `returned` and `handle` are live.
        unsafe {
            first(
                class as u32,
                room.as_mut_ptr(),
                room.len() as u32,
                returned,
                &raw mut handle,
            )
        }
    });
    match begun {
        Err(NO_MORE_ITEMS) => return Ok(Vec::new()),
        Err(code) => {
            return Err(CallError::Hresult {
                call: "FilterFindFirst",
                code,
            });
        }
        Ok(()) => {}
    }
    let search = Search { handle, close };
    let mut found = vec![buffer.bytes().to_vec()];
    while found.len() < MAX_FILTERS {
        let more = collect(&mut buffer, |room, returned| {
            // SAFETY: the search is open; pointer and length describe `room`, aligned to eight; `returned` is live.
            unsafe {
                next(
                    search.handle,
                    class as u32,
                    room.as_mut_ptr(),
                    room.len() as u32,
                    returned,
                )
            }
        });
        match more {
            Ok(()) => found.push(buffer.bytes().to_vec()),
            Err(NO_MORE_ITEMS) => break,
            Err(code) => {
                return Err(CallError::Hresult {
                    call: "FilterFindNext",
                    code,
                });
            }
        }
    }
    Ok(found)
}

/// Asks until the room suffices; the error is the HRESULT.
fn collect(buffer: &mut Buffer, mut ask: impl FnMut(&mut [u8], *mut u32) -> i32) -> Result<(), u32> {
    let result = grow(buffer, LIMITS, |room| {
        let mut returned = 0_u32;
        let status = match ask(room, &raw mut returned) as u32 {
            INSUFFICIENT_BUFFER => 0xC000_0023,
            code => code,
        };
        Answer {
            status,
            length: returned as usize,
        }
    });
    result.map_err(|error| match error {
        CallError::Status { status } => status,
        _ => INSUFFICIENT_BUFFER,
    })
}
