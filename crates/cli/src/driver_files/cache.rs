//! Results of earlier scans, by file identity: path, size and time of the last change.
//!
//! One file in the user's cache folder. It belongs to one build of the program: another one scans anew, because its
//! engine may see more. Entries that were not asked for stay, up to a limit.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::codec::{Reader, Writer};
use super::{FileResult, Identity};
use crate::output::write_file;

/// First bytes of the file.
const MAGIC: &[u8; 16] = b"poolscope scans\n";
/// Largest cache file that is read or written.
const MAX_BYTES: usize = 64 << 20;

/// The remembered results.
#[derive(Debug, Default)]
pub struct Cache {
    file: Option<PathBuf>,
    build: String,
    /// Packed results by identity.
    entries: BTreeMap<Identity, Vec<u8>>,
    changed: bool,
}

impl Cache {
    /// Remembers nothing.
    #[must_use]
    pub fn off() -> Self {
        Self::default()
    }

    /// The cache of this user, or one that remembers nothing where there is no place for it.
    #[must_use]
    pub fn of_user() -> Self {
        folder().map_or_else(Self::off, |folder| Self::open(&folder.join("driver-scans")))
    }

    /// The cache in this file. A file that is missing, damaged or of another build is an empty cache.
    #[must_use]
    pub fn open(file: &Path) -> Self {
        let mut cache = Self {
            file: Some(file.to_owned()),
            build: build(),
            entries: BTreeMap::new(),
            changed: false,
        };
        let small = fs::metadata(file).is_ok_and(|meta| meta.len() <= MAX_BYTES as u64);
        if small && let Ok(bytes) = fs::read(file) {
            cache.entries = read(&bytes, &cache.build).unwrap_or_default();
        }
        cache
    }

    /// The remembered result of a file, if it has not changed since.
    pub(super) fn get(&self, identity: &Identity) -> Option<FileResult> {
        Reader(self.entries.get(identity)?).result()
    }

    /// Remembers a result, in place of older ones of the same path.
    pub(super) fn put(&mut self, identity: &Identity, result: &FileResult) {
        if self.file.is_none() {
            return;
        }
        let mut writer = Writer::default();
        writer.result(result);
        let first = Identity {
            path: identity.path.clone(),
            size: 0,
            modified_ns: i128::MIN,
        };
        let older: Vec<Identity> = self
            .entries
            .range(first..)
            .map(|(known, _)| known)
            .take_while(|known| known.path == identity.path)
            .cloned()
            .collect();
        for known in older {
            self.entries.remove(&known);
        }
        self.entries.insert(identity.clone(), writer.0);
        self.changed = true;
    }

    /// Writes what was remembered anew.
    ///
    /// # Errors
    /// The folder cannot be made or the file cannot be written; nothing is lost but time.
    pub(super) fn save(&self) -> io::Result<()> {
        let Some(file) = self.file.as_ref().filter(|_| self.changed) else {
            return Ok(());
        };
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        let bytes = write(&self.entries, &self.build);
        write_file(file, &bytes).map_err(|failure| io::Error::other(crate::exit::chain(&failure)))
    }
}

fn write(entries: &BTreeMap<Identity, Vec<u8>>, build: &str) -> Vec<u8> {
    let mut writer = Writer(MAGIC.to_vec());
    writer.text(build);
    for (identity, packed) in entries {
        if writer.0.len().saturating_add(packed.len()) > MAX_BYTES {
            break;
        }
        writer.text(&identity.path);
        writer.bytes(identity.size.to_le_bytes());
        writer.bytes(identity.modified_ns.to_le_bytes());
        writer.u32(packed.len());
        writer.0.extend_from_slice(packed);
    }
    writer.0
}

fn read(bytes: &[u8], build: &str) -> Option<BTreeMap<Identity, Vec<u8>>> {
    let mut reader = Reader(bytes.strip_prefix(MAGIC)?);
    if reader.text()? != build {
        return None;
    }
    let mut entries = BTreeMap::new();
    while !reader.0.is_empty() {
        let path = reader.text()?.to_string();
        let size = u64::from_le_bytes(reader.bytes()?);
        let modified_ns = i128::from_le_bytes(reader.bytes()?);
        entries.insert(
            Identity {
                path,
                size,
                modified_ns,
            },
            reader.part()?.to_vec(),
        );
    }
    Some(entries)
}

/// What tells this build of the program from another: its version, and size and time of its own file.
fn build() -> String {
    let of_file = std::env::current_exe().ok().and_then(|exe| super::identity(&exe));
    let (size, time) = of_file.map_or((0, 0), |identity| (identity.size, identity.modified_ns));
    format!("{} {size} {time}", env!("CARGO_PKG_VERSION"))
}

/// The user's folder for what can be made again.
fn folder() -> Option<PathBuf> {
    let variable = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let base = if cfg!(windows) {
        variable("LOCALAPPDATA")
    } else {
        variable("XDG_CACHE_HOME").or_else(|| Some(variable("HOME")?.join(".cache")))
    };
    base.filter(|path| path.is_absolute())
        .map(|path| path.join("poolscope"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(path: &str, size: u64) -> Identity {
        Identity {
            path: path.into(),
            size,
            modified_ns: 5,
        }
    }

    #[test]
    fn results_are_remembered_until_the_file_changes() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("deep/cache");
        let result = FileResult {
            problems: vec!["p".into()],
            ..FileResult::default()
        };
        let mut cache = Cache::open(&file);
        cache.put(&identity("a", 1), &result);
        cache.put(&identity("b", 1), &result);
        cache.put(&identity("a", 2), &result);
        cache.save().unwrap();
        let again = Cache::open(&file);
        assert_eq!(again.get(&identity("a", 2)), Some(result.clone()));
        assert_eq!(again.get(&identity("b", 1)), Some(result));
        assert_eq!(again.get(&identity("a", 1)), None, "the old one is gone");
    }

    #[test]
    fn a_damaged_cache_or_one_of_another_build_is_empty() {
        let entries = BTreeMap::from([(identity("a", 1), vec![1, 2, 3])]);
        let bytes = write(&entries, "one");
        assert_eq!(read(&bytes, "one"), Some(entries));
        assert_eq!(read(&bytes, "two"), None);
        assert_eq!(read(&bytes[..bytes.len() - 1], "one"), None);
        assert_eq!(read(b"", "one"), None);
    }
}
