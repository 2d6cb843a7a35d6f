//! Which paths the server may touch.
//!
//! A path is judged twice: as written (it must begin with an allowed folder and hold no `..`), so that nothing outside
//! is even looked at, and again after links are resolved, so that no link leads out. The resolved path is the one that
//! is opened.

use std::path::{Component, Path, PathBuf};

use crate::ToolError;

/// The folders given at start: read below `allow`, record into `recordings` only.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    allow: Vec<Root>,
    recordings: Option<Root>,
}

/// A folder as the user wrote it and with links resolved.
#[derive(Clone, Debug)]
struct Root {
    written: PathBuf,
    resolved: PathBuf,
}

/// A file below an allowed folder that looks like a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RecordingFile {
    /// Resolved path.
    pub(crate) path: PathBuf,
    /// Path relative to its allowed folder, with `/`.
    pub(crate) name: String,
    /// Size in bytes.
    pub(crate) bytes: u64,
}

/// Folders looked into below an allowed one, and entries in all: a listing stays a listing.
const LIST_DEPTH_MAX: usize = 3;
const LIST_ENTRIES_MAX: usize = 2_000;

impl Policy {
    /// Resolves the folders once, at start.
    ///
    /// # Errors
    /// The folder that does not exist or is none, with the reason.
    pub fn new(allow: &[PathBuf], recordings: Option<&Path>) -> Result<Self, ToolError> {
        let recordings = recordings.map(Root::new).transpose()?;
        let mut roots = allow.iter().map(Root::new).collect::<Result<Vec<_>, _>>()?;
        roots.extend(recordings.clone());
        Ok(Self {
            allow: roots,
            recordings,
        })
    }

    /// Approves a file or folder for reading and returns its resolved path.
    ///
    /// # Errors
    /// Says which folders are allowed; tells nothing about what lies outside them.
    pub fn readable(&self, written: &str) -> Result<PathBuf, ToolError> {
        let path = Path::new(written);
        if written.is_empty() || written.contains('\0') || has_parent(path) {
            return Err(ToolError(format!(
                "{written:?}: not a path this server accepts (no empty paths, no `..`)"
            )));
        }
        let candidates: Vec<PathBuf> = if path.is_absolute() {
            if !self.allow.iter().any(|root| root.covers(path)) {
                return Err(self.refusal(written));
            }
            vec![path.to_path_buf()]
        } else if path.has_root() || matches!(path.components().next(), Some(Component::Prefix(_))) {
            // `\foo` and `C:foo` depend on the process's current drive and folder.
            return Err(self.refusal(written));
        } else {
            self.allow.iter().map(|root| root.resolved.join(path)).collect()
        };
        let mut missing = None;
        for candidate in candidates {
            match std::fs::canonicalize(&candidate) {
                Ok(resolved) if self.allow.iter().any(|root| resolved.starts_with(&root.resolved)) => {
                    return plain(&resolved, written);
                }
                Ok(_) => return Err(self.refusal(written)),
                Err(error) => missing = Some(error),
            }
        }
        Err(match missing {
            Some(error) => ToolError(format!("{written}: {error}")),
            None => self.refusal(written),
        })
    }

    /// Approves a new or existing recording named `name` in the recordings folder.
    ///
    /// # Errors
    /// No such folder was given at start, or the name is not a plain file name ending in `.poolscope`, or something
    /// else than a plain file has that name.
    pub fn recordable(&self, name: &str) -> Result<PathBuf, ToolError> {
        let Some(root) = &self.recordings else {
            return Err(ToolError(
                "this server was started without --recordings DIR, so it may not write a recording; leave `name` out to \
                 track without keeping one"
                    .to_owned(),
            ));
        };
        let stem = name.strip_suffix(".poolscope").unwrap_or(name);
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if stem.is_empty() || stem.len() > 100 || stem.starts_with('.') || !stem.chars().all(allowed) {
            return Err(ToolError(format!(
                "{name:?}: a recording's name has 1 to 100 letters, digits, `-`, `_` or `.`, and does not begin with `.`"
            )));
        }
        let path = root.resolved.join(format!("{stem}.poolscope"));
        match std::fs::symlink_metadata(&path) {
            Ok(meta) if !meta.is_file() => Err(ToolError(format!("{name}: exists and is not a plain file"))),
            _ => Ok(path),
        }
    }

