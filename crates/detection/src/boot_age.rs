//! Whether the kernel had only just booted: then caches and drivers still fill what they keep for good.

use snapshot::History;

use crate::judge::Studied;
use crate::screen::Held;

/// Seconds after boot until when growth of kilobytes is ordinary. Drivers still start and caches still fill in a raw capture
/// that ends three minutes after boot; how much longer it takes differs, so this is ten times that.
const SETTLED: f64 = 1_800.0;

/// Whether a kernel with this uptime may have booted less than [`SETTLED`] before the end of a window of `length` seconds.
///
/// Where the recording holds no uptime, allocations tell it: a window that holds a certain part of all allocations since boot
/// lasted about that part of the time. Where neither is known nothing says that the kernel is older.
pub(crate) fn just_booted(
    uptime_s: Option<f64>,
    history: &History,
    studied: &[Studied],
    length: f64,
) -> bool {
    uptime_s
        .or_else(|| age_by_allocations(history, studied, length))
        .is_none_or(|age| age < SETTLED)
}

/// Seconds since boot, were all allocations made at the rate of the window. Counters that wrapped before it make it shorter.
fn age_by_allocations(history: &History, studied: &[Studied], length: f64) -> Option<f64> {
    let (mut ever, mut within) = (0.0, 0.0);
    for (series, studied) in history.series.iter().zip(studied) {
        if let (Some(all), Some(new)) = (Held::of(series).allocs, studied.reduced.allocated) {
            ever += all as f64;
            within += new;
        }
    }
    (within > 0.0 && length > 0.0).then(|| length * ever / within)
}
