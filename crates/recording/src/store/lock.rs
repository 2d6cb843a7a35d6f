//! One writer a recording.
//!
//! A file beside the recording is locked as long as the writer lives: the system takes the lock back when the process dies,
//! however it dies. The process id stands in the recording itself, because a locked file cannot be read on Windows.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

/// The lock of one recording; given back when dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    path: PathBuf,
    file: File,
}

/// Why there is no lock.
#[derive(Debug)]
pub(crate) enum LockError {
    /// Another writer has it.
    Taken,
    /// The lock file cannot be made or locked.
    Io(std::io::Error),
}

fn path_for(recording: &Path) -> PathBuf {
    let mut name = recording.as_os_str().to_owned();
    name.push("-lock");
    PathBuf::from(name)
}

impl Lock {
    pub(crate) fn take(recording: &Path) -> Result<Self, LockError> {
        let path = path_for(recording);
        let open = || {
            OpenOptions::new()
                .create(true)
                .truncate(false)
                .read(true)
                .write(true)
                .open(&path)
        };
        let file = open().map_err(LockError::Io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(LockError::Taken),
            Err(TryLockError::Error(error)) => return Err(LockError::Io(error)),
        }
        // The writer before may have removed the file between our opening and locking it; then the lock is on a file that
        // nobody else will ever find. The writer's mark in the recording catches what slips through here.
        if !path.exists() {
            return Err(LockError::Taken);
        }
        Ok(Self { path, file })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Removed while it is still locked: who opens it now finds it locked or gone. A failure leaves an empty file.
        let _ = std::fs::remove_file(&self.path);
        let _ = self.file.unlock();
    }
}
