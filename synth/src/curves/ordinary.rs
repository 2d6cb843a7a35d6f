//! Ordinary stories: everything that is given back, or stops.

use super::shapes::{Scene, load, noise, office, random_saw, saw, with_noise};
use super::{DAY, NoiseKind, Palette, Plan, Told};
use crate::random::Random;

/// Ordinary curves that constants are fitted on, beside `QUIET_SHARE` of curves that stand still or tremble.
pub const ORDINARY: [&str; 32] = [
    "diurnal",
    "sawtooth",
    "sawtooth",
    "warm-up",
    "step",
    "step",
    "burst",
    "burst",
    "wander",
    "wander",
    "fill-to-cap",
    "logarithmic",
    "sigmoid",
    "batch",
    "decay",
    "bounded-walk",
    "slow-wave",
    "random-walk",
    "backlog",
    "triangle",
    "pool-of-workers",
    "few-equal-steps",
    "noisy-fill",
    "regimes",
    "one-way-then-held",
    "churn",
    "jobs",
    "jobs",
    "jobs",
    "jobs-begin",
    "jobs-begin",
    "jobs-begin",
];

/// Curves that stand still or tremble.
pub(super) const QUIET: [&str; 3] = ["flat", "flat", "churn"];

/// Share of such curves: on a machine that built software for a quarter of an hour, 197 of 252 slab caches were steady
/// and 26 went up and down.
pub(super) const QUIET_SHARE: f64 = 0.6;

/// Ordinary curves that only judge.
pub const OTHER_ORDINARY: [&str; 12] = [
    "flat",
    "churn",
    "office-hours-load",
    "collected",
    "power-law-fill",
    "two-stage-fill",
    "plateaus",
    "lunch-burst",
    "breathing",
    "drain",
    "random-saw",
    "step-and-noise",
];

