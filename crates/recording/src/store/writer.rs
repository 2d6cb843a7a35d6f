//! Appends samples to a recording.
//!
//! A sample is one transaction. With `synchronous=FULL` and a journal that is truncated and synced, SQLite answers only when
//! the disk has it, so an acknowledged sample survives `kill -9` and power loss, as far as the disk keeps its word. Samples
//! first stand alone and are merged into a larger block now and then, in a transaction of their own.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior, params};
use snapshot::{CounterWidth, HostFacts, Pool, Problem, SeriesKey, Snapshot, Tag, Timestamp, Usage};

use super::block::{self, Change, SeriesChanges};
use super::lock::{Lock, LockError};
use super::schema::{self, Kind, key};
use super::{fact, thin};
use crate::WriteError;

/// Samples that stand alone before they are merged.
const TAIL_SAMPLES: usize = 240;
/// Changes that stand alone before they are merged. Bounds the memory a merge takes.
pub(crate) const TAIL_CHANGES: usize = 1 << 16;
/// Different problems remembered so as to write each once.
const PROBLEMS_REMEMBERED: usize = 1000;
/// How long to wait for readers of the file.
const WAIT_FOR_READERS: Duration = Duration::from_secs(30);

/// How to write.
#[derive(Clone, Debug, Default)]
pub struct WriterOptions {
    /// Seconds between samples, where known: a sample that comes much later is marked as after a gap.
    pub interval_s: Option<f64>,
    /// Size limit in bytes. Above it old samples are thinned to 5 minutes, then to hours, then to days.
    pub max_bytes: Option<u64>,
    /// Name and version of the program, kept in the file.
    pub tool: String,
}

/// What happened to a sample. It is on disk when this is returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Number of the sample in the file, from 0.
    pub sample: u64,
    /// Series whose counters changed.
    pub changed: usize,
    /// The sample came after a gap or a reboot.
    pub after_gap: bool,
    /// Size of the file in bytes.
    pub file_bytes: u64,
}

/// Appends samples to one recording. One writer a file.
#[derive(Debug)]
pub struct Writer {
    // Dropped in this order: the connection is closed before the lock is given back.
    db: Connection,
    path: PathBuf,
    options: WriterOptions,
    /// Our mark in `meta`: as long as it stands there nobody else took the file over.
    mark: String,
    index: HashMap<SeriesKey, usize>,
    series: Vec<SeriesState>,
    next_series: u32,
    boots: Vec<(i64, String)>,
    next_sample: u64,
    /// Counts appends, also those that failed.
    attempt: u64,
    last: Option<LastSample>,
    problems: HashSet<Problem>,
    tail_samples: usize,
    tail_changes: usize,
    _lock: Lock,
}

#[derive(Debug)]
struct SeriesState {
    id: u32,
    width: CounterWidth,
    /// What the file says; `None` when this run has not written the series yet.
    last: Option<Usage>,
    /// Number of the append that last saw it.
    seen: u64,
}

#[derive(Clone, Copy, Debug)]
struct LastSample {
    at: Timestamp,
    boot: Option<i64>,
    /// Seconds between the last two samples.
    step_s: Option<f64>,
}

/// What one snapshot means for the file, before it is written.
struct Plan {
    new_series: Vec<(SeriesKey, u32)>,
    /// Place in `Writer::series` (new ones follow the known), what it becomes.
    changed: Vec<(usize, u32, Usage)>,
    widened: Vec<usize>,
}

