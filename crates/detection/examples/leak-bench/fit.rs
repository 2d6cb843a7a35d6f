//! Fits the table of `calibration_table.rs`: gradient-boosted trees of small depth under logistic loss (Friedman
//! 2001), monotone in the statistics whose direction is known.

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
    /// 1 rising, -1 falling, 0 free, 2 not used.
    pub direction: Vec<i8>,
}

pub struct Forest {
    pub bias: f64,
    pub trees: Vec<Vec<Node>>,
}

impl Forest {
    pub fn margin(&self, x: &[f64]) -> f64 {
        let mut z = self.bias;
        for tree in &self.trees {
            let mut at = 0;
            while !tree[at].leaf {
                let node = tree[at];
                at = if x[usize::from(node.feature)] <= node.split {
                    2 * at + 1
                } else {
                    2 * at + 2
                };
            }
            z += tree[at].value;
        }
        z
    }
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
    for _ in 0..options.trees {
        let (mut g, mut h) = (vec![0.0; rows.len()], vec![0.0; rows.len()]);
        for (i, row) in rows.iter().enumerate() {
            let p = 1.0 / (1.0 + (-margin[i]).exp());
            g[i] = row.weight * (f64::from(u8::from(row.leak)) - p);
            h[i] = row.weight * (p * (1.0 - p)).max(1e-6);
        }
        let mut tree = vec![Node::default(); (1 << (options.depth + 1)) - 1];
        let all: Vec<u32> = (0..rows.len() as u32).collect();
        let bounds = (f64::NEG_INFINITY, f64::INFINITY);
        grow(
            &mut tree,
            0,
            0,
            all,
            &binned,
            &edges,
            &g,
            &h,
            bounds,
            options,
            &mut margin,
        );
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

#[expect(
    clippy::too_many_arguments,
    reason = "one recursive step of the fit, used nowhere else"
)]
fn grow(
    tree: &mut [Node],
    at: usize,
    depth: usize,
    rows: Vec<u32>,
    binned: &[Vec<u8>],
    edges: &[Vec<f64>],
    g: &[f64],
    h: &[f64],
    bounds: (f64, f64),
    options: &Options,
    margin: &mut [f64],
) {
    let (gs, hs) = rows
        .iter()
        .fold((0.0, 0.0), |(a, b), &i| (a + g[i as usize], b + h[i as usize]));
    let value = |g: f64, h: f64| (g / (h + options.ridge)).clamp(bounds.0, bounds.1);
    let gain = |g: f64, h: f64| {
        let v = value(g, h);
        g * v - 0.5 * (h + options.ridge) * v * v
    };
    let mut best = (1e-3, usize::MAX, 0, 0.0, 0.0);
    if depth < options.depth {
        for (f, bins) in binned.iter().enumerate() {
            let direction = options.direction[f];
            if direction == 2 {
                continue;
            }
            let mut sums = [(0.0, 0.0); 2 * BINS + 1];
            for &i in &rows {
                let s = &mut sums[usize::from(bins[i as usize])];
                s.0 += g[i as usize];
                s.1 += h[i as usize];
            }
            let (mut gl, mut hl) = (0.0, 0.0);
            for (b, s) in sums.iter().enumerate().take(edges[f].len()) {
                gl += s.0;
                hl += s.1;
                let (gr, hr) = (gs - gl, hs - hl);
                if hl < options.min_weight || hr < options.min_weight {
                    continue;
                }
                let (left, right) = (value(gl, hl), value(gr, hr));
                if (direction == 1 && left > right) || (direction == -1 && left < right) {
                    continue;
                }
                let gained = gain(gl, hl) + gain(gr, hr) - gain(gs, hs);
                if gained > best.0 {
                    best = (gained, f, b, left, right);
                }
            }
        }
    }
    if best.1 == usize::MAX {
        let v = options.rate * value(gs, hs);
        tree[at] = Node {
            leaf: true,
            value: v,
            ..Node::default()
        };
        for &i in &rows {
            margin[i as usize] += v;
        }
        return;
    }
    let (_, f, b, left, right) = best;
    tree[at] = Node {
        feature: f as u8,
        split: edges[f][b],
        value: 0.0,
        leaf: false,
    };
    let (a, c): (Vec<u32>, Vec<u32>) = rows
        .into_iter()
        .partition(|&i| usize::from(binned[f][i as usize]) <= b);
    let middle = 0.5 * (left + right);
    let (low, high) = match options.direction[f] {
        1 => ((bounds.0, middle), (middle, bounds.1)),
        -1 => ((middle, bounds.1), (bounds.0, middle)),
        _ => (bounds, bounds),
    };
    grow(
        tree,
        2 * at + 1,
        depth + 1,
        a,
        binned,
        edges,
        g,
        h,
        low,
        options,
        margin,
    );
    grow(
        tree,
        2 * at + 2,
        depth + 1,
        c,
        binned,
        edges,
        g,
        h,
        high,
        options,
        margin,
    );
}
