//! Events of the Windows system log: XML to [`HostEvent`], and `.evtx` files, on any system.

mod translate;
mod xml;

use std::path::{Path, PathBuf};

use snapshot::HostEvent;

pub use translate::host_event;

/// An event log file that cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EventsError {
    /// The file is no event log, or cannot be opened.
    #[error("{}: {reason}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why, with the place where the reader knows it.
        reason: String,
    },
}

/// The events that a live log is asked for, as XPath: crashes, exhaustion, shutdowns and boots. Other providers use
/// the same numbers; [`host_event`] tells them apart.
pub const SELECT: &str = "*[System[(EventID=1001 or EventID=2004 or EventID=2019 or EventID=2020 or EventID=41 or \
                          EventID=6008 or EventID=6005 or EventID=6006 or EventID=27)]]";

/// Most events kept, the newest.
pub const MOST_EVENTS: usize = 2_000;

/// What an `.evtx` file gave.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Events {
    /// The events that mean something here, oldest first.
    pub events: Vec<HostEvent>,
    /// Records in the file.
    pub records: usize,
    /// Of these, unreadable ones, with the first one's reason.
    pub unreadable: Option<(usize, String)>,
}

/// Reads a saved event log (`System.evtx`), on any system.
///
/// # Errors
/// When the file cannot be opened or is no event log. Single unreadable records are counted, not fatal.
pub fn read_evtx(path: &Path) -> Result<Events, EventsError> {
    let failed = |error: &dyn std::fmt::Display| EventsError::File {
        path: path.to_owned(),
        reason: error.to_string(),
    };
    let mut read = Events::default();
    for_each_record(path, |record| {
        read.records += 1;
        match record {
            Ok(xml) => read.events.extend(host_event(&xml)),
            Err(error) => {
                let (count, _) = read.unreadable.get_or_insert((0, error));
                *count += 1;
            }
        }
    })
    .map_err(|error| failed(&error))?;
    read.events = newest(read.events);
    Ok(read)
}

/// Gives each record of the file as XML, or why it is unreadable.
#[cfg(not(windows))]
fn for_each_record(path: &Path, mut each: impl FnMut(Result<String, String>)) -> Result<(), String> {
    let mut parser = evtx::EvtxParser::from_path(path).map_err(|error| error.to_string())?;
    for record in parser.records() {
        each(
            record
                .map(|record| record.data)
                .map_err(|error| error.to_string()),
        );
    }
    Ok(())
}

/// As elsewhere, but with the system's own reader, which knows each version of the format and costs the program
/// nothing. It gives the newest records that [`SELECT`] names.
#[cfg(windows)]
fn for_each_record(path: &Path, mut each: impl FnMut(Result<String, String>)) -> Result<(), String> {
    let absolute = std::path::absolute(path).map_err(|error| error.to_string())?;
    if !absolute.is_file() {
        return Err("no such file".to_owned());
    }
    let query = nt_query::EventQuery {
        log: nt_query::EventLog::File(&absolute.to_string_lossy()),
        select: SELECT,
        most: MOST_EVENTS,
    };
    let records = nt_query::query_events(&query).map_err(|error| error.to_string())?;
    records.into_iter().for_each(|xml| each(Ok(xml)));
    Ok(())
}

/// Oldest first, and no more than [`MOST_EVENTS`], the newest ones.
pub(crate) fn newest(mut events: Vec<HostEvent>) -> Vec<HostEvent> {
    events.sort_by_key(|event| event.at);
    let surplus = events.len().saturating_sub(MOST_EVENTS);
    events.drain(..surplus);
    events
}

#[cfg(all(test, not(windows)))]
mod synth;
#[cfg(test)]
mod tests;
