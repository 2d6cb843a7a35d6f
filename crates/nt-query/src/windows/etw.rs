//! Event-tracing sessions.

use windows_sys::Win32::System::Diagnostics::Etw::{EVENT_TRACE_PROPERTIES, QueryAllTracesW};

use crate::{Buffer, CallError};

/// Room for each of the two texts behind the structure: 1,024 characters, the most that Windows allows.
const TEXT_BYTES: usize = 2048;
const HEADER_BYTES: usize = size_of::<EVENT_TRACE_PROPERTIES>();
/// Most sessions asked for: Windows allows 64 by default and 256 at most.
const MAX_SESSIONS: usize = 1024;

/// All sessions, each as the bytes of an `EVENT_TRACE_PROPERTIES` with its texts.
///
/// # Errors
/// The Win32 error; 5 (access denied) without the right to see other users' sessions.
pub fn trace_sessions() -> Result<Vec<Vec<u8>>, CallError> {
    const ERROR_MORE_DATA: u32 = 234;
    let mut room = 64_usize;
    loop {
        let mut sessions: Vec<Buffer> = (0..room).map(|_| empty_session()).collect();
        let mut pointers: Vec<*mut EVENT_TRACE_PROPERTIES> = sessions
            .iter_mut()
            .map(|session| session.room_mut().as_mut_ptr().cast())
            .collect();
        let mut count = 0_u32;
        // SAFETY: each of the `room` pointers leads to a buffer of its own, aligned to eight, of the size and with
        // the text offsets that its header states; they live in `sessions` until after the call; `count` is live.
        let code = unsafe { QueryAllTracesW(pointers.as_mut_ptr(), room as u32, &raw mut count) };
        match code {
            0 => {
                let filled = sessions
                    .iter()
                    .take(count as usize)
                    .map(|session| session.room().to_vec());
                return Ok(filled.collect());
            }
            ERROR_MORE_DATA if room < MAX_SESSIONS => {
                room = (count as usize + 16).clamp(room * 2, MAX_SESSIONS)
            }
            code => {
                return Err(CallError::Win32 {
                    call: "QueryAllTracesW",
                    code,
                });
            }
        }
    }
}

/// A structure that says how long it is and where its texts go: log file name, then session name.
fn empty_session() -> Buffer {
    let mut buffer = Buffer::new();
    let bytes = HEADER_BYTES + 2 * TEXT_BYTES;
    buffer.reserve(bytes);
    let mut put = |at: usize, value: usize| {
        if let Some(field) = buffer.room_mut().get_mut(at..at + 4) {
            field.copy_from_slice(&(value as u32).to_le_bytes());
        }
    };
    put(0, bytes);
    put(
        std::mem::offset_of!(EVENT_TRACE_PROPERTIES, LogFileNameOffset),
        HEADER_BYTES,
    );
    put(
        std::mem::offset_of!(EVENT_TRACE_PROPERTIES, LoggerNameOffset),
        HEADER_BYTES + TEXT_BYTES,
    );
    buffer
}