    /// Recordings below the allowed folders, by name. Links are not followed.
    pub(crate) fn recordings(&self) -> Vec<RecordingFile> {
        let mut found = Vec::new();
        let mut budget = LIST_ENTRIES_MAX;
        for root in &self.allow {
            list(&root.resolved, &root.resolved, 0, &mut budget, &mut found);
        }
        found.sort_by(|a, b| a.path.cmp(&b.path));
        found.dedup_by(|a, b| a.path == b.path);
        found.sort_by(|a, b| a.name.cmp(&b.name));
        found
    }

    fn refusal(&self, written: &str) -> ToolError {
        let folders: Vec<String> = self
            .allow
            .iter()
            .map(|r| r.written.display().to_string())
            .collect();
        let allowed = if folders.is_empty() {
            "none (start it with --allow DIR)".to_owned()
        } else {
            folders.join(", ")
        };
        ToolError(format!(
            "{written}: outside the folders this server may read: {allowed}"
        ))
    }
}

impl Root {
    fn new(written: impl AsRef<Path>) -> Result<Self, ToolError> {
        let written = written.as_ref();
        let resolved = std::fs::canonicalize(written)
            .map_err(|error| ToolError(format!("{}: {error}", written.display())))?;
        if !resolved.is_dir() {
            return Err(ToolError(format!("{}: not a folder", written.display())));
        }
        let absolute = std::path::absolute(written).unwrap_or_else(|_| resolved.clone());
        Ok(Self {
            written: absolute,
            resolved,
        })
    }

    fn covers(&self, path: &Path) -> bool {
        path.starts_with(&self.written) || path.starts_with(&self.resolved)
    }
}

fn has_parent(path: &Path) -> bool {
    path.components().any(|c| matches!(c, Component::ParentDir))
}

/// Only plain files and folders: a FIFO would block, a device would do worse.
fn plain(resolved: &Path, written: &str) -> Result<PathBuf, ToolError> {
    match std::fs::metadata(resolved) {
        Ok(meta) if meta.is_file() || meta.is_dir() => Ok(resolved.to_path_buf()),
        Ok(_) => Err(ToolError(format!("{written}: neither a plain file nor a folder"))),
        Err(error) => Err(ToolError(format!("{written}: {error}"))),
    }
}

