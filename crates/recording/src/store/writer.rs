//! Appends samples to a recording.

use std::path::Path;

use snapshot::{HostFacts, Snapshot};

use crate::WriteError;

/// How to write.
#[derive(Clone, Debug, Default)]
pub struct WriterOptions {
    /// Seconds between samples, where known: a sample that comes much later is marked as after a gap.
    pub interval_s: Option<f64>,
    /// Size limit in bytes. Above it old samples are thinned to 5 minutes, then to hours.
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
    path: std::path::PathBuf,
}

impl Writer {
    /// Opens `path` to append, or makes it. `host` replaces what an existing file says where it says more.
    ///
    /// # Errors
    /// See [`WriteError`].
    pub fn open(path: &Path, host: &HostFacts, options: &WriterOptions) -> Result<Self, WriteError> {
        let _ = (host, options);
        Ok(Self {
            path: path.to_path_buf(),
        })
    }

    /// Stores one sample. When this returns `Ok` the sample survives `kill -9` and power loss.
    ///
    /// # Errors
    /// See [`WriteError`]. After an error the file holds all samples acknowledged before, and `append` may be tried again.
    pub fn append(&mut self, snapshot: &Snapshot) -> Result<Appended, WriteError> {
        let _ = snapshot;
        Err(WriteError::Failed {
            path: self.path.clone(),
            reason: "no writer yet".to_owned(),
        })
    }

    /// Ends the recording: merges what is left and gives the file back to other writers. Dropping the writer loses no
    /// sample either.
    ///
    /// # Errors
    /// See [`WriteError`].
    pub fn close(self) -> Result<(), WriteError> {
        Ok(())
    }
}
