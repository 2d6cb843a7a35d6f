//! Minifilters above a file system: who can pin what NTFS and the filter manager keep.

use snapshot::{DriverFacts, MinifilterFacts, MomentFacts};

use super::{Holder, HolderKind, Track, Who};

/// Tags of opens, streams and names, which filters keep alive.
const TAGS: [&str; 22] = [
    "NtFC", "NtfC", "Ntfc", "Ntff", "NtfF", "Ntfs", "NtfS", "Ntfr", "Ntfx", "File", "IoFE", "IoNm", "FOCX",
    "FMfc", "FMfn", "FMsl", "FMwi", "FMic", "FMis", "FMcr", "D2d", "SQSF",
];

/// The filters, highest altitude first.
pub(super) fn above(track: &Track<'_>) -> Option<Holder> {
    let tag = track.tag();
    if !TAGS.contains(&tag.as_str()) {
        return None;
    }
    let mut holder = Holder::new(HolderKind::Filters);
    let Some((_, filters)) = track.ends(|facts: &MomentFacts| facts.minifilters.as_deref()) else {
        holder
            .how_to_find_out
            .push("List minifilters with altitude and instances: `fltmc instances` as administrator.".into());
        return Some(holder);
    };
    let drivers = track
        .ends(|facts: &MomentFacts| facts.drivers.as_deref())
        .map(|(_, last)| last)
        .unwrap_or_default();
    let mut sorted: Vec<&MinifilterFacts> = filters.iter().filter(|f| f.instances != Some(0)).collect();
    sorted.sort_by(|a, b| altitude(b).total_cmp(&altitude(a)));
    holder.evidence.push(format!(
        "{} minifilters are attached above the file system; each can keep opens, streams and names alive that are charged to {tag}.",
        sorted.len()
    ));
    for filter in sorted {
        let maker = maker(filter, drivers);
        let instances = filter
            .instances
            .map(|n| format!(", {n} instances"))
            .unwrap_or_default();
        holder.evidence.push(format!(
            "{} at altitude {}{instances}{}",
            filter.name,
            filter.altitude.as_deref().unwrap_or("unknown"),
            maker.map(|m| format!(", {m}.")).unwrap_or_else(|| ".".into())
        ));
        holder.who.push(Who {
            name: filter.name.clone(),
            pid: None,
            amount: filter.instances.map(u64::from),
        });
    }
    holder.how_to_find_out.push(
        "Look which filter's own tags grow by the same count without being freed; that one pins the rest."
            .into(),
    );
    holder.how_to_find_out.push(
        "On a test machine detach filters of other makers one at a time (`fltmc detach`) and watch the rate."
            .into(),
    );
    Some(holder)
}

/// Altitudes are decimal numbers as text, of any length; what is none sorts lowest.
pub(super) fn altitude(filter: &MinifilterFacts) -> f64 {
    filter
        .altitude
        .as_deref()
        .and_then(|text| text.trim().parse().ok())
        .filter(|n: &f64| n.is_finite())
        .unwrap_or(0.0)
}

fn maker<'a>(filter: &MinifilterFacts, drivers: &'a [DriverFacts]) -> Option<&'a str> {
    let service = |d: &&DriverFacts| {
        d.service
            .as_deref()
            .is_some_and(|s| s.eq_ignore_ascii_case(&filter.name))
    };
    drivers.iter().find(service)?.company.as_deref()
}
