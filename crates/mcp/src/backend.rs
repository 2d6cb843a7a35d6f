//! What the program provides and the server calls.

use std::path::PathBuf;

use serde_json::Value;

/// One validated call. Paths in it were approved by the [`crate::Policy`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Call {
    /// The whole diagnosis: of this machine, or of a file.
    Diagnose {
        /// A recording, table or bundle; `None` for this machine.
        path: Option<PathBuf>,
        /// Seconds to sample this machine.
        seconds: u32,
    },
    /// The tags of this machine now.
    Snapshot {
        /// Only this pool.
        pool: Option<String>,
        /// Only tags that match one of these wildcards.
        tags: Vec<String>,
        /// Only rows with at least so many bytes.
        min_bytes: u64,
    },
    /// Samples this machine into a recording.
    Track {
        /// Seconds between samples.
        interval_s: u32,
        /// Number of samples.
        samples: u32,
        /// The recording; `None` keeps nothing.
        file: Option<PathBuf>,
    },
    /// Verdicts for files.
    Analyze {
        /// Recordings, tables, bundles.
        paths: Vec<PathBuf>,
    },
    /// Owners of tags.
    Owner {
        /// The tags.
        tags: Vec<String>,
        /// Driver files or folders to scan as well.
        drivers: Option<PathBuf>,
    },
    /// What changed between two recordings.
    Compare {
        /// Before.
        before: PathBuf,
        /// After.
        after: PathBuf,
    },
    /// What a finding code or a tag family means.
    Explain {
        /// `PS0101`, `NtFC`, `EtwB`.
        what: String,
    },
}

impl Call {
    /// Every path that the call touches.
    #[must_use]
    pub fn paths(&self) -> Vec<PathBuf> {
        match self {
            Self::Diagnose { path, .. } => path.iter().cloned().collect(),
            Self::Track { file, .. } => file.iter().cloned().collect(),
            Self::Analyze { paths } => paths.clone(),
            Self::Owner { drivers, .. } => drivers.iter().cloned().collect(),
            Self::Compare { before, after } => vec![before.clone(), after.clone()],
            Self::Snapshot { .. } | Self::Explain { .. } => Vec::new(),
        }
    }
}

/// A call that did not work, in words for the assistant that made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolError(pub String);

/// Progress and cancellation of a running call.
pub trait Watch: Send + Sync {
    /// True once the client has cancelled the call: stop soon.
    fn cancelled(&self) -> bool;

    /// Says how far the call is; `total` 0 when unknown.
    fn progress(&self, done: u32, total: u32, message: &str);
}

/// One page of the findings reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Finding code.
    pub code: String,
    /// One line.
    pub title: String,
    /// The page, Markdown.
    pub markdown: String,
}

/// The program behind the server. Calls block; the server runs them on worker threads.
pub trait Backend: Send + Sync + 'static {
    /// Carries out `call` and returns report JSON (an object).
    ///
    /// # Errors
    /// [`ToolError`] with the reason and, where there is one, what to do about it.
    fn call(&self, call: Call, watch: &dyn Watch) -> Result<Value, ToolError>;

    /// The findings reference, by rising code.
    fn references(&self) -> Vec<Reference>;

    /// Version of the program.
    fn version(&self) -> String;
}
