//! Virtualization-based security, and whether Secure System follows the pools.

use snapshot::{History, VbsFacts};

use crate::thresholds as limit;
use crate::{Regression, VbsPicture, facts};

/// `CODEINTEGRITY_OPTION_HVCI_KMCI_ENABLED` of NT class 103.
const CI_HVCI_ENABLED: u32 = 0x400;
/// Service number of HVCI in `Win32_DeviceGuard`.
const SERVICE_HVCI: u32 = 2;
/// Lags tried on each side, in samples.
const MOST_LAGS: usize = 8;

/// The picture at the end of a recording; absent when nothing of it was read.
pub(crate) fn of_history(history: &History) -> Option<VbsPicture> {
    let vbs = facts::newest(history, |f| f.vbs.as_ref()).map(|(_, vbs)| vbs.clone());
    let secure_system = facts::newest(history, |f| {
        f.memory.as_ref().and_then(|m| m.secure_system.as_ref())
    })
    .map(|(_, &b)| b);
    if vbs.is_none() && secure_system.is_none() {
        return None;
    }
    let facts = vbs.unwrap_or_default();
    Some(VbsPicture {
        hvci_running: hvci_running(&facts),
        regression: regress(&pairs(history)),
        secure_system,
        facts,
    })
}

/// Any interface that says it runs is believed; "no" needs one that would know.
fn hvci_running(vbs: &VbsFacts) -> Option<bool> {
    let by_wmi = vbs
        .services_running
        .as_ref()
        .map(|services| services.contains(&SERVICE_HVCI));
    let by_class_165 = vbs
        .hvci_enabled
        .map(|on| on && vbs.secure_kernel_running != Some(false));
    let by_class_103 = vbs.code_integrity_options.map(|bits| bits & CI_HVCI_ENABLED != 0);
    let all = [by_wmi, by_class_165, by_class_103];
    if all.contains(&Some(true)) {
        Some(true)
    } else {
        all.into_iter().flatten().next()
    }
}

/// One moment: seconds, pool bytes, Secure System bytes.
#[derive(Clone, Copy, Debug)]
struct Pair {
    at_s: f64,
    pool: f64,
    secure: f64,
}

fn pairs(history: &History) -> Vec<Pair> {
    let last_boot = history.samples.last().and_then(|s| s.boot);
    history
        .facts
        .iter()
        .filter_map(|(at, facts)| {
            let sample = history.samples.get(*at as usize)?;
            let memory = facts.memory.as_ref()?;
            let pool = memory.nonpaged_pool?.saturating_add(memory.paged_pool?);
            // A reboot resets both and would make a correlation of its own.
            (sample.boot == last_boot).then_some(Pair {
                at_s: sample.at.unix_seconds(),
                pool: pool as f64,
                secure: memory.secure_system? as f64,
            })
        })
        .collect()
}

/// Ordinary least squares of Secure System on pool, Pearson's r, the lag with the highest r, and r of the differences.
/// Absent for fewer than three pairs or when one side does not move.
fn regress(pairs: &[Pair]) -> Option<Regression> {
    if pairs.len() < 3 {
        return None;
    }
    let pool: Vec<f64> = pairs.iter().map(|p| p.pool).collect();
    let secure: Vec<f64> = pairs.iter().map(|p| p.secure).collect();
    let r = pearson(&pool, &secure)?;
    let slope = slope(&pool, &secure)?;
    let (lag, r_at_lag) = best_lag(&pool, &secure, r);
    let r_of_changes = pearson(&differences(&pool), &differences(&secure));
    let span = pairs.last()?.at_s - pairs.first()?.at_s;
    let step = span / (pairs.len() - 1) as f64;
    let shown = pairs.len() >= limit::VBS_SAMPLES
        && r >= limit::VBS_R
        && slope > 0.0
        && r_of_changes.is_some_and(|r| r >= limit::VBS_R_CHANGES);
    Some(Regression {
        samples: pairs.len(),
        slope,
        r,
        lag_s: lag as f64 * step,
        r_at_lag,
        r_of_changes,
        shown,
    })
}

fn differences(values: &[f64]) -> Vec<f64> {
    values
        .iter()
        .zip(values.iter().skip(1))
        .map(|(a, b)| b - a)
        .collect()
}

