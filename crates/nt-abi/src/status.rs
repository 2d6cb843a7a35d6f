//! NTSTATUS values that the interfaces answer with.

use std::fmt;

/// An NTSTATUS, printed as `0xC0000003 STATUS_INVALID_INFO_CLASS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NtStatus(pub u32);

impl NtStatus {
    /// Success.
    pub const SUCCESS: Self = Self(0);
    /// The kernel does not have this class.
    pub const INVALID_INFO_CLASS: Self = Self(0xC000_0003);
    /// The buffer is too small.
    pub const INFO_LENGTH_MISMATCH: Self = Self(0xC000_0004);
    /// The buffer overflowed: also "too small".
    pub const BUFFER_OVERFLOW: Self = Self(0x8000_0005);
    /// The buffer is too small.
    pub const BUFFER_TOO_SMALL: Self = Self(0xC000_0023);

    /// True for success and informational values.
    #[must_use]
    pub const fn is_success(self) -> bool {
        self.0 < 0x8000_0000
    }

    /// True when a larger buffer is worth a try.
    #[must_use]
    pub const fn wants_larger_buffer(self) -> bool {
        matches!(
            self,
            Self::INFO_LENGTH_MISMATCH | Self::BUFFER_OVERFLOW | Self::BUFFER_TOO_SMALL
        )
    }
}

impl fmt::Display for NtStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:08X}", self.0)?;
        status_name(*self).map_or(Ok(()), |name| write!(f, " {name}"))
    }
}

/// The name of a status that the interfaces used here answer with (ntstatus.h, MS-ERREF 2.3.1).
#[must_use]
pub const fn status_name(status: NtStatus) -> Option<&'static str> {
    Some(match status.0 {
        0x0000_0000 => "STATUS_SUCCESS",
        0x8000_0005 => "STATUS_BUFFER_OVERFLOW",
        0xC000_0001 => "STATUS_UNSUCCESSFUL",
        0xC000_0002 => "STATUS_NOT_IMPLEMENTED",
        0xC000_0003 => "STATUS_INVALID_INFO_CLASS",
        0xC000_0004 => "STATUS_INFO_LENGTH_MISMATCH",
        0xC000_0005 => "STATUS_ACCESS_VIOLATION",
        0xC000_0008 => "STATUS_INVALID_HANDLE",
        0xC000_000D => "STATUS_INVALID_PARAMETER",
        0xC000_0010 => "STATUS_INVALID_DEVICE_REQUEST",
        0xC000_0017 => "STATUS_NO_MEMORY",
        0xC000_0022 => "STATUS_ACCESS_DENIED",
        0xC000_0023 => "STATUS_BUFFER_TOO_SMALL",
        0xC000_0061 => "STATUS_PRIVILEGE_NOT_HELD",
        0xC000_009A => "STATUS_INSUFFICIENT_RESOURCES",
        0xC000_00BB => "STATUS_NOT_SUPPORTED",
        0xC000_0225 => "STATUS_NOT_FOUND",
        _ => return None,
    })
}
