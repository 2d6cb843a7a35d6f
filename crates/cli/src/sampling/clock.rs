//! Time as sampling sees it: how much has passed, and waiting until more has.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// Why a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// The time has come.
    Due,
    /// The user wants to stop.
    Stop,
}

/// A clock that no time setting moves.
pub trait Clock {
    /// Time since the clock was made.
    fn elapsed(&self) -> Duration;

    /// Waits until [`Clock::elapsed`] reaches `due`, or the user wants to stop.
    fn wait_until(&mut self, due: Duration) -> Wake;
}

/// The machine's clock, and Ctrl-C.
#[derive(Debug)]
pub struct SystemClock {
    started: Instant,
    stop: Receiver<()>,
}

/// Set by the first Ctrl-C; the second one does not wait for a clean end.
static STOPPING: AtomicBool = AtomicBool::new(false);

/// Exit status of a program that Ctrl-C ended: 128 and SIGINT's number.
const INTERRUPTED: i32 = 130;

impl SystemClock {
    /// Starts the clock and takes over Ctrl-C, SIGTERM and the closing of the console window. To be called once a process.
    ///
    /// # Errors
    /// In words, when the handler cannot be set.
    pub fn start() -> Result<Self, String> {
        let (send, stop) = channel();
        ctrlc::set_handler(move || {
            if STOPPING.swap(true, Ordering::SeqCst) {
                // Every sample is on disk already, so nothing is lost.
                std::process::exit(INTERRUPTED);
            }
            let _ = send.send(());
        })
        .map_err(|error| format!("cannot handle Ctrl-C: {error}"))?;
        Ok(Self {
            started: Instant::now(),
            stop,
        })
    }
}

impl Clock for SystemClock {
    fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    fn wait_until(&mut self, due: Duration) -> Wake {
        match self.stop.recv_timeout(due.saturating_sub(self.elapsed())) {
            Err(RecvTimeoutError::Timeout) => Wake::Due,
            // The handler lives as long as the process, so a closed channel cannot be waited on again.
            Ok(()) | Err(RecvTimeoutError::Disconnected) => Wake::Stop,
        }
    }
}
