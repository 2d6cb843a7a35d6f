//! Fits the table of `crates/detection/data/forest.txt`: gradient-boosted trees of small depth under logistic loss
//! (Friedman 2001), monotone in the statistics whose direction is known; on all rows and statistics or, for each tree,
//! on a part of them drawn by chance (Friedman 2002).

use synth::random::Random;

/// One training row.
pub struct Row {
    pub x: Vec<f64>,
    pub leak: bool,
    pub weight: f64,
}

/// An inner node or a leaf; children of node `i` are `2i+1` and `2i+2`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Node {
    pub feature: u8,
    pub split: f64,
    pub value: f64,
    pub leaf: bool,
}

pub struct Options {
    pub trees: usize,
    pub depth: usize,
    pub rate: f64,
    pub min_weight: f64,
    pub ridge: f64,
    /// Part of the rows that each tree is grown on.
    pub row_share: f64,
    /// Part of the statistics that each tree may use.
    pub column_share: f64,
    /// 1 rising, -1 falling, 0 free, 2 not used.
    pub direction: Vec<i8>,
}

impl Options {
    /// The statistics that the next tree may use.
    fn columns(&self, random: &mut Random) -> Vec<bool> {
        let used = self.direction.iter().map(|&d| d != 2);
        used.map(|used| used && drawn(self.column_share, random))
            .collect()
    }

    /// The rows that the next tree is grown on.
    fn rows(&self, all: u32, random: &mut Random) -> Vec<u32> {
        (0..all).filter(|_| drawn(self.row_share, random)).collect()
    }
}

/// True for a part of all calls; nothing is drawn where all are meant.
fn drawn(share: f64, random: &mut Random) -> bool {
    share >= 1.0 || random.chance(share)
}

pub struct Forest {
    pub bias: f64,
    pub trees: Vec<Vec<Node>>,
}

impl Forest {
    pub fn margin(&self, x: &[f64]) -> f64 {
        self.bias + self.trees.iter().map(|tree| reached(tree, x)).sum::<f64>()
    }

    /// This forest and another as one, whose margin is the mean of theirs.
    pub fn mean_with(self, other: Self) -> Self {
        let bias = 0.5 * (self.bias + other.bias);
        let mut trees = self.trees;
        trees.extend(other.trees);
        Self { bias: 0.0, trees }.rescaled(0.5, bias)
    }

    /// The forest whose margin is `slope` times this one's, and `offset`.
    pub fn rescaled(mut self, slope: f64, offset: f64) -> Self {
        self.bias = slope * self.bias + offset;
        for node in self.trees.iter_mut().flatten() {
            node.value *= slope;
        }
        self
    }
}

/// The value of the leaf that `x` reaches.
fn reached(tree: &[Node], x: &[f64]) -> f64 {
    let mut at = 0;
    while !tree[at].leaf {
        let node = tree[at];
        at = if x[usize::from(node.feature)] <= node.split {
            2 * at + 1
        } else {
            2 * at + 2
        };
    }
    tree[at].value
}

const BINS: usize = 40;

pub fn fit(rows: &[Row], options: &Options) -> Forest {
    let features = rows[0].x.len();
    let edges: Vec<Vec<f64>> = (0..features).map(|f| quantiles(rows, f)).collect();
    let binned: Vec<Vec<u8>> = (0..features)
        .map(|f| {
            rows.iter()
                .map(|r| edges[f].partition_point(|e| *e < r.x[f]) as u8)
                .collect()
        })
        .collect();
    let total: f64 = rows.iter().map(|r| r.weight).sum();
    let positive: f64 = rows.iter().filter(|r| r.leak).map(|r| r.weight).sum();
    let bias = (positive / (total - positive)).ln();
    let mut margin = vec![bias; rows.len()];
    let mut trees = Vec::new();
    let mut random = Random::new(options.trees as u64);
    for _ in 0..options.trees {
        let (mut g, mut h) = (vec![0.0; rows.len()], vec![0.0; rows.len()]);
        for (i, row) in rows.iter().enumerate() {
            let p = 1.0 / (1.0 + (-margin[i]).exp());
            // Scaled up, as if each tree had all rows.
            let weight = row.weight / options.row_share;
            g[i] = weight * (f64::from(u8::from(row.leak)) - p);
            h[i] = weight * (p * (1.0 - p)).max(1e-6);
        }
        let grower = Grower {
            binned: &binned,
            edges: &edges,
            g: &g,
            h: &h,
            columns: options.columns(&mut random),
            options,
        };
        let mut tree = vec![Node::default(); (1 << (options.depth + 1)) - 1];
        let of_tree = options.rows(rows.len() as u32, &mut random);
        grower.grow(&mut tree, 0, of_tree, (f64::NEG_INFINITY, f64::INFINITY));
        for (margin, row) in margin.iter_mut().zip(rows) {
            *margin += reached(&tree, &row.x);
        }
        trees.push(tree);
    }
    Forest { bias, trees }
}

