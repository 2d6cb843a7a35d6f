//! The one room with `unsafe`: calls Windows and returns bytes or plain facts.
//!
//! It does not know what the bytes mean (`nt-abi` does) and it decides nothing. On other systems only the pure
//! parts (the capped grow-and-retry loop, the buffer) exist, so that they are tested there.
//!
//! At load nothing but kernel32, ntdll and advapi32 is imported, which every Windows has; wevtapi and fltlib are
//! loaded from System32 when a step needs them, and their absence is an error value.
#![expect(
    unsafe_code,
    reason = "the one room that calls the operating system; every block names its precondition"
)]

mod buffer;
mod error;
mod grow;
mod text;

pub use buffer::Buffer;
pub use error::CallError;
pub use grow::{Answer, Limits, grow};

#[cfg(windows)]
mod windows;
#[cfg(windows)]
pub use windows::*;