impl Writer {
    /// Opens `path` to append, or makes it. `host` replaces what an existing file says where it says more.
    ///
    /// # Errors
    /// [`WriteError::Busy`] with the first one's process id when another writer is at work; see [`WriteError`] for the others.
    pub fn open(path: &Path, host: &HostFacts, options: &WriterOptions) -> Result<Self, WriteError> {
        refuse_read_only(path)?;
        let lock = Lock::take(path).map_err(|error| match error {
            LockError::Taken => WriteError::Busy {
                path: path.to_path_buf(),
                pid: writer_pid(path),
            },
            LockError::Io(error) => WriteError::ReadOnly {
                path: path.to_path_buf(),
                reason: error.to_string(),
            },
        })?;
        let fail = |error| failure(path, &error);
        let db = connect(path).map_err(fail)?;
        match schema::kind(&db).map_err(fail)? {
            Kind::Recording => {}
            Kind::Empty => schema::create(&db).map_err(fail)?,
            Kind::Newer(version) => {
                let reason = format!(
                    "it has version {version}, this program writes {}",
                    schema::VERSION
                );
                return Err(WriteError::NotARecording {
                    path: path.to_path_buf(),
                    reason,
                });
            }
            Kind::Foreign(reason) => {
                return Err(WriteError::NotARecording {
                    path: path.to_path_buf(),
                    reason,
                });
            }
        }
        let mut writer = Self {
            db,
            path: path.to_path_buf(),
            options: options.clone(),
            mark: mark(),
            index: HashMap::new(),
            series: Vec::new(),
            next_series: 0,
            boots: Vec::new(),
            next_sample: 0,
            attempt: 0,
            last: None,
            problems: HashSet::new(),
            tail_samples: 0,
            tail_changes: 0,
            _lock: lock,
        };
        writer.take_over(host).map_err(fail)?;
        writer.load().map_err(fail)?;
        Ok(writer)
    }

    /// Stores one sample. When this returns `Ok` the sample survives `kill -9` and power loss.
    ///
    /// # Errors
    /// See [`WriteError`]. After an error the file holds all samples acknowledged before, and `append` may be tried again.
    pub fn append(&mut self, snapshot: &Snapshot) -> Result<Appended, WriteError> {
        let Some(at) = snapshot.taken_at else {
            return Err(WriteError::Unfit {
                path: self.path.clone(),
                reason: "a sample without a time".to_owned(),
            });
        };
        let plan = self.plan(snapshot);
        let mut known_boots = self.boots.clone();
        let boot = snapshot
            .boot
            .as_ref()
            .map(|boot| boot_id(&mut known_boots, &boot.0));
        let after_gap = self.after_gap(at, boot);
        self.store(snapshot, at, boot, after_gap, &plan, &known_boots)
            .map_err(|e| failure(&self.path, &e))?;

        let sample = self.next_sample;
        let changed = plan.changed.len();
        self.remember(snapshot, plan);
        self.boots = known_boots;
        self.next_sample += 1;
        let step_s = self
            .last
            .map(|last| at.seconds_since(last.at))
            .filter(|&s| s > 0.0 && !after_gap);
        self.last = Some(LastSample {
            at,
            boot,
            step_s: step_s.or(self.last.and_then(|l| l.step_s)),
        });
        self.tail_samples += 1;
        self.tail_changes += changed;
        if self.tail_samples >= TAIL_SAMPLES || self.tail_changes >= TAIL_CHANGES {
            // The sample is safe already: a merge that finds no room is put off, not an error of this sample.
            let _ = self.settle();
        }
        Ok(Appended {
            sample,
            changed,
            after_gap,
            file_bytes: self.file_bytes(),
        })
    }

    /// Ends the recording: merges what is left and gives the file back to other writers. Dropping the writer loses no
    /// sample either.
    ///
    /// # Errors
    /// See [`WriteError`].
    pub fn close(mut self) -> Result<(), WriteError> {
        let settled = self.settle();
        let released = self
            .db
            .execute("DELETE FROM meta WHERE key = ?1", [key::WRITER])
            .and_then(|_| {
                self.db
                    .execute_batch("PRAGMA incremental_vacuum; PRAGMA journal_mode=DELETE;")
            });
        settled.and(released).map_err(|e| failure(&self.path, &e))
    }

    /// Writes our mark and what is known of the host.
    fn take_over(&mut self, host: &HostFacts) -> rusqlite::Result<()> {
        let tx = self
            .db
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        schema::set_meta(&tx, key::WRITER, &self.mark)?;
        if schema::meta(&tx, key::TOOL)?.is_none() {
            schema::set_meta(&tx, key::TOOL, &self.options.tool)?;
            schema::set_meta(&tx, key::CLOCK, "1")?;
        }
        let before = schema::meta(&tx, key::HOST)?.and_then(|json| serde_json::from_str(&json).ok());
        let host = known_best(host, before.unwrap_or_default());
        if let Ok(json) = serde_json::to_string(&host) {
            schema::set_meta(&tx, key::HOST, &json)?;
        }
        tx.commit()
    }