fn quantiles(rows: &[Row], f: usize) -> Vec<f64> {
    let mut v: Vec<f64> = rows.iter().map(|r| r.x[f]).collect();
    v.sort_by(f64::total_cmp);
    // Finer at both ends: leaks are few.
    let mut edges: Vec<f64> = (1..BINS)
        .map(|k| {
            let part = k as f64 / BINS as f64;
            v[((part * v.len() as f64) as usize).min(v.len() - 1)]
        })
        .collect();
    let mut leaks: Vec<f64> = rows.iter().filter(|r| r.leak).map(|r| r.x[f]).collect();
    leaks.sort_by(f64::total_cmp);
    edges.extend((1..BINS).map(|k| leaks[k * leaks.len() / BINS]));
    edges.sort_by(f64::total_cmp);
    edges.dedup();
    edges
}

/// What one tree is grown from.
struct Grower<'a> {
    binned: &'a [Vec<u8>],
    edges: &'a [Vec<f64>],
    g: &'a [f64],
    h: &'a [f64],
    columns: Vec<bool>,
    options: &'a Options,
}

/// The best split of a node.
struct Split {
    gain: f64,
    feature: usize,
    bin: usize,
    left: f64,
    right: f64,
}

/// Bounds of a node's value, which keep a tree monotone.
type Bounds = (f64, f64);

impl Grower<'_> {
    /// Grows the node at `at` and all below it.
    fn grow(&self, tree: &mut [Node], at: usize, rows: Vec<u32>, bounds: Bounds) {
        // Children lie beyond the end where the tree is as deep as it may be.
        let split = if 2 * at + 2 < tree.len() {
            self.best_split(&rows, bounds)
        } else {
            None
        };
        let Some(split) = split else {
            let (g, h) = self.sums(&rows);
            tree[at] = Node {
                leaf: true,
                value: self.options.rate * self.value(g, h, bounds),
                ..Node::default()
            };
            return;
        };
        tree[at] = Node {
            feature: split.feature as u8,
            split: self.edges[split.feature][split.bin],
            value: 0.0,
            leaf: false,
        };
        let bins = &self.binned[split.feature];
        let (left, right): (Vec<u32>, Vec<u32>) = rows
            .into_iter()
            .partition(|&i| usize::from(bins[i as usize]) <= split.bin);
        let middle = 0.5 * (split.left + split.right);
        let (low, high) = match self.options.direction[split.feature] {
            1 => ((bounds.0, middle), (middle, bounds.1)),
            -1 => ((middle, bounds.1), (bounds.0, middle)),
            _ => (bounds, bounds),
        };
        self.grow(tree, 2 * at + 1, left, low);
        self.grow(tree, 2 * at + 2, right, high);
    }

    fn sums(&self, rows: &[u32]) -> (f64, f64) {
        rows.iter().fold((0.0, 0.0), |(g, h), &i| {
            (g + self.g[i as usize], h + self.h[i as usize])
        })
    }

    fn value(&self, g: f64, h: f64, bounds: Bounds) -> f64 {
        (g / (h + self.options.ridge)).clamp(bounds.0, bounds.1)
    }

    fn gain(&self, g: f64, h: f64, bounds: Bounds) -> f64 {
        let v = self.value(g, h, bounds);
        g * v - 0.5 * (h + self.options.ridge) * v * v
    }

    fn best_split(&self, rows: &[u32], bounds: Bounds) -> Option<Split> {
        let total = self.sums(rows);
        let mut best: Option<Split> = None;
        for feature in (0..self.binned.len()).filter(|&f| self.columns[f]) {
            let least = best.as_ref().map_or(1e-3, |b| b.gain);
            best = self.split_of(feature, rows, total, bounds, least).or(best);
        }
        best
    }

    /// The best split by one statistic, where it gains more than `least`.
    fn split_of(
        &self,
        feature: usize,
        rows: &[u32],
        (gs, hs): (f64, f64),
        bounds: Bounds,
        mut least: f64,
    ) -> Option<Split> {
        let bins = &self.binned[feature];
        let mut sums = [(0.0, 0.0); 2 * BINS + 1];
        for &i in rows {
            let s = &mut sums[usize::from(bins[i as usize])];
            s.0 += self.g[i as usize];
            s.1 += self.h[i as usize];
        }
        let direction = self.options.direction[feature];
        let (mut gl, mut hl) = (0.0, 0.0);
        let mut best = None;
        for (bin, s) in sums.iter().enumerate().take(self.edges[feature].len()) {
            gl += s.0;
            hl += s.1;
            let (gr, hr) = (gs - gl, hs - hl);
            if hl < self.options.min_weight || hr < self.options.min_weight {
                continue;
            }
            let (left, right) = (self.value(gl, hl, bounds), self.value(gr, hr, bounds));
            if (direction == 1 && left > right) || (direction == -1 && left < right) {
                continue;
            }
            let gain = self.gain(gl, hl, bounds) + self.gain(gr, hr, bounds) - self.gain(gs, hs, bounds);
            if gain > least {
                least = gain;
                best = Some(Split {
                    gain,
                    feature,
                    bin,
                    left,
                    right,
                });
            }
        }
        best
    }
}
