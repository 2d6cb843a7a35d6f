//! Boot time and clock: class 3.

use crate::bytes::Bytes;
use crate::{AbiError, Interface, class};

/// Class 3. Times are in units of 100 ns since 1601-01-01 UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimeOfDay {
    /// When this kernel booted. A Fast Startup "shutdown" hibernates the kernel, so it keeps this time.
    pub boot: i64,
    /// Now.
    pub now: i64,
    /// Minutes west of UTC, in 100 ns.
    pub zone_bias: i64,
    /// By how much `boot` was moved since boot because somebody set the clock; absent before Windows 2000.
    pub boot_bias: Option<u64>,
    /// Time spent asleep since boot, 100 ns.
    pub sleep_bias: Option<u64>,
}

impl TimeOfDay {
    /// Boot time as it was at boot: the same number for as long as this kernel runs, whoever sets the clock.
    #[must_use]
    pub fn boot_identity(&self) -> i64 {
        self.boot.wrapping_sub(self.boot_bias.unwrap_or(0) as i64)
    }

    /// Seconds since boot, sleep included; `None` when the clock says it is before boot.
    #[must_use]
    pub fn uptime_s(&self) -> Option<f64> {
        let ticks = self.now.checked_sub(self.boot).filter(|&ticks| ticks >= 0)?;
        Some(ticks as f64 / 1e7)
    }
}

/// Reads class 3, SystemTimeOfDayInformation (`SYSTEM_TIMEOFDAY_INFORMATION`, phnt ntexapi.h): 48 bytes on every
/// kernel since Windows 2000; 32 are accepted.
///
/// # Errors
/// When there are fewer than 32 bytes.
pub fn time_of_day(bytes: &[u8]) -> Result<TimeOfDay, AbiError> {
    let bytes = Bytes::new(bytes, Interface::System(class::TIME_OF_DAY));
    bytes.slice(0, 32)?;
    Ok(TimeOfDay {
        boot: bytes.i64(0)?,
        now: bytes.i64(8)?,
        zone_bias: bytes.i64(16)?,
        boot_bias: bytes.u64(32).ok(),
        sleep_bias: bytes.u64(40).ok(),
    })
}
