//! What the caller may decide; everything else is a constant with its measurement in `docs/detection.md`.

/// Configuration of [`crate::judge`].
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// A series is called a leak from this probability on; where few others leak the prior odds are lowered first.
    pub leak_confidence: f64,
    /// A series is suspected from this probability on.
    pub suspect_confidence: f64,
    /// Growth below this many bytes over the recording is not worth a word: it is what an ordinary kernel adds in
    /// its first minutes for things it meets for the first time.
    pub min_growth_bytes: f64,
    /// Growth below this many outstanding allocations is not worth a word, unless they are large.
    pub min_growth_count: f64,
    /// Memory of the host in bytes, used where the recording does not hold it.
    pub physical_bytes: Option<u64>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            leak_confidence: crate::calibration::LEAK_CONFIDENCE,
            suspect_confidence: crate::calibration::SUSPECT_CONFIDENCE,
            min_growth_bytes: 16_384.0,
            min_growth_count: 16.0,
            physical_bytes: None,
        }
    }
}