    /// Reads what is needed to go on: names, the last sample, what stands unmerged.
    fn load(&mut self) -> rusqlite::Result<()> {
        let mut statement = self.db.prepare("SELECT id, tag, pool, width FROM series")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (id, tag, pool, width): (u32, Vec<u8>, String, u8) =
                (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
            let Some(pool) = Pool::parse(&pool) else { continue };
            let state = SeriesState {
                id,
                width: CounterWidth::from_bits(width),
                last: None,
                seen: 0,
            };
            self.next_series = self.next_series.max(id.saturating_add(1));
            self.index.insert(
                SeriesKey {
                    tag: Tag::from_bytes(&tag),
                    pool,
                },
                self.series.len(),
            );
            self.series.push(state);
        }
        let mut statement = self.db.prepare("SELECT id, name FROM boot")?;
        self.boots = statement
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        let mut statement = self
            .db
            .prepare("SELECT id, at, boot FROM sample ORDER BY id DESC LIMIT 2")?;
        let ends: Vec<(u64, i64, Option<i64>)> = statement
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
            .collect::<rusqlite::Result<_>>()?;
        if let Some(&(id, at, boot)) = ends.first() {
            let step_s = ends
                .get(1)
                .map(|&(_, before, _)| Timestamp(at).seconds_since(Timestamp(before)));
            self.next_sample = id.saturating_add(1);
            self.last = Some(LastSample {
                at: Timestamp(at),
                boot,
                step_s: step_s.filter(|&s| s > 0.0),
            });
        }
        let (samples, changes): (usize, usize) = self.db.query_row(
            "SELECT count(*), ifnull(sum(changes), 0) FROM block WHERE first = last AND tier = 0",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        (self.tail_samples, self.tail_changes) = (samples, changes);
        Ok(())
    }

    /// Compares a snapshot with what the file says.
    fn plan(&mut self, snapshot: &Snapshot) -> Plan {
        let mut plan = Plan {
            new_series: Vec::new(),
            changed: Vec::new(),
            widened: Vec::new(),
        };
        self.attempt += 1;
        let now = self.attempt;
        let mut fresh: HashSet<&SeriesKey> = HashSet::new();
        let keys: Vec<SeriesKey> = snapshot
            .rows
            .iter()
            .map(|row| SeriesKey {
                tag: row.tag.clone(),
                pool: row.pool,
            })
            .collect();
        for (row, key) in snapshot.rows.iter().zip(&keys) {
            let Some(&at) = self.index.get(key) else {
                if fresh.insert(key) && !row.usage.is_absent() {
                    let id = self.next_series.saturating_add(plan.new_series.len() as u32);
                    plan.changed
                        .push((self.series.len() + plan.new_series.len(), id, row.usage));
                    plan.new_series.push((key.clone(), id));
                }
                continue;
            };
            let Some(state) = self.series.get_mut(at) else {
                continue;
            };
            if state.seen == now {
                continue;
            }
            state.seen = now;
            if state.last != Some(row.usage) {
                plan.changed.push((at, state.id, row.usage));
            }
            if state.width != snapshot.width {
                plan.widened.push(at);
            }
        }
        for (at, state) in self.series.iter().enumerate() {
            if state.seen != now && state.last != Some(Usage::ABSENT) {
                plan.changed.push((at, state.id, Usage::ABSENT));
            }
        }
        plan.changed.sort_unstable_by_key(|&(_, id, _)| id);
        plan
    }

    /// A reboot, a clock that jumped ahead, a machine that slept, a recorder that was stopped.
    fn after_gap(&self, at: Timestamp, boot: Option<i64>) -> bool {
        let Some(last) = self.last else { return false };
        if boot.is_some() && last.boot.is_some() && boot != last.boot {
            return true;
        }
        match self.options.interval_s.or(last.step_s) {
            Some(step) => at.seconds_since(last.at) > 3.0 * step + 1.0,
            None => false,
        }
    }

    fn store(
        &mut self,
        snapshot: &Snapshot,
        at: Timestamp,
        boot: Option<i64>,
        after_gap: bool,
        plan: &Plan,
        boots: &[(i64, String)],
    ) -> rusqlite::Result<()> {
        let sample = self.next_sample;
        let tx = self
            .db
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        if schema::meta(&tx, key::WRITER)?.as_deref() != Some(&self.mark) {
            return Err(busy("another writer has taken the file over"));
        }
        for (id, name) in boots.iter().skip(self.boots.len()) {
            tx.execute("INSERT INTO boot(id, name) VALUES(?1, ?2)", params![id, name])?;
        }
        for (key, id) in &plan.new_series {
            tx.prepare_cached("INSERT INTO series(id, tag, pool, width) VALUES(?1, ?2, ?3, ?4)")?
                .execute(params![
                    id,
                    key.tag.as_bytes(),
                    key.pool.as_str(),
                    snapshot.width.bits()
                ])?;
        }
        for &at in &plan.widened {
            if let Some(state) = self.series.get(at) {
                tx.prepare_cached("UPDATE series SET width = ?2 WHERE id = ?1")?
                    .execute(params![state.id, snapshot.width.bits()])?;
            }
        }
        tx.prepare_cached("INSERT INTO sample(id, at, uptime_s, boot, gap) VALUES(?1, ?2, ?3, ?4, ?5)")?
            .execute(params![sample, at.0, snapshot.kernel_uptime_s, boot, after_gap])?;
        let changes: Vec<SeriesChanges> = plan
            .changed
            .iter()
            .map(|&(_, series, usage)| SeriesChanges {
                series,
                changes: vec![Change { offset: 0, usage }],
            })
            .collect();
        insert_block(&tx, sample, sample, 0, &changes)?;
        if !snapshot.facts.is_empty() {
            insert_facts(&tx, sample, sample, &fact::line(sample, &snapshot.facts))?;
        }
        for problem in snapshot.problems.iter().filter(|p| !self.problems.contains(*p)) {
            insert_problem(&tx, problem, Some(sample))?;
        }
        tx.commit()
    }

    /// Takes over what is on disk now.
    fn remember(&mut self, snapshot: &Snapshot, plan: Plan) {
        let now = self.attempt;
        for (key, id) in plan.new_series {
            self.index.insert(key, self.series.len());
            self.series.push(SeriesState {
                id,
                width: snapshot.width,
                last: None,
                seen: now,
            });
            self.next_series = id.saturating_add(1);
        }
        for (at, _, usage) in plan.changed {
            if let Some(state) = self.series.get_mut(at) {
                state.last = Some(usage);
            }
        }
        for at in plan.widened {
            if let Some(state) = self.series.get_mut(at) {
                state.width = snapshot.width;
            }
        }
        for problem in &snapshot.problems {
            if self.problems.len() < PROBLEMS_REMEMBERED {
                self.problems.insert(problem.clone());
            }
        }
    }

    /// Merges the samples that stand alone, and thins old ones when the file is above its limit.
    fn settle(&mut self) -> rusqlite::Result<()> {
        self.tail_samples = 0;
        self.tail_changes = 0;
        merge_tail(&mut self.db)?;
        if let Some(limit) = self.options.max_bytes {
            thin::thin(&mut self.db, limit)?;
        }
        Ok(())
    }

    fn file_bytes(&self) -> u64 {
        file_bytes(&self.db).unwrap_or(0)
    }
}

/// Size of the file as SQLite counts it.
pub(crate) fn file_bytes(db: &Connection) -> rusqlite::Result<u64> {
    let pages: u64 = db.query_row("PRAGMA page_count", [], |row| row.get(0))?;
    let bytes: u64 = db.query_row("PRAGMA page_size", [], |row| row.get(0))?;
    Ok(pages.saturating_mul(bytes))
}

/// Number of a boot, known or new.
fn boot_id(boots: &mut Vec<(i64, String)>, name: &str) -> i64 {
    if let Some((id, _)) = boots.iter().find(|(_, known)| known == name) {
        return *id;
    }
    let id = boots
        .iter()
        .map(|(id, _)| id.saturating_add(1))
        .max()
        .unwrap_or(0);
    boots.push((id, name.to_owned()));
    id
}

pub(crate) fn insert_block(
    db: &Connection,
    first: u64,
    last: u64,
    tier: u8,
    changes: &[SeriesChanges],
) -> rusqlite::Result<()> {
    let count: usize = changes.iter().map(|s| s.changes.len()).sum();
    db.prepare_cached("INSERT INTO block(first, last, tier, changes, data) VALUES(?1, ?2, ?3, ?4, ?5)")?
        .execute(params![first, last, tier, count, block::encode(changes)])
        .map(drop)
}

pub(crate) fn insert_facts(db: &Connection, first: u64, last: u64, lines: &str) -> rusqlite::Result<()> {
    db.prepare_cached("INSERT INTO fact(first, last, data) VALUES(?1, ?2, ?3)")?
        .execute(params![first, last, fact::encode(lines)])
        .map(drop)
}

pub(crate) fn insert_problem(
    db: &Connection,
    problem: &Problem,
    sample: Option<u64>,
) -> rusqlite::Result<()> {
    db.prepare_cached("INSERT OR IGNORE INTO problem(step, message, sample) VALUES(?1, ?2, ?3)")?
        .execute(params![problem.step, problem.message, sample])
        .map(drop)
}

/// Joins the blocks at the end of the file into one, as many as fit the limit, and their facts.
fn merge_tail(db: &mut Connection) -> rusqlite::Result<()> {
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut group: Vec<(u64, u64)> = Vec::new();
    {
        let mut statement =
            tx.prepare_cached("SELECT first, last, changes FROM block WHERE tier = 0 ORDER BY first DESC")?;
        let mut rows = statement.query([])?;
        let mut total = 0_usize;
        while let Some(row) = rows.next()? {
            total = total.saturating_add(row.get::<_, usize>(2)?);
            if total > 2 * TAIL_CHANGES && !group.is_empty() {
                break;
            }
            group.push((row.get(0)?, row.get(1)?));
        }
    }
    group.reverse();
    let (Some(&(first, _)), Some(&(_, last))) = (group.first(), group.last()) else {
        return Ok(());
    };
    if group.len() < 2 {
        return Ok(());
    }
    let mut joined = Joined::default();
    for &(at, _) in &group {
        let data: Vec<u8> = tx
            .prepare_cached("SELECT data FROM block WHERE first = ?1")?
            .query_row([at], |row| row.get(0))?;
        // A damaged block is left where it is: the blocks before it stay as they are too.
        let Ok(changes) = block::decode(&data) else {
            return Ok(());
        };
        joined.add(u32::try_from(at - first).unwrap_or(u32::MAX), changes);
    }
    tx.prepare_cached("DELETE FROM block WHERE first BETWEEN ?1 AND ?2")?
        .execute([first, last])?;
    insert_block(&tx, first, last, 0, &joined.into_series())?;
    merge_facts(&tx, first, last)?;
    tx.commit()
}

/// Changes of several blocks, put together by series.
#[derive(Default)]
pub(crate) struct Joined(std::collections::BTreeMap<u32, Vec<Change>>);

impl Joined {
    /// Adds the changes of the next block, which begins `offset` samples after the first.
    pub(crate) fn add(&mut self, offset: u32, block: Vec<SeriesChanges>) {
        for SeriesChanges { series, changes } in block {
            let all = self.0.entry(series).or_default();
            for change in changes {
                // The first change of a block may repeat what the one before it ended with.
                if all.last().is_none_or(|last| last.usage != change.usage) {
                    all.push(Change {
                        offset: change.offset.saturating_add(offset),
                        ..change
                    });
                }
            }
        }
    }

