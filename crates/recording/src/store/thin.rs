//! Thins old samples when a recording is above its size limit: raw, then 5 minutes, then hours, then days.
//!
//! In each step of the coarser grid a series keeps its last change, and those with its least and greatest bytes and
//! outstanding allocations. So the minimum and the maximum of the thinned span are never lost, and neither is the moment at
//! which they were. The newest samples are never thinned.

use std::collections::{BTreeSet, HashMap};

use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use snapshot::{CounterWidth, MomentFacts, Problem, Usage};

use super::block::{self, Change, SeriesChanges};
use super::fact;
use super::writer::{Joined, file_bytes, insert_block, insert_facts, insert_problem};

/// Grid of each tier in seconds, beginning with tier 1.
const GRID_S: [i64; 3] = [300, 3600, 86_400];
/// Blocks thinned in one transaction.
const GROUP_BLOCKS: usize = 12;
/// Newest raw blocks that stay as they are.
const SPARED_BLOCKS: usize = 2;
/// Transactions of one call, so that a sample is never kept waiting long.
const STEPS_PER_CALL: usize = 8;

/// Thins the oldest samples until the file is below `limit`, or a bounded amount of work is done.
pub(crate) fn thin(db: &mut Connection, limit: u64) -> rusqlite::Result<()> {
    for _ in 0..STEPS_PER_CALL {
        if file_bytes(db)? <= limit {
            return Ok(());
        }
        let Some((tier, group)) = oldest_group(db)? else {
            let message =
                format!("the recording is above its limit of {limit} bytes and thinned as far as it goes");
            return insert_problem(db, &Problem::new("recording", message), None);
        };
        let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        thin_group(&tx, tier, &group)?;
        tx.commit()?;
        give_back(db)?;
    }
    Ok(())
}

/// Gives free pages back to the file system. The pragma frees one page a step, so all its steps have to be taken.
pub(crate) fn give_back(db: &Connection) -> rusqlite::Result<()> {
    let mut statement = db.prepare("PRAGMA incremental_vacuum")?;
    let mut rows = statement.query([])?;
    while rows.next()?.is_some() {}
    Ok(())
}

/// First and last sample of a block.
type Span = (u64, u64);

/// Tier and spans of the oldest blocks that can be thinned: the finest tier first.
fn oldest_group(db: &Connection) -> rusqlite::Result<Option<(u8, Vec<Span>)>> {
    let newest: i64 = db.query_row("SELECT ifnull(max(first), 0) FROM block", [], |row| row.get(0))?;
    for tier in 0..GRID_S.len() as u8 {
        let mut statement = db.prepare_cached(
            "SELECT first, last FROM block WHERE tier = ?1 AND first < ?2 ORDER BY first LIMIT ?3",
        )?;
        let mut spans: Vec<Span> = statement
            .query_map(params![tier, newest, GROUP_BLOCKS + SPARED_BLOCKS], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?
            .collect::<rusqlite::Result<_>>()?;
        let spared = if tier == 0 {
            SPARED_BLOCKS.min(spans.len())
        } else {
            0
        };
        spans.truncate(spans.len() - spared);
        // Only blocks that follow each other can become one.
        let run = 1 + spans
            .windows(2)
            .take_while(|w| matches!(w, [a, b] if follows(*a, *b)))
            .count();
        spans.truncate(run);
        if !spans.is_empty() {
            return Ok(Some((tier, spans)));
        }
    }
    Ok(None)
}

fn follows(a: Span, b: Span) -> bool {
    a.1.checked_add(1) == Some(b.0)
}

/// A sample and the step of the coarser grid it falls into.
struct Sample {
    id: u64,
    step: u32,
    /// A gap or a reboot lies before it.
    seam: bool,
}

fn thin_group(tx: &Transaction<'_>, tier: u8, group: &[Span]) -> rusqlite::Result<()> {
    let (Some(&(first, _)), Some(&(_, last))) = (group.first(), group.last()) else {
        return Ok(());
    };
    let grid_s = GRID_S.get(tier as usize).copied().unwrap_or(86_400);
    let samples = read_samples(tx, first, last, grid_s)?;
    let steps: HashMap<u64, u32> = samples.iter().map(|s| (s.id, s.step)).collect();
    let widths: HashMap<u32, CounterWidth> = {
        let mut statement = tx.prepare_cached("SELECT id, width FROM series")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, CounterWidth::from_bits(row.get(1)?))))?;
        rows.collect::<rusqlite::Result<_>>()?
    };
    let mut joined = Joined::default();
    for &(at, _) in group {
        let data: Vec<u8> = tx
            .prepare_cached("SELECT data FROM block WHERE first = ?1")?
            .query_row([at], |row| row.get(0))?;
        // A damaged block becomes an empty one: it could not be read before either.
        let mut changes = block::decode(&data).unwrap_or_default();
        for series in &mut changes {
            let width = widths.get(&series.series).copied().unwrap_or_default();
            let step_of = |change: &Change| steps.get(&(at + u64::from(change.offset))).copied().unwrap_or(0);
            series.changes = thin_changes(&series.changes, width, step_of);
        }
        joined.add(u32::try_from(at - first).unwrap_or(u32::MAX), changes);
    }
    let thinned = joined.into_series();
    let mut kept = kept_samples(&samples, first, &thinned);
    thin_facts(tx, first, last, &steps, &mut kept)?;
    for sample in samples.iter().filter(|s| !kept.contains(&s.id)) {
        tx.prepare_cached("DELETE FROM sample WHERE id = ?1")?
            .execute([sample.id])?;
    }
    tx.prepare_cached("DELETE FROM block WHERE first BETWEEN ?1 AND ?2")?
        .execute([first, last])?;
    insert_block(tx, first, last, tier + 1, &thinned)
}

