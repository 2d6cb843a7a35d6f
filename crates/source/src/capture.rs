//! Folders of raw `NtQuerySystemInformation` buffers, as a small program on an NT-type kernel saves them.
//!
//! Each file is a header of 64 bytes and then the buffer as the kernel left it. Little endian:
//!
//! | offset | field |
//! |---|---|
//! | 0 | magic `NTQSIRAW` |
//! | 8 | u32 version, 1 |
//! | 12 | u32 information class |
//! | 16 | u32 NTSTATUS of the call |
//! | 20 | u32 pointer width in bits |
//! | 24 | u64 system time right after the call, 100 ns since 1601 UTC |
//! | 32 | u32 length passed in |
//! | 36 | u32 length returned |
//! | 40 | u32 bytes that follow the header: as many as returned, and perhaps a few that were not written |
//! | 44 | u32 sequence number |
//! | 48 | u32 status, u32 returned length of a first call with length 0 |
//!
//! Class 22 or 255 files become samples by their system time; the other classes become facts of the sample before
//! them. A refused call becomes a problem.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use nt_abi::{AbiError, Interface, NtStatus, PointerWidth, class};
use snapshot::{BootId, History, HostFacts, MomentFacts, OsKind, Problem, SourceKind, Timestamp};

use crate::nt;

mod assemble;
#[cfg(test)]
mod tests;

/// First bytes of every file.
pub const MAGIC: &[u8; 8] = b"NTQSIRAW";

/// Bytes of the header.
const HEADER_BYTES: usize = 64;
/// No buffer of a kernel is larger; a file that is, is none.
const MAX_FILE_BYTES: u64 = 256 << 20;
/// A capture every second for a day, and more.
const MAX_FILES: usize = 200_000;

/// A capture that cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CaptureError {
    /// A file or folder cannot be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not a raw capture, or its header cannot be true.
    #[error("{}: at byte {offset}: {reason}", path.display())]
    Header {
        /// Which file.
        path: PathBuf,
        /// Where in the file.
        offset: usize,
        /// What is wrong there.
        reason: String,
    },
    /// There is no readable table of pool tags among the files.
    #[error("{}: no readable table of pool tags (class 22 or 255){}", path.display(), first_reason(problems))]
    NoTags {
        /// The folder or file.
        path: PathBuf,
        /// What was wrong with those that were there.
        problems: Vec<Problem>,
    },
}

fn first_reason(problems: &[Problem]) -> String {
    problems.first().map_or_else(String::new, |problem| {
        format!(": {}: {}", problem.step, problem.message)
    })
}

