//! The local-level model: a level that wanders, noise on top of it, and a drift to be judged.
//!
//! `y[t] = m[t] + e[t]`, `m[t] = m[t-1] + X[t] b + h[t]` with white `e` and `h` (Harvey 1989, *Forecasting, structural
//! time series models and the Kalman filter*, section 2.3). The ratio `q = var h / var e` says how much of the noise
//! accumulates: at 0 the drift is ordinary least squares on a line, towards infinity it is the mean step of a random
//! walk. Autocorrelation is thus part of the model instead of a correction afterwards, and no one value of `q` is
//! believed: everything is averaged over a grid of them by likelihood.
//!
//! Fitted on differences `d = X b + h + e[t] - e[t-1]`, whose covariance is tridiagonal: its Cholesky factor is a
//! one-line recursion ([`crate::grid`]), so a fit costs O(blocks * new columns + columns^3).

use crate::grid::{Column, Design, Grid, Lanes, RATIOS, inner};

/// Most regressors in one fit.
pub const MAX_REGRESSORS: usize = 10;

/// A series on the blocks of a grid, ready to fit.
#[derive(Clone, Debug)]
pub struct Level {
    /// Differences of the values.
    pub d: Vec<f64>,
    /// The differences whitened.
    white: Vec<Lanes>,
    /// Their squares summed.
    total: Lanes,
    /// Log-determinant of their covariance.
    logdet: Lanes,
    /// A floor for variances: counters move in whole pages or objects, so a perfect fit is not infinitely sure.
    floor: f64,
}

/// A column together with what a level has in common with it.
#[derive(Clone, Copy, Debug)]
pub struct Beside<'a> {
    column: &'a Column,
    right: Lanes,
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
    /// First coefficient over its standard error were all noise to pass, and were all of it to accumulate.
    pub ends: (f64, f64),
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

/// One model for one ratio: log-likelihood, coefficients, their variances.
type OneFit = (f64, [f64; MAX_REGRESSORS], [f64; MAX_REGRESSORS]);

impl Level {
    /// `values` at the times of `grid`.
    #[must_use]
    pub fn new(grid: &Grid, values: &[f64]) -> Self {
        let d: Vec<f64> = values.windows(2).map(|w| w[1] - w[0]).collect();
        let white = grid.whiten(&d);
        let total = inner(&white, &white);
        let (low, high) = values
            .iter()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), &v| {
                (a.min(v), b.max(v))
            });
        Self {
            d,
            white,
            total,
            logdet: grid.logdet,
            floor: ((high - low) * 1e-4).max(1e-9),
        }
    }

    /// Puts `column` beside this level.
    #[must_use]
    pub fn beside<'a>(&self, column: &'a Column) -> Beside<'a> {
        Beside {
            column,
            right: inner(&column.white, &self.white),
        }
    }

    /// Fits a single column.
    #[must_use]
    pub fn fit_one(&self, column: &Column) -> Option<Fit> {
        let one = self.beside(column);
        self.fit_with(&[&one], |a, b| inner(&a.white, &b.white))
    }

    /// Fits columns for each ratio and averages. `None` when there are too few blocks for them.
    #[must_use]
    pub fn fit(&self, design: &Design, columns: &[&Beside]) -> Option<Fit> {
        self.fit_with(columns, |a, b| design.product(a, b))
    }

    fn fit_with(&self, columns: &[&Beside], product: impl Fn(&Column, &Column) -> Lanes) -> Option<Fit> {
        let (n, p) = (self.d.len(), columns.len());
        if p > MAX_REGRESSORS || n < p + 2 {
            return None;
        }
        // The lower triangle, row by row.
        let normal: Vec<Lanes> = columns
            .iter()
            .enumerate()
            .flat_map(|(a, left)| columns.iter().take(a + 1).map(move |right| (left, right)))
            .map(|(left, right)| product(left.column, right.column))
            .collect();
        let mut fits: [Option<OneFit>; RATIOS.len()] = [None; RATIOS.len()];
        for (lane, slot) in fits.iter_mut().enumerate() {
            *slot = self.one_fit(columns, &normal, lane);
        }
        average(&fits, n, p)
    }

    /// Generalised least squares for one ratio, from inner products.
    fn one_fit(&self, columns: &[&Beside], normal: &[Lanes], lane: usize) -> Option<OneFit> {
        let (n, p) = (self.d.len(), columns.len());
        let mut right = [0.0; MAX_REGRESSORS];
        for (r, column) in right.iter_mut().zip(columns) {
            *r = column.right[lane];
        }
        let (beta, inverse_diagonal) = solve(normal, lane, &right, p)?;
        let explained: f64 = (0..p).map(|i| beta[i] * right[i]).sum();
        let residual = (self.total[lane] - explained).max(0.0) + self.floor * self.floor * n as f64;
        let unit = residual / (n - p) as f64;
        let loglik = -0.5 * (n as f64) * libm::log(residual / n as f64) - 0.5 * self.logdet[lane];
        Some((loglik, beta, inverse_diagonal.map(|v| v * unit)))
    }
}

