//! From statistics to a probability.
//!
//! The statistics of [`crate::study`] are weighed by shallow boosted trees (Friedman 2001) that were fitted on
//! generated recordings only, never on labelled files; then one logistic step (Platt 1999) on series that the trees
//! had not seen makes the result a probability. Two forests are averaged, because they err in different places: one is
//! monotone in every statistic whose direction is known beforehand, so that a steeper floor can never speak against a
//! leak; the other is so in a few only, and each of its trees saw a part of the series and statistics (Friedman 2002).

use crate::calibration_table::{BIAS, NODES, OFFSET, ROOTS, SLOPE};
use crate::study::STATISTIC_COUNT;

/// A series is called a leak from this probability on: on generated recordings precision is 0.97 to 1.00 there, and what lies
/// between 0.5 and here is called suspected (`leak-bench known` prints both by threshold).
pub const LEAK_CONFIDENCE: f64 = 0.75;

/// A series is suspected from this probability on.
pub const SUSPECT_CONFIDENCE: f64 = 0.5;

/// A node of a tree in preorder: the left child of a split follows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node {
    /// Index of the statistic; `u8::MAX` for a leaf.
    statistic: u8,
    /// Index of the right child.
    right: u16,
    /// Value up to which the left child is taken, or the leaf's weight.
    number: f32,
}

impl Node {
    /// What a path adds to the log-odds.
    pub(crate) const fn leaf(weight: f32) -> Self {
        Self {
            statistic: u8::MAX,
            right: 0,
            number: weight,
        }
    }

    /// Left up to `at`, right above.
    pub(crate) const fn split(statistic: u8, at: f32, right: u16) -> Self {
        Self {
            statistic,
            right,
            number: at,
        }
    }
}

/// Probability that a series with these statistics leaks, on a machine where one series in twenty does.
#[must_use]
pub fn probability(values: &[f64; STATISTIC_COUNT]) -> f64 {
    let mut margin = f64::from(BIAS);
    for &root in &ROOTS {
        margin += f64::from(weight(values, usize::from(root)));
    }
    let z = f64::from(SLOPE) * margin + f64::from(OFFSET);
    1.0 / (1.0 + libm::exp(-z))
}

/// The nodes field by field, which takes three quarters of the room: the right child as a distance, since no tree has more
/// than 255 nodes.
struct Packed {
    statistic: [u8; NODES.len()],
    right: [u8; NODES.len()],
    number: [f32; NODES.len()],
}

static PACKED: Packed = {
    let mut packed = Packed {
        statistic: [0; NODES.len()],
        right: [0; NODES.len()],
        number: [0.0; NODES.len()],
    };
    let mut at = 0;
    while at < NODES.len() {
        let node = NODES[at];
        packed.statistic[at] = node.statistic;
        packed.number[at] = node.number;
        if node.statistic != u8::MAX {
            let distance = node.right as usize - at;
            assert!(distance < 256, "a tree has too many nodes");
            packed.right[at] = distance as u8;
        }
        at += 1;
    }
    packed
};

/// The leaf that `values` reach from `root`.
fn weight(values: &[f64; STATISTIC_COUNT], root: usize) -> f32 {
    let mut at = root;
    // No tree is deeper than a handful; the bound keeps a broken table from looping.
    for _ in 0..16 {
        let (Some(&statistic), Some(&number)) = (PACKED.statistic.get(at), PACKED.number.get(at)) else {
            return 0.0;
        };
        let Some(&value) = values.get(usize::from(statistic)) else {
            return number;
        };
        at += if value as f32 <= number {
            1
        } else {
            PACKED.right.get(at).copied().map_or(1, usize::from)
        };
    }
    0.0
}