/// True when the bytes begin like a raw capture.
#[must_use]
pub fn is_capture(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// True when the path is a raw capture, or a folder with at least one in it.
#[must_use]
pub fn is_capture_path(path: &Path) -> bool {
    let begins_with_magic = |path: &Path| {
        let mut start = [0; MAGIC.len()];
        fs::File::open(path)
            .and_then(|mut file| file.read_exact(&mut start))
            .is_ok()
            && &start == MAGIC
    };
    if path.is_file() {
        return begins_with_magic(path);
    }
    fs::read_dir(path).is_ok_and(|entries| {
        let files = entries
            .filter_map(Result::ok)
            .take(MAX_FILES)
            .map(|entry| entry.path());
        files
            .filter(|path| path.is_file())
            .any(|path| begins_with_magic(&path))
    })
}

/// One file, its header read.
#[derive(Clone, Debug)]
struct Captured {
    name: String,
    class: u32,
    status: NtStatus,
    width: PointerWidth,
    at: i64,
    sequence: u32,
    buffer: Vec<u8>,
}

impl Captured {
    fn interface(&self) -> Interface {
        Interface::System(self.class)
    }
}

/// Reads a folder of raw captures, or a single one. Other files in the folder are passed over.
///
/// # Errors
/// When the folder cannot be read, or no table of pool tags is among the files. Single bad files are listed under
/// the history's problems.
pub fn read_folder(path: &Path) -> Result<History, CaptureError> {
    let io = |source| CaptureError::Io {
        path: path.to_owned(),
        source,
    };
    if fs::metadata(path).map_err(io)?.is_file() {
        return read_files(path, &[path.to_owned()], true);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(io)?.take(MAX_FILES) {
        files.push(entry.map_err(io)?.path());
    }
    files.sort();
    read_files(path, &files, false)
}

/// Reads one raw capture that is already in memory; `path` is what errors call it.
///
/// # Errors
/// As [`read_folder`].
pub fn read_bytes(path: &Path, bytes: &[u8]) -> Result<History, CaptureError> {
    let captured = captured(path, bytes)?.ok_or_else(|| not_a_capture(path))?;
    finish(path, vec![captured], Vec::new())
}

fn not_a_capture(path: &Path) -> CaptureError {
    let reason = "not a raw capture (NTQSIRAW)".to_owned();
    CaptureError::Header {
        path: path.to_owned(),
        offset: 0,
        reason,
    }
}

fn finish(root: &Path, captured: Vec<Captured>, problems: Vec<Problem>) -> Result<History, CaptureError> {
    let history = assemble::history(captured, problems);
    if history.samples.is_empty() {
        return Err(CaptureError::NoTags {
            path: root.to_owned(),
            problems: history.problems,
        });
    }
    Ok(history)
}

fn read_files(root: &Path, files: &[PathBuf], single: bool) -> Result<History, CaptureError> {
    let mut problems = Vec::new();
    let mut captured = Vec::new();
    for path in files {
        match read_file(path) {
            Ok(Some(file)) => captured.push(file),
            Ok(None) if !single => {}
            Ok(None) => return Err(not_a_capture(path)),
            Err(error) if single => return Err(error),
            Err(error) => problems.push(Problem::new("capture", error.to_string())),
        }
    }
    finish(root, captured, problems)
}

/// Reads one file; `None` when it is no raw capture.
fn read_file(path: &Path) -> Result<Option<Captured>, CaptureError> {
    let io = |source| CaptureError::Io {
        path: path.to_owned(),
        source,
    };
    let file = fs::File::open(path).map_err(io)?;
    let metadata = file.metadata().map_err(io)?;
    if !metadata.is_file() || metadata.len() > MAX_FILE_BYTES {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES).read_to_end(&mut bytes).map_err(io)?;
    captured(path, &bytes)
}

fn captured(path: &Path, bytes: &[u8]) -> Result<Option<Captured>, CaptureError> {
    if !is_capture(bytes) {
        return Ok(None);
    }
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    parse(bytes, name)
        .map(Some)
        .map_err(|(offset, reason)| CaptureError::Header {
            path: path.to_owned(),
            offset,
            reason,
        })
}

/// Reads the header and cuts the buffer to what the kernel says it wrote.
fn parse(bytes: &[u8], name: String) -> Result<Captured, (usize, String)> {
    let cut = |at: usize| (at, "the header is cut off".to_owned());
    let u32_at = |at: usize| {
        let field = bytes.get(at..).and_then(|rest| rest.first_chunk());
        field.copied().map(u32::from_le_bytes).ok_or_else(|| cut(at))
    };
    let u64_at = |at: usize| {
        let field = bytes.get(at..).and_then(|rest| rest.first_chunk());
        field.copied().map(u64::from_le_bytes).ok_or_else(|| cut(at))
    };
    let rest = bytes.get(HEADER_BYTES..).ok_or_else(|| cut(bytes.len()))?;
    match u32_at(8)? {
        1 => {}
        version => return Err((8, format!("version {version} is not known"))),
    }
    let bits = u32_at(20)?;
    let width = PointerWidth::from_bits(bits).ok_or_else(|| (20, format!("a pointer of {bits} bits")))?;
    let at = i64::try_from(u64_at(24)?).map_err(|_| (24, "a time beyond the year 30,000".to_owned()))?;
    let status = NtStatus(u32_at(16)?);
    let (returned, following) = (u32_at(36)? as usize, u32_at(40)? as usize);
    if following > rest.len() {
        return Err((40, format!("{following} bytes announced, {} there", rest.len())));
    }
    if status.is_success() && returned > rest.len() {
        return Err((36, format!("{returned} bytes returned, {} there", rest.len())));
    }
    let buffer = rest.get(..returned.min(following)).unwrap_or_default().to_vec();
    Ok(Captured {
        name,
        class: u32_at(12)?,
        status,
        width,
        at,
        sequence: u32_at(44)?,
        buffer,
    })
}
