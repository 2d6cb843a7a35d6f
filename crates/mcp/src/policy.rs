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
/// Entries of a folder that is approved as a whole; the driver store has some ten thousand.
const FOLDER_ENTRIES_MAX: usize = 200_000;

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
        if cfg!(windows)
            && path
                .components()
                .any(|c| matches!(c, Component::Normal(n) if trap(&n.to_string_lossy())))
        {
            return Err(ToolError(format!(
                "{written:?}: not a path this server accepts (a device, a stream, or a name that Windows reads otherwise)"
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
                Ok(resolved) if self.holds(&resolved) => {
                    self.sound(&resolved, written)?;
                    return Ok(resolved);
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
        if trap(stem) {
            return Err(ToolError(format!(
                "{name:?}: means a device or another name on Windows"
            )));
        }
        let path = root.resolved.join(format!("{stem}.poolscope"));
        match std::fs::symlink_metadata(&path) {
            Ok(meta) if !meta.is_file() => Err(ToolError(format!("{name}: exists and is not a plain file"))),
            _ => Ok(path),
        }
    }

    /// Judges a path that was approved before once more, when the work with it is done.
    ///
    /// # Errors
    /// It is no longer what was approved: a part of it, or something in the folder, became a link.
    pub fn unchanged(&self, approved: &Path) -> Result<(), ToolError> {
        let shown = approved.display().to_string();
        match std::fs::canonicalize(approved) {
            Ok(now) if now == approved && self.holds(&now) => self.sound(&now, &shown),
            _ => Err(ToolError(format!("{shown}: was exchanged while it was read"))),
        }
    }

    fn holds(&self, resolved: &Path) -> bool {
        self.allow.iter().any(|root| resolved.starts_with(&root.resolved))
    }

    /// A plain file that can be read without writing, or a folder from which no link leads out.
    fn sound(&self, resolved: &Path, written: &str) -> Result<(), ToolError> {
        let meta = std::fs::metadata(resolved).map_err(|error| ToolError(format!("{written}: {error}")))?;
        if meta.is_dir() {
            self.closed(resolved, written)
        } else if !meta.is_file() {
            // A FIFO would block, a device would do worse.
            Err(ToolError(format!("{written}: neither a plain file nor a folder")))
        } else if self.must_be_repaired(resolved) {
            Err(ToolError(format!(
                "{written}: is being written, or its writer was killed and left a journal that has to be played back into \
                 it, which this server does not do outside its recordings folder; `poolscope analyze` does"
            )))
        } else {
            Ok(())
        }
    }

    /// SQLite would write to a file with a journal that was left behind.
    fn must_be_repaired(&self, file: &Path) -> bool {
        let ours = self
            .recordings
            .as_ref()
            .is_some_and(|r| file.starts_with(&r.resolved));
        let left = |ending: &str| {
            let mut name = file.as_os_str().to_owned();
            name.push(ending);
            std::fs::symlink_metadata(name).is_ok_and(|m| m.len() > 0)
        };
        !ours && (left("-journal") || left("-wal"))
    }

    /// Everything in an approved folder may be opened, so no link in it may lead out.
    fn closed(&self, folder: &Path, written: &str) -> Result<(), ToolError> {
        let mut folders = vec![folder.to_path_buf()];
        let mut budget = FOLDER_ENTRIES_MAX;
        while let Some(folder) = folders.pop() {
            let entries = std::fs::read_dir(&folder)
                .map_err(|error| ToolError(format!("{}: {error}", folder.display())))?;
            for entry in entries.flatten() {
                budget = budget.checked_sub(1).ok_or_else(|| {
                    ToolError(format!("{written}: holds more than {FOLDER_ENTRIES_MAX} files"))
                })?;
                let Ok(kind) = entry.file_type() else { continue };
                let path = entry.path();
                if kind.is_dir() {
                    folders.push(path);
                } else if kind.is_symlink() && !std::fs::canonicalize(&path).is_ok_and(|to| self.holds(&to)) {
                    return Err(ToolError(format!(
                        "{written}: the link {} in it leads out of the folders this server may read",
                        entry.file_name().to_string_lossy()
                    )));
                }
            }
        }
        Ok(())
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

    /// As far as the letters tell. Windows does not look at their case, and what the letters let through is resolved and
    /// judged again.
    fn covers(&self, path: &Path) -> bool {
        let begins = |path: &Path| path.starts_with(&self.written) || path.starts_with(&self.resolved);
        if !cfg!(windows) {
            return begins(path);
        }
        let lower = |path: &Path| PathBuf::from(path.to_string_lossy().to_lowercase());
        let path = lower(path);
        path.starts_with(lower(&self.written)) || path.starts_with(lower(&self.resolved))
    }
}

fn has_parent(path: &Path) -> bool {
    path.components().any(|c| matches!(c, Component::ParentDir))
}

/// A name that Windows takes for something else than a file of that name: a device (`NUL`, `com1.txt`), a stream
/// (`a.csv:b`), or, with a point or space at its end, another file.
fn trap(name: &str) -> bool {
    const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "conin$", "conout$"];
    let stem = name
        .split(['.', ':'])
        .next()
        .unwrap_or_default()
        .trim_end()
        .to_lowercase();
    let numbered = ["com", "lpt"].iter().any(|device| {
        let rest = stem.strip_prefix(device).unwrap_or_default();
        rest.chars().count() == 1 && rest.chars().all(|c| c.is_ascii_digit() || "¹²³".contains(c))
    });
    DEVICES.contains(&stem.as_str()) || numbered || name.contains(':') || name.ends_with(['.', ' '])
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
        // A folder is read as a whole: a link in it must not lead out either.
        let inside = h.inside.to_str().unwrap();
        assert!(h.policy.readable(inside).unwrap_err().0.contains("leads out"));
        assert!(h.policy.readable("deep").is_ok());
        symlink(h.outside.join("a.csv"), h.inside.join("deep/b.csv")).unwrap();
        assert!(h.policy.readable("deep").unwrap_err().0.contains("b.csv"));
        assert!(h.policy.recordable("planted").is_err());
    }

    #[cfg(unix)]
    #[test]
    fn what_was_exchanged_for_a_link_meanwhile_is_noticed() {
        let h = house();
        let approved = h.policy.readable("a.csv").unwrap();
        assert!(h.policy.unchanged(&approved).is_ok());
        std::fs::remove_file(&approved).unwrap();
        assert!(h.policy.unchanged(&approved).is_err());
        std::os::unix::fs::symlink(h.outside.join("a.csv"), &approved).unwrap();
        assert!(h.policy.unchanged(&approved).unwrap_err().0.contains("exchanged"));
    }

    #[test]
    fn a_recording_with_a_journal_is_repaired_in_the_recordings_folder_alone() {
        let h = house();
        std::fs::write(h.inside.join("deep/r.poolscope-journal"), "x").unwrap();
        assert!(h.policy.readable("deep/r.poolscope").is_ok());
        let read_only = Policy::new(std::slice::from_ref(&h.inside), None).unwrap();
        assert!(
            read_only
                .readable("deep/r.poolscope")
                .unwrap_err()
                .0
                .contains("journal")
        );
        std::fs::write(h.inside.join("deep/r.poolscope-journal"), "").unwrap();
        assert!(read_only.readable("deep/r.poolscope").is_ok());
    }

    #[test]
    fn names_that_windows_reads_otherwise_are_known() {
        for (name, expected) in [
            ("NUL", true),
            ("con.csv", true),
            ("Com1", true),
            ("lpt9.txt", true),
            ("COM¹", true),
            ("nul .txt", true),
            ("a.csv:stream", true),
            ("a.csv.", true),
            ("a.csv ", true),
            ("console.csv", false),
            ("com10.csv", false),
            ("a.csv", false),
        ] {
            assert_eq!(trap(name), expected, "{name:?}");
        }
        let h = house();
        assert!(h.policy.recordable("NUL").is_err());
        assert!(h.policy.recordable("com1.today").is_err());
        assert!(h.policy.recordable("ends.").is_err());
    }

    /// Paths of the other kind: drives, shares and devices.
    #[cfg(windows)]
    #[test]
    fn other_drives_shares_and_devices_are_refused_unseen() {
        let h = house();
        let inside = h.inside.to_str().unwrap();
        for path in [
            r"Q:\a.csv".to_owned(),
            r"C:a.csv".to_owned(),
            r"\a.csv".to_owned(),
            r"\\server\share\a.csv".to_owned(),
            "//server/share/a.csv".to_owned(),
            r"\\?\C:\Windows\win.ini".to_owned(),
            r"\\.\PhysicalDrive0".to_owned(),
            r"\\?\GLOBALROOT\Device\Null".to_owned(),
            format!(r"{inside}\NUL"),
            format!(r"{inside}\a.csv:stream"),
            format!(r"{inside}\..\out\a.csv"),
            "nul".to_owned(),
            "com1".to_owned(),
        ] {
            assert!(h.policy.readable(&path).is_err(), "{path}");
        }
        assert!(h.policy.readable(&format!(r"{inside}\a.csv")).is_ok());
        assert!(h.policy.readable(&inside.to_uppercase()).is_ok());
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
