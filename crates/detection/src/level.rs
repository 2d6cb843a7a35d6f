//! The local-level model: a level that wanders, noise on top of it, and a drift to be judged.
//!
//! `y[t] = m[t] + e[t]`, `m[t] = m[t-1] + X[t] b + h[t]` with white `e` and `h` (Harvey 1989, *Forecasting, structural
//! time series models and the Kalman filter*, section 2.3). The ratio `q = var h / var e` says how much of the noise
//! accumulates: at 0 the drift is ordinary least squares on a line, towards infinity it is the mean step of a random
//! walk. Autocorrelation is thus part of the model instead of a correction afterwards, and no one value of `q` is
//! believed: everything is averaged over a grid of them by likelihood.
//!
//! Fitted on differences `d = X b + h + e[t] - e[t-1]`, whose covariance is tridiagonal: its Cholesky factor is a
//! one-line recursion, so a fit costs O(blocks * regressors^2).

/// Grid of signal-to-noise ratios, per mean block distance.
pub const RATIOS: [f64; 7] = [0.0, 0.003, 0.02, 0.12, 0.6, 4.0, 1e4];

/// Most regressors in one fit.
pub const MAX_REGRESSORS: usize = 12;

/// A series on blocks, ready to fit: differences, time steps and the factor for each ratio.
#[derive(Clone, Debug)]
pub struct Level {
    /// Seconds of each kept block.
    pub t: Vec<f64>,
    /// Value of each kept block.
    pub y: Vec<f64>,
    /// Differences of `y`.
    pub d: Vec<f64>,
    /// For each ratio, the pivots of the factorised covariance of `d`.
    pivots: Vec<Vec<f64>>,
}

/// A regressor on the differences: what one unit of it adds to each step of the level.
pub type Regressor = Vec<f64>;

/// A model fitted for one ratio.
#[derive(Clone, Debug)]
struct OneFit {
    loglik: f64,
    beta: [f64; MAX_REGRESSORS],
    variance: [f64; MAX_REGRESSORS],
}

/// A model averaged over the ratios.
#[derive(Clone, Debug)]
pub struct Fit {
    /// Marginal log-likelihood over the grid of ratios, with the small-sample Akaike penalty of the regressors taken
    /// off (Hurvich and Tsai 1989).
    pub score: f64,
    /// Coefficients.
    pub beta: [f64; MAX_REGRESSORS],
    /// Their standard errors, from the averaged posterior: within ratios and between them.
    pub se: [f64; MAX_REGRESSORS],
    /// Average share of accumulating noise in 0..1.
    pub wander: f64,
    /// Standard deviation of one step that the model leaves unexplained.
    pub sigma: f64,
}

impl Fit {
    /// Coefficient over standard error.
    #[must_use]
    pub fn t(&self, i: usize) -> f64 {
        match (self.beta.get(i), self.se.get(i)) {
            (Some(b), Some(s)) if *s > 0.0 => b / s,
            _ => 0.0,
        }
    }
}

impl Level {
    /// Takes the blocks that have a value. `None` with fewer than four.
    #[must_use]
    pub fn new(seconds: &[f64], values: &[f64]) -> Option<Self> {
        let (mut t, mut y) = (Vec::with_capacity(values.len()), Vec::with_capacity(values.len()));
        for (&s, &v) in seconds.iter().zip(values) {
            if v.is_finite() && t.last().is_none_or(|&last| s > last) {
                t.push(s);
                y.push(v);
            }
        }
        if y.len() < 4 {
            return None;
        }
        let d: Vec<f64> = y.windows(2).map(|w| w[1] - w[0]).collect();
        let mean = (t[t.len() - 1] - t[0]) / d.len() as f64;
        let pivots = RATIOS
            .iter()
            .map(|q| {
                let mut before = f64::INFINITY;
                t.windows(2)
                    .map(|w| {
                        let pivot = q * (w[1] - w[0]) / mean + 2.0 - 1.0 / before;
                        // The first difference has no neighbour; 1/inf is 0.
                        before = pivot;
                        pivot
                    })
                    .collect()
            })
            .collect();
        Some(Self { t, y, d, pivots })
    }

