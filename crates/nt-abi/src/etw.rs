//! Event-tracing sessions: `EVENT_TRACE_PROPERTIES` as `QueryAllTracesW` fills it.

use crate::bytes::Bytes;
use crate::{AbiError, Interface, PointerWidth};

/// Log mode bit: the session's buffers are in paged pool (evntrace.h).
pub const EVENT_TRACE_USE_PAGED_MEMORY: u32 = 0x0100_0000;

/// One session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EtwProperties {
    /// Session name.
    pub name: String,
    /// Log file, where it has one.
    pub log_file: Option<String>,
    /// Size of one buffer, KB (1,024 bytes).
    pub buffer_kb: u32,
    /// Least number of buffers.
    pub buffers_min: u32,
    /// Most buffers.
    pub buffers_max: u32,
    /// Buffers allocated now.
    pub buffers: u32,
    /// Of these, not in use.
    pub buffers_free: u32,
    /// Lost events.
    pub events_lost: u32,
    /// Lost buffers, of the log file and of real-time consumers.
    pub buffers_lost: u32,
    /// Log mode bits.
    pub log_mode: u32,
}

/// Reads one `EVENT_TRACE_PROPERTIES` (evntrace.h of the Windows SDK) with the texts behind it: a 48-byte
/// `WNODE_HEADER`, then 120 bytes in all; the texts' offsets are relative to the structure.
///
/// # Errors
/// When the buffer is shorter than the structure, or the name lies outside.
pub fn etw_properties(bytes: &[u8], width: PointerWidth) -> Result<EtwProperties, AbiError> {
    let bytes = Bytes::new(bytes, Interface::EtwProperties);
    bytes.slice(0, 120)?;
    let text = |at: u32| match at {
        0 => Ok(String::new()),
        at => bytes.utf16_until_nul(at as usize),
    };
    let log_file = text(bytes.u32(width.pick(108, 112))?)?;
    Ok(EtwProperties {
        name: text(bytes.u32(width.pick(112, 116))?)?,
        log_file: Some(log_file).filter(|path| !path.is_empty()),
        buffer_kb: bytes.u32(48)?,
        buffers_min: bytes.u32(52)?,
        buffers_max: bytes.u32(56)?,
        log_mode: bytes.u32(64)?,
        buffers: bytes.u32(80)?,
        buffers_free: bytes.u32(84)?,
        events_lost: bytes.u32(88)?,
        buffers_lost: bytes.u32(96)?.saturating_add(bytes.u32(100)?),
    })
}
