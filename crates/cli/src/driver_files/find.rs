//! Which files under the given paths are drivers or archives that may hold some.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use snapshot::Problem;

/// Deepest folder looked into.
const MAX_DEPTH: usize = 32;
/// Most files taken; more is no driver store.
const MAX_FILES: usize = 100_000;
/// Archives looked into when they lie in a folder. One that is named is opened whatever it is called.
const ARCHIVES: [&str; 4] = ["whl", "zip", "nupkg", "jar"];
/// Bytes read to see whether a program is a kernel image.
const HEADER: u64 = 4096;
/// `IMAGE_SUBSYSTEM_NATIVE` of the PE format: runs in the kernel, or before Windows does.
const NATIVE: u16 = 1;

/// The files to scan, each once, in the order of the paths and sorted within folders.
pub(super) fn drivers(paths: &[PathBuf], problems: &mut Vec<Problem>) -> Vec<PathBuf> {
    let mut walk = Walk {
        found: Vec::new(),
        seen: BTreeSet::new(),
        problems,
    };
    for path in paths {
        match fs::metadata(path) {
            Ok(meta) if meta.is_dir() => walk.folder(path, 0),
            Ok(_) => walk.take(path.clone()),
            Err(error) => walk.problem(path, &error.to_string()),
        }
    }
    walk.found
}

struct Walk<'a> {
    found: Vec<PathBuf>,
    seen: BTreeSet<String>,
    problems: &'a mut Vec<Problem>,
}

impl Walk<'_> {
    fn problem(&mut self, path: &Path, reason: &str) {
        self.problems
            .push(Problem::new("scan", format!("{}: {reason}", path.display())));
    }

    fn take(&mut self, path: PathBuf) {
        if self.seen.insert(same_file_key(&path)) {
            self.found.push(path);
        }
    }

    fn folder(&mut self, folder: &Path, depth: usize) {
        if depth > MAX_DEPTH {
            self.problem(folder, "folders are nested too deeply, this one was left out");
            return;
        }
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => return self.problem(folder, &error.to_string()),
        };
        let mut entries: Vec<_> = entries.flatten().collect();
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            if self.found.len() >= MAX_FILES {
                self.problem(folder, "too many files, the rest was left out");
                return;
            }
            let path = entry.path();
            // Links to folders are not followed: they may lead in circles.
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => self.folder(&path, depth + 1),
                // A link is looked at through; for plain files the folder has said all there is to know.
                Ok(kind) if wanted(&path) && (kind.is_file() || path.is_file()) => self.take(path),
                Ok(_) => {}
                Err(error) => self.problem(&path, &error.to_string()),
            }
        }
    }
}

/// Equal for paths that name the same file by their letters alone; Windows does not look at the case.
pub(super) fn same_file_key(path: &Path) -> String {
    let text = path.to_string_lossy();
    if cfg!(windows) {
        text.to_lowercase()
    } else {
        text.into_owned()
    }
}

/// Drivers and archives by their ending; programs and libraries when their header says that they run in the kernel.
fn wanted(path: &Path) -> bool {
    let ending = path
        .extension()
        .map(|e| e.to_string_lossy().to_ascii_lowercase())
        .unwrap_or_default();
    match ending.as_str() {
        "sys" => true,
        "exe" | "dll" => runs_in_kernel(path).unwrap_or(false),
        other => ARCHIVES.contains(&other),
    }
}

fn runs_in_kernel(path: &Path) -> Option<bool> {
    let mut header = Vec::new();
    File::open(path)
        .ok()?
        .take(HEADER)
        .read_to_end(&mut header)
        .ok()?;
    subsystem(&header).map(|subsystem| subsystem == NATIVE)
}

/// The subsystem of a PE image: `e_lfanew` at 0x3C, and 68 bytes into the optional header, which follows the signature
/// and the 20 bytes of the file header (PE format, "Optional Header Windows-Specific Fields").
fn subsystem(header: &[u8]) -> Option<u16> {
    if !header.starts_with(b"MZ") {
        return None;
    }
    let at = u32::from_le_bytes(header.get(0x3C..0x40)?.try_into().ok()?);
    let pe = usize::try_from(at).ok()?;
    if header.get(pe..pe.checked_add(4)?)? != b"PE\0\0" {
        return None;
    }
    let at = pe.checked_add(4 + 20 + 68)?;
    Some(u16::from_le_bytes(
        header.get(at..at.checked_add(2)?)?.try_into().ok()?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_subsystem_is_read_or_not_there() {
        let mut image = vec![0; 256];
        image[..2].copy_from_slice(b"MZ");
        image[0x3C] = 0x40;
        image[0x40..0x44].copy_from_slice(b"PE\0\0");
        image[0x40 + 92] = 1;
        assert_eq!(subsystem(&image), Some(NATIVE));
        assert_eq!(subsystem(&image[..0x60]), None);
        image[0x3F] = 0xFF;
        assert_eq!(subsystem(&image), None);
        assert_eq!(subsystem(b"#!/bin/sh"), None);
    }

    #[test]
    fn folders_give_drivers_and_archives_and_named_files_whatever_they_are() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["b.sys", "a.SYS", "tool.exe", "note.txt", "sub/c.sys", "sub/w.whl"] {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }
        let mut problems = Vec::new();
        let paths = [
            dir.path().to_owned(),
            dir.path().join("note.txt"),
            dir.path().join("b.sys"),
            dir.path().join("no"),
        ];
        let found = drivers(&paths, &mut problems);
        let names: Vec<_> = found
            .iter()
            .map(|p| {
                p.strip_prefix(dir.path())
                    .unwrap()
                    .to_string_lossy()
                    .replace('\\', "/")
            })
            .collect();
        assert_eq!(names, ["a.SYS", "b.sys", "sub/c.sys", "sub/w.whl", "note.txt"]);
        assert_eq!(problems.len(), 1);
    }
}
