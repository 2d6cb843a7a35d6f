//! From statistics to a probability.

use crate::study::STATISTIC_COUNT;

/// A series is called a leak from this probability on.
pub const LEAK_CONFIDENCE: f64 = 0.9;

/// A series is suspected from this probability on.
pub const SUSPECT_CONFIDENCE: f64 = 0.5;

/// Probability that a series with these statistics leaks.
#[must_use]
pub fn probability(values: &[f64; STATISTIC_COUNT]) -> f64 {
    let z = -6.0 + 1.2 * values[0].min(4.0) + 0.8 * values[1].min(3.0) + 1.0 * values[2].clamp(-1.0, 4.0)
        - 0.8 * values[3].clamp(-2.0, 5.0)
        - 0.8 * values[4].clamp(-2.0, 5.0)
        + 0.5 * values[5].clamp(-1.0, 4.0)
        - 6.0 * values[7];
    1.0 / (1.0 + (-z).exp())
}
