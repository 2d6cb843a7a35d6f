//! Facts of moments in the file: lines of a sample's number and its facts as JSON, deflated. Joining two spans is joining
//! their lines.

use snapshot::MomentFacts;

use super::block::{pack, unpack};

/// Bytes before the deflated lines: their length.
const HEADER_BYTES: usize = 4;
/// Most bytes of a row when unpacked.
const MOST_BYTES: usize = 64 << 20;

/// One line; empty where the facts cannot be written (no JSON for a number that is none).
pub(crate) fn line(sample: u64, facts: &MomentFacts) -> String {
    serde_json::to_string(facts)
        .map(|json| format!("{sample} {json}\n"))
        .unwrap_or_default()
}

/// Packs lines.
pub(crate) fn encode(lines: &str) -> Vec<u8> {
    let length = u32::try_from(lines.len()).unwrap_or(u32::MAX);
    let mut out = length.to_le_bytes().to_vec();
    out.extend_from_slice(&pack(lines.as_bytes()));
    out
}

/// Length of a row's lines when unpacked.
pub(crate) fn length(data: &[u8]) -> usize {
    data.first_chunk()
        .map_or(0, |&length| u32::from_le_bytes(length) as usize)
}

/// The lines of a row; `None` when it is damaged.
pub(crate) fn decode(data: &[u8]) -> Option<String> {
    let length = length(data);
    if length > MOST_BYTES {
        return None;
    }
    String::from_utf8(unpack(data.get(HEADER_BYTES..)?, length)?).ok()
}

/// Number of the sample and the facts of each line; `None` for a line that is damaged.
pub(crate) fn parse(lines: &str) -> impl Iterator<Item = Option<(u64, MomentFacts)>> {
    lines.lines().map(|line| {
        let (sample, json) = line.split_once(' ')?;
        Some((sample.parse().ok()?, serde_json::from_str(json).ok()?))
    })
}

/// The last facts of each kind in a span, as one: what remains of a thinned span. The sample is that of the last line.
///
/// Works on the JSON, whose top-level names are the kinds, so that a kind added later is thinned like the others.
pub(crate) fn last_of_each(all: &[(u64, MomentFacts)]) -> Option<(u64, MomentFacts)> {
    let mut kept = serde_json::Map::new();
    for (_, facts) in all {
        if let Ok(serde_json::Value::Object(kinds)) = serde_json::to_value(facts) {
            kept.extend(kinds);
        }
    }
    let (sample, _) = all.last()?;
    Some((
        *sample,
        serde_json::from_value(serde_json::Value::Object(kept)).ok()?,
    ))
}
