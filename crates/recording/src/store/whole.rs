//! Writes a whole history as a recording.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, params};
use snapshot::{History, Series};

use super::block::{Change, SeriesChanges};
use super::fact;
use super::schema::{self, key};
use super::writer::{TAIL_CHANGES, failure, insert_block, insert_facts, insert_problem};
use crate::WriteError;

/// Most samples of a block.
const BLOCK_SAMPLES: usize = 4096;
/// Facts are stored in rows of about this size.
const FACT_BYTES: usize = 512 << 10;

/// Writes `history` to the new file `path`.
pub(crate) fn write_file(history: &History, path: &Path) -> Result<(), WriteError> {
    let new = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path);
    if let Err(error) = new {
        return Err(WriteError::ReadOnly {
            path: path.to_path_buf(),
            reason: error.to_string(),
        });
    }
    let outcome = (|| {
        let db = Connection::open_with_flags(
            path,
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )?;
        fill(&db, history)
    })();
    outcome.map_err(|e| {
        // Half a recording helps nobody; it is ours, made a moment ago.
        let _ = std::fs::remove_file(path);
        failure(path, &e)
    })
}

/// The bytes of a recording of `history`.
pub(crate) fn to_bytes(history: &History) -> rusqlite::Result<Vec<u8>> {
    let mut db = Connection::open_in_memory()?;
    fill(&db, history)?;
    Ok(db.serialize("main")?.to_vec())
}

fn fill(db: &Connection, history: &History) -> rusqlite::Result<()> {
    schema::harden(db)?;
    schema::create(db)?;
    db.execute_batch("BEGIN IMMEDIATE")?;
    schema::set_meta(db, key::TOOL, concat!("poolscope ", env!("CARGO_PKG_VERSION")))?;
    schema::set_meta(db, key::CLOCK, if history.clock_known { "1" } else { "0" })?;
    if let Ok(json) = serde_json::to_string(&history.host) {
        schema::set_meta(db, key::HOST, &json)?;
    }
    for (id, boot) in history.boots.iter().enumerate() {
        db.prepare_cached("INSERT INTO boot(id, name) VALUES(?1, ?2)")?
            .execute(params![id, boot.0])?;
    }
    for (id, series) in history.series.iter().enumerate() {
        let mapped = history.mapped.get(&series.key);
        db.prepare_cached("INSERT INTO series(id, tag, pool, width, mapped) VALUES(?1, ?2, ?3, ?4, ?5)")?
            .execute(params![
                id,
                series.key.tag.as_bytes(),
                series.key.pool.as_str(),
                series.width.bits(),
                mapped
            ])?;
    }
    for (id, sample) in history.samples.iter().enumerate() {
        db.prepare_cached("INSERT INTO sample(id, at, uptime_s, boot, gap) VALUES(?1, ?2, ?3, ?4, ?5)")?
            .execute(params![
                id,
                sample.at.0,
                sample.uptime_s,
                sample.boot,
                sample.after_gap
            ])?;
    }
    fill_blocks(db, history)?;
    fill_facts(db, history)?;
    for problem in &history.problems {
        insert_problem(db, problem, None)?;
    }
    db.execute_batch("COMMIT")
}

fn fill_blocks(db: &Connection, history: &History) -> rusqlite::Result<()> {
    let mut at_sample = vec![0_u32; history.samples.len()];
    for &sample in history.series.iter().flat_map(|s| &s.sample) {
        if let Some(count) = at_sample.get_mut(sample as usize) {
            *count = count.saturating_add(1);
        }
    }
    let mut cursor = vec![0_usize; history.series.len()];
    let mut first = 0_usize;
    while first < at_sample.len() {
        let mut changes = 0_usize;
        let rest = at_sample.get(first..).unwrap_or_default();
        let fit = rest
            .iter()
            .take(BLOCK_SAMPLES)
            .take_while(|&&count| {
                changes = changes.saturating_add(count as usize);
                changes <= TAIL_CHANGES
            })
            .count()
            .max(1);
        let end = first + fit;
        let block: Vec<SeriesChanges> = history
            .series
            .iter()
            .zip(&mut cursor)
            .zip(0_u32..)
            .map(|((series, next), id)| SeriesChanges {
                series: id,
                changes: changes_before(series, next, first, end),
            })
            .collect();
        insert_block(db, first as u64, end as u64 - 1, 0, &block)?;
        first = end;
    }
    Ok(())
}

/// Changes of a series from its cursor up to sample `end`.
fn changes_before(series: &Series, next: &mut usize, first: usize, end: usize) -> Vec<Change> {
    let mut out = Vec::new();
    while let Some(&sample) = series.sample.get(*next).filter(|&&s| (s as usize) < end) {
        let offset = (sample as usize).saturating_sub(first);
        out.push(Change {
            offset: u32::try_from(offset).unwrap_or(u32::MAX),
            usage: series.usage(*next),
        });
        *next += 1;
    }
    out
}

fn fill_facts(db: &Connection, history: &History) -> rusqlite::Result<()> {
    let mut lines = String::new();
    let mut span: Option<(u64, u64)> = None;
    for (sample, facts) in &history.facts {
        let sample = u64::from(*sample);
        lines.push_str(&fact::line(sample, facts));
        span = Some((span.map_or(sample, |(first, _)| first), sample));
        if lines.len() >= FACT_BYTES
            && let Some((first, last)) = span.take()
        {
            insert_facts(db, first, last, &lines)?;
            lines.clear();
        }
    }
    match span {
        Some((first, last)) => insert_facts(db, first, last, &lines),
        None => Ok(()),
    }
}
