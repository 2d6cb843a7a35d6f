//! The text form of the forest and its packing. Compiled into the build script, and here for tests.
//!
//! Packed form, all numbers little-endian, columns of numbers byte by byte (all low bytes, then the next), which
//! deflates better:
//!
//! | part | bytes |
//! |---|---|
//! | bias, slope, offset | 3 × f32 |
//! | nodes, statistics | u32, u8, the counts |
//! | thresholds of each statistic | u16 each, the counts |
//! | thresholds, rising within a statistic | column of f32 |
//! | nodes in preorder | u8 each: the statistic of a split, 255 for a leaf |
//! | splits, the threshold's place among its statistic's | u8 each, the low byte |
//! | splits by a statistic of more than 256 thresholds | u8 each, the high byte |
//! | leaves, weight in ten-thousandths | column of i16 |
//!
//! Where a right child or the next tree begins follows from the preorder.

/// What stands for a leaf where a split has its statistic.
const LEAF: u8 = u8::MAX;

/// Leaves have four decimals.
const LEAF_UNITS: f64 = 10_000.0;

/// Most nodes of a tree: a right child lies at most 255 nodes on.
const MOST_NODES: usize = 256;

/// A node of a tree in preorder.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Node {
    /// Left up to the threshold, right above.
    Split { statistic: u8, threshold: f32 },
    /// What the path adds to the log-odds, in ten-thousandths.
    Leaf(i16),
}

/// The forest as the text has it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Table {
    /// Bias, slope, offset.
    pub(crate) constants: [f32; 3],
    /// All trees one after another.
    pub(crate) nodes: Vec<Node>,
}

/// Reads the table. An error names the line.
pub(crate) fn parse(text: &str) -> Result<Table, String> {
    let names = ["bias", "slope", "offset"];
    let mut constants = [None; 3];
    let mut nodes = Vec::new();
    for (at, line) in text.lines().enumerate() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let named = line.split_once(' ').and_then(|(name, value)| {
            let place = names.iter().position(|known| *known == name)?;
            Some((constants.get_mut(place)?, value))
        });
        let read = match named {
            Some((constant, value)) => number(value).map(|value| *constant = Some(value)),
            None => parse_tree(line).map(|tree| nodes.extend(tree)),
        };
        read.map_err(|reason| format!("data/forest.txt line {}: {reason}", at + 1))?;
    }
    let [Some(bias), Some(slope), Some(offset)] = constants else {
        return Err(format!("data/forest.txt lacks one of {names:?}"));
    };
    Ok(Table {
        constants: [bias, slope, offset],
        nodes,
    })
}

fn number(word: &str) -> Result<f32, String> {
    let number = word.parse().ok().filter(|x: &f32| x.is_finite());
    number.ok_or_else(|| format!("{word:?} is not a finite number"))
}

fn parse_tree(line: &str) -> Result<Vec<Node>, String> {
    let mut nodes = Vec::new();
    // Subtrees that are still to come.
    let mut due = 1usize;
    for word in line.split(' ') {
        if due == 0 {
            return Err(format!("{word:?} after the end of the tree"));
        }
        let node = parse_node(word)?;
        match node {
            Node::Split { .. } => due += 1,
            Node::Leaf(_) => due -= 1,
        }
        nodes.push(node);
    }
    if due > 0 {
        return Err(format!("the tree ends {due} leaves too early"));
    }
    if nodes.len() > MOST_NODES {
        return Err(format!("{} nodes are more than {MOST_NODES}", nodes.len()));
    }
    Ok(nodes)
}

fn parse_node(word: &str) -> Result<Node, String> {
    if let Some((statistic, threshold)) = word.split_once(':') {
        let statistic = statistic.parse().ok().filter(|&s| s != LEAF);
        return Ok(Node::Split {
            statistic: statistic.ok_or_else(|| format!("{word:?} has no statistic below {LEAF}"))?,
            threshold: number(threshold)?,
        });
    }
    let weight: f64 = word.parse().map_err(|_| format!("{word:?} is no node"))?;
    let units = (weight * LEAF_UNITS).round();
    let exact = (weight * LEAF_UNITS - units).abs() < 1e-6;
    if !exact || units.abs() > f64::from(i16::MAX) {
        return Err(format!(
            "leaf {word} is beyond ±3.2767 or has more than four decimals"
        ));
    }
    Ok(Node::Leaf(units as i16))
}

/// Distinct thresholds of each statistic up to the last that is used, rising.
fn thresholds(nodes: &[Node]) -> Vec<Vec<f32>> {
    let mut lists: Vec<Vec<f32>> = Vec::new();
    for node in nodes {
        if let Node::Split { statistic, threshold } = *node {
            let at = usize::from(statistic);
            lists.resize(lists.len().max(at + 1), Vec::new());
            if let Some(list) = lists.get_mut(at) {
                list.push(threshold);
            }
        }
    }
    for list in &mut lists {
        list.sort_by(f32::total_cmp);
        list.dedup_by_key(|threshold| threshold.to_bits());
    }
    lists
}

/// Packs the table into the form described above.
pub(crate) fn pack(table: &Table) -> Result<Vec<u8>, String> {
    let lists = thresholds(&table.nodes);
    let (mut kinds, mut low, mut high) = (Vec::new(), Vec::new(), Vec::new());
    let mut leaves = Vec::new();
    for node in &table.nodes {
        match *node {
            Node::Split { statistic, threshold } => {
                let list = lists.get(usize::from(statistic)).map_or(&[][..], Vec::as_slice);
                let place = list.binary_search_by(|known| known.total_cmp(&threshold));
                let place = place.ok().and_then(|place| u16::try_from(place).ok());
                let place = place.ok_or("more than 65,536 thresholds of one statistic")?;
                let [first, second] = place.to_le_bytes();
                kinds.push(statistic);
                low.push(first);
                if list.len() > 256 {
                    high.push(second);
                }
            }
            Node::Leaf(weight) => {
                kinds.push(LEAF);
                leaves.push(weight.to_le_bytes());
            }
        }
    }
    let mut out = Vec::new();
    for constant in table.constants {
        out.extend_from_slice(&constant.to_le_bytes());
    }
    let count = u32::try_from(kinds.len()).map_err(|_| "too many nodes")?;
    out.extend_from_slice(&count.to_le_bytes());
    out.push(u8::try_from(lists.len()).map_err(|_| "too many statistics")?);
    for list in &lists {
        let count = u16::try_from(list.len()).map_err(|_| "too many thresholds of one statistic")?;
        out.extend_from_slice(&count.to_le_bytes());
    }
    column(
        &mut out,
        lists.iter().flatten().map(|threshold| threshold.to_le_bytes()),
    );
    out.extend(kinds.into_iter().chain(low).chain(high));
    column(&mut out, leaves.into_iter());
    Ok(out)
}

/// Writes all first bytes, then all second ones, and so on.
fn column<const BYTES: usize>(out: &mut Vec<u8>, numbers: impl Iterator<Item = [u8; BYTES]> + Clone) {
    for byte in 0..BYTES {
        out.extend(numbers.clone().filter_map(|number| number.get(byte).copied()));
    }
}