/// Samples of a span with their steps. A gap or reboot begins a new step.
fn read_samples(tx: &Transaction<'_>, first: u64, last: u64, grid_s: i64) -> rusqlite::Result<Vec<Sample>> {
    let mut statement =
        tx.prepare_cached("SELECT id, at, boot, gap FROM sample WHERE id BETWEEN ?1 AND ?2 ORDER BY id")?;
    let mut rows = statement.query([first, last])?;
    let mut out: Vec<Sample> = Vec::new();
    let mut before: Option<(i64, Option<i64>)> = None;
    while let Some(row) = rows.next()? {
        let (id, at, boot, gap): (u64, i64, Option<i64>, bool) =
            (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
        let cell = at.div_euclid(grid_s * 1_000_000);
        let seam = gap || before.is_some_and(|(_, b)| b != boot);
        let new = seam || before.is_none_or(|(c, _)| c != cell);
        let step = out.last().map_or(0, |s| s.step + u32::from(new));
        out.push(Sample { id, step, seam });
        before = Some((cell, boot));
    }
    Ok(out)
}

/// What remains of a series' changes: in each step the last, and those with the least and greatest values.
fn thin_changes(changes: &[Change], width: CounterWidth, step_of: impl Fn(&Change) -> u32) -> Vec<Change> {
    let mut out = Vec::new();
    for step in changes.chunk_by(|a, b| step_of(a) == step_of(b)) {
        let mut keep = BTreeSet::from([step.len() - 1]);
        let bytes = |usage: &Usage| usage.bytes.get();
        let outstanding = |usage: &Usage| usage.outstanding(width);
        keep.extend(
            extremes(step, bytes)
                .into_iter()
                .chain(extremes(step, outstanding))
                .flatten(),
        );
        // Presence is a value too: a tag that went away and came back is not one that stayed.
        keep.extend(step.iter().position(|c| c.usage.is_absent()));
        out.extend(keep.into_iter().filter_map(|at| step.get(at).copied()));
    }
    out
}

/// Where the least and the greatest value stand.
fn extremes(step: &[Change], value: impl Fn(&Usage) -> Option<u64>) -> [Option<usize>; 2] {
    let known = || {
        step.iter()
            .enumerate()
            .filter_map(|(at, change)| Some((value(&change.usage)?, at)))
    };
    [known().min().map(|(_, at)| at), known().max().map(|(_, at)| at)]
}

/// Samples that something refers to: a change, a seam, the last of a step, the ends of the span.
fn kept_samples(samples: &[Sample], first: u64, series: &[SeriesChanges]) -> BTreeSet<u64> {
    let changes = series.iter().flat_map(|s| &s.changes);
    let mut kept: BTreeSet<u64> = changes.map(|c| first + u64::from(c.offset)).collect();
    for pair in samples.windows(2) {
        let [a, b] = pair else { continue };
        if a.step != b.step {
            kept.insert(a.id);
        }
        if b.seam {
            kept.extend([a.id, b.id]);
        }
    }
    kept.extend(samples.first().map(|s| s.id));
    kept.extend(samples.last().map(|s| s.id));
    kept
}

/// In each step the last facts of each kind remain; the sample they belong to stays.
fn thin_facts(
    tx: &Transaction<'_>,
    first: u64,
    last: u64,
    steps: &HashMap<u64, u32>,
    kept: &mut BTreeSet<u64>,
) -> rusqlite::Result<()> {
    let rows: Vec<Vec<u8>> = {
        let mut statement =
            tx.prepare_cached("SELECT data FROM fact WHERE first BETWEEN ?1 AND ?2 ORDER BY first")?;
        let rows = statement.query_map([first, last], |row| row.get(0))?;
        rows.collect::<rusqlite::Result<_>>()?
    };
    let mut out = String::new();
    let mut span: Option<(u64, u64)> = None;
    let mut step: Vec<(u64, MomentFacts)> = Vec::new();
    let mut put = |step: &mut Vec<(u64, MomentFacts)>| {
        if let Some((sample, facts)) = fact::last_of_each(step) {
            step.clear();
            out.push_str(&fact::line(sample, &facts));
            kept.insert(sample);
            span = Some((span.map_or(sample, |(first, _)| first), sample));
        }
    };
    for data in rows {
        let lines = fact::decode(&data).unwrap_or_default();
        for (sample, facts) in fact::parse(&lines).flatten() {
            if step
                .last()
                .is_some_and(|(before, _)| steps.get(before) != steps.get(&sample))
            {
                put(&mut step);
            }
            step.push((sample, facts));
        }
    }
    put(&mut step);
    tx.prepare_cached("DELETE FROM fact WHERE first BETWEEN ?1 AND ?2")?
        .execute([first, last])?;
    match span {
        Some((first, last)) => insert_facts(tx, first, last, &out),
        None => Ok(()),
    }
}
