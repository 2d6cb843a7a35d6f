//! Stories that nothing was fitted on or chosen by. They were written once, before any result on them was seen.

use super::shapes::{Scene, poisson, with_noise};
use super::{NoiseKind, Palette, Told};
use crate::random::Random;

/// Leaks that only judge.
pub const BLIND_LEAKS: [&str; 8] = [
    "per-connection",
    "timer",
    "waves-of-work",
    "every-third",
    "begins-softly",
    "with-a-cache",
    "shared-pool",
    "growing-items",
];

/// Ordinary curves that only judge.
pub const BLIND_ORDINARY: [&str; 12] = [
    "idle",
    "idle",
    "idle",
    "queue",
    "prefetch",
    "double-buffer",
    "backup",
    "logon",
    "hysteresis",
    "tide",
    "trimmed",
    "quota",
];

/// Tells a story of this palette.
pub(crate) fn tell(name: &str, leak: bool, scene: &Scene, random: &mut Random) -> Told {
    let base = random.log_range(10.0, 60_000.0);
    let wobble = NoiseKind::draw(random, Palette::Blind).values(scene.n, random);
    let (level, lost, one_rate) = if leak {
        let growth = (base * random.log_range(0.15, 20.0)).clamp(120.0, 300_000.0);
        let level = beside(name, base, growth, scene, random);
        let (parts, one_rate) = lost(name, scene, random);
        (level, parts.iter().map(|p| p * growth).collect(), one_rate)
    } else {
        (kept(name, base, scene, random), vec![0.0; scene.n], false)
    };
    let gained: f64 = lost.last().copied().unwrap_or(0.0);
    let height = match (leak, name) {
        (true, _) => (base * random.log_range(0.001, 0.08)).min(gained / 14.0),
        (_, "idle") if random.chance(0.6) => 0.0,
        _ => base * random.log_range(0.001, 0.08),
    };
    Told {
        ordinary: with_noise(&level, &wobble, height),
        lost,
        one_rate,
    }
}

/// The part that is never given back, in 0..1, and whether it has one rate.
fn lost(name: &str, scene: &Scene, random: &mut Random) -> (Vec<f64>, bool) {
    match name {
        // Connections come in numbers that vary slowly; each leaves one object.
        "per-connection" => {
            let mut busy = random.normal();
            let mean = random.log_range(2.0, 200.0);
            let counts: Vec<f64> = (0..scene.n)
                .map(|_| {
                    busy = 0.8 * busy + 0.6 * random.normal();
                    0.1 + poisson(mean * f64::exp(0.4 * busy), random)
                })
                .collect();
            (Scene::cumulative(&counts), true)
        }
        // A timer loses the same at each tick, which falls between other samples each time.
        "timer" => {
            let ticks = random.range(4.5, scene.n as f64 * 0.8 + 5.0);
            let phase = random.unit();
            let steps = scene.map(|p| (p * ticks + phase).floor());
            let first = steps.first().copied().unwrap_or(0.0);
            let last = steps.last().copied().unwrap_or(1.0);
            (
                steps
                    .iter()
                    .map(|s| (s - first) / (last - first).max(1.0))
                    .collect(),
                true,
            )
        }
        // Work comes in waves and never stops for long.
        "waves-of-work" => {
            let (waves, phase) = (random.range(2.5, 12.0), random.unit());
            let rates = scene.map(|p| 0.08 + (std::f64::consts::TAU * (p * waves + phase)).sin().max(0.0));
            (Scene::cumulative(&rates), true)
        }
        "every-third" => {
            let of = 2 + random.below(3);
            let rates: Vec<f64> = (0..scene.n)
                .map(|i| if i % of == 0 { random.range(0.6, 1.4) } else { 0.0 })
                .collect();
            (Scene::cumulative(&rates), true)
        }
        "begins-softly" => {
            let (onset, soft) = (random.range(0.0, 0.35), random.range(0.02, 0.15));
            let rates = scene.map(|p| 1.0 / (1.0 + (-(p - onset) / soft).exp()));
            (Scene::cumulative(&rates), false)
        }
        // Each lost item is a little larger than the one before.
        "growing-items" => {
            let more = random.range(0.2, 2.0);
            (Scene::cumulative(&scene.map(|p| 1.0 + more * p)), false)
        }
        _ => (scene.map(|p| p), true),
    }
}

