//! Passengers: series that follow a reclaimable cache step by step and are given back with it.
//!
//! On Linux every cached inode carries a security blob (`lsm_inode_cache`) and small allocations that live in caches of
//! their own, which the kernel does not call reclaimable although they go when the inode goes.

use snapshot::{History, Pool};

use crate::family::{correlation, differences};
use crate::judge::Studied;
use crate::judgement::{Judgement, Passenger, Verdict};

/// Stretches that steps are compared over: fine steps are blurred by per-CPU caches and whole slabs.
const STRETCHES: usize = 24;

/// Correlation of steps from which one series follows the other.
const FOLLOWS: f64 = 0.85;

/// Finds followers among series that would otherwise be accused, and takes the accusation back.
pub(crate) fn passengers(
    history: &History,
    judgements: &mut [Judgement],
    studied: &[Studied],
) -> Vec<Passenger> {
    let leaders: Vec<(usize, Vec<f64>)> = history
        .series
        .iter()
        .enumerate()
        .filter(|(_, s)| s.key.pool == Pool::SlabReclaimable)
        .filter_map(|(i, _)| Some((i, steps(studied.get(i)?)?)))
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
        let Some(own) = studied.get(judgement.series).and_then(steps) else {
            continue;
        };
        let best = leaders
            .iter()
            .map(|(i, leader)| (*i, correlation(&own, leader)))
            .max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)));
        if let Some((follows, r)) = best
            && r >= FOLLOWS
        {
            judgement.verdict = Verdict::Filling;
            judgement.shape = None;
            found.push(Passenger {
                series: judgement.series,
                follows,
                correlation: r,
            });
        }
    }
    found
}

/// Steps of the outstanding objects (else bytes) over the stretches; `None` when they hardly vary.
fn steps(studied: &Studied) -> Option<Vec<f64>> {
    let channel = if studied.reduced.count.known >= 8 {
        &studied.reduced.count
    } else {
        &studied.reduced.bytes
    };
    if channel.known < 8 {
        return None;
    }
    let n = channel.mean.len();
    let parts = STRETCHES.min(n);
    let means: Vec<f64> = (0..parts)
        .map(|p| {
            let part = channel
                .mean
                .get(p * n / parts..(p + 1) * n / parts)
                .unwrap_or(&[]);
            part.iter().sum::<f64>() / part.len().max(1) as f64
        })
        .collect();
    Some(differences(&means))
}
