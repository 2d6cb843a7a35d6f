//! The tables of a recording, and what makes an SQLite file one.

use rusqlite::limits::Limit;
use rusqlite::{Connection, OptionalExtension};

/// `application_id` of a recording: the letters `pool`.
pub(crate) const APPLICATION_ID: i32 = i32::from_be_bytes(*b"pool");
/// Version written; every version from 1 on is read.
pub(crate) const VERSION: i32 = 1;

/// The tables of version 1 by name. The text is compared with what a file holds, so that no view or generated column of a
/// forged file is ever asked.
pub(crate) const TABLES: [(&str, &str); 7] = [
    (
        "meta",
        "CREATE TABLE meta(key TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL) WITHOUT ROWID",
    ),
    (
        "boot",
        "CREATE TABLE boot(id INTEGER PRIMARY KEY, name TEXT NOT NULL)",
    ),
    (
        "series",
        "CREATE TABLE series(id INTEGER PRIMARY KEY, tag BLOB NOT NULL, pool TEXT NOT NULL, width INTEGER NOT NULL, mapped TEXT)",
    ),
    (
        "sample",
        "CREATE TABLE sample(id INTEGER PRIMARY KEY, at INTEGER NOT NULL, uptime_s REAL, boot INTEGER, gap INTEGER NOT NULL)",
    ),
    (
        "block",
        "CREATE TABLE block(first INTEGER PRIMARY KEY, last INTEGER NOT NULL, tier INTEGER NOT NULL, changes INTEGER NOT NULL, data BLOB NOT NULL)",
    ),
    (
        "fact",
        "CREATE TABLE fact(first INTEGER PRIMARY KEY, last INTEGER NOT NULL, data BLOB NOT NULL)",
    ),
    (
        "problem",
        "CREATE TABLE problem(step TEXT NOT NULL, message TEXT NOT NULL, sample INTEGER, PRIMARY KEY(step, message)) WITHOUT ROWID",
    ),
];

/// Keys of `meta`.
pub(crate) mod key {
    /// Name and version of the program that made the file.
    pub(crate) const TOOL: &str = "tool";
    /// `HostFacts` as JSON.
    pub(crate) const HOST: &str = "host";
    /// `1` when the times of samples are real.
    pub(crate) const CLOCK: &str = "clock_known";
    /// Process id and a number of the writer's own, while one is at work.
    pub(crate) const WRITER: &str = "writer";
}

/// What an SQLite file is to us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Recording,
    /// No table at all, no application id: a new file.
    Empty,
    Newer(i32),
    Foreign(String),
}

/// Settings for a file whose content nobody vouches for.
pub(crate) fn harden(db: &Connection) -> rusqlite::Result<()> {
    use rusqlite::config::DbConfig;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false)?;
    db.set_limit(Limit::SQLITE_LIMIT_LENGTH, 128 << 20)?;
    db.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    db.execute_batch(
        "PRAGMA mmap_size=0; PRAGMA cell_size_check=ON; PRAGMA cache_size=-1024; PRAGMA temp_store=MEMORY;",
    )
}

/// Looks at the header and the tables.
pub(crate) fn kind(db: &Connection) -> rusqlite::Result<Kind> {
    let id: i32 = db.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    let version: i32 = db.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if id != APPLICATION_ID {
        let tables: i64 = db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        if id == 0 && tables == 0 && version == 0 {
            return Ok(Kind::Empty);
        }
        return Ok(Kind::Foreign("an SQLite database of another program".to_owned()));
    }
    if version > VERSION {
        return Ok(Kind::Newer(version));
    }
    if version < 1 {
        return Ok(Kind::Foreign(format!("version {version} was never written")));
    }
    for (name, text) in TABLES {
        let found: Option<String> = db
            .query_row(
                "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?1",
                [name],
                |row| row.get(0),
            )
            .optional()?;
        if found.as_deref() != Some(text) {
            return Ok(Kind::Foreign(format!(
                "its table `{name}` is not that of version {version}"
            )));
        }
    }
    Ok(Kind::Recording)
}

/// Makes the tables in an empty file.
pub(crate) fn create(db: &Connection) -> rusqlite::Result<()> {
    db.execute_batch("PRAGMA page_size=4096; PRAGMA auto_vacuum=INCREMENTAL; BEGIN IMMEDIATE;")?;
    for (_, text) in TABLES {
        db.execute_batch(text)?;
    }
    db.execute_batch(&format!(
        "PRAGMA application_id={APPLICATION_ID}; PRAGMA user_version={VERSION}; COMMIT;"
    ))
}

/// A value of `meta`.
pub(crate) fn meta(db: &Connection, key: &str) -> rusqlite::Result<Option<String>> {
    db.query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| row.get(0))
        .optional()
}

/// Sets a value of `meta`.
pub(crate) fn set_meta(db: &Connection, key: &str, value: &str) -> rusqlite::Result<()> {
    db.execute(
        "INSERT OR REPLACE INTO meta(key, value) VALUES(?1, ?2)",
        [key, value],
    )
    .map(drop)
}
