//! Which large blocks survive: sizes and ages from the big-pool list across samples.

use std::collections::{BTreeMap, BTreeSet};

use snapshot::{BigPoolBlock, Tag};

use super::{Holder, HolderKind, Track, grouped, humane};

/// Sizes named at most.
const MOST: usize = 3;

/// Blocks of the tag that were there at the first moment and still are, those that came, and the usual sizes.
pub(super) fn survivors(track: &Track<'_>) -> Option<Holder> {
    let tag = track.series.key.tag.unprotected();
    let moments: Vec<(u32, Vec<&BigPoolBlock>)> = track
        .history
        .facts
        .iter()
        .filter_map(|(sample, facts)| Some((*sample, of_tag(facts.big_pool.as_deref()?, &tag))))
        .collect();
    let (_, last) = moments.last().filter(|(_, blocks)| !blocks.is_empty())?;
    let mut holder = Holder::new(HolderKind::SurvivingBlocks);
    let sum = last.iter().map(|b| b.bytes).fold(0, u64::saturating_add);
    holder.evidence.push(format!(
        "{} blocks of a page and more, {} in all; most have {}.",
        grouped(last.len() as u64),
        humane(sum),
        sizes(last)
    ));
    if moments.len() >= 2 {
        holder.evidence.extend(ages(track, &moments));
    }
    holder
        .how_to_find_out
        .push("Record the stacks of allocations of these sizes; the stack names the driver.".into());
    Some(holder)
}

fn of_tag<'a>(blocks: &'a [BigPoolBlock], tag: &Tag) -> Vec<&'a BigPoolBlock> {
    blocks
        .iter()
        .filter(|block| Tag::parse_nt(&block.tag).unprotected() == *tag)
        .collect()
}

/// The commonest sizes.
fn sizes(blocks: &[&BigPoolBlock]) -> String {
    let mut counts: BTreeMap<u64, u64> = BTreeMap::new();
    for block in blocks {
        *counts.entry(block.bytes).or_default() += 1;
    }
    let mut common: Vec<(u64, u64)> = counts.into_iter().collect();
    common.sort_by_key(|&(bytes, count)| std::cmp::Reverse((count, bytes)));
    let named: Vec<String> = common
        .iter()
        .take(MOST)
        .map(|&(bytes, count)| format!("{} ({} times)", humane(bytes), grouped(count)))
        .collect();
    named.join(", ")
}

/// How many blocks of each moment are still there at the end. Blocks are told apart by address and size; where the
/// kernel hides addresses nothing can be said.
fn ages(track: &Track<'_>, moments: &[(u32, Vec<&BigPoolBlock>)]) -> Vec<String> {
    let known = |blocks: &[&BigPoolBlock]| -> BTreeSet<(u64, u64)> {
        blocks
            .iter()
            .filter(|b| b.address != 0)
            .map(|b| (b.address, b.bytes))
            .collect()
    };
    let (Some((_, first)), Some((_, last))) = (moments.first(), moments.last()) else {
        return Vec::new();
    };
    let (old, now) = (known(first), known(last));
    if now.is_empty() {
        return vec!["The kernel hides the blocks' addresses, so their ages cannot be told (it shows them with debug rights).".into()];
    }
    let survived = old.intersection(&now).count() as u64;
    let mut out = vec![format!(
        "Of {} blocks at the start {} are still there; {} came since and stayed.",
        grouped(old.len() as u64),
        grouped(survived),
        grouped((now.len() as u64).saturating_sub(survived))
    )];
    let middle = moments.get(moments.len() / 2).filter(|_| moments.len() >= 3);
    if let Some((sample, blocks)) = middle
        && let (Some(at), Some(end)) = (
            track.history.samples.get(*sample as usize),
            track.history.samples.last(),
        )
    {
        let stayed = known(blocks).intersection(&now).count() as u64;
        let age = end.at.seconds_since(at.at);
        out.push(format!(
            "{} of them are older than {age:.0} seconds.",
            grouped(stayed)
        ));
    }
    out
}
