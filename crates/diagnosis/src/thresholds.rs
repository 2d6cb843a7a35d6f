//! Every limit that decides a finding, with its reason. `docs/findings.md` lists them.
//!
//! The absolute limits are those of the long-standing manual workflow and fit a machine of [`REFERENCE_PHYSICAL`]. Each
//! has a scaled twin, because 600 MiB of nonpaged pool is a lot on 8 GiB and nothing on 256 GiB. Both are shown.

use crate::words::{GIB, MIB};

/// The machine the absolute limits were made for: 16 GiB.
pub const REFERENCE_PHYSICAL: u64 = 16 * GIB;
/// Nonpaged pool above this is a red flag: 500 MiB. Healthy clients hold 200 to 400 MiB.
pub const NONPAGED: u64 = 500 * MIB;
/// Scaled: 6 % of memory. 16 GiB × 6 % ≈ 1 GiB; a server's larger caches and device rings stay below it.
pub const NONPAGED_SHARE: f64 = 0.06;
/// Paged pool above this is a red flag: 1.5 GiB.
pub const PAGED: u64 = 1536 * MIB;
/// Scaled: 12 % of memory. File servers map many files (`MmSt`), which is a cache and not a leak.
pub const PAGED_SHARE: f64 = 0.12;
/// Secure System above this is a red flag: 1 GiB. Public reports give 80 to 100 MB as usual.
pub const SECURE_SYSTEM: u64 = GIB;
/// Scaled: 6 % of memory.
pub const SECURE_SYSTEM_SHARE: f64 = 0.06;
/// Commit above this multiple of physical memory is a red flag.
pub const COMMIT_TIMES_PHYSICAL: f64 = 1.5;
/// Commit above this share of its limit: allocations are about to fail.
pub const COMMIT_OF_LIMIT: f64 = 0.9;
/// A pool flag turns critical above this share of memory: a quarter of it is out of reach of programs.
pub const POOL_CRITICAL_SHARE: f64 = 0.25;

/// Memory counts as short when less than this share is available.
pub const AVAILABLE_SHORT: f64 = 0.2;
/// With memory short and the kernel's pools below this share of what is in use, tags are not the reason.
pub const POOL_INNOCENT_SHARE: f64 = 0.15;

/// A leak is only a notice when [`DAYS_AHEAD`] of it, and what it holds now, stay below this share of memory.
pub const SMALL_SHARE: f64 = 0.005;
/// A month: about the time between two restarts for updates.
pub const DAYS_AHEAD: f64 = 30.0;
/// A rate is not carried further ahead than this many times the recording: two minutes say nothing of next month.
pub const SPAN_AHEAD: f64 = 200.0;
/// A leak or an unfreed tag is critical when it holds this share of memory.
pub const CRITICAL_SHARE: f64 = 0.25;
/// A leak is critical when it fills what is left within this many days.
pub const CRITICAL_DAYS: f64 = 1.0;
/// A suspect is a warning when it would fill what is left within this many days.
pub const SUSPECT_DAYS: f64 = 7.0;
/// An unfreed tag is a warning when it holds this share of memory: 2 % (328 MiB of 16 GiB). Boot-time allocations that
/// are never freed (frame buffers, DMA rings) stay below it on ordinary machines.
pub const UNFREED_SHARE: f64 = 0.02;

/// Event-tracing sessions on an ordinary machine: 15 to 25.
pub const ETW_NORMAL: usize = 25;
/// Elevated from here.
pub const ETW_ELEVATED: usize = 30;
/// Excessive from here; Windows allows 64 by default.
pub const ETW_EXCESSIVE: usize = 50;
/// A bill for trace buffers above this is worth a warning: 512 MiB. 25 sessions with 64 buffers of 64 KiB are 100 MiB.
pub const ETW_BYTES: u64 = 512 * MIB;
/// One session above this is named: 64 MiB.
pub const ETW_SESSION_BYTES: u64 = 64 * MIB;

/// Secure System follows pool only if the correlation is at least this.
pub const VBS_R: f64 = 0.8;
/// … and the correlation of the changes, which a common trend cannot produce, at least this.
pub const VBS_R_CHANGES: f64 = 0.3;
/// … over at least this many pairs.
pub const VBS_SAMPLES: usize = 8;

/// Fast Startup is said when the kernel is older than the last boot event by this: 1 hour.
pub const FAST_STARTUP_GAP_S: f64 = 3_600.0;
/// Events older than this before the end of the recording are history, not evidence: 30 days.
pub const EVENT_WINDOW_DAYS: f64 = 30.0;