/// What goes on beside a leak.
fn beside(name: &str, base: f64, growth: f64, scene: &Scene, random: &mut Random) -> Vec<f64> {
    match name {
        // A cache fills under the leak and is emptied once.
        "with-a-cache" => {
            let (full, emptied) = (growth * random.range(0.05, 0.3), random.range(0.3, 0.7));
            scene.map(|p| {
                let age = if p < emptied { p } else { p - emptied };
                base + full * (1.0 - (-age / 0.08).exp())
            })
        }
        // Others take from the same pool and give back, a few at a time.
        "shared-pool" => {
            let (users, swing) = (1 + random.below(5), growth * random.range(0.03, 0.2));
            let mut now = 0_usize;
            (0..scene.n)
                .map(|_| {
                    now = match random.below(3) {
                        0 => now.saturating_sub(1),
                        1 => (now + 1).min(users),
                        _ => now,
                    };
                    base + swing * now as f64
                })
                .collect()
        }
        _ => vec![base; scene.n],
    }
}

/// Ordinary curves.
fn kept(name: &str, base: f64, scene: &Scene, random: &mut Random) -> Vec<f64> {
    let swing = base * random.log_range(0.1, 5.0);
    match name {
        // Arrivals and departures at one rate each: the length of a queue that does not overflow.
        "queue" => {
            let (rate, share) = (random.log_range(1.0, 30.0), random.range(0.05, 0.5));
            let mut length = rate / share;
            (0..scene.n)
                .map(|_| {
                    length += poisson(rate, random) - share * length;
                    base + swing * length * share / rate
                })
                .collect()
        }
        // Filled in chunks up to a target, then held.
        "prefetch" => {
            let (chunks, done) = (random.range(3.0, 15.0).floor(), random.range(0.08, 0.5));
            scene.map(|p| base + 2.0 * swing * ((p / done).min(1.0) * chunks).ceil() / chunks)
        }
        // Twice as much for a while, whenever buffers are exchanged.
        "double-buffer" => {
            let often = random.range(0.05, 0.4);
            (0..scene.n)
                .map(|_| base + if random.chance(often) { base } else { 0.0 })
                .collect()
        }
        // Grows while a job runs through the files, and falls in two stages when it is over.
        "backup" => {
            let (start, long) = (random.range(0.0, 0.5), random.range(0.15, 0.4));
            scene.map(|p| {
                let run = (p - start) / long;
                base + 2.0
                    * swing
                    * if run < 0.0 {
                        0.0
                    } else if run < 1.0 {
                        run
                    } else if run < 1.3 {
                        0.4
                    } else {
                        0.05
                    }
            })
        }
        // Somebody logs on: a burst of growth that slows down and keeps most of it.
        "logon" => {
            let (at, tau) = (random.range(0.0, 0.5), random.log_range(0.01, 0.12));
            scene.map(|p| {
                base + 2.0
                    * swing
                    * if p < at {
                        0.0
                    } else {
                        1.0 - 0.9 * (-(p - at) / tau).exp()
                    }
            })
        }
        // Taken in when demand is high, given back only when it is very low.
        "hysteresis" => {
            let demand = NoiseKind::Red(random.range(0.7, 0.97)).values(scene.n, random);
            let mut held = 0.0_f64;
            demand
                .iter()
                .map(|d| {
                    held = if *d > 0.3 {
                        held.max(*d)
                    } else if *d < -1.0 {
                        0.0
                    } else {
                        held
                    };
                    base + swing * held
                })
                .collect()
        }
        "tide" => {
            let (slow, fast, phase) = (random.range(0.8, 2.5), random.range(4.0, 12.0), random.unit());
            let wave = |x: f64| (std::f64::consts::TAU * (x + phase)).sin();
            scene.map(|p| base + swing * (1.5 + wave(p * slow) + 0.4 * wave(p * fast)))
        }
        // Grows steadily and is trimmed back by part, again and again.
        "trimmed" => {
            let (speed, part) = (random.range(3.0, 20.0) / scene.n as f64, random.range(0.3, 0.9));
            let mut level = random.unit();
            (0..scene.n)
                .map(|_| {
                    level += speed * random.range(0.6, 1.4);
                    if level > 1.0 {
                        level *= 1.0 - part;
                    }
                    base + swing * level
                })
                .collect()
        }
        // Rises at a steady pace to a limit, early enough to see it stop.
        "quota" => {
            let full = random.range(0.1, 0.6);
            scene.map(|p| base + 2.0 * swing * (p / full).min(1.0).powf(0.8))
        }
        _ => vec![base; scene.n],
    }
}
