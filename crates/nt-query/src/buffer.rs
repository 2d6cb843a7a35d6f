//! A byte buffer aligned for every structure that Windows writes.

/// Bytes that a call fills, aligned to eight. Kept and reused between samples, so that sampling does not allocate.
#[derive(Clone, Debug, Default)]
pub struct Buffer {
    words: Vec<u64>,
    length: usize,
}

impl Buffer {
    /// An empty buffer.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            words: Vec::new(),
            length: 0,
        }
    }

    /// What the last call returned.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.room().get(..self.length).unwrap_or_default()
    }

    /// The address of the first byte, by which pointers inside the answer are resolved.
    #[must_use]
    pub fn address(&self) -> u64 {
        self.words.as_ptr().addr() as u64
    }

    /// All bytes there is room for.
    #[must_use]
    pub fn room(&self) -> &[u8] {
        let bytes = self.words.len().saturating_mul(8);
        // SAFETY: the pointer and the length are those of an initialised Vec<u64>, which lives as long as the borrow;
        // a u8 needs no alignment and has no invalid values. `bytes` cannot saturate: the Vec's bytes exist.
        unsafe { std::slice::from_raw_parts(self.words.as_ptr().cast::<u8>(), bytes) }
    }

    /// All bytes there is room for, to be written.
    pub fn room_mut(&mut self) -> &mut [u8] {
        let bytes = self.words.len().saturating_mul(8);
        // SAFETY: as in `room`, and the borrow is exclusive; every bit pattern is a valid u64.
        unsafe { std::slice::from_raw_parts_mut(self.words.as_mut_ptr().cast::<u8>(), bytes) }
    }

    /// Makes room for at least `bytes`; never gives room back, keeps what is there.
    pub fn reserve(&mut self, bytes: usize) {
        let words = bytes.div_ceil(8);
        if words > self.words.len() {
            self.words.resize(words, 0);
        }
    }

    /// Says how many of the bytes are an answer; no more than there is room for.
    pub fn set_length(&mut self, length: usize) {
        self.length = length.min(self.words.len().saturating_mul(8));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_aligned_and_never_shrinks() {
        let mut buffer = Buffer::new();
        assert!(buffer.bytes().is_empty() && buffer.room().is_empty());
        buffer.reserve(13);
        assert_eq!((buffer.room().len(), buffer.address() % 8), (16, 0));
        buffer.room_mut()[..3].copy_from_slice(b"abc");
        buffer.set_length(3);
        buffer.reserve(4);
        assert_eq!((buffer.bytes(), buffer.room().len()), (&b"abc"[..], 16));
        buffer.set_length(1000);
        assert_eq!(buffer.bytes().len(), 16);
    }
}
