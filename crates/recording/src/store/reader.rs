//! A recording as a history.
//!
//! Two passes over the blocks: the first checks them and counts the changes of each series, so that the second fills columns
//! of exactly the right size. A block that is damaged costs its own samples.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};
use snapshot::{
    BootId, Counter, CounterWidth, History, Pool, Problem, Sample, Series, SeriesKey, SourceKind, Tag,
    Timestamp,
};

use super::block::{Block, Change};
use super::fact;
use super::schema::{self, Kind, key};
use crate::{ImportError, ImportErrorKind};

/// Most changes of a recording: 150 days of 3,000 tags of which a tenth change every 30 seconds, unthinned.
const MOST_CHANGES: u64 = 1 << 27;
/// Most series, samples and boots.
const MOST_ROWS: usize = 1 << 24;
/// How long to wait for a writer's commit.
const WAIT_FOR_WRITER: Duration = Duration::from_secs(10);
/// Rows of facts or problems that may be damaged before the file is given up.
const NAMED_DAMAGES: usize = 5;

/// Reads the recording at `path`. A writer at work is no hindrance.
pub(crate) fn read_file(path: &Path) -> Result<History, ImportError> {
    let read_only = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let attempt = |flags| -> rusqlite::Result<(Connection, Kind)> {
        let db = Connection::open_with_flags(path, flags)?;
        schema::harden(&db)?;
        db.busy_timeout(WAIT_FOR_WRITER)?;
        let kind = schema::kind(&db)?;
        Ok((db, kind))
    };
    let (db, kind) = attempt(read_only)
        .or_else(|error| match error.sqlite_error_code() {
            // A writer was killed in mid-commit: its journal has to be played back, which writes to the file.
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen) => {
                attempt(OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)
            }
            _ => Err(error),
        })
        .map_err(|e| sqlite(path, &e))?;
    read(path, &db, kind)
}

/// Reads a recording that is in memory.
pub(crate) fn read_bytes(name: &Path, bytes: &[u8]) -> Result<History, ImportError> {
    let attempt = || -> rusqlite::Result<(Connection, Kind)> {
        let mut db = Connection::open_in_memory()?;
        db.deserialize_read_exact("main", bytes, bytes.len(), true)?;
        schema::harden(&db)?;
        let kind = schema::kind(&db)?;
        Ok((db, kind))
    };
    let (db, kind) = attempt().map_err(|e| sqlite(name, &e))?;
    read(name, &db, kind)
}

fn sqlite(file: &Path, error: &rusqlite::Error) -> ImportError {
    let kind = match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::TooBig) => {
            ImportErrorKind::Malformed
        }
        Some(_) => ImportErrorKind::Io,
        None => ImportErrorKind::Malformed,
    };
    ImportError::new(file, kind, format!("SQLite: {error}"))
}

fn read(file: &Path, db: &Connection, kind: Kind) -> Result<History, ImportError> {
    match kind {
        Kind::Recording => {}
        Kind::Empty => {
            return Err(ImportError::new(
                file,
                ImportErrorKind::Unrecognised,
                "an empty SQLite database",
            ));
        }
        Kind::Newer(version) => {
            let reason = format!(
                "written by a newer poolscope (format {version}, this program reads up to {})",
                schema::VERSION
            );
            return Err(ImportError::new(file, ImportErrorKind::TooNew, reason));
        }
        Kind::Foreign(reason) => return Err(ImportError::new(file, ImportErrorKind::Unrecognised, reason)),
    }
    // One transaction, so that a writer cannot merge blocks between our two passes.
    db.execute_batch("BEGIN").map_err(|e| sqlite(file, &e))?;
    let mut reader = Reader {
        file,
        db,
        history: History::default(),
        damages: 0,
    };
    reader.read_all()?;
    Ok(reader.history)
}

/// A block that is sound, with what its directory says.
struct Sound {
    first: u64,
    directory: Vec<(u32, u32)>,
}

struct Reader<'a> {
    file: &'a Path,
    db: &'a Connection,
    history: History,
    damages: usize,
}