    /// Number of kept blocks.
    #[must_use]
    pub fn len(&self) -> usize {
        self.y.len()
    }

    /// True without blocks; never for a level that was made.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.y.is_empty()
    }

    /// Length in seconds.
    #[must_use]
    pub fn length(&self) -> f64 {
        self.t.last().copied().unwrap_or(0.0) - self.t.first().copied().unwrap_or(0.0)
    }

    /// The regressor whose level is `f(seconds since the first block)`.
    pub fn regressor(&self, f: impl Fn(f64) -> f64) -> Regressor {
        let first = self.t.first().copied().unwrap_or(0.0);
        self.t
            .windows(2)
            .map(|w| f(w[1] - first) - f(w[0] - first))
            .collect()
    }

    /// A level shift at difference `i`.
    #[must_use]
    pub fn shift(&self, i: usize) -> Regressor {
        let mut r = vec![0.0; self.d.len()];
        if let Some(x) = r.get_mut(i) {
            *x = 1.0;
        }
        r
    }

    /// Fits `regressors` for each ratio and averages. `None` when there are too few blocks for them.
    #[must_use]
    pub fn fit(&self, regressors: &[&Regressor]) -> Option<Fit> {
        let (n, p) = (self.d.len(), regressors.len());
        if p > MAX_REGRESSORS || n < p + 2 {
            return None;
        }
        let scale = self.scale();
        let fits: Vec<OneFit> = self
            .pivots
            .iter()
            .filter_map(|pivots| one_fit(&self.d, pivots, regressors, scale))
            .collect();
        let best = fits.iter().map(|f| f.loglik).fold(f64::NEG_INFINITY, f64::max);
        if !best.is_finite() {
            return None;
        }
        let weights: Vec<f64> = fits.iter().map(|f| libm::exp(f.loglik - best)).collect();
        let sum: f64 = weights.iter().sum();
        let mut fit = Fit {
            score: 0.0,
            beta: [0.0; MAX_REGRESSORS],
            se: [0.0; MAX_REGRESSORS],
            wander: 0.0,
            sigma: 0.0,
        };
        let k = p as f64 + 2.0;
        let n_obs = n as f64;
        let penalty = if n_obs > k + 1.0 {
            k + k * (k + 1.0) / (n_obs - k - 1.0)
        } else {
            2.0 * k + 10.0
        };
        fit.score = best + libm::log(sum / fits.len() as f64) - penalty;
        for (one, w) in fits.iter().zip(&weights) {
            for i in 0..p {
                fit.beta[i] += w / sum * one.beta[i];
            }
        }
        for ((one, w), q) in fits.iter().zip(&weights).zip(RATIOS) {
            fit.wander += w / sum * q / (q + 1.0);
            for i in 0..p {
                let between = one.beta[i] - fit.beta[i];
                fit.se[i] += w / sum * (one.variance[i] + between * between);
            }
        }
        for se in &mut fit.se {
            *se = se.sqrt();
        }
        let explained: f64 = self
            .d
            .iter()
            .enumerate()
            .map(|(i, d)| {
                let fitted: f64 = regressors
                    .iter()
                    .zip(fit.beta)
                    .map(|(r, b)| r.get(i).unwrap_or(&0.0) * b)
                    .sum();
                (d - fitted) * (d - fitted)
            })
            .sum();
        fit.sigma = (explained / n_obs).sqrt();
        Some(fit)
    }

    /// A floor for variances: counters move in whole pages or objects, so a perfect fit is not infinitely sure.
    fn scale(&self) -> f64 {
        let span = self.y.iter().fold(f64::NEG_INFINITY, |a, &b| a.max(b))
            - self.y.iter().fold(f64::INFINITY, |a, &b| a.min(b));
        (span * 1e-4).max(1e-9)
    }
}

