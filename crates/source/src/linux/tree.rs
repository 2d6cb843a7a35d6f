//! Reads the kernel's files below a root folder, with a cap and a plain reason for each failure.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use snapshot::Problem;

/// No file of procfs comes near this; a tree that offers more is not one.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// The folder that holds `proc`, `sys` and `etc`.
#[derive(Debug)]
pub(super) struct Tree {
    root: PathBuf,
}

/// Why a file could not be read.
#[derive(Debug)]
pub(super) struct Unreadable {
    /// The path as people know it (`/proc/slabinfo`), without the root of a test tree.
    pub(super) path: String,
    /// What went wrong.
    pub(super) kind: ErrorKind,
    /// The system's words for it.
    detail: String,
}

impl Unreadable {
    /// The reason, and what to do about it where that is known.
    pub(super) fn reason(&self) -> String {
        match self.kind {
            ErrorKind::PermissionDenied => {
                "permission denied: only root may read it. Run poolscope as root (sudo), or give the program the \
                 one capability it needs: setcap cap_dac_read_search+ep poolscope"
                    .to_owned()
            }
            ErrorKind::NotFound => "not there".to_owned(),
            _ => self.detail.clone(),
        }
    }

    /// As a problem of `step`.
    pub(super) fn problem(&self, step: &str) -> Problem {
        Problem::new(step, format!("{}: {}", self.path, self.reason()))
    }
}

impl Tree {
    pub(super) fn new(root: &Path) -> Self {
        Self {
            root: root.to_path_buf(),
        }
    }

    /// The real path of `path`, which is relative to the root.
    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// True for the running kernel's own files, where more may be relied on than in a tree of copies.
    pub(super) fn is_procfs(&self) -> bool {
        self.root == Path::new("/")
    }

    /// Reads all of `path` into `buffer`, whose memory is reused.
    pub(super) fn read(&self, path: &str, buffer: &mut Vec<u8>) -> Result<(), Unreadable> {
        buffer.clear();
        let fail = |error: &std::io::Error| unreadable(path, error);
        let file = File::open(self.path(path)).map_err(|e| fail(&e))?;
        let read = file
            .take(FILE_BYTES_MAX + 1)
            .read_to_end(buffer)
            .map_err(|e| fail(&e))?;
        if read as u64 > FILE_BYTES_MAX {
            buffer.clear();
            return Err(Unreadable {
                path: format!("/{path}"),
                kind: ErrorKind::FileTooLarge,
                detail: format!("larger than {} MiB", FILE_BYTES_MAX >> 20),
            });
        }
        Ok(())
    }

    /// A small file as text without surrounding white space. For one-off reads, not for sampling.
    pub(super) fn text(&self, path: &str) -> Result<String, Unreadable> {
        let mut buffer = Vec::new();
        self.read(path, &mut buffer)?;
        Ok(String::from_utf8_lossy(&buffer).trim().to_owned())
    }
}

/// The error of `path`, relative to the root.
pub(super) fn unreadable(path: &str, error: &std::io::Error) -> Unreadable {
    Unreadable {
        path: format!("/{path}"),
        kind: error.kind(),
        detail: error.to_string(),
    }
}

/// Lines with their numbers from 1, without empty ones.
pub(super) fn lines(text: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    text.split(|&b| b == b'\n')
        .enumerate()
        .map(|(i, line)| (i + 1, line.trim_ascii()))
        .filter(|(_, line)| !line.is_empty())
}

/// Fields between white space.
pub(super) fn fields(line: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    line.split(u8::is_ascii_whitespace)
        .filter(|field| !field.is_empty())
}

/// A decimal number without sign, whole or not at all.
pub(super) fn number(field: &[u8]) -> Option<u64> {
    if field.is_empty() || !field.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(field).ok()?.parse().ok()
}

/// Lines of one file that could not be understood: counted, the first one kept.
#[derive(Debug, Default, PartialEq)]
pub(super) struct BadLines {
    count: usize,
    first: Option<(usize, String)>,
}

impl BadLines {
    /// Notes that line `line` was skipped.
    pub(super) fn note(&mut self, line: usize, reason: &str) {
        self.count += 1;
        if self.first.is_none() {
            self.first = Some((line, reason.to_owned()));
        }
    }

    /// One problem for all of them.
    pub(super) fn problem(&self, step: &str, path: &str) -> Option<Problem> {
        let (line, reason) = self.first.as_ref()?;
        let more = match self.count {
            1 => String::new(),
            n => format!(" ({} more lines like it)", n - 1),
        };
        Some(Problem::new(
            step,
            format!("{path}: line {line} skipped: {reason}{more}"),
        ))
    }
}
