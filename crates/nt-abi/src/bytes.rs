//! Bounds-checked little-endian reads that remember whose buffer it is.

use crate::{AbiError, Interface, PointerWidth, Reason};

/// A buffer, or a part of one that begins `origin` bytes into it.
#[derive(Clone, Copy)]
pub(crate) struct Bytes<'a> {
    data: &'a [u8],
    interface: Interface,
    origin: usize,
}

impl<'a> Bytes<'a> {
    pub(crate) const fn new(data: &'a [u8], interface: Interface) -> Self {
        Self {
            data,
            interface,
            origin: 0,
        }
    }

    pub(crate) const fn len(&self) -> usize {
        self.data.len()
    }

    /// What is wrong at `at`, counted in this part.
    pub(crate) const fn error(&self, at: usize, reason: Reason) -> AbiError {
        AbiError {
            interface: self.interface,
            offset: self.origin.saturating_add(at),
            reason,
        }
    }

    fn short(&self, at: usize, needed: usize) -> AbiError {
        self.error(
            at,
            Reason::Short {
                needed,
                available: self.data.len().saturating_sub(at),
            },
        )
    }

    /// `length` bytes from `at` on.
    pub(crate) fn slice(&self, at: usize, length: usize) -> Result<&'a [u8], AbiError> {
        at.checked_add(length)
            .and_then(|end| self.data.get(at..end))
            .ok_or_else(|| self.short(at, length))
    }

    /// Everything from `at` on, as a part that reports offsets of the whole buffer.
    pub(crate) fn from(&self, at: usize) -> Result<Self, AbiError> {
        let data = self.data.get(at..).ok_or_else(|| self.short(at, 0))?;
        Ok(Self {
            data,
            origin: self.origin.saturating_add(at),
            ..*self
        })
    }

    fn array<const N: usize>(&self, at: usize) -> Result<[u8; N], AbiError> {
        self.data
            .get(at..)
            .and_then(|rest| rest.first_chunk())
            .copied()
            .ok_or_else(|| self.short(at, N))
    }

    pub(crate) fn u8(&self, at: usize) -> Result<u8, AbiError> {
        self.array::<1>(at).map(|[byte]| byte)
    }

    pub(crate) fn u16(&self, at: usize) -> Result<u16, AbiError> {
        self.array(at).map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&self, at: usize) -> Result<u32, AbiError> {
        self.array(at).map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&self, at: usize) -> Result<u64, AbiError> {
        self.array(at).map(u64::from_le_bytes)
    }

    pub(crate) fn i64(&self, at: usize) -> Result<i64, AbiError> {
        self.array(at).map(i64::from_le_bytes)
    }

    /// A pointer or `SIZE_T`.
    pub(crate) fn word(&self, at: usize, width: PointerWidth) -> Result<u64, AbiError> {
        match width {
            PointerWidth::Bits32 => self.u32(at).map(u64::from),
            PointerWidth::Bits64 => self.u64(at),
        }
    }

    /// The rows of `size` bytes from `first` on, `count` of them, or the error that they do not fit.
    pub(crate) fn rows(
        &self,
        count_at: usize,
        count: u64,
        first: usize,
        size: usize,
    ) -> Result<&'a [u8], AbiError> {
        let rest = self.data.get(first..).unwrap_or_default();
        let room = rest.len() / size;
        usize::try_from(count)
            .ok()
            .filter(|&count| count <= room)
            .and_then(|count| rest.get(..count.checked_mul(size)?))
            .ok_or_else(|| {
                self.error(
                    count_at,
                    Reason::Count {
                        announced: count,
                        room: room as u64,
                    },
                )
            })
    }

    /// UTF-16 text of `length` bytes; unpaired surrogates become U+FFFD.
    pub(crate) fn utf16(&self, at: usize, length: usize) -> Result<String, AbiError> {
        let text = at
            .checked_add(length)
            .and_then(|end| self.data.get(at..end))
            .ok_or_else(|| {
                self.error(
                    at,
                    Reason::Text {
                        at: at as u64,
                        length: length as u64,
                    },
                )
            })?;
        Ok(utf16(text))
    }

    /// UTF-16 text from `at` to its NUL or the buffer's end.
    pub(crate) fn utf16_until_nul(&self, at: usize) -> Result<String, AbiError> {
        let rest = self.data.get(at..).ok_or_else(|| {
            self.error(
                at,
                Reason::Text {
                    at: at as u64,
                    length: 0,
                },
            )
        })?;
        let end = rest
            .chunks_exact(2)
            .position(|unit| unit == [0, 0])
            .map_or(rest.len(), |units| units * 2);
        Ok(utf16(rest.get(..end).unwrap_or_default()))
    }
}

fn utf16(bytes: &[u8]) -> String {
    let units = bytes
        .chunks_exact(2)
        .filter_map(|unit| unit.first_chunk().copied().map(u16::from_le_bytes));
    char::decode_utf16(units)
        .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect()
}
