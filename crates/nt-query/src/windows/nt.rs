//! `NtQuerySystemInformation` and `NtQueryObject`.

use windows_sys::Wdk::Foundation::NtQueryObject;
use windows_sys::Wdk::System::SystemInformation::NtQuerySystemInformation;

use crate::{Answer, Buffer, CallError, Limits, grow};

fn ask(class: u32, room: &mut [u8]) -> Answer {
    let length = u32::try_from(room.len()).unwrap_or(u32::MAX);
    let mut returned = 0_u32;
    // SAFETY: the pointer and length describe `room`, which is exclusively borrowed for the call, so the kernel
    // writes only there; `returned` is a live u32.
    let status = unsafe {
        NtQuerySystemInformation(class as i32, room.as_mut_ptr().cast(), length, &raw mut returned)
    };
    Answer {
        status: status as u32,
        length: returned as usize,
    }
}

/// A class whose length varies (tables, lists), into `buffer`.
///
/// # Errors
/// The status with which the kernel refuses, or a limit of [`grow`].
pub fn system_information(class: u32, buffer: &mut Buffer, limits: Limits) -> Result<(), CallError> {
    grow(buffer, limits, |room| ask(class, room))
}

/// A class of fixed length: some demand exactly the length they know, so each of `lengths` is tried, and the length
/// that the kernel states. `prefill` are the first bytes that the caller must set (a length field, say).
///
/// # Errors
/// The status of the last refusal.
pub fn system_information_fixed(class: u32, lengths: &[usize], prefill: &[u8]) -> Result<Vec<u8>, CallError> {
    const MOST: usize = 4096;
    let mut buffer = Buffer::new();
    buffer.reserve(MOST);
    let mut stated = None;
    let mut last = CallError::Unsettled { tries: 0 };
    let mut tried = 0_usize;
    while let Some(length) = lengths.get(tried).copied().or_else(|| stated.take()) {
        tried += 1;
        let Some(room) = buffer.room_mut().get_mut(..length) else {
            break;
        };
        room.fill(0);
        room.iter_mut().zip(prefill).for_each(|(to, from)| *to = *from);
        let answer = ask(class, room);
        if answer.status < 0x8000_0000 {
            let written = if answer.length == 0 {
                length
            } else {
                answer.length.min(length)
            };
            return Ok(buffer.room().get(..written).unwrap_or_default().to_vec());
        }
        last = CallError::Status {
            status: answer.status,
        };
        if tried == lengths.len() && !lengths.contains(&answer.length) && answer.length > 0 {
            stated = Some(answer.length);
        }
    }
    Err(last)
}

/// `ObjectTypesInformation` of `NtQueryObject`, into `buffer`.
///
/// # Errors
/// As [`system_information`].
pub fn object_types(buffer: &mut Buffer, limits: Limits) -> Result<(), CallError> {
    const OBJECT_TYPES_INFORMATION: i32 = 3;
    let result = grow(buffer, limits, |room| {
        let length = u32::try_from(room.len()).unwrap_or(u32::MAX);
        let mut returned = 0_u32;
        // SAFETY: this class takes no handle; pointer and length describe `room`, exclusively borrowed for the call;
        // `returned` is a live u32.
        let status = unsafe {
            NtQueryObject(
                std::ptr::null_mut(),
                OBJECT_TYPES_INFORMATION,
                room.as_mut_ptr().cast(),
                length,
                &raw mut returned,
            )
        };
        Answer {
            status: status as u32,
            length: returned as usize,
        }
    });
    // The returned length is known to be short of the names' padding on some builds; the records say what is theirs.
    let room = buffer.room().len();
    if result.is_ok() {
        buffer.set_length(room);
    }
    result
}
