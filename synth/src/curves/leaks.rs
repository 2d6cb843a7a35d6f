//! Stories of leaks.

use super::shapes::{Scene, load, noise, office, poisson, pulses, random_saw, saw};
use super::{DAY, NoiseKind, Palette, Plan, Told};
use crate::random::Random;

/// Leaks that constants are fitted on.
pub const LEAKS: [&str; 24] = [
    "linear",
    "bursty",
    "load",
    "late",
    "noisy",
    "on-diurnal",
    "rising-saw",
    "accelerating",
    "tiny",
    "stairs",
    "on-off",
    "slow",
    "linear",
    "bursty",
    "noisy",
    "noisy",
    "counted-bursts",
    "counted-bursts",
    "cron",
    "two-rates",
    "heavy-bursts",
    "busy-times",
    "part-kept",
    "under-caches",
];

/// Leaks that only judge.
pub const OTHER_LEAKS: [&str; 8] = [
    "poisson",
    "office-hours",
    "ramping",
    "under-spikes",
    "per-request",
    "on-collected",
    "late-burst",
    "plain",
];

/// Tells the leak `name`.
pub(crate) fn leaking(name: &str, scene: &Scene, plan: &Plan, random: &mut Random) -> Told {
    let known = plan.palette == Palette::Known;
    let base = if known {
        random.log_range(2.0, 150_000.0)
    } else {
        random.log_range(30.0, 40_000.0)
    };
    let least = if known { 0.01 } else { 0.15 };
    let growth = (base * random.log_range(least, 60.0)).clamp(80.0, 600_000.0);
    let peak = random.range(0.0, DAY);
    let mut quiet = random.log_range(0.001, 0.05);
    let mut one_rate = true;
    let lost: Vec<f64> = match name {
        "bursty" => {
            // Lambda is the mean number of bursts; some burst late in the recording is what makes it a leak.
            let bursts = (scene.n as f64 * random.range(0.12, 0.5)).max(4.0);
            pulses(scene, bursts as usize, random)
        }
        "counted-bursts" => {
            // A Poisson number of events between samples, each losing the same.
            let events = random.log_range(0.25, 2.0);
            let counts: Vec<f64> = (0..scene.n).map(|_| poisson(events, random)).collect();
            let floor = if counts.iter().skip(1).sum::<f64>() < 3.0 {
                1.0
            } else {
                0.0
            };
            Scene::cumulative(&counts.iter().map(|c| c + floor).collect::<Vec<_>>())
        }
        "cron" => {
            let every = 1 + random.below((scene.n / 5).max(1));
            let phase = random.below(every);
            Scene::cumulative(
                &(0..scene.n)
                    .map(|i| f64::from(u8::from(i % every == phase)))
                    .collect::<Vec<_>>(),
            )
        }
        "two-rates" => {
            one_rate = false;
            let (turn, factor) = (random.range(0.25, 0.75), random.log_range(0.2, 5.0));
            Scene::cumulative(&scene.map(|p| if p < turn { 1.0 } else { factor }))
        }
        "heavy-bursts" => {
            // Pareto sizes with a finite mean; something is lost nearly always.
            let rates: Vec<f64> = (0..scene.n)
                .map(|_| (1.0 - random.unit()).powf(-0.5) - 0.9)
                .collect();
            Scene::cumulative(&rates)
        }
        "busy-times" => {
            let walk = NoiseKind::Red(random.range(0.7, 0.97)).values(scene.n, random);
            let sharp = random.range(0.3, 0.9);
            Scene::cumulative(&walk.iter().map(|w| (sharp * w).exp()).collect::<Vec<_>>())
        }
        "stairs" => {
            let stairs = random.range(5.0, (scene.n as f64 * 0.4).max(6.0)).floor();
            scene.map(|p| (p * stairs).floor() / stairs)
        }
        "load" => Scene::cumulative(
            &scene
                .day_s
                .iter()
                .map(|&s| 0.03 + load(s, peak, 1.5))
                .collect::<Vec<_>>(),
        ),
        "office-hours" => {
            Scene::cumulative(&scene.day_s.iter().map(|&s| office(s, peak)).collect::<Vec<_>>())
        }
        "late" => {
            one_rate = false;
            let onset = random.range(0.2, 0.6);
            scene.late(onset)
        }
        "late-burst" => {
            one_rate = false;
            let onset = random.range(0.15, 0.5);
            let pulses = pulses(scene, (scene.n / 3).max(5), random);
            let at = pulses[((scene.n as f64 * onset) as usize).min(scene.n - 1)];
            pulses
                .iter()
                .map(|v| (v - at).max(0.0) / (1.0 - at).max(0.05))
                .collect()
        }
        "accelerating" => {
            let power = random.range(1.4, 2.2);
            scene.map(|p| p.powf(power))
        }
        "ramping" => {
            let e = random.range(0.5, 1.8);
            scene.map(|p| ((e * p).exp() - 1.0) / (e.exp() - 1.0))
        }
        "on-off" => {
            let (cycles, duty) = (random.range(3.0, 9.0), random.range(0.3, 0.8));
            let phase = random.unit();
            Scene::cumulative(&scene.map(|p| f64::from(u8::from((p * cycles + phase).fract() < duty))))
        }
        "poisson" => {
            let each = random.log_range(1.0, growth / 40.0);
            let rates: Vec<f64> = (0..scene.n)
                .map(|_| poisson(growth / each / scene.n as f64, random))
                .collect();
            Scene::cumulative(&rates)
        }
        "per-request" => {
            let walk = NoiseKind::Red(0.97).values(scene.n, random);
            Scene::cumulative(&walk.iter().map(|w| (0.5 * w).exp()).collect::<Vec<_>>())
        }
        _ => scene.map(|p| p),
    };
    let mut ordinary = match name {
        "noisy" => {
            quiet = growth / base / random.log_range(5.0, 16.0);
            vec![base; scene.n]
        }
        "on-diurnal" => {
            let amplitude = growth * random.log_range(0.1, 0.6);
            scene
                .day_s
                .iter()
                .map(|&s| base + amplitude * load(s, peak, 1.0))
                .collect()
        }
        "rising-saw" => {
            let swing = growth * random.log_range(0.08, 0.5);
            let saw = saw(scene, random.range(4.0, 20.0), random);
            saw.iter().map(|v| base + swing * v).collect()
        }
        "part-kept" => {
            // Batches come and go, and each leaves something behind.
            let swing = growth * random.log_range(0.05, 0.8);
            let (cycles, duty) = (random.range(5.0, 30.0), random.range(0.2, 0.8));
            let phase = random.unit();
            scene.map(|p| base + swing * f64::from(u8::from((p * cycles + phase).fract() < duty)))
        }
        "under-caches" => {
            let tau = random.log_range(0.02, 0.2);
            let full = growth * random.log_range(0.1, 1.0);
            scene.map(|p| base + full * (1.0 - (-p / tau).exp()))
        }
        "on-collected" => {
            let swing = growth * random.log_range(0.1, 0.5);
            let saw = random_saw(scene, random);
            saw.iter().map(|v| base + swing * v).collect()
        }
        "under-spikes" => {
            let spikes = NoiseKind::Spiky.values(scene.n, random);
            let height = growth * random.range(0.05, 0.3);
            spikes.iter().map(|v| base + height * v.max(0.0)).collect()
        }
        "tiny" => {
            quiet = 0.002;
            vec![base; scene.n]
        }
        "slow" => vec![growth * random.range(3.0, 20.0); scene.n],
        _ => vec![base; scene.n],
    };
    if name == "slow" {
        quiet = 1.0 / random.range(60.0, 300.0);
    }
    let wobble = noise(scene, plan, random);
    let noise_height = if name == "noisy" {
        base * quiet
    } else {
        (base * quiet).min(growth / 12.0)
    };
    for (o, w) in ordinary.iter_mut().zip(&wobble) {
        *o += noise_height * w;
    }
    let least = ordinary.iter().copied().fold(f64::INFINITY, f64::min);
    if least < 0.0 {
        ordinary.iter_mut().for_each(|o| *o -= least);
    }
    Told {
        ordinary,
        lost: lost.iter().map(|v| v * growth).collect(),
        one_rate,
    }
}