fn list(root: &Path, folder: &Path, depth: usize, budget: &mut usize, found: &mut Vec<RecordingFile>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        if *budget == 0 {
            return;
        }
        *budget -= 1;
        let Ok(kind) = entry.file_type() else { continue };
        let path = entry.path();
        if kind.is_dir() && depth < LIST_DEPTH_MAX {
            list(root, &path, depth + 1, budget, found);
        } else if kind.is_file() && path.extension().is_some_and(|e| e == "poolscope") {
            let relative = path.strip_prefix(root).unwrap_or(&path);
            let name = relative
                .components()
                .map(|c| c.as_os_str().to_string_lossy())
                .collect::<Vec<_>>()
                .join("/");
            let bytes = entry.metadata().map_or(0, |m| m.len());
            found.push(RecordingFile { path, name, bytes });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    struct House {
        _dir: tempfile::TempDir,
        inside: PathBuf,
        outside: PathBuf,
        policy: Policy,
    }

    fn house() -> House {
        let dir = tempfile::tempdir().unwrap();
        let (inside, outside) = (dir.path().join("in"), dir.path().join("out"));
        for folder in [&inside, &outside] {
            std::fs::create_dir_all(folder).unwrap();
            std::fs::write(folder.join("a.csv"), "x").unwrap();
        }
        std::fs::create_dir_all(inside.join("deep")).unwrap();
        std::fs::write(inside.join("deep/r.poolscope"), "12345").unwrap();
        let policy = Policy::new(std::slice::from_ref(&inside), Some(&inside)).unwrap();
        House {
            _dir: dir,
            inside,
            outside,
            policy,
        }
    }

    #[test]
    fn reads_only_below_the_allowed_folders() {
        let h = house();
        let inside = h.inside.to_str().unwrap();
        let outside = h.outside.to_str().unwrap();
        let cases = [
            (format!("{inside}/a.csv"), true),
            ("a.csv".to_owned(), true),
            ("deep/r.poolscope".to_owned(), true),
            (inside.to_owned(), true),
            (format!("{outside}/a.csv"), false),
            (format!("{inside}/../out/a.csv"), false),
            ("../out/a.csv".to_owned(), false),
            ("/etc/passwd".to_owned(), false),
            (format!("{inside}X/a.csv"), false),
            (String::new(), false),
            ("a\0b".to_owned(), false),
            ("missing.csv".to_owned(), false),
        ];
        for (path, allowed) in cases {
            assert_eq!(h.policy.readable(&path).is_ok(), allowed, "{path:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn links_are_resolved_before_they_are_judged() {
        use std::os::unix::fs::symlink;
        let h = house();
        symlink(h.outside.join("a.csv"), h.inside.join("leads-out.csv")).unwrap();
        symlink(&h.outside, h.inside.join("folder-out")).unwrap();
        symlink(h.inside.join("a.csv"), h.inside.join("stays-in.csv")).unwrap();
        symlink(
            h.outside.join("new.poolscope"),
            h.inside.join("planted.poolscope"),
        )
        .unwrap();
        assert!(h.policy.readable("leads-out.csv").is_err());
        assert!(h.policy.readable("folder-out/a.csv").is_err());
        assert!(h.policy.readable("stays-in.csv").is_ok());
        assert!(h.policy.recordable("planted").is_err());
    }

    #[test]
    fn outside_and_missing_cannot_be_told_apart() {
        let h = house();
        let there = h
            .policy
            .readable(h.outside.join("a.csv").to_str().unwrap())
            .unwrap_err()
            .0;
        let not_there = h
            .policy
            .readable(h.outside.join("b.csv").to_str().unwrap())
            .unwrap_err()
            .0;
        assert_eq!(there.replace("a.csv", "b.csv"), not_there);
    }

    #[test]
    fn recordings_have_plain_names_in_one_folder() {
        let h = house();
        let cases = [
            ("today", true),
            ("today.poolscope", true),
            ("a/b", false),
            ("..", false),
            (".hidden", false),
            ("", false),
            ("con:stream", false),
        ];
        for (name, allowed) in cases {
            assert_eq!(h.policy.recordable(name).is_ok(), allowed, "{name:?}");
        }
        assert!(Policy::new(&[], None).unwrap().recordable("today").is_err());
    }

    #[test]
    fn lists_recordings_below_the_folders() {
        let h = house();
        let names: Vec<_> = h
            .policy
            .recordings()
            .into_iter()
            .map(|r| (r.name, r.bytes))
            .collect();
        assert_eq!(names, [("deep/r.poolscope".to_owned(), 5)]);
    }

    proptest! {
        #[test]
        fn no_text_leads_outside(text in ".{0,40}") {
            let h = house();
            if let Ok(path) = h.policy.readable(&text) {
                prop_assert!(path.starts_with(std::fs::canonicalize(&h.inside).unwrap()));
            }
            if let Ok(path) = h.policy.recordable(&text) {
                prop_assert_eq!(path.parent().unwrap(), std::fs::canonicalize(&h.inside).unwrap());
            }
        }
    }
}
