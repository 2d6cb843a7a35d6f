//! Who makes an owner keep memory: often somebody else than the owner.
//!
//! Pure functions over a recording: the outstanding allocations of a series against what else was read at the same
//! moments (objects and handles by type, processes, sessions, minifilters, large blocks). Nothing is claimed that the
//! facts do not show; what is missing becomes a step to find out.

mod bigpool;
mod census;
mod etw;
mod family;
mod filters;
mod objects;
mod processes;

use serde::{Serialize, Serializer};
use snapshot::{History, MomentFacts, Pool, Series};

pub use family::{Member, holder_of_family};

/// In which way memory is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HolderKind {
    /// Open handles (files, sockets) of processes keep the objects.
    HandleLeak,
    /// Objects are alive without handles: a driver or the kernel holds references.
    ReferenceLeak,
    /// Objects come and go with use; nothing is lost.
    Cache,
    /// Buffers of tracing sessions: configuration.
    EtwSessions,
    /// Large blocks that survive from sample to sample.
    SurvivingBlocks,
    /// Minifilters that can pin what lies below them.
    Filters,
    /// The member of a family that keeps the others.
    Family,
}

impl HolderKind {
    /// The name used in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HandleLeak => "handle-leak",
            Self::ReferenceLeak => "reference-leak",
            Self::Cache => "cache",
            Self::EtwSessions => "etw-sessions",
            Self::SurvivingBlocks => "surviving-blocks",
            Self::Filters => "filters",
            Self::Family => "family",
        }
    }
}

impl Serialize for HolderKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// One that holds: a process, a driver file, a session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Who {
    /// Process name, driver file, session or filter name.
    pub name: String,
    /// Process id, for processes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<u64>,
    /// How many it holds, in objects, handles or bytes as the evidence says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<u64>,
}

/// Who holds, in which way, and how we know.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Holder {
    /// In which way.
    pub kind: HolderKind,
    /// The suspects, most likely first; empty when the facts name none.
    pub who: Vec<Who>,
    /// Why, in sentences with numbers.
    pub evidence: Vec<String>,
    /// How to find out more, first things first.
    pub how_to_find_out: Vec<String>,
}

impl Holder {
    fn new(kind: HolderKind) -> Self {
        Self {
            kind,
            who: Vec::new(),
            evidence: Vec::new(),
            how_to_find_out: Vec::new(),
        }
    }

    /// The first suspect.
    #[must_use]
    pub fn first(&self) -> Option<&Who> {
        self.who.first()
    }
}

/// Everybody who may hold what a series counts, the strongest evidence first. Empty when the tag counts nothing that
/// somebody else can hold.
#[must_use]
pub fn holders_of(history: &History, series: &Series) -> Vec<Holder> {
    let track = Track::of(history, series);
    let mut found = Vec::new();
    match series.key.pool {
        Pool::Slab | Pool::SlabReclaimable | Pool::Vmalloc => found.extend(objects::linux(&track)),
        Pool::CallSite => {}
        _ => {
            found.extend(objects::windows(&track));
            found.extend(etw::bill(&track));
            found.extend(filters::above(&track));
            found.extend(bigpool::survivors(&track));
        }
    }
    found
}

/// A series with the facts of the recording.
struct Track<'a> {
    history: &'a History,
    series: &'a Series,
    /// Outstanding allocations at the first and the last sample that has them.
    first: Option<u64>,
    last: Option<u64>,
}

impl<'a> Track<'a> {
    fn of(history: &'a History, series: &'a Series) -> Self {
        let outstanding = |i: usize| series.usage(i).outstanding(series.width);
        let first = (0..series.len()).find_map(outstanding);
        let last = (0..series.len()).rev().find_map(outstanding);
        Self {
            history,
            series,
            first,
            last,
        }
    }

    /// The tag as text, without padding.
    fn tag(&self) -> String {
        String::from_utf8_lossy(self.series.key.tag.as_bytes())
            .trim_end_matches([' ', '\0'])
            .to_string()
    }

    fn bytes(&self) -> Option<u64> {
        self.series.last().bytes.get()
    }

    /// Growth of outstanding allocations; `None` when it is not known or negative.
    fn growth(&self) -> Option<u64> {
        self.last?.checked_sub(self.first?)
    }

    /// The facts of the first and the last moment that has this part.
    fn ends<T: ?Sized>(&self, part: impl Fn(&'a MomentFacts) -> Option<&'a T>) -> Option<(&'a T, &'a T)> {
        let first = self.history.facts.iter().find_map(|(_, facts)| part(facts))?;
        let last = self
            .history
            .facts
            .iter()
            .rev()
            .find_map(|(_, facts)| part(facts))?;
        Some((first, last))
    }

    /// Seconds between the first and the last sample.
    fn seconds(&self) -> f64 {
        match (self.history.samples.first(), self.history.samples.last()) {
            (Some(first), Some(last)) => last.at.seconds_since(first.at),
            _ => 0.0,
        }
    }
}

/// A number with thousands separated, for people.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Bytes for people.
fn humane(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KB", "MB", "GB", "TB"];
    if bytes < 1024 {
        return format!("{bytes} bytes");
    }
    let (mut value, mut unit) = (bytes as f64 / 1024.0, 0);
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS.get(unit).copied().unwrap_or("TB"))
}

#[cfg(test)]
mod tests;
