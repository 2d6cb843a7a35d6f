//! Why a buffer was refused.

use std::fmt;

use crate::class;

/// The interface whose buffer is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Interface {
    /// `NtQuerySystemInformation` with this class.
    System(u32),
    /// `NtQueryObject`, ObjectTypesInformation (3).
    ObjectTypes,
    /// `EVENT_TRACE_PROPERTIES` of `QueryAllTracesW`.
    EtwProperties,
    /// `FilterFindFirst`, FilterAggregateBasicInformation.
    FilterAggregate,
    /// `FilterFindFirst`, FilterFullInformation.
    FilterFull,
}

impl Interface {
    /// The class's name in the headers, if poolscope knows it.
    #[must_use]
    pub const fn class_name(self) -> Option<&'static str> {
        let Self::System(number) = self else { return None };
        Some(match number {
            class::BASIC => "SystemBasicInformation",
            class::PERFORMANCE => "SystemPerformanceInformation",
            class::TIME_OF_DAY => "SystemTimeOfDayInformation",
            class::PROCESS => "SystemProcessInformation",
            class::MODULE => "SystemModuleInformation",
            class::HANDLE => "SystemHandleInformation",
            class::PAGE_FILE => "SystemPageFileInformation",
            class::FILE_CACHE => "SystemFileCacheInformation",
            class::POOL_TAG => "SystemPoolTagInformation",
            class::HANDLE_EX => "SystemExtendedHandleInformation",
            class::BIG_POOL => "SystemBigPoolInformation",
            class::SESSION_POOL_TAG => "SystemSessionPoolTagInformation",
            class::MODULE_EX => "SystemModuleInformationEx",
            class::MEMORY_LIST => "SystemMemoryListInformation",
            class::CODE_INTEGRITY => "SystemCodeIntegrityInformation",
            class::PAGE_FILE_EX => "SystemPageFileInformationEx",
            class::ISOLATED_USER_MODE => "SystemIsolatedUserModeInformation",
            class::MEMORY_USAGE => "SystemMemoryUsageInformation",
            class::POOL_TAG_2 => "SystemPoolTagInformation2",
            _ => return None,
        })
    }
}

impl fmt::Display for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System(number) => {
                write!(f, "NtQuerySystemInformation class {number}")?;
                self.class_name().map_or(Ok(()), |name| write!(f, " ({name})"))
            }
            Self::ObjectTypes => f.write_str("NtQueryObject class 3 (ObjectTypesInformation)"),
            Self::EtwProperties => f.write_str("QueryAllTracesW (EVENT_TRACE_PROPERTIES)"),
            Self::FilterAggregate => f.write_str("FilterFindFirst (FilterAggregateBasicInformation)"),
            Self::FilterFull => f.write_str("FilterFindFirst (FilterFullInformation)"),
        }
    }
}

/// What is wrong at the offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The buffer ends before the field does.
    Short {
        /// Bytes that the field or record needs from the offset on.
        needed: usize,
        /// Bytes that are there.
        available: usize,
    },
    /// The buffer says it holds more rows than fit.
    Count {
        /// Rows announced.
        announced: u64,
        /// Rows that the buffer's length allows.
        room: u64,
    },
    /// A record's link points into itself, backwards, or outside the buffer.
    Link {
        /// The link as read, bytes from the record's beginning.
        next: u64,
    },
    /// More records than any system has: the chain does not end.
    Endless {
        /// Records read before giving up.
        records: usize,
    },
    /// A text lies outside the buffer or its record.
    Text {
        /// Offset of the text as read, in bytes.
        at: u64,
        /// Length in bytes.
        length: u64,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short { needed, available } => {
                write!(f, "{needed} bytes needed, {available} there")
            }
            Self::Count { announced, room } => {
                write!(f, "{announced} rows announced, the buffer has room for {room}")
            }
            Self::Link { next } => write!(f, "the link to the next record ({next} bytes on) leads nowhere"),
            Self::Endless { records } => write!(f, "no end of the chain after {records} records"),
            Self::Text { at, length } => write!(f, "a text of {length} bytes at {at} lies outside"),
        }
    }
}

/// A buffer that cannot be what the interface promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AbiError {
    /// Whose buffer it is.
    pub interface: Interface,
    /// Where in the buffer, bytes from its beginning.
    pub offset: usize,
    /// What is wrong there.
    pub reason: Reason,
}

impl fmt::Display for AbiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: at byte {}: {}", self.interface, self.offset, self.reason)
    }
}

impl std::error::Error for AbiError {}
