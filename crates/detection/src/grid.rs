//! What follows from the times of blocks alone, worked out once for all series of a recording.
//!
//! The noise of [`crate::level`] has one covariance for each ratio of accumulating to passing noise. Its factor depends
//! on times only, and so do the curves that compete: whitened once, they serve every series, and a fit is left with
//! inner products. All ratios are worked on side by side, one lane each.

/// Ratios of the variance that accumulates to the variance that passes, per mean block distance.
pub const RATIOS: [f64; 7] = [0.0, 0.003, 0.02, 0.12, 0.6, 4.0, 1e4];

/// Lanes worked on at once: one for each ratio, and one that stays zero for the sake of even vectors.
pub const LANES: usize = 8;

/// One number for each ratio.
pub type Lanes = [f64; LANES];

/// Time constants of the saturating curve, in parts of the window.
const CONSTANTS: [f64; 5] = [0.05, 0.12, 0.3, 0.7, 1.6];

/// Speeds of the logarithmic curve `ln(1 + k t)`, with the window as the unit of time.
const LOGARITHMS: [f64; 2] = [15.0, 150.0];

/// Exponent of the power-law curve.
const POWER: f64 = 0.3;

/// Places where growth may have begun, in parts of the window.
const ONSETS: [f64; 7] = [0.15, 0.3, 0.45, 0.6, 0.7, 0.8, 0.88];

/// Seconds in a day.
const DAY: f64 = 86_400.0;

/// From this many blocks on, floors are taken over a dozen stretches.
const DOZEN_FROM: usize = 36;

/// Times of blocks with the factor of the noise for each ratio.
#[derive(Clone, Debug)]
pub struct Grid {
    /// Seconds of each block, strictly rising.
    pub t: Vec<f64>,
    /// For each difference: one over the pivot before it, and one over the root of its own pivot.
    steps: Vec<(Lanes, Lanes)>,
    /// Log-determinant of the covariance of the differences.
    pub(crate) logdet: Lanes,
}

/// A regressor: what one unit of it adds to each step of the level, plain and whitened.
#[derive(Clone, Debug)]
pub struct Column {
    /// Plain.
    pub raw: Vec<f64>,
    /// Whitened, for each difference and ratio.
    pub(crate) white: Vec<Lanes>,
    /// Place in the table of inner products, for those of a design.
    id: Option<usize>,
}

impl Grid {
    /// Of at least four strictly rising times.
    #[must_use]
    pub fn new(seconds: &[f64]) -> Option<Self> {
        let rising = seconds.windows(2).all(|w| w[1] > w[0]);
        let (first, last) = (*seconds.first()?, *seconds.last()?);
        if seconds.len() < 4 || !rising || !(last - first).is_finite() {
            return None;
        }
        let mean = (last - first) / (seconds.len() as f64 - 1.0);
        // The first difference has no neighbour: one over its pivot is zero.
        let mut carry = [0.0; LANES];
        let mut logdet = [0.0; LANES];
        let steps = seconds
            .windows(2)
            .map(|w| {
                let before = carry;
                let mut root = [0.0; LANES];
                for (lane, ratio) in RATIOS.iter().enumerate() {
                    let pivot = ratio * (w[1] - w[0]) / mean + 2.0 - before[lane];
                    logdet[lane] += libm::log(pivot);
                    carry[lane] = 1.0 / pivot;
                    root[lane] = carry[lane].sqrt();
                }
                (before, root)
            })
            .collect();
        Some(Self {
            t: seconds.to_vec(),
            steps,
            logdet,
        })
    }

    /// Number of blocks.
    #[must_use]
    pub fn len(&self) -> usize {
        self.t.len()
    }

    /// True without blocks; never for a grid that was made.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.t.is_empty()
    }

    /// Length in seconds.
    #[must_use]
    pub fn length(&self) -> f64 {
        self.t.last().copied().unwrap_or(0.0) - self.t.first().copied().unwrap_or(0.0)
    }

    /// Whitens differences: Cholesky's forward substitution for a tridiagonal covariance, for every ratio.
    pub(crate) fn whiten(&self, raw: &[f64]) -> Vec<Lanes> {
        let mut carried = [0.0; LANES];
        self.steps
            .iter()
            .zip(raw)
            .map(|((before, root), &x)| {
                let mut out = [0.0; LANES];
                for lane in 0..LANES {
                    carried[lane] = x + carried[lane] * before[lane];
                    out[lane] = carried[lane] * root[lane];
                }
                out
            })
            .collect()
    }

    /// The column that adds `raw` to each step.
    #[must_use]
    pub fn column(&self, raw: Vec<f64>) -> Column {
        let white = self.whiten(&raw);
        Column { raw, white, id: None }
    }

    /// The column whose level is `f(seconds since the first block)`.
    pub fn curve(&self, f: impl Fn(f64) -> f64) -> Column {
        let first = self.t.first().copied().unwrap_or(0.0);
        let level: Vec<f64> = self.t.iter().map(|t| f(t - first)).collect();
        self.column(level.windows(2).map(|w| w[1] - w[0]).collect())
    }

    /// A level shift at difference `at`.
    #[must_use]
    pub fn shift(&self, at: usize) -> Column {
        let mut raw = vec![0.0; self.len().saturating_sub(1)];
        if let Some(x) = raw.get_mut(at) {
            *x = 1.0;
        }
        self.column(raw)
    }
}

