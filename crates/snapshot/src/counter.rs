//! Counters of one (tag, pool) at one moment.

/// A counter that may not have been read. `u64::MAX` is the mark of that, so columns of counters stay plain.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Counter(u64);

impl Counter {
    /// Not read. Never zero: what is missing is absent.
    pub const UNKNOWN: Self = Self(u64::MAX);

    /// A counter that was read. `u64::MAX` itself cannot be told from "not read"; no kernel gets there.
    #[must_use]
    pub const fn new(value: u64) -> Self {
        Self(value)
    }

    /// The value, if it was read.
    #[must_use]
    pub const fn get(self) -> Option<u64> {
        if self.0 == u64::MAX { None } else { Some(self.0) }
    }

    /// True when it was read.
    #[must_use]
    pub const fn is_known(self) -> bool {
        self.0 != u64::MAX
    }
}

impl From<Option<u64>> for Counter {
    fn from(value: Option<u64>) -> Self {
        value.map_or(Self::UNKNOWN, Self)
    }
}

impl Default for Counter {
    fn default() -> Self {
        Self::UNKNOWN
    }
}

impl std::fmt::Debug for Counter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.get() {
            Some(value) => write!(f, "{value}"),
            None => f.write_str("?"),
        }
    }
}

/// How wide the kernel's own allocation and free counters are, which decides where they wrap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CounterWidth {
    /// 32 bits: NT class 22. They wrap at 2^32.
    Bits32,
    /// 64 bits: NT class 255, Linux.
    Bits64,
    /// The input does not say (CSV, copied tables): a wrap is recognised from the values.
    #[default]
    Unknown,
}

impl CounterWidth {
    /// Number of bits, 0 when unknown: the form stored in recordings.
    #[must_use]
    pub const fn bits(self) -> u8 {
        match self {
            Self::Bits32 => 32,
            Self::Bits64 => 64,
            Self::Unknown => 0,
        }
    }

    /// From a number of bits; anything but 32 and 64 is unknown.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Self {
        match bits {
            32 => Self::Bits32,
            64 => Self::Bits64,
            _ => Self::Unknown,
        }
    }
}

/// Counters as read: never corrected for wraps or restarts, that is done when reading a series.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Allocations since boot (or since the driver was loaded), modulo the counter's width.
    pub allocs: Counter,
    /// Frees, likewise.
    pub frees: Counter,
    /// Allocations not yet freed, where the source says it itself (slab caches, PoolMon's Diff).
    pub live: Counter,
    /// Bytes in use, with headers and rounding as the kernel counts them.
    pub bytes: Counter,
}

impl Usage {
    /// Nothing read: the tag was not there.
    pub const ABSENT: Self = Self {
        allocs: Counter::UNKNOWN,
        frees: Counter::UNKNOWN,
        live: Counter::UNKNOWN,
        bytes: Counter::UNKNOWN,
    };

    /// True when no counter was read at all.
    #[must_use]
    pub const fn is_absent(&self) -> bool {
        !(self.allocs.is_known() || self.frees.is_known() || self.live.is_known() || self.bytes.is_known())
    }

    /// Outstanding allocations: what the source said, else allocations − frees in the counters' width.
    ///
    /// With 32-bit counters, and with counters of unknown width whose values fit 32 bits, the difference is taken
    /// modulo 2^32, so one wrapped counter does no harm. With 64-bit counters frees above allocations (a torn
    /// read) give `None`.
    #[must_use]
    pub fn outstanding(&self, width: CounterWidth) -> Option<u64> {
        if let Some(live) = self.live.get() {
            return Some(live);
        }
        let (allocs, frees) = (self.allocs.get()?, self.frees.get()?);
        let narrow = allocs <= u64::from(u32::MAX) && frees <= u64::from(u32::MAX);
        match width {
            CounterWidth::Bits64 => allocs.checked_sub(frees),
            CounterWidth::Bits32 => Some(u64::from((allocs as u32).wrapping_sub(frees as u32))),
            CounterWidth::Unknown if allocs < frees && narrow => {
                Some(u64::from((allocs as u32).wrapping_sub(frees as u32)))
            }
            CounterWidth::Unknown => allocs.checked_sub(frees),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outstanding_is_a_difference_in_the_counters_width() {
        use CounterWidth::{Bits32, Bits64, Unknown};
        let cases = [
            (Some(10), Some(4), None, Bits32, Some(6)),
            (Some(5), Some(4_294_967_290), None, Bits32, Some(11)),
            (Some(5), Some(4_294_967_290), None, Unknown, Some(11)),
            (Some(5), Some(9), None, Bits64, None),
            (Some(5), None, None, Bits64, None),
            (None, None, Some(7), Unknown, Some(7)),
            (Some(1 << 40), Some(1), None, Unknown, Some((1 << 40) - 1)),
        ];
        for (allocs, frees, live, width, expected) in cases {
            let usage = Usage {
                allocs: allocs.into(),
                frees: frees.into(),
                live: live.into(),
                bytes: Counter::UNKNOWN,
            };
            assert_eq!(usage.outstanding(width), expected, "{usage:?} {width:?}");
        }
    }
}