/// Tells the ordinary story `name`.
pub(crate) fn ordinary(name: &str, scene: &Scene, plan: &Plan, random: &mut Random) -> Told {
    let known = plan.palette == Palette::Known;
    let base = if known {
        random.log_range(2.0, 300_000.0)
    } else {
        random.log_range(30.0, 60_000.0)
    };
    let peak = random.range(0.0, DAY);
    let mut quiet = random.log_range(0.0005, 0.15);
    let swing = random.log_range(0.08, 8.0) * base;
    let level: Vec<f64> = match name {
        "flat" => {
            quiet = if random.chance(0.8) { 0.0 } else { 0.002 };
            vec![base; scene.n]
        }
        "churn" | "step-and-noise" => {
            quiet = random.log_range(0.01, 0.4);
            if name == "churn" {
                vec![base; scene.n]
            } else {
                steps(scene, base, swing, random)
            }
        }
        "diurnal" => scene
            .day_s
            .iter()
            .map(|&s| base + swing * load(s, peak, 1.0))
            .collect(),
        "office-hours-load" => scene
            .day_s
            .iter()
            .map(|&s| base + swing * office(s, peak))
            .collect(),
        "lunch-burst" => scene
            .day_s
            .iter()
            .map(|&s| base + swing * load(s, peak, 20.0))
            .collect(),
        "sawtooth" => {
            // Minutes may hold less than one tooth; days hold many.
            let teeth = random.log_range(if scene.length < 7_200.0 { 0.7 } else { 1.5 }, 30.0);
            saw(scene, teeth, random)
                .iter()
                .map(|v| base + swing * v)
                .collect()
        }
        "collected" | "random-saw" => random_saw(scene, random)
            .iter()
            .map(|v| base + swing * v)
            .collect(),
        "warm-up" => {
            let tau = random.log_range(0.02, 0.3);
            scene.map(|p| base + 4.0 * swing * (1.0 - (-p / tau).exp()))
        }
        "two-stage-fill" => {
            let (a, b, onset) = (
                random.range(0.02, 0.1),
                random.range(0.02, 0.12),
                random.range(0.2, 0.55),
            );
            scene.map(|p| {
                let second = if p > onset {
                    1.0 - (-(p - onset) / b).exp()
                } else {
                    0.0
                };
                base + 2.0 * swing * (1.0 - (-p / a).exp()) + 2.0 * swing * second
            })
        }
        "fill-to-cap" => {
            let full = random.range(0.1, 0.75);
            scene.map(|p| base + 4.0 * swing * (p / full).min(1.0))
        }
        "logarithmic" => {
            let k = random.log_range(20.0, 400.0);
            scene.map(|p| base + 3.0 * swing * (1.0 + k * p).ln() / (1.0 + k).ln())
        }
        "power-law-fill" => {
            let power = random.range(0.12, 0.4);
            scene.map(|p| base + 3.0 * swing * p.powf(power))
        }
        "sigmoid" => {
            let (middle, width) = (random.range(0.15, 0.6), random.range(0.02, 0.09));
            scene.map(|p| base + 4.0 * swing / (1.0 + (-(p - middle) / width).exp()))
        }
        "step" | "plateaus" => steps(scene, base, swing, random),
        "burst" => {
            let mut level = vec![base; scene.n];
            for _ in 0..1 + random.below(6) {
                let at = random.below(scene.n);
                let long = 1 + random.below((scene.n / 30).max(1));
                let height = swing * random.range(0.5, 4.0);
                level.iter_mut().skip(at).take(long).for_each(|v| *v += height);
            }
            level
        }
        "wander" => {
            let spread = random.range(0.05, 0.3);
            let walk = NoiseKind::Red(random.range(0.5, 0.95)).values(scene.n, random);
            walk.iter().map(|w| base * (spread * w).exp()).collect()
        }
        "bounded-walk" => {
            let (mut x, step) = (random.unit(), random.log_range(0.02, 0.2));
            (0..scene.n)
                .map(|_| {
                    x += step * random.normal();
                    x = if x < 0.0 {
                        -x
                    } else if x > 1.0 {
                        2.0 - x
                    } else {
                        x
                    }
                    .clamp(0.0, 1.0);
                    base + swing * x
                })
                .collect()
        }
        "random-walk" => {
            let (mut x, step) = (0.0, swing / (scene.n as f64).sqrt());
            (0..scene.n)
                .map(|_| {
                    x += step * random.normal();
                    (base + x).abs()
                })
                .collect()
        }
        "jobs" => jobs(scene, base, 0.0, random),
        "jobs-begin" => jobs(scene, base, random.range(0.0, 0.6), random),
        "backlog" => {
            // A queue that is served faster than it fills, most of the time.
            let (mut x, pull) = (0.0_f64, random.range(0.02, 0.4));
            (0..scene.n)
                .map(|_| {
                    x = (x + random.normal() - pull).max(0.0);
                    base + 0.3 * swing * x
                })
                .collect()
        }
        "triangle" => {
            let top = random.range(0.2, 0.8);
            scene.map(|p| base + 2.0 * swing * if p < top { p / top } else { (1.0 - p) / (1.0 - top) })
        }
        "pool-of-workers" => {
            // Equal steps up to a size that is never exceeded, reached well before the end.
            let (workers, full) = (random.range(4.0, 12.0).floor(), random.range(0.1, 0.4));
            scene.map(|p| base + swing * ((p / full).min(1.0) * workers).floor())
        }
        "few-equal-steps" => {
            let mut level = vec![base; scene.n];
            for _ in 0..1 + random.below(2) {
                let at = (random.range(0.05, 0.8) * scene.n as f64) as usize;
                level.iter_mut().skip(at).for_each(|v| *v += swing);
            }
            level
        }
        "noisy-fill" => {
            let tau = random.log_range(0.03, 0.3);
            quiet = random.log_range(0.01, 0.3) * swing / base;
            scene.map(|p| base + 3.0 * swing * (1.0 - (-p / tau).exp()))
        }
        "regimes" => {
            let (mut level, often) = (random.unit(), random.range(2.0, 8.0) / scene.n as f64);
            (0..scene.n)
                .map(|_| {
                    if random.chance(often) {
                        level = random.unit();
                    }
                    base + swing * level
                })
                .collect()
        }
        "one-way-then-held" => {
            let full = random.range(0.2, 0.6);
            let rates = NoiseKind::Spiky.values(scene.n, random);
            let rates: Vec<f64> = rates
                .iter()
                .zip(&scene.part)
                .map(|(r, p)| if *p < full { r.max(0.0) } else { 0.0 })
                .collect();
            Scene::cumulative(&rates)
                .iter()
                .map(|v| base + 3.0 * swing * v)
                .collect()
        }
        "batch" => {
            let (cycles, duty, phase) = (random.range(1.2, 8.0), random.range(0.2, 0.8), random.unit());
            scene.map(|p| base + swing * f64::from(u8::from((p * cycles + phase).fract() < duty)))
        }
        "decay" | "drain" => {
            let tau = random.log_range(0.05, 2.0);
            scene.map(|p| base + 2.0 * swing * (-p / tau).exp())
        }
        "slow-wave" | "breathing" => {
            let fewest = if scene.length < 7_200.0 { 0.4 } else { 0.75 };
            let (cycles, phase) = (random.range(fewest, 6.0), random.unit());
            scene.map(|p| base + swing * (0.5 + 0.5 * (std::f64::consts::TAU * (p * cycles + phase)).sin()))
        }
        _ => vec![base; scene.n],
    };
    let wobble = noise(scene, plan, random);
    let height = if quiet > 0.0 { base * quiet } else { 0.0 };
    Told {
        ordinary: with_noise(&level, &wobble, height),
        lost: vec![0.0; scene.n],
        one_rate: false,
    }
}