fn best_lag(pool: &[f64], secure: &[f64], at_zero: f64) -> (i64, f64) {
    let most = (pool.len() / 4).min(MOST_LAGS);
    let mut best = (0, at_zero);
    for lag in 1..=most {
        let shorter = pool.len().saturating_sub(lag);
        let follows = pearson(
            pool.get(..shorter).unwrap_or_default(),
            secure.get(lag..).unwrap_or_default(),
        );
        let leads = pearson(
            pool.get(lag..).unwrap_or_default(),
            secure.get(..shorter).unwrap_or_default(),
        );
        for (signed, r) in [(lag as i64, follows), (-(lag as i64), leads)] {
            if r.is_some_and(|r| r > best.1 + 1e-9) {
                best = (signed, r.unwrap_or(best.1));
            }
        }
    }
    best
}

fn moments(x: &[f64], y: &[f64]) -> Option<(f64, f64, f64)> {
    let n = x.len().min(y.len());
    if n < 3 {
        return None;
    }
    let mean = |v: &[f64]| v.iter().take(n).sum::<f64>() / n as f64;
    let (mx, my) = (mean(x), mean(y));
    let (mut sxx, mut syy, mut sxy) = (0.0, 0.0, 0.0);
    for (a, b) in x.iter().zip(y) {
        sxx += (a - mx) * (a - mx);
        syy += (b - my) * (b - my);
        sxy += (a - mx) * (b - my);
    }
    (sxx > 0.0 && syy > 0.0).then_some((sxx, syy, sxy))
}

fn pearson(x: &[f64], y: &[f64]) -> Option<f64> {
    moments(x, y).map(|(sxx, syy, sxy)| (sxy / (sxx.sqrt() * syy.sqrt())).clamp(-1.0, 1.0))
}

fn slope(x: &[f64], y: &[f64]) -> Option<f64> {
    moments(x, y).map(|(sxx, _, sxy)| sxy / sxx)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(secure: impl Fn(usize) -> f64) -> Vec<Pair> {
        // Pool grows in uneven steps, so its changes carry information.
        (0..40)
            .map(|i| Pair {
                at_s: i as f64 * 60.0,
                pool: pool_at(i),
                secure: secure(i),
            })
            .collect()
    }

    fn pool_at(i: usize) -> f64 {
        1e9 + 1e7 * i as f64 + 4e6 * ((i * i * 7) % 11) as f64
    }

    #[test]
    fn following_is_told_from_growing_at_the_same_time() {
        let follows = regress(&made(|i| 1e8 + 0.1 * pool_at(i))).unwrap();
        assert!(
            follows.shown && (follows.slope - 0.1).abs() < 1e-6 && follows.r > 0.999,
            "{follows:?}"
        );
        assert!(follows.lag_s.abs() < 1e-9);

        let late = regress(&made(|i| 1e8 + 0.1 * pool_at(i.saturating_sub(2)))).unwrap();
        assert!((late.lag_s - 120.0).abs() < 1e-6, "{late:?}");

        let own_trend = regress(&made(|i| 1e8 + 1e6 * i as f64 + 1e5 * ((i * 13) % 7) as f64)).unwrap();
        assert!(
            own_trend.r > 0.8 && !own_trend.shown,
            "a common trend alone shows nothing: {own_trend:?}"
        );

        assert!(regress(&made(|_| 1e8)).is_none(), "a constant has no correlation");
        assert!(regress(&[]).is_none());
    }

    #[test]
    fn hvci_is_on_when_any_interface_says_so() {
        let cases = [
            (VbsFacts::default(), None),
            (
                VbsFacts {
                    services_running: Some(vec![1, 2]),
                    ..VbsFacts::default()
                },
                Some(true),
            ),
            (
                VbsFacts {
                    services_running: Some(vec![1]),
                    ..VbsFacts::default()
                },
                Some(false),
            ),
            (
                VbsFacts {
                    hvci_enabled: Some(true),
                    secure_kernel_running: Some(false),
                    ..VbsFacts::default()
                },
                Some(false),
            ),
            (
                VbsFacts {
                    code_integrity_options: Some(0x401),
                    ..VbsFacts::default()
                },
                Some(true),
            ),
        ];
        for (facts, expected) in cases {
            assert_eq!(hvci_running(&facts), expected, "{facts:?}");
        }
    }
}
