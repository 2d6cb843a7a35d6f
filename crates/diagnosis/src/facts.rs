//! Finding the newest of each kind of fact in a recording.

use snapshot::{History, HostEvent, MomentFacts};

/// The newest value of one part, with the index of its sample.
pub(crate) fn newest<'a, T: ?Sized>(
    history: &'a History,
    part: impl Fn(&'a MomentFacts) -> Option<&'a T>,
) -> Option<(u32, &'a T)> {
    history
        .facts
        .iter()
        .rev()
        .find_map(|(at, facts)| part(facts).map(|value| (*at, value)))
}

/// Physical memory of the host, from its facts or its newest memory counters.
pub(crate) fn physical(history: &History) -> Option<u64> {
    history
        .host
        .physical_bytes
        .or_else(|| newest(history, |f| f.memory.as_ref()).and_then(|(_, memory)| memory.physical))
        .filter(|&bytes| bytes > 0)
}

/// Events of all moments, oldest first, each once.
pub(crate) fn events(history: &History) -> Option<Vec<HostEvent>> {
    let mut all: Option<Vec<HostEvent>> = None;
    for (_, facts) in &history.facts {
        if let Some(events) = &facts.events {
            all.get_or_insert_default().extend(events.iter().cloned());
        }
    }
    let mut all = all?;
    all.sort_by_key(|event| event.at);
    // Each moment repeats the events of the ones before it.
    let mut unique: Vec<HostEvent> = Vec::with_capacity(all.len());
    for event in all {
        if !unique
            .iter()
            .rev()
            .take_while(|e| e.at == event.at)
            .any(|e| *e == event)
        {
            unique.push(event);
        }
    }
    Some(unique)
}
