//! Passengers: series that follow a reclaimable cache step by step and are given back with it.
//!
//! On Linux every cached inode carries a security blob (`lsm_inode_cache`) and small allocations that live in caches of
//! their own, which the kernel does not call reclaimable although they go when the inode goes.

use snapshot::{History, Pool};

use crate::family::{correlation, differences};
use crate::grid::{Column, Design};
use crate::judge::{EXPLAINED, Studied};
use crate::judgement::{Judgement, Passenger, Verdict};
use crate::level::{Beside, Level};

/// Coefficient over standard error from which a series is said to follow a cache. The caches compete with a drift in
/// the same fit, so that two lines that merely both rise do not count as following.
const FOLLOWS_T: f64 = 4.0;

/// Drift over standard error that must be gone once the caches are allowed for.
const NO_DRIFT_T: f64 = 3.0;

/// Part of the drift that must be gone otherwise.
const MOSTLY: f64 = 0.8;

/// Most caches that one series may follow at once.
const MAX_LEADERS: usize = 5;

/// Finds followers among series that would otherwise be accused, and takes the accusation back.
pub(crate) fn passengers(
    history: &History,
    design: Option<&Design>,
    judgements: &mut [Judgement],
    studied: &[Studied],
) -> Vec<Passenger> {
    let Some(design) = design else {
        return Vec::new();
    };
    let blocks = design.grid.len();
    let leaders: Vec<(usize, &[f64])> = history
        .series
        .iter()
        .enumerate()
        .filter(|(_, s)| s.key.pool == Pool::SlabReclaimable)
        .filter_map(|(i, _)| Some((i, path(studied.get(i)?, blocks)?)))
        .collect();
    let mut found = Vec::new();
    if leaders.is_empty() {
        return found;
    }
    for judgement in judgements.iter_mut() {
        let accused = matches!(
            judgement.verdict,
            Verdict::Leak | Verdict::Suspect | Verdict::Insufficient
        );
        let own_pool = history.series.get(judgement.series).map(|s| s.key.pool);
        if !accused || !matches!(own_pool, Some(Pool::Slab)) {
            continue;
        }
        let Some(own) = studied.get(judgement.series).and_then(|s| path(s, blocks)) else {
            continue;
        };
        if let Some((follows, correlation)) = follows(design, own, &leaders) {
            judgement.verdict = Verdict::Filling;
            judgement.confidence = judgement.confidence.map(|c| c.min(EXPLAINED));
            judgement.shape = None;
            judgement.exhaustion = None;
            judgement.needs_s = None;
            found.push(Passenger {
                series: judgement.series,
                follows,
                correlation,
            });
        }
    }
    found
}

/// The cache that `own` follows, and the correlation of their steps.
///
/// Caches are added one by one, the one that moves most alike first, beside a drift (Harvey 1989, section 7.3:
/// explanatory variables in a structural model). `own` is a passenger when a cache explains it and no drift is left.
fn follows(design: &Design, own: &[f64], leaders: &[(usize, &[f64])]) -> Option<(usize, f64)> {
    let level = Level::new(&design.grid, own);
    let line = level.beside(&design.line);
    let alone = level.fit(design, &[&line])?;
    let steps = differences(own);
    let mut ordered: Vec<(usize, f64, Vec<f64>)> = leaders
        .iter()
        .map(|(i, path)| {
            let theirs = differences(path);
            (*i, correlation(&steps, &theirs), theirs)
        })
        .filter(|l| l.1 > 0.1)
        .collect();
    ordered.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    ordered.truncate(MAX_LEADERS);
    let columns: Vec<Column> = ordered.iter().map(|l| design.grid.column(l.2.clone())).collect();
    let theirs: Vec<Beside> = columns.iter().map(|c| level.beside(c)).collect();
    for count in 1..=ordered.len() {
        let mut regressors = vec![&line];
        regressors.extend(theirs.iter().take(count));
        let Some(fit) = level.fit(design, &regressors) else {
            continue;
        };
        let explained = (1..=count).any(|k| fit.t(k) >= FOLLOWS_T);
        let left = fit.beta.first().copied().unwrap_or(0.0);
        let drift = alone.beta.first().copied().unwrap_or(0.0);
        if explained && (fit.t(0) < NO_DRIFT_T || left < (1.0 - MOSTLY) * drift) {
            return ordered.first().map(|l| (l.0, l.1));
        }
    }
    None
}

/// Block means of the outstanding objects (else bytes), when every block has one and they move.
fn path(studied: &Studied, blocks: usize) -> Option<&[f64]> {
    let channels = [&studied.reduced.count, &studied.reduced.bytes];
    let channel = channels.into_iter().find(|c| c.known >= 8)?;
    let whole = channel.known == blocks && channel.mean.len() == blocks;
    (whole && channel.changes > 2).then_some(&channel.mean)
}