impl Reader<'_> {
    fn too_large(&self, what: &str) -> ImportError {
        ImportError::new(self.file, ImportErrorKind::TooLarge, format!("too many {what}"))
    }

    fn damage(&mut self, what: impl std::fmt::Display) {
        self.damages += 1;
        if self.damages <= NAMED_DAMAGES {
            let message = format!("{}: damaged: {what}", self.file.display());
            self.history.problems.push(Problem::new("recording", message));
        }
    }

    fn read_all(&mut self) -> Result<(), ImportError> {
        self.history.kind = Some(SourceKind::Recording);
        self.read_meta().map_err(|e| sqlite(self.file, &e))?;
        let boots = self.read_boots().map_err(|e| sqlite(self.file, &e))?;
        let (ids, mut samples) = self.read_samples(&boots)?;
        let (sound, total) = self.check_blocks(&ids)?;
        let places = self.read_series(&total)?;
        let kept = keep_covered(&ids, &mut samples, &sound.covered);
        let lost = ids.len() - kept.len();
        if lost > 0 {
            self.damage(format_args!(
                "{lost} samples are lost; a tag that changed only there keeps its earlier value"
            ));
        }
        self.history.samples = samples;
        self.fill(&sound.blocks, &kept, &places, &total)?;
        self.read_facts(&kept)?;
        self.read_problems();
        if self.damages > NAMED_DAMAGES {
            let more = self.damages - NAMED_DAMAGES;
            self.history
                .problems
                .push(Problem::new("recording", format!("{more} more damages")));
        }
        Ok(())
    }

    fn read_meta(&mut self) -> rusqlite::Result<()> {
        if let Some(json) = schema::meta(self.db, key::HOST)? {
            match serde_json::from_str(&json) {
                Ok(host) => self.history.host = host,
                Err(error) => self.damage(format_args!("facts of the host: {error}")),
            }
        }
        self.history.clock_known = schema::meta(self.db, key::CLOCK)?.as_deref() == Some("1");
        Ok(())
    }

    /// Boots by their number in the file.
    fn read_boots(&mut self) -> rusqlite::Result<HashMap<i64, u32>> {
        let mut places = HashMap::new();
        let mut statement = self.db.prepare("SELECT id, name FROM boot ORDER BY id")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (id, name): (i64, String) = (row.get(0)?, row.get(1)?);
            if self.history.boots.len() < MOST_ROWS {
                places.insert(id, self.history.boots.len() as u32);
                self.history.boots.push(BootId(name));
            }
        }
        Ok(places)
    }

    /// Numbers of the samples in the file, rising, and the samples.
    fn read_samples(&mut self, boots: &HashMap<i64, u32>) -> Result<(Vec<u64>, Vec<Sample>), ImportError> {
        let (mut ids, mut samples) = (Vec::new(), Vec::new());
        let outcome = (|| -> rusqlite::Result<()> {
            let mut statement = self
                .db
                .prepare("SELECT id, at, uptime_s, boot, gap FROM sample ORDER BY id")?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let (id, at, uptime_s): (u64, i64, Option<f64>) = (row.get(0)?, row.get(1)?, row.get(2)?);
                let (boot, after_gap): (Option<i64>, bool) = (row.get(3)?, row.get(4)?);
                if ids.last().is_some_and(|&last| last >= id) || ids.len() >= MOST_ROWS {
                    break;
                }
                ids.push(id);
                let boot = boot.and_then(|b| boots.get(&b).copied());
                samples.push(Sample {
                    at: Timestamp(at),
                    uptime_s,
                    boot,
                    after_gap,
                });
            }
            Ok(())
        })();
        if let Err(error) = outcome {
            self.damage(format_args!(
                "the list of samples ends after {}: {error}",
                ids.len()
            ));
        }
        if ids.len() >= MOST_ROWS {
            return Err(self.too_large("samples"));
        }
        Ok((ids, samples))
    }

    /// First pass: which blocks are sound, which samples they cover, how many changes each series has.
    fn check_blocks(&mut self, ids: &[u64]) -> Result<(Blocks, BTreeMap<u32, u64>), ImportError> {
        let mut blocks = Blocks::default();
        let mut total: BTreeMap<u32, u64> = BTreeMap::new();
        let mut sum = 0_u64;
        for first in self.block_keys()? {
            let directory = match self.block(first).and_then(|(last, data)| {
                let block = Block::new(&data).map_err(|e| e.to_string())?;
                Ok((last, block.directory().map_err(|e| e.to_string())?))
            }) {
                Ok((last, directory))
                    if last >= first && blocks.covered.last().is_none_or(|c| c.1 < first) =>
                {
                    blocks.covered.push((first, last));
                    directory
                }
                Ok(_) => {
                    self.damage(format_args!("block {first} overlaps another"));
                    continue;
                }
                Err(reason) => {
                    self.damage(format_args!("block {first}: {reason}"));
                    continue;
                }
            };
            for &(series, count) in &directory {
                *total.entry(series).or_default() += u64::from(count);
                sum += u64::from(count);
            }
            if sum > MOST_CHANGES {
                return Err(self.too_large("changes"));
            }
            blocks.blocks.push(Sound { first, directory });
        }
        if blocks.blocks.is_empty() && !ids.is_empty() {
            return Err(ImportError::new(
                self.file,
                ImportErrorKind::Malformed,
                "damaged: no block is readable",
            ));
        }
        Ok((blocks, total))
    }

    fn block_keys(&mut self) -> Result<Vec<u64>, ImportError> {
        let mut keys: Vec<u64> = Vec::new();
        let outcome = (|| -> rusqlite::Result<()> {
            let mut statement = self.db.prepare("SELECT first FROM block ORDER BY first")?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                keys.push(row.get(0)?);
                if keys.len() >= MOST_ROWS {
                    break;
                }
            }
            Ok(())
        })();
        if let Err(error) = outcome {
            self.damage(format_args!(
                "the list of blocks ends after {}: {error}",
                keys.len()
            ));
        }
        Ok(keys)
    }

    fn block(&self, first: u64) -> Result<(u64, Vec<u8>), String> {
        self.db
            .prepare_cached("SELECT last, data FROM block WHERE first = ?1")
            .and_then(|mut s| s.query_row([first], |row| Ok((row.get(0)?, row.get(1)?))))
            .map_err(|e| e.to_string())
    }

    /// Makes the series that have changes, with room for them. Gives their place by their number in the file.
    fn read_series(&mut self, total: &BTreeMap<u32, u64>) -> Result<HashMap<u32, usize>, ImportError> {
        let mut places = HashMap::new();
        let mut keys: HashMap<SeriesKey, usize> = HashMap::new();
        let outcome = (|| -> rusqlite::Result<()> {
            let mut statement = self
                .db
                .prepare("SELECT id, tag, pool, width, mapped FROM series ORDER BY id")?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let (id, tag, pool): (u32, Vec<u8>, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
                let (width, mapped): (u8, Option<String>) = (row.get(3)?, row.get(4)?);
                let count = total.get(&id).copied().unwrap_or(0);
                // A pool of a later version is no reason to refuse the rest.
                let pool = Pool::parse(&pool).unwrap_or(Pool::Unknown);
                let key = SeriesKey {
                    tag: Tag::from_bytes(&tag),
                    pool,
                };
                if count == 0 || keys.contains_key(&key) || places.len() >= MOST_ROWS {
                    continue;
                }
                let mut series = Series::new(key.clone(), CounterWidth::from_bits(width));
                series.sample.reserve_exact(usize::try_from(count).unwrap_or(0));
                if let Some(mapped) = mapped {
                    self.history.mapped.insert(key.clone(), mapped);
                }
                places.insert(id, self.history.series.len());
                keys.insert(key, self.history.series.len());
                self.history.series.push(series);
            }
            Ok(())
        })();
        if let Err(error) = outcome {
            self.damage(format_args!(
                "the list of series ends after {}: {error}",
                places.len()
            ));
        }
        let unnamed = total.keys().filter(|id| !places.contains_key(id)).count();
        if unnamed > 0 {
            self.damage(format_args!("{unnamed} series have no name"));
        }
        Ok(places)
    }

    /// Second pass: the changes go into their columns.
    fn fill(
        &mut self,
        blocks: &[Sound],
        ids: &[u64],
        places: &HashMap<u32, usize>,
        total: &BTreeMap<u32, u64>,
    ) -> Result<(), ImportError> {
        for Sound { first, directory } in blocks {
            let (last, data) = self.block(*first).map_err(|reason| {
                ImportError::new(
                    self.file,
                    ImportErrorKind::Malformed,
                    format!("block {first}: {reason}"),
                )
            })?;
            let at = Positions::new(ids, *first, last);
            let targets: Vec<Option<(usize, usize)>> = directory
                .iter()
                .map(|(id, _)| {
                    let room = usize::try_from(*total.get(id)?).ok()?;
                    Some((*places.get(id)?, room))
                })
                .collect();
            let series = &mut self.history.series;
            let outcome = Block::new(&data).and_then(|block| {
                block.changes(directory, |place, change| {
                    if let Some(Some((target, room))) = targets.get(place)
                        && let Some(target) = series.get_mut(*target)
                        && let Some(sample) = at.of(change.offset)
                    {
                        push(target, sample, &change, *room);
                    }
                })
            });
            if let Err(error) = outcome {
                self.damage(format_args!("block {first}: {error}"));
            }
        }
        Ok(())
    }

    fn read_facts(&mut self, ids: &[u64]) -> Result<(), ImportError> {
        let mut damaged = 0_usize;
        let mut facts = std::mem::take(&mut self.history.facts);
        let outcome = (|| -> rusqlite::Result<()> {
            let mut statement = self.db.prepare("SELECT data FROM fact ORDER BY first")?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let Some(lines) = fact::decode(row.get_ref(0)?.as_blob()?) else {
                    damaged += 1;
                    continue;
                };
                for line in fact::parse(&lines) {
                    let Some((id, line)) = line else {
                        damaged += 1;
                        continue;
                    };
                    let Some(at) = ids.binary_search(&id).ok().and_then(|at| u32::try_from(at).ok()) else {
                        continue;
                    };
                    if facts.last().is_none_or(|(last, _)| *last < at) {
                        facts.push((at, line));
                    }
                }
            }
            Ok(())
        })();
        self.history.facts = facts;
        if let Err(error) = outcome {
            self.damage(format_args!("facts: {error}"));
        }
        if damaged > 0 {
            self.damage(format_args!("facts of {damaged} moments"));
        }
        Ok(())
    }

    fn read_problems(&mut self) {
        let outcome = (|| -> rusqlite::Result<()> {
            let mut statement = self
                .db
                .prepare("SELECT step, message FROM problem ORDER BY sample, step, message LIMIT 10000")?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                self.history
                    .problems
                    .push(Problem::new(row.get::<_, String>(0)?, row.get::<_, String>(1)?));
            }
            Ok(())
        })();
        if let Err(error) = outcome {
            self.damage(format_args!("the list of problems: {error}"));
        }
    }
}