    pub(crate) fn into_series(self) -> Vec<SeriesChanges> {
        self.0
            .into_iter()
            .map(|(series, changes)| SeriesChanges { series, changes })
            .collect()
    }
}

/// Joins the facts of a span into rows of half a megabyte.
fn merge_facts(tx: &Transaction<'_>, first: u64, last: u64) -> rusqlite::Result<()> {
    const ROW_BYTES: usize = 512 << 10;
    let spans: Vec<(u64, u64, usize)> = {
        let mut statement = tx.prepare_cached(
            "SELECT first, last, data FROM fact WHERE first BETWEEN ?1 AND ?2 ORDER BY first",
        )?;
        let rows = statement.query_map([first, last], |row| {
            Ok((
                row.get(0)?,
                row.get(1)?,
                fact::length(row.get_ref(2)?.as_blob().unwrap_or_default()),
            ))
        })?;
        rows.collect::<rusqlite::Result<_>>()?
    };
    let mut rest = spans.as_slice();
    while let Some(&(begin, _, _)) = rest.first() {
        let mut bytes = 0_usize;
        let count = rest
            .iter()
            .take_while(|(_, _, length)| {
                bytes = bytes.saturating_add(*length);
                bytes <= ROW_BYTES
            })
            .count()
            .max(1);
        let (group, after) = rest.split_at(count);
        rest = after;
        let Some(&(_, end, _)) = group.last().filter(|_| count > 1) else {
            continue;
        };
        let mut lines = String::new();
        for (at, _, _) in group {
            let data: Vec<u8> = tx
                .prepare_cached("SELECT data FROM fact WHERE first = ?1")?
                .query_row([at], |row| row.get(0))?;
            lines.push_str(&fact::decode(&data).unwrap_or_default());
        }
        tx.prepare_cached("DELETE FROM fact WHERE first BETWEEN ?1 AND ?2")?
            .execute([begin, end])?;
        insert_facts(tx, begin, end, &lines)?;
    }
    Ok(())
}

/// A mark that no other writer has: process id, then when it began.
fn mark() -> String {
    let since_epoch = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    format!("{} {}", std::process::id(), since_epoch.as_nanos())
}

/// The process id in the mark of the writer at work.
fn writer_pid(path: &Path) -> Option<u32> {
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).ok()?;
    schema::harden(&db).ok()?;
    db.busy_timeout(Duration::from_secs(2)).ok()?;
    let mark = schema::meta(&db, key::WRITER).ok()??;
    mark.split(' ').next()?.parse().ok()
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags)?;
    schema::harden(&db)?;
    db.busy_timeout(WAIT_FOR_READERS)?;
    db.execute_batch("PRAGMA synchronous=FULL; PRAGMA journal_mode=TRUNCATE;")?;
    Ok(db)
}

