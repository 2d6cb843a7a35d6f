//! Events of the event log as XML, through wevtapi.

use super::last_error;
use super::library::{Function, Library};
use crate::text::{from_wide_bytes, wide};
use crate::{Answer, Buffer, CallError, Limits, grow};

/// A handle of wevtapi.
type Handle = isize;
type Query = unsafe extern "system" fn(Handle, *const u16, *const u16, u32) -> Handle;
type Next = unsafe extern "system" fn(Handle, u32, *mut Handle, u32, u32, *mut u32) -> i32;
type Render = unsafe extern "system" fn(Handle, Handle, u32, u32, *mut u8, *mut u32, *mut u32) -> i32;
type Close = unsafe extern "system" fn(Handle) -> i32;

/// A log of this machine, or a saved one.
#[derive(Clone, Copy, Debug)]
pub enum EventLog<'a> {
    /// A channel (`System`).
    Channel(&'a str),
    /// The path of an `.evtx` file.
    File(&'a str),
}

/// What to ask for.
#[derive(Clone, Copy, Debug)]
pub struct EventQuery<'a> {
    /// Where from.
    pub log: EventLog<'a>,
    /// XPath.
    pub select: &'a str,
    /// Most events, the newest first.
    pub most: usize,
}

struct Api {
    query: Query,
    next: Next,
    render: Render,
    close: Close,
}

impl Api {
    fn load() -> Result<Self, CallError> {
        let library = Library::system32("wevtapi.dll")?;
        let function = library.function(c"EvtQuery")?;
        // SAFETY: this is EvtQuery, whose documented signature is that of Query (winevt.h).
        let query = unsafe { std::mem::transmute::<Function, Query>(function) };
        let function = library.function(c"EvtNext")?;
        // SAFETY: this is EvtNext, whose documented signature is that of Next (winevt.h).
        let next = unsafe { std::mem::transmute::<Function, Next>(function) };
        let function = library.function(c"EvtRender")?;
        // SAFETY: this is EvtRender, whose documented signature is that of Render (winevt.h).
        let render = unsafe { std::mem::transmute::<Function, Render>(function) };
        let function = library.function(c"EvtClose")?;
        // SAFETY: this is EvtClose, whose documented signature is that of Close (winevt.h).
        let close = unsafe { std::mem::transmute::<Function, Close>(function) };
        Ok(Self {
            query,
            next,
            render,
            close,
        })
    }
}

struct Owned<'a>(Handle, &'a Api);

impl Drop for Owned<'_> {
    fn drop(&mut self) {
        // SAFETY: the handle came from EvtQuery or EvtNext and is closed once, here.
        unsafe { (self.1.close)(self.0) };
    }
}

const QUERY_CHANNEL_PATH: u32 = 0x1;
const QUERY_FILE_PATH: u32 = 0x2;
const QUERY_REVERSE: u32 = 0x200;
const RENDER_EVENT_XML: u32 = 1;
const ERROR_NO_MORE_ITEMS: u32 = 259;
const ERROR_INSUFFICIENT_BUFFER: u32 = 122;
/// Waiting longer than this for a batch would hold up the diagnosis.
const TIMEOUT_MS: u32 = 10_000;
const LIMITS: Limits = Limits {
    first: 16 << 10,
    bytes: 4 << 20,
    tries: 6,
};

/// The events, newest first, each as XML. An event that cannot be rendered is left out.
///
/// # Errors
/// When wevtapi is not there, or the Win32 error of the query.
pub fn query_events(query: &EventQuery<'_>) -> Result<Vec<String>, CallError> {
    let api = Api::load()?;
    let (name, kind) = match query.log {
        EventLog::Channel(name) => (name, QUERY_CHANNEL_PATH),
        EventLog::File(path) => (path, QUERY_FILE_PATH),
    };
    let (name, select) = (wide(name), wide(query.select));
    // SAFETY: both texts end in NUL; session 0 is this machine.
    let result = unsafe { (api.query)(0, name.as_ptr(), select.as_ptr(), kind | QUERY_REVERSE) };
    if result == 0 {
        return Err(CallError::Win32 {
            call: "EvtQuery",
            code: last_error(),
        });
    }
    let result = Owned(result, &api);
    let mut texts = Vec::new();
    let mut buffer = Buffer::new();
    while texts.len() < query.most {
        let mut batch: [Handle; 64] = [0; 64];
        let mut count = 0_u32;
        let room = batch.len() as u32;
        // SAFETY: the query is open; pointer and count describe `batch`; `count` is live.
        let more = unsafe { (api.next)(result.0, room, batch.as_mut_ptr(), TIMEOUT_MS, 0, &raw mut count) };
        if more == 0 {
            match last_error() {
                ERROR_NO_MORE_ITEMS => break,
                code if texts.is_empty() => {
                    return Err(CallError::Win32 {
                        call: "EvtNext",
                        code,
                    });
                }
                _ => break,
            }
        }
        for event in batch.into_iter().take(count as usize) {
            let event = Owned(event, &api);
            if texts.len() < query.most && render(&api, &event, &mut buffer).is_ok() {
                texts.push(from_wide_bytes(buffer.bytes()));
            }
        }
    }
    Ok(texts)
}

fn render(api: &Api, event: &Owned<'_>, buffer: &mut Buffer) -> Result<(), CallError> {
    grow(buffer, LIMITS, |room| {
        let (mut used, mut properties) = (0_u32, 0_u32);
        // SAFETY: the event is open; pointer and length describe `room`; the counters are live; XML needs no context.
        let done = unsafe {
            (api.render)(
                0,
                event.0,
                RENDER_EVENT_XML,
                room.len() as u32,
                room.as_mut_ptr(),
                &raw mut used,
                &raw mut properties,
            )
        };
        let status = match last_error() {
            _ if done != 0 => 0,
            ERROR_INSUFFICIENT_BUFFER => 0xC000_0023,
            code => 0xC007_0000 | (code & 0xFFFF),
        };
        Answer {
            status,
            length: used as usize,
        }
    })
}
