//! The forest as it is walked, unpacked from the bytes that the program carries.

use std::sync::LazyLock;

use crate::study::STATISTIC_COUNT;

/// The packed forest, deflated by the build; its form is described in `table.rs`.
static DEFLATED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/forest.deflate"));

/// Most bytes of the packed forest, so that the room it takes is known.
const PACKED_MOST: usize = 300_000;

/// The forest, unpacked at the first question. What the build packed can be unpacked; a test compares it with the text.
pub(super) static FOREST: LazyLock<Option<Forest>> = LazyLock::new(|| Forest::unpack(&inflated()));

fn inflated() -> Vec<u8> {
    miniz_oxide::inflate::decompress_to_vec_with_limit(DEFLATED, PACKED_MOST).unwrap_or_default()
}

/// What stands for a leaf where a split has its statistic.
const LEAF: u8 = u8::MAX;

/// Leaves are kept in ten-thousandths.
const LEAF_UNITS: f32 = 10_000.0;

/// A node of a tree in preorder: the left child of a split follows it.
#[derive(Clone, Copy, Debug)]
struct Node {
    /// Value up to which the left child is taken, or the leaf's weight.
    number: f32,
    /// Index of the statistic; [`LEAF`] for a leaf.
    statistic: u8,
    /// How far on the right child is.
    right: u8,
}

/// The trees and the logistic step after them.
#[derive(Debug)]
pub(super) struct Forest {
    /// What is added to the sum of all trees.
    bias: f32,
    /// Factor of the logistic step.
    pub(super) slope: f32,
    /// What the logistic step adds.
    pub(super) offset: f32,
    /// The first node of each tree.
    roots: Vec<usize>,
    /// All trees one after another.
    nodes: Vec<Node>,
}

impl Forest {
    /// The sum of the leaves that `values` reach.
    pub(super) fn margin(&self, values: &[f64; STATISTIC_COUNT]) -> f64 {
        // As the thresholds are, once instead of at each node.
        let values = values.map(|value| value as f32);
        let weights = self.roots.iter().map(|&root| weight(&self.nodes, &values, root));
        weights.fold(f64::from(self.bias), |margin, weight| margin + f64::from(weight))
    }

    /// The forest of these bytes, all of which must belong to it.
    fn unpack(packed: &[u8]) -> Option<Self> {
        let mut bytes = Bytes(packed);
        let [bias, slope, offset] = [bytes.f32()?, bytes.f32()?, bytes.f32()?];
        let count = usize::try_from(u32::from_le_bytes(bytes.array()?)).ok()?;
        let lists = bytes.thresholds()?;
        let statistic = bytes.take(count)?;
        let numbers = bytes.numbers(statistic, &lists)?;
        if !bytes.0.is_empty() {
            return None;
        }
        let (roots, right) = links(statistic)?;
        let fields = numbers.into_iter().zip(statistic).zip(right);
        let nodes = fields.map(|((number, &statistic), right)| Node {
            number,
            statistic,
            right,
        });
        Some(Self {
            bias,
            slope,
            offset,
            roots,
            nodes: nodes.collect(),
        })
    }
}

/// The leaf that `values` reach from `root`.
fn weight(nodes: &[Node], values: &[f32; STATISTIC_COUNT], root: usize) -> f32 {
    let mut at = root;
    // No tree is deeper than a handful; the bound keeps a broken table from looping.
    for _ in 0..16 {
        let Some(node) = nodes.get(at) else {
            return 0.0;
        };
        let Some(&value) = values.get(usize::from(node.statistic)) else {
            return node.number;
        };
        at += if value <= node.number {
            1
        } else {
            usize::from(node.right)
        };
    }
    0.0
}