/// Says so before anything is tried: a super-user would write to a read-only file and other systems fail half-way.
fn refuse_read_only(path: &Path) -> Result<(), WriteError> {
    match std::fs::metadata(path) {
        Ok(meta) if meta.permissions().readonly() => Err(WriteError::ReadOnly {
            path: path.to_path_buf(),
            reason: "the file is marked read-only".to_owned(),
        }),
        _ => Ok(()),
    }
}

/// What is known now, filled up with what was known before.
fn known_best(now: &HostFacts, before: HostFacts) -> HostFacts {
    HostFacts {
        os: now.os.or(before.os),
        name: now.name.clone().or(before.name),
        build: now.build.clone().or(before.build),
        product: now.product.clone().or(before.product),
        physical_bytes: now.physical_bytes.or(before.physical_bytes),
        page_bytes: now.page_bytes.or(before.page_bytes),
        processors: now.processors.or(before.processors),
    }
}

fn busy(message: &str) -> rusqlite::Error {
    let code = rusqlite::ffi::Error {
        code: ErrorCode::DatabaseBusy,
        extended_code: rusqlite::ffi::SQLITE_BUSY,
    };
    rusqlite::Error::SqliteFailure(code, Some(message.to_owned()))
}

/// SQLite's words in ours.
pub(crate) fn failure(path: &Path, error: &rusqlite::Error) -> WriteError {
    let (path_buf, reason) = (path.to_path_buf(), error.to_string());
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => WriteError::Full {
            path: path_buf,
            reason,
        },
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            WriteError::ReadOnly {
                path: path_buf,
                reason,
            }
        }
        Some(ErrorCode::NotADatabase) => WriteError::NotARecording {
            path: path_buf,
            reason,
        },
        Some(ErrorCode::DatabaseCorrupt) => WriteError::Damaged {
            path: path_buf,
            reason,
        },
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => match writer_pid(path) {
            // The mark is ours, so it is a reader that does not let go.
            Some(pid) if pid == std::process::id() => WriteError::Failed {
                path: path_buf,
                reason,
            },
            pid => WriteError::Busy { path: path_buf, pid },
        },
        _ => WriteError::Failed {
            path: path_buf,
            reason,
        },
    }
}
