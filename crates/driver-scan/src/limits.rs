//! Bounds of a scan and why it may fail.

use thiserror::Error;

/// Bounds that keep a scan of a hostile file short. The defaults fit every known driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest image, in bytes.
    pub max_bytes: usize,
    /// Most imports read.
    pub max_imports: usize,
    /// Most entries of the exception directory read.
    pub max_functions: u32,
    /// Most base relocations read.
    pub max_pointers: usize,
    /// Interpreted operations: this many, and `steps_per_byte` more for each byte of code.
    pub base_steps: u64,
    /// See `base_steps`.
    pub steps_per_byte: u64,
    /// Most findings reported.
    pub max_findings: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_bytes: 256 << 20,
            max_imports: 20_000,
            max_functions: 1_000_000,
            max_pointers: 2_000_000,
            base_steps: 2_000_000,
            steps_per_byte: 16,
            max_findings: 100_000,
        }
    }
}

/// Why bytes could not be scanned at all.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ScanError {
    /// Not a PE image.
    #[error("not a PE image: {reason}")]
    NotPe {
        /// What was wrong, from the parser.
        reason: String,
    },
    /// A PE image of an instruction set that is not analysed.
    #[error("machine type {0:#06x} is not analysed (x86, x64 and ARM64 are)")]
    Machine(u16),
    /// Larger than [`Limits::max_bytes`].
    #[error("{size} bytes are more than the limit of {limit}")]
    TooLarge {
        /// Size of the file in bytes.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
}