/// Inner products of two whitened columns, one for each ratio.
pub(crate) fn inner(a: &[Lanes], b: &[Lanes]) -> Lanes {
    let mut sum = [0.0; LANES];
    for (x, y) in a.iter().zip(b) {
        for lane in 0..LANES {
            sum[lane] += x[lane] * y[lane];
        }
    }
    sum
}

/// The floors of a few stretches: a grid of its own.
#[derive(Clone, Debug)]
pub struct Segments {
    /// First block of each stretch, and one past the last block.
    bounds: Vec<usize>,
    /// Mean time of each stretch.
    pub grid: Grid,
    /// A straight line.
    pub line: Column,
}

impl Segments {
    fn new(grid: &Grid) -> Option<Self> {
        let n = grid.len();
        let parts = if n >= DOZEN_FROM { 12 } else { n.div_ceil(2).max(5) }.min(n);
        let bounds: Vec<usize> = (0..=parts).map(|p| p * n / parts).collect();
        let times: Vec<f64> = bounds
            .windows(2)
            .map(|w| {
                let stretch = grid.t.get(w[0]..w[1]).unwrap_or(&[]);
                stretch.iter().sum::<f64>() / stretch.len().max(1) as f64
            })
            .collect();
        let grid = Grid::new(&times)?;
        let line = grid.curve(|s| s);
        Some(Self { bounds, grid, line })
    }

    /// Least value of each stretch.
    #[must_use]
    pub fn minima(&self, values: &[f64]) -> Vec<f64> {
        self.bounds
            .windows(2)
            .map(|w| {
                let stretch = values.get(w[0]..w[1]).unwrap_or(&[]);
                stretch.iter().copied().fold(f64::INFINITY, f64::min)
            })
            .collect()
    }
}

/// The curves that compete on a grid, with their inner products.
#[derive(Clone, Debug)]
pub struct Design {
    /// Times.
    pub grid: Grid,
    /// A straight line.
    pub line: Column,
    /// Approaches to a plateau by time constant, and growth that slows down without end: logarithms and a power.
    pub saturating: Vec<Column>,
    /// Late beginnings: seconds from the first block, and the curve.
    pub kinks: Vec<(f64, Column)>,
    /// Growth that grows.
    pub square: Column,
    /// The day and its second and third harmonic, as far as the window holds whole days.
    pub season: Vec<Column>,
    /// Stretches for the floors.
    pub segments: Option<Segments>,
    /// Inner products of all pairs of the columns above.
    products: Vec<Lanes>,
    columns: usize,
}

impl Design {
    /// For blocks at these times. `None` with fewer than four.
    #[must_use]
    pub fn new(seconds: &[f64]) -> Option<Self> {
        let grid = Grid::new(seconds)?;
        let length = grid.length();
        let mut columns = 0;
        let mut numbered = |mut column: Column| {
            column.id = Some(columns);
            columns += 1;
            column
        };
        let line = numbered(grid.curve(|s| s));
        let mut saturating: Vec<Column> = CONSTANTS
            .iter()
            .map(|part| {
                let tau = part * length;
                numbered(grid.curve(|s| 1.0 - libm::exp(-s / tau)))
            })
            .collect();
        saturating.extend(LOGARITHMS.map(|k| numbered(grid.curve(|s| libm::log1p(k * s / length)))));
        saturating.push(numbered(grid.curve(|s| libm::pow(s / length, POWER))));
        let kinks = ONSETS
            .iter()
            .map(|part| {
                let start = part * length;
                (start, numbered(grid.curve(|s| (s - start).max(0.0))))
            })
            .collect();
        let square = numbered(grid.curve(|s| s * s / length));
        let season = seasonal(&grid).into_iter().map(&mut numbered).collect();
        let segments = Segments::new(&grid);
        let mut design = Self {
            grid,
            line,
            saturating,
            kinks,
            square,
            season,
            segments,
            products: Vec::new(),
            columns,
        };
        design.products = design.all_products();
        Some(design)
    }

    fn all_products(&self) -> Vec<Lanes> {
        let mut all: Vec<&Column> = vec![&self.line];
        all.extend(&self.saturating);
        all.extend(self.kinks.iter().map(|k| &k.1));
        all.push(&self.square);
        all.extend(&self.season);
        let mut products = vec![[0.0; LANES]; all.len() * all.len()];
        for (i, a) in all.iter().enumerate() {
            for (j, b) in all.iter().enumerate().take(i + 1) {
                let product = inner(&a.white, &b.white);
                products[i * all.len() + j] = product;
                products[j * all.len() + i] = product;
            }
        }
        products
    }

    /// Inner products of two columns on this grid.
    pub(crate) fn product(&self, a: &Column, b: &Column) -> Lanes {
        if let (Some(i), Some(j)) = (a.id, b.id)
            && let Some(product) = self.products.get(i * self.columns + j)
        {
            return *product;
        }
        inner(&a.white, &b.white)
    }
}

/// Regressors of the day and its second and third harmonic, as far as the window holds whole days.
fn seasonal(grid: &Grid) -> Vec<Column> {
    let days = grid.length() / DAY;
    let step = grid.length() / (grid.len() as f64 - 1.0);
    if days < 0.9 || step > DAY / 8.0 {
        return Vec::new();
    }
    let harmonics = if days < 1.8 { 1 } else { 3 };
    let mut columns = Vec::new();
    for h in 1..=harmonics {
        let w = std::f64::consts::TAU * f64::from(h) / DAY;
        columns.push(grid.curve(|s| libm::sin(w * s)));
        columns.push(grid.curve(|s| libm::cos(w * s)));
    }
    columns
}