/// Where each tree begins, and how far from each split its right child is: it follows the last leaf on the left.
fn links(statistic: &[u8]) -> Option<(Vec<usize>, Vec<u8>)> {
    let mut roots = Vec::new();
    let mut right = vec![0; statistic.len()];
    // Splits whose right child is still to come.
    let mut open = Vec::new();
    let mut begins = true;
    for (at, &statistic) in statistic.iter().enumerate() {
        if begins {
            roots.push(at);
        }
        begins = false;
        if statistic != LEAF {
            open.push(at);
        } else if let Some(split) = open.pop() {
            *right.get_mut(split)? = u8::try_from(at + 1 - split).ok()?;
        } else {
            begins = true;
        }
    }
    // The last tree must have ended.
    begins.then_some((roots, right))
}

/// What is still to be read.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const BYTES: usize>(&mut self) -> Option<[u8; BYTES]> {
        self.take(BYTES)?.try_into().ok()
    }

    fn f32(&mut self) -> Option<f32> {
        Some(f32::from_le_bytes(self.array()?)).filter(|number| number.is_finite())
    }

    /// Numbers of which all first bytes come first, then all second ones, and so on.
    fn column<const BYTES: usize>(&mut self, count: usize) -> Option<Vec<[u8; BYTES]>> {
        let mut numbers = vec![[0; BYTES]; self.0.len().min(count)];
        for byte in 0..BYTES {
            for (number, &read) in numbers.iter_mut().zip(self.take(count)?) {
                *number.get_mut(byte)? = read;
            }
        }
        Some(numbers)
    }

    /// The thresholds of each statistic.
    fn thresholds(&mut self) -> Option<Vec<Vec<f32>>> {
        let [statistics] = self.array()?;
        let statistics = usize::from(statistics);
        if statistics > STATISTIC_COUNT {
            return None;
        }
        let mut counts = Vec::with_capacity(statistics);
        for _ in 0..statistics {
            counts.push(usize::from(u16::from_le_bytes(self.array()?)));
        }
        let mut thresholds = self
            .column(counts.iter().sum())?
            .into_iter()
            .map(f32::from_le_bytes);
        let lists = counts
            .iter()
            .map(|&count| thresholds.by_ref().take(count).collect());
        Some(lists.collect())
    }

    /// The threshold of each split and the weight of each leaf.
    fn numbers(&mut self, statistic: &[u8], lists: &[Vec<f32>]) -> Option<Vec<f32>> {
        let list = |statistic: u8| lists.get(usize::from(statistic)).map(Vec::as_slice);
        let is_wide = |statistic: u8| list(statistic).is_some_and(|list| list.len() > 256);
        let leaves = statistic.iter().filter(|&&s| s == LEAF).count();
        let wide = statistic.iter().filter(|&&s| is_wide(s)).count();
        let mut low = self.take(statistic.len() - leaves)?.iter();
        let mut high = self.take(wide)?.iter();
        let mut weights = self.column(leaves)?.into_iter().map(i16::from_le_bytes);
        let mut numbers = Vec::with_capacity(statistic.len());
        for &statistic in statistic {
            numbers.push(if statistic == LEAF {
                f32::from(weights.next()?) / LEAF_UNITS
            } else {
                let high = if is_wide(statistic) { *high.next()? } else { 0 };
                let place = u16::from_le_bytes([*low.next()?, high]);
                *list(statistic)?.get(usize::from(place))?
            });
        }
        Some(numbers)
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::{self, Table, pack, parse};
    use super::*;

    /// The nodes as the text has them, trees by their first nodes, and right children found by walking.
    fn assert_same(forest: &Forest, table: &Table) {
        assert_eq!([forest.bias, forest.slope, forest.offset], table.constants);
        assert_eq!(forest.nodes.len(), table.nodes.len());
        let mut at = 0;
        for &root in &forest.roots {
            assert_eq!(root, at);
            at = after(forest, table, root);
        }
        assert_eq!(at, table.nodes.len());
    }

    /// The node after the subtree at `at`, which is compared with the text.
    fn after(forest: &Forest, table: &Table, at: usize) -> usize {
        let node = forest.nodes[at];
        match table.nodes[at] {
            table::Node::Leaf(weight) => {
                assert_eq!(node.statistic, LEAF);
                // The very number that four decimals stand for.
                let text = format!("{:.4}", f64::from(weight) / 1e4);
                assert_eq!(node.number, text.parse::<f32>().unwrap());
                at + 1
            }
            table::Node::Split { statistic, threshold } => {
                assert_eq!((node.statistic, node.number), (statistic, threshold));
                let right = after(forest, table, at + 1);
                assert_eq!(at + usize::from(node.right), right);
                after(forest, table, right)
            }
        }
    }

    #[test]
    fn the_program_carries_the_forest_of_the_text() {
        let text = include_str!("../../data/forest.txt");
        let forest = FOREST.as_ref().expect("a forest, of all bytes");
        assert_eq!(forest.roots.len(), 850);
        let known = |s: u8| s == LEAF || usize::from(s) < STATISTIC_COUNT;
        assert!(forest.nodes.iter().all(|node| known(node.statistic)));
        assert_same(forest, &parse(text).unwrap());
    }

    #[test]
    fn more_or_fewer_bytes_are_no_forest() {
        let mut packed = inflated();
        assert!(packed.len() <= PACKED_MOST);
        for length in (0..packed.len()).step_by(997).chain([packed.len() - 1]) {
            assert!(Forest::unpack(&packed[..length]).is_none(), "{length} bytes");
        }
        packed.push(0);
        assert!(Forest::unpack(&packed).is_none());
    }

    #[test]
    fn broken_bytes_do_no_harm() {
        let packed = pack(&parse(SMALL).unwrap()).unwrap();
        let values = [0.5; STATISTIC_COUNT];
        for at in 0..packed.len() {
            for byte in 0..=u8::MAX {
                let mut broken = packed.clone();
                broken[at] = byte;
                if let Some(forest) = Forest::unpack(&broken) {
                    // Whatever it is: it comes, and without a panic.
                    let _ = forest.margin(&values);
                }
            }
        }
    }

    const SMALL: &str = "# two trees\nbias -1\nslope 2\noffset 0.5\n0:0.25 0.1 3:0.5 -0.2 3.2767\n-0.0001\n";

    #[test]
    fn values_reach_their_leaves() {
        let forest = Forest::unpack(&pack(&parse(SMALL).unwrap()).unwrap()).unwrap();
        assert_eq!(forest.roots, [0, 5]);
        let reached = |first: f32, fourth: f32| {
            let mut values = [0.0; STATISTIC_COUNT];
            (values[0], values[3]) = (first, fourth);
            [
                weight(&forest.nodes, &values, 0),
                weight(&forest.nodes, &values, 5),
            ]
        };
        assert_eq!(reached(0.25, 9.0), [0.1, -0.0001]);
        assert_eq!(reached(0.26, 0.5), [-0.2, -0.0001]);
        assert_eq!(reached(0.26, 0.6), [3.2767, -0.0001]);
        let sum = f64::from(-1.0f32) + f64::from(0.1f32) + f64::from(-0.0001f32);
        assert_eq!(forest.margin(&[0.0; STATISTIC_COUNT]), sum);
    }

    #[test]
    fn a_statistic_may_have_more_thresholds_than_a_byte_counts() {
        let mut text = String::from("bias 0\nslope 1\noffset 0\n");
        for i in 0..700 {
            text.push_str(&format!("2:{i}.5 1:{}.0 0.1 0.2 0.3\n", i % 7));
        }
        let table = parse(&text).unwrap();
        assert_same(&Forest::unpack(&pack(&table).unwrap()).unwrap(), &table);
    }

    #[test]
    fn a_text_that_is_no_forest_is_refused() {
        let broken = [
            "0:1",
            "0:1 0.1",
            "0.1 0.2",
            "255:1 0.1 0.2",
            "0:inf 0.1 0.2",
            "0.00001",
            "4.0",
            "NaN",
            "x",
            " ",
        ];
        for tree in broken {
            let text = format!("bias 0\nslope 1\noffset 0\n{tree}\n");
            assert!(parse(&text).is_err(), "{tree}");
        }
        assert!(parse("bias 0\nslope 1\n0.1\n").is_err());
    }
}