/// Jobs that begin at random and hold objects while they last: many short ones and a few long ones, as processes of
/// a build do. Before the part `from` of the recording there are none; with 0 they have gone on for long.
fn jobs(scene: &Scene, base: f64, from: f64, random: &mut Random) -> Vec<f64> {
    let n = scene.n as f64;
    let (busy, longest) = (random.log_range(0.5, 30.0), random.log_range(0.02, 0.6) * n);
    let shortest = (longest * random.log_range(0.005, 0.3)).max(0.5);
    let begin = if from > 0.0 { from * n } else { -longest };
    let hold = base * random.log_range(0.01, 0.5);
    // Lifetimes with a density that falls as one over their length; `busy` jobs at once.
    let mean_life = (longest - shortest) / (longest / shortest).ln();
    let arrivals = ((n - begin) * busy / mean_life).min(2e4) as usize;
    let mut change = vec![0.0; scene.n + 1];
    for _ in 0..arrivals {
        let start = random.range(begin, n);
        let end = start + random.log_range(shortest, longest);
        if end > 0.0 {
            let size = hold * random.range(0.3, 1.7);
            change[start.max(0.0) as usize] += size;
            change[(end as usize).min(scene.n)] -= size;
        }
    }
    let mut level = base;
    (0..scene.n)
        .map(|i| {
            level += change[i];
            level
        })
        .collect()
}

/// One to four level shifts, mostly upwards, with a quiet stretch behind the last.
fn steps(scene: &Scene, base: f64, swing: f64, random: &mut Random) -> Vec<f64> {
    let mut level = vec![base; scene.n];
    for _ in 0..1 + random.below(3) {
        let at = (random.range(0.05, 0.92) * scene.n as f64) as usize;
        let sign = if random.chance(0.8) { 1.0 } else { -0.3 };
        let height = sign * swing * random.range(0.2, 1.0);
        level.iter_mut().skip(at).for_each(|v| *v += height);
    }
    level
}
