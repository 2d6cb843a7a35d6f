//! Pointer size of the kernel whose buffers are read.

/// Size of `PVOID` and `SIZE_T` in a buffer: that of the process which asked, since WOW64 translates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PointerWidth {
    /// Four bytes.
    Bits32,
    /// Eight bytes.
    Bits64,
}

impl PointerWidth {
    /// The width of this process, which is that of the buffers Windows gives it.
    pub const HERE: Self = if cfg!(target_pointer_width = "32") {
        Self::Bits32
    } else {
        Self::Bits64
    };

    /// From a number of bits; `None` for anything but 32 and 64.
    #[must_use]
    pub const fn from_bits(bits: u32) -> Option<Self> {
        match bits {
            32 => Some(Self::Bits32),
            64 => Some(Self::Bits64),
            _ => None,
        }
    }

    /// Bytes of a pointer.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Self::Bits32 => 4,
            Self::Bits64 => 8,
        }
    }

    /// The value for 32-bit or the one for 64-bit layouts.
    pub(crate) const fn pick(self, bits32: usize, bits64: usize) -> usize {
        match self {
            Self::Bits32 => bits32,
            Self::Bits64 => bits64,
        }
    }

    /// `offset` rounded up to a pointer's alignment.
    pub(crate) const fn align(self, offset: usize) -> usize {
        let mask = self.bytes() - 1;
        offset.saturating_add(mask) & !mask
    }
}
