//! From rows of `nt-abi` to the domain: what a raw capture and live Windows share. Pure, the same on any system.

pub(crate) mod memory;
pub(crate) mod process;
pub(crate) mod rows;
pub(crate) mod tags;

// Only live Windows has these; their tests run everywhere.
#[cfg(any(windows, test))]
pub(crate) mod drivers;
#[cfg(any(windows, test))]
pub(crate) mod handles;
#[cfg(any(windows, test))]
pub(crate) mod platform;

/// Bytes of a page on every Windows there is (x86, x64, ARM64), where the kernel was not asked.
pub(crate) const PAGE_BYTES: u64 = 4096;
