//! Stories that were kept out of the fit while the detector was changed; fitted on now.

use super::shapes::{Scene, poisson, with_noise};
use super::{DAY, NoiseKind, Palette, Told};
use crate::random::Random;

/// Leaks of this palette.
pub const FORMER_LEAKS: [&str; 9] = [
    "sessions",
    "retry-storm",
    "handles",
    "dice",
    "weekdays",
    "breathing-leak",
    "after-update",
    "halting",
    "crowded",
];

/// Ordinary curves of this palette.
pub const FORMER_ORDINARY: [&str; 12] = [
    "still",
    "still",
    "still",
    "trickle",
    "trickle",
    "lru",
    "scan",
    "relaxing",
    "chirp",
    "autoscale",
    "log-walk",
    "garbage",
];

/// Tells a story of this palette.
pub(crate) fn tell(name: &str, leak: bool, scene: &Scene, random: &mut Random) -> Told {
    let base = random.log_range(5.0, 100_000.0);
    let wobble = NoiseKind::draw(random, Palette::Former).values(scene.n, random);
    if leak {
        lost(name, base, &wobble, scene, random)
    } else {
        let level = kept(name, base, scene, random);
        let height = match name {
            "still" if random.chance(0.7) => 0.0,
            "still" => 0.001,
            "trickle" => random.log_range(0.01, 0.3),
            _ => random.log_range(0.001, 0.05),
        };
        Told {
            ordinary: with_noise(&level, &wobble, base * height),
            lost: vec![0.0; scene.n],
            one_rate: false,
        }
    }
}

fn lost(name: &str, base: f64, wobble: &[f64], scene: &Scene, random: &mut Random) -> Told {
    let growth = (base * random.log_range(0.2, 30.0)).clamp(150.0, 400_000.0);
    let mut one_rate = true;
    let mut ordinary = vec![base; scene.n];
    let parts: Vec<f64> = match name {
        // Each session loses its share when it ends; sessions come as they like.
        "sessions" => {
            let rate = random.log_range(0.6, 20.0);
            let counts: Vec<f64> = (0..scene.n).map(|_| 0.05 + poisson(rate, random)).collect();
            Scene::cumulative(&counts)
        }
        // Failures cluster: quiet stretches, then many at once, again and again.
        "retry-storm" => {
            let often = random.range(0.15, 0.5);
            let rates: Vec<f64> = (0..scene.n)
                .map(|_| {
                    if random.chance(often) {
                        random.exponential()
                    } else {
                        0.02
                    }
                })
                .collect();
            Scene::cumulative(&rates)
        }
        "handles" => scene.map(|p| p),
        // One in so many is lost.
        "dice" => {
            let one_in = random.range(0.2, 0.9);
            let rates: Vec<f64> = (0..scene.n)
                .map(|_| if random.chance(one_in) { 1.0 } else { 0.0 })
                .collect();
            Scene::cumulative(&rates)
        }
        "weekdays" if scene.length > 3.0 * DAY => Scene::cumulative(
            &scene
                .part
                .iter()
                .map(|p| {
                    let day = (p * scene.length / DAY).floor() % 7.0;
                    if day < 5.0 { 1.0 } else { 0.15 }
                })
                .collect::<Vec<_>>(),
        ),
        "breathing-leak" => {
            let (cycles, phase) = (random.range(1.5, 9.0), random.unit());
            let swing = growth * random.range(0.05, 0.3);
            ordinary =
                scene.map(|p| base + swing * (1.0 + (std::f64::consts::TAU * (p * cycles + phase)).sin()));
            scene.map(|p| p)
        }
        "after-update" => {
            one_rate = false;
            let onset = random.range(0.1, 0.5);
            scene.late(onset)
        }
        // The rate falls by half towards the end, but it does not stop.
        "halting" => {
            one_rate = false;
            scene.map(|p| p - 0.25 * p * p)
        }
        "crowded" => {
            let swing = growth * random.range(0.05, 0.25);
            ordinary = wobble.iter().map(|w| base + swing * (1.0 + w).max(0.0)).collect();
            scene.map(|p| p)
        }
        _ => scene.map(|p| p),
    };
    let height = (base * random.log_range(0.001, 0.05)).min(growth / 15.0);
    Told {
        ordinary: with_noise(&ordinary, wobble, height),
        lost: parts.iter().map(|p| p * growth).collect(),
        one_rate,
    }
}

fn kept(name: &str, base: f64, scene: &Scene, random: &mut Random) -> Vec<f64> {
    let swing = base * random.log_range(0.1, 6.0);
    match name {
        // A cache whose hits save it from growing: each miss adds, hits grow with its size.
        "lru" => {
            let (mut size, speed) = (0.0_f64, random.log_range(4.0, 40.0) / scene.n as f64);
            (0..scene.n)
                .map(|_| {
                    size += speed * (1.0 - size) * random.range(0.3, 1.7);
                    base + 3.0 * swing * size.min(1.0)
                })
                .collect()
        }
        // Something is read through once, and dropped when done.
        "scan" => {
            let start = random.range(0.0, 0.6);
            let end = start + random.range(0.1, 0.3);
            scene.map(|p| {
                let inside = (start..end).contains(&p);
                base + if inside {
                    2.0 * swing * (p - start) / (end - start)
                } else {
                    0.0
                }
            })
        }
        // Up at once, then slowly back.
        "relaxing" => {
            let (at, tau) = (random.range(0.05, 0.8), random.log_range(0.05, 0.4));
            scene.map(|p| {
                base + if p < at {
                    0.0
                } else {
                    2.0 * swing * (-(p - at) / tau).exp()
                }
            })
        }
        "chirp" => {
            let (first, more) = (random.range(1.0, 4.0), random.range(0.0, 8.0));
            scene.map(|p| base + swing * (1.0 + (std::f64::consts::TAU * (first + more * p) * p).sin()))
        }
        // Workers are added and taken away one at a time, between a least and a greatest number.
        "autoscale" => {
            let most = 3 + random.below(8);
            let (mut now, often) = (random.below(most), random.range(0.05, 0.5));
            (0..scene.n)
                .map(|_| {
                    if random.chance(often) {
                        now = if random.chance(0.5) {
                            (now + 1).min(most)
                        } else {
                            now.saturating_sub(1)
                        };
                    }
                    base + 0.4 * swing * now as f64
                })
                .collect()
        }
        // Mean-reverting in its logarithm.
        "log-walk" => {
            let back = random.range(0.05, 0.4);
            let mut x = 0.0;
            (0..scene.n)
                .map(|_| {
                    x += -back * x + 0.15 * random.normal();
                    base * f64::exp(x)
                })
                .collect()
        }
        // Collected when it has grown by a fixed part, as runtimes do.
        "garbage" => {
            let (mut x, speed) = (random.unit(), random.range(3.0, 25.0) / scene.n as f64);
            (0..scene.n)
                .map(|_| {
                    x += speed * random.range(0.2, 1.8);
                    if x > 1.0 {
                        x = random.range(0.0, 0.1);
                    }
                    base + swing * x
                })
                .collect()
        }
        _ => vec![base; scene.n],
    }
}
