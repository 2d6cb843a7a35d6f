//! The files that the development programs are pointed at.

use std::path::{Path, PathBuf};

/// Adds `path`, or what lies below it in the order of names, where the name ends in one of `endings`.
pub(crate) fn below(path: &Path, endings: &[&str], out: &mut Vec<PathBuf>) {
    if path.is_dir() {
        let mut entries: Vec<PathBuf> = std::fs::read_dir(path)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .collect();
        entries.sort();
        entries.iter().for_each(|entry| below(entry, endings, out));
    } else if path
        .extension()
        .is_some_and(|own| endings.iter().any(|ending| own.eq_ignore_ascii_case(ending)))
    {
        out.push(path.to_owned());
    }
}