/// Blocks that are sound and the samples they cover.
#[derive(Default)]
struct Blocks {
    blocks: Vec<Sound>,
    covered: Vec<(u64, u64)>,
}

/// Keeps the samples that a sound block covers; one that follows a lost one is marked as after a gap.
fn keep_covered(ids: &[u64], samples: &mut Vec<Sample>, covered: &[(u64, u64)]) -> Vec<u64> {
    let mut kept = Vec::with_capacity(ids.len());
    let mut spans = covered.iter().peekable();
    let mut lost = false;
    let mut out = Vec::with_capacity(samples.len());
    for (&id, mut sample) in ids.iter().zip(samples.drain(..)) {
        while spans.next_if(|(_, last)| *last < id).is_some() {}
        if spans.peek().is_some_and(|(first, _)| *first <= id) {
            sample.after_gap |= std::mem::take(&mut lost) && !kept.is_empty();
            kept.push(id);
            out.push(sample);
        } else {
            lost = true;
        }
    }
    *samples = out;
    kept
}

/// Where the samples of a block stand in the history.
struct Positions<'a> {
    first: u64,
    ids: &'a [u64],
    start: usize,
    /// Numbers follow each other, so the place is a sum.
    contiguous: bool,
}

impl<'a> Positions<'a> {
    fn new(all: &'a [u64], first: u64, last: u64) -> Self {
        let start = all.partition_point(|&id| id < first);
        let end = all.partition_point(|&id| id <= last);
        let ids = all.get(start..end).unwrap_or_default();
        let contiguous =
            ids.first() == Some(&first) && last.saturating_sub(first) == (ids.len() as u64).wrapping_sub(1);
        Self {
            first,
            ids,
            start,
            contiguous,
        }
    }

    fn of(&self, offset: u32) -> Option<u32> {
        let inside = if self.contiguous {
            Some(offset as usize).filter(|&at| at < self.ids.len())?
        } else {
            self.ids
                .binary_search(&self.first.checked_add(u64::from(offset))?)
                .ok()?
        };
        u32::try_from(self.start + inside).ok()
    }
}

/// Appends a change; a column gets its room when its first value comes.
fn push(series: &mut Series, sample: u32, change: &Change, room: usize) {
    let make_room = |column: &mut Vec<Counter>, value: Counter| {
        if value.is_known() && column.capacity() == 0 {
            column.reserve_exact(room);
        }
    };
    make_room(&mut series.allocs, change.usage.allocs);
    make_room(&mut series.frees, change.usage.frees);
    make_room(&mut series.live, change.usage.live);
    make_room(&mut series.bytes, change.usage.bytes);
    series.push(sample, change.usage);
}
