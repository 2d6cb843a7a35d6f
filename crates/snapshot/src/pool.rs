//! Which pool an allocation lives in.

use std::fmt;

/// The pool of a (tag, pool) pair. Windows has the first three, Linux the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Pool {
    /// Windows nonpaged pool: always resident.
    Nonpaged,
    /// Windows paged pool.
    Paged,
    /// Windows session pool (separate on Remote Desktop hosts).
    Session,
    /// Linux slab cache that the kernel cannot shrink.
    Slab,
    /// Linux slab cache that is given back under memory pressure.
    SlabReclaimable,
    /// Linux vmalloc area, by caller.
    Vmalloc,
    /// Linux allocation call site (`/proc/allocinfo`). Overlaps the other Linux pools: never add it to them.
    CallSite,
    /// The input does not say.
    Unknown,
}

impl Pool {
    /// Every pool, in display order.
    pub const ALL: [Self; 8] = [
        Self::Nonpaged,
        Self::Paged,
        Self::Session,
        Self::Slab,
        Self::SlabReclaimable,
        Self::Vmalloc,
        Self::CallSite,
        Self::Unknown,
    ];

    /// The name used in every format.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nonpaged => "nonpaged",
            Self::Paged => "paged",
            Self::Session => "session",
            Self::Slab => "slab",
            Self::SlabReclaimable => "slab-reclaimable",
            Self::Vmalloc => "vmalloc",
            Self::CallSite => "call-site",
            Self::Unknown => "unknown",
        }
    }

    /// Reads the name used in every format; PoolMon's `Nonp` and `Paged` in any case are understood too.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let lower = name.trim().to_ascii_lowercase();
        match lower.as_str() {
            "nonp" => Some(Self::Nonpaged),
            "" | "-" => Some(Self::Unknown),
            other => Self::ALL.into_iter().find(|p| p.as_str() == other),
        }
    }

    /// True for the pools of Windows, whose tags have four bytes and whose counters may be 32 bits wide.
    #[must_use]
    pub const fn is_windows(self) -> bool {
        matches!(self, Self::Nonpaged | Self::Paged | Self::Session)
    }
}

impl fmt::Display for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for pool in Pool::ALL {
            assert_eq!(Pool::parse(pool.as_str()), Some(pool));
        }
        assert_eq!(Pool::parse("Nonp"), Some(Pool::Nonpaged));
        assert_eq!(Pool::parse("-"), Some(Pool::Unknown));
        assert_eq!(Pool::parse("swimming"), None);
    }
}
