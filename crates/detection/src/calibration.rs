//! From statistics to a probability.
//!
//! The statistics of [`crate::study`] are weighed by shallow boosted trees (Friedman 2001) that were fitted on
//! generated recordings only, never on labelled files; then one logistic step (Platt 1999) on series that the trees
//! had not seen makes the result a probability. Two forests are averaged, because they err in different places: one is
//! monotone in every statistic whose direction is known beforehand, so that a steeper floor can never speak against a
//! leak; the other is so in a few only, and each of its trees saw a part of the series and statistics (Friedman 2002).
//!
//! The forests lie packed and deflated in the program and are unpacked once, for the first series.

mod forest;
#[cfg(test)]
mod table;

use crate::study::STATISTIC_COUNT;

/// A series is called a leak from this probability on, beside others that leak; alone it takes more (`crate::company`). On
/// generated recordings precision is 0.97 to 0.99 then (`leak-bench known`). What lies between 0.5 and here is suspected.
pub const LEAK_CONFIDENCE: f64 = 0.65;

/// A series is suspected from this probability on.
pub const SUSPECT_CONFIDENCE: f64 = 0.5;

/// Probability that a series with these statistics leaks, on a machine where one series in twenty does.
#[must_use]
pub fn probability(values: &[f64; STATISTIC_COUNT]) -> f64 {
    // What the build packed can be unpacked; were it not so, nothing would be accused.
    let Some(forest) = forest::FOREST.as_ref() else {
        return 0.0;
    };
    let margin = forest.margin(values);
    let z = f64::from(forest.slope) * margin + f64::from(forest.offset);
    1.0 / (1.0 + libm::exp(-z))
}
