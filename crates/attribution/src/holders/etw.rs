//! The bill of tracing sessions against the tag of their buffers.

use snapshot::{EtwSession, MomentFacts, Pool};

use super::{Holder, HolderKind, Track, Who, humane};

/// The tag of session buffers.
const TAG: &str = "EtwB";
/// Sessions named at most.
const MOST: usize = 5;

/// What each session costs, dearest first, and how much of the tag that explains.
pub(super) fn bill(track: &Track<'_>) -> Option<Holder> {
    if track.tag() != TAG {
        return None;
    }
    let mut holder = Holder::new(HolderKind::EtwSessions);
    let Some((_, sessions)) = track.ends(|facts: &MomentFacts| facts.etw_sessions.as_deref()) else {
        holder
            .how_to_find_out
            .push("List the sessions with their buffers: `poolscope etw`, or `logman query -ets`.".into());
        return Some(holder);
    };
    let mut costs: Vec<(u64, &EtwSession)> = sessions
        .iter()
        .filter(|s| in_pool(s, track.series.key.pool))
        .filter_map(|s| Some((cost(s)?, s)))
        .collect();
    costs.sort_by_key(|(cost, _)| std::cmp::Reverse(*cost));
    let sum = costs.iter().map(|(cost, _)| *cost).fold(0, u64::saturating_add);
    let mut line = format!("{} sessions account for {}", costs.len(), humane(sum));
    if let Some(bytes) = track.bytes().filter(|&b| b > 0) {
        let share = sum as f64 / bytes as f64 * 100.0;
        line.push_str(&format!(" of the {} under {TAG} ({share:.0} %)", humane(bytes)));
        if sum < bytes / 2 {
            holder.how_to_find_out.push(
                "The sessions that were listed explain less than half: look for sessions beyond the first 64, private ones, and buffers of stopped ones.".into(),
            );
        }
    }
    holder.evidence.push(line + ".");
    for (cost, session) in costs.into_iter().take(MOST) {
        let buffers = session.buffers.unwrap_or(0);
        holder.evidence.push(format!(
            "{}: {buffers} buffers of {}, {} in all.",
            session.name,
            humane(session.buffer_bytes.unwrap_or(0)),
            humane(cost)
        ));
        holder.who.push(Who {
            name: session.name.clone(),
            pid: None,
            amount: Some(cost),
        });
    }
    holder.how_to_find_out.push(
        "Stop the dearest session (`logman stop NAME -ets`), or give it smaller or fewer buffers.".into(),
    );
    Some(holder)
}

fn cost(session: &EtwSession) -> Option<u64> {
    session.buffers?.checked_mul(session.buffer_bytes?)
}

/// Whether the session's buffers lie in the pool of the series; unknown counts as nonpaged, the default.
fn in_pool(session: &EtwSession, pool: Pool) -> bool {
    match pool {
        Pool::Paged => session.paged == Some(true),
        Pool::Nonpaged => session.paged != Some(true),
        _ => true,
    }
}