/// Generalised least squares on whitened differences.
fn one_fit(d: &[f64], pivots: &[f64], regressors: &[&Regressor], floor: f64) -> Option<OneFit> {
    let (n, p) = (d.len(), regressors.len());
    let mut normal = [[0.0_f64; MAX_REGRESSORS]; MAX_REGRESSORS];
    let mut right = [0.0_f64; MAX_REGRESSORS];
    let mut carried = [0.0_f64; MAX_REGRESSORS];
    let (mut carried_d, mut before, mut total, mut logdet) = (0.0, f64::INFINITY, 0.0, 0.0);
    for (i, (step, &pivot)) in d.iter().zip(pivots).enumerate() {
        carried_d = step + carried_d / before;
        for (c, r) in carried.iter_mut().zip(regressors) {
            *c = r.get(i).copied().unwrap_or(0.0) + *c / before;
        }
        before = pivot;
        logdet += libm::log(pivot);
        total += carried_d * carried_d / pivot;
        for a in 0..p {
            let scaled = carried[a] / pivot;
            right[a] += scaled * carried_d;
            for b in 0..=a {
                normal[a][b] += scaled * carried[b];
            }
        }
    }
    let (beta, inverse_diagonal) = solve(&normal, &right, p)?;
    let explained: f64 = (0..p).map(|i| beta[i] * right[i]).sum();
    let residual = (total - explained).max(0.0) + floor * floor * n as f64;
    let free = (n - p) as f64;
    let variance_unit = residual / free;
    let mut variance = [0.0; MAX_REGRESSORS];
    for i in 0..p {
        variance[i] = variance_unit * inverse_diagonal[i];
    }
    Some(OneFit {
        loglik: -0.5 * (n as f64) * libm::log(residual / n as f64) - 0.5 * logdet,
        beta,
        variance,
    })
}

/// A small fixed vector: no fit has more regressors.
type Vector = [f64; MAX_REGRESSORS];

#[expect(
    clippy::needless_range_loop,
    reason = "triangular index arithmetic reads as in the textbook"
)]
/// Solves the normal equations by Cholesky; `None` when the regressors are dependent.
fn solve(normal: &[Vector; MAX_REGRESSORS], right: &Vector, p: usize) -> Option<(Vector, Vector)> {
    let mut l = [[0.0_f64; MAX_REGRESSORS]; MAX_REGRESSORS];
    for a in 0..p {
        for b in 0..=a {
            let mut sum = normal[a][b];
            for k in 0..b {
                sum -= l[a][k] * l[b][k];
            }
            if a == b {
                if sum <= 1e-12 * normal[a][a].abs() || sum <= 0.0 {
                    return None;
                }
                l[a][a] = sum.sqrt();
            } else {
                l[a][b] = sum / l[b][b];
            }
        }
    }
    let mut beta = [0.0; MAX_REGRESSORS];
    for a in 0..p {
        let mut sum = right[a];
        for k in 0..a {
            sum -= l[a][k] * beta[k];
        }
        beta[a] = sum / l[a][a];
    }
    for a in (0..p).rev() {
        let mut sum = beta[a];
        for k in a + 1..p {
            sum -= l[k][a] * beta[k];
        }
        beta[a] = sum / l[a][a];
    }
    // Diagonal of the inverse: squared columns of L^-1.
    let mut diagonal = [0.0; MAX_REGRESSORS];
    for column in 0..p {
        let mut x = [0.0; MAX_REGRESSORS];
        for a in column..p {
            let mut sum = f64::from(u8::from(a == column));
            for k in column..a {
                sum -= l[a][k] * x[k];
            }
            x[a] = sum / l[a][a];
            diagonal[column] += x[a] * x[a];
        }
    }
    Some((beta, diagonal))
}