/// Averages the fits of all ratios by their likelihood.
fn average(fits: &[Option<OneFit>], n: usize, p: usize) -> Option<Fit> {
    let best = fits
        .iter()
        .flatten()
        .map(|f| f.0)
        .fold(f64::NEG_INFINITY, f64::max);
    if !best.is_finite() {
        return None;
    }
    let mut weights = [0.0; RATIOS.len()];
    for (weight, fit) in weights.iter_mut().zip(fits) {
        *weight = fit.as_ref().map_or(0.0, |f| libm::exp(f.0 - best));
    }
    let sum: f64 = weights.iter().sum();
    let mut fit = Fit {
        score: 0.0,
        beta: [0.0; MAX_REGRESSORS],
        se: [0.0; MAX_REGRESSORS],
        wander: 0.0,
        ends: (fits.first().map_or(0.0, end), fits.last().map_or(0.0, end)),
    };
    let k = p as f64 + 2.0;
    let n_obs = n as f64;
    let penalty = if n_obs > k + 1.0 {
        k + k * (k + 1.0) / (n_obs - k - 1.0)
    } else {
        2.0 * k + 10.0
    };
    let fitted = fits.iter().flatten().count() as f64;
    fit.score = best + libm::log(sum / fitted) - penalty;
    let weighed = || {
        fits.iter()
            .zip(weights)
            .filter_map(|(f, w)| Some((f.as_ref()?, w / sum)))
    };
    for (one, w) in weighed() {
        for i in 0..p {
            fit.beta[i] += w * one.1[i];
        }
    }
    for ((_, w), q) in fits.iter().zip(weights).zip(RATIOS) {
        fit.wander += w / sum * q / (q + 1.0);
    }
    for (one, w) in weighed() {
        for i in 0..p {
            let between = one.1[i] - fit.beta[i];
            fit.se[i] += w * (one.2[i] + between * between);
        }
    }
    for se in fit.se.iter_mut().take(p) {
        *se = se.sqrt();
    }
    Some(fit)
}

/// First coefficient over its standard error.
fn end(fit: &Option<OneFit>) -> f64 {
    fit.as_ref().map_or(0.0, |f| f.1[0] / f.2[0].sqrt().max(1e-300))
}

/// A small fixed vector: no fit has more regressors.
type Vector = [f64; MAX_REGRESSORS];

#[expect(
    clippy::needless_range_loop,
    reason = "triangular index arithmetic reads as in the textbook"
)]
/// Solves the normal equations of one ratio by Cholesky; `None` when the regressors are dependent.
fn solve(normal: &[Lanes], lane: usize, right: &Vector, p: usize) -> Option<(Vector, Vector)> {
    let entry = |a: usize, b: usize| normal.get(a * (a + 1) / 2 + b).map_or(0.0, |lanes| lanes[lane]);
    let mut l = [[0.0_f64; MAX_REGRESSORS]; MAX_REGRESSORS];
    for a in 0..p {
        for b in 0..=a {
            let mut sum = entry(a, b);
            for k in 0..b {
                sum -= l[a][k] * l[b][k];
            }
            if a == b {
                if sum <= 1e-12 * entry(a, a).abs() || sum <= 0.0 {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(n: usize) -> Vec<f64> {
        (0..n).map(|i| i as f64 * 30.0).collect()
    }

    #[test]
    fn an_exact_line_is_found_whatever_the_noise_is_said_to_be() {
        let design = Design::new(&seconds(20)).unwrap();
        let values: Vec<f64> = design.grid.t.iter().map(|t| 5.0 + 2.5 * t).collect();
        let level = Level::new(&design.grid, &values);
        let fit = level.fit(&design, &[&level.beside(&design.line)]).unwrap();
        assert!((fit.beta[0] - 2.5).abs() < 1e-9, "{}", fit.beta[0]);
        assert!(fit.t(0) > 1e3);
        let other = level.fit_one(&design.line).unwrap();
        assert_eq!(fit.beta, other.beta);
    }

    #[test]
    fn white_noise_gives_least_squares_and_a_walk_its_mean_step() {
        // The two ends of the grid of ratios, against their closed forms.
        let grid = Grid::new(&seconds(12)).unwrap();
        let values: Vec<f64> = (0..12).map(|i| f64::from((i * 7919) % 101)).collect();
        let line = grid.curve(|s| s);
        let level = Level::new(&grid, &values);
        let beside = level.beside(&line);
        let normal = inner(&line.white, &line.white);
        let white = beside.right[0] / normal[0];
        let mean_t = grid.t.iter().sum::<f64>() / 12.0;
        let (mut above, mut below) = (0.0, 0.0);
        for (t, y) in grid.t.iter().zip(&values) {
            above += (t - mean_t) * y;
            below += (t - mean_t) * (t - mean_t);
        }
        assert!((white - above / below).abs() < 1e-9, "{white} {}", above / below);
        let walk = beside.right[6] / normal[6];
        let mean_step = (values[11] - values[0]) / (11.0 * 30.0);
        assert!(
            (walk - mean_step).abs() < 1e-3 * mean_step.abs(),
            "{walk} {mean_step}"
        );
    }

    #[test]
    fn too_few_blocks_and_dependent_columns_are_refused() {
        assert!(Design::new(&seconds(3)).is_none());
        assert!(Design::new(&[0.0, 1.0, 1.0, 2.0, 3.0]).is_none());
        let design = Design::new(&seconds(8)).unwrap();
        let level = Level::new(&design.grid, &[1.0, 2.0, 4.0, 3.0, 5.0, 6.0, 8.0, 7.0]);
        let line = level.beside(&design.line);
        assert!(level.fit(&design, &[&line, &line]).is_none());
    }
}
