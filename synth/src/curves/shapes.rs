//! The stories.

use super::{DAY, NoiseKind, Palette, Plan, Told};
use crate::random::Random;

/// Leaks that constants are fitted on.
pub const LEAKS: [&str; 12] = [
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
];

/// Ordinary curves that constants are fitted on.
pub const ORDINARY: [&str; 17] = [
    "flat",
    "flat",
    "churn",
    "churn",
    "diurnal",
    "sawtooth",
    "warm-up",
    "step",
    "burst",
    "wander",
    "fill-to-cap",
    "logarithmic",
    "sigmoid",
    "batch",
    "decay",
    "bounded-walk",
    "slow-wave",
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

/// Tells a story: its name and the outstanding objects it leads to.
pub(crate) fn tell(leak: bool, times: &[f64], plan: &Plan, random: &mut Random) -> (&'static str, Told) {
    let names: &[&'static str] = match (leak, plan.palette) {
        (true, Palette::Known) => &LEAKS,
        (false, Palette::Known) => &ORDINARY,
        (true, Palette::Unseen) => &OTHER_LEAKS,
        (false, Palette::Unseen) => &OTHER_ORDINARY,
    };
    let scene = Scene::new(times, plan);
    let mut name = names[random.below(names.len())];
    // Stories about days need days.
    let days = scene.length / DAY;
    if days < 0.9 {
        name = match name {
            "load" | "on-diurnal" | "office-hours" | "slow" => "linear",
            "diurnal" | "office-hours-load" | "lunch-burst" => "churn",
            other => other,
        };
    }
    let told = if leak {
        leaking(name, &scene, plan, random)
    } else {
        ordinary(name, &scene, plan, random)
    };
    (name, told)
}

/// The stage: sample times in parts of the recording.
struct Scene {
    n: usize,
    /// 0..1.
    part: Vec<f64>,
    /// Seconds of the day.
    day_s: Vec<f64>,
    length: f64,
}

impl Scene {
    fn new(times: &[f64], plan: &Plan) -> Self {
        let first = times.first().copied().unwrap_or(0.0);
        let length = (times.last().copied().unwrap_or(0.0) - first).max(plan.interval_s);
        Self {
            n: times.len(),
            part: times.iter().map(|t| (t - first) / length).collect(),
            day_s: times.iter().map(|t| t.rem_euclid(DAY)).collect(),
            length,
        }
    }

    fn map(&self, f: impl FnMut(f64) -> f64) -> Vec<f64> {
        self.part.iter().copied().map(f).collect()
    }

    fn cumulative(rates: &[f64]) -> Vec<f64> {
        let mut sum = 0.0;
        let raw: Vec<f64> = rates
            .iter()
            .map(|r| {
                sum += r.max(0.0);
                sum
            })
            .collect();
        let first = raw.first().copied().unwrap_or(0.0);
        let total = (sum - first).max(1e-9);
        raw.iter().map(|v| (v - first) / total).collect()
    }
}

fn noise(scene: &Scene, plan: &Plan, random: &mut Random) -> Vec<f64> {
    NoiseKind::draw(random, plan.palette == Palette::Unseen).values(scene.n, random)
}

/// A day's load in 0..1 with its peak at `peak` seconds of the day.
fn load(day_s: f64, peak: f64, sharp: f64) -> f64 {
    let wave = 0.5 + 0.5 * (std::f64::consts::TAU * (day_s - peak) / DAY).cos();
    wave.powf(sharp)
}

/// Working hours: on, off, lunch.
fn office(day_s: f64, shift: f64) -> f64 {
    let hour = ((day_s + shift).rem_euclid(DAY)) / 3600.0;
    if (8.0..12.0).contains(&hour) || (13.0..18.0).contains(&hour) {
        1.0
    } else if (12.0..13.0).contains(&hour) {
        0.5
    } else {
        0.08
    }
}

fn leaking(name: &str, scene: &Scene, plan: &Plan, random: &mut Random) -> Told {
    let base = random.log_range(30.0, 40_000.0);
    let growth = (base * random.log_range(0.15, 60.0)).clamp(80.0, 600_000.0);
    let peak = random.range(0.0, DAY);
    let mut quiet = random.log_range(0.001, 0.05);
    let mut one_rate = true;
    let lost: Vec<f64> = match name {
        "bursty" => {
            // Lambda is the mean number of bursts; some burst late in the recording is what makes it a leak.
            let bursts = (scene.n as f64 * random.range(0.12, 0.5)).max(4.0);
            pulses(scene, bursts as usize, random)
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
            scene.map(|p| ((p - onset) / (1.0 - onset)).max(0.0))
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
            quiet = growth / base / random.log_range(3.5, 14.0);
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

/// A rising staircase with `count` jumps at random places; sizes vary a little.
fn pulses(scene: &Scene, count: usize, random: &mut Random) -> Vec<f64> {
    let even = random.chance(0.5);
    let mut rates = vec![0.0; scene.n];
    for k in 0..count.max(1) {
        // One in each stretch of time, so that bursts go on to the end.
        let at = ((k as f64 + random.unit()) / count as f64 * scene.n as f64) as usize;
        let size = if even { 1.0 } else { random.range(0.5, 1.5) };
        if let Some(rate) = rates.get_mut(at.min(scene.n - 1)) {
            *rate += size;
        }
    }
    if let Some(first) = rates.first_mut() {
        *first = 0.0;
    }
    Scene::cumulative(&rates)
}

fn poisson(mean: f64, random: &mut Random) -> f64 {
    if mean > 30.0 {
        return (mean + mean.sqrt() * random.normal()).round().max(0.0);
    }
    let (limit, mut product, mut count) = ((-mean).exp(), random.unit(), 0.0);
    while product > limit && count < 1000.0 {
        product *= random.unit();
        count += 1.0;
    }
    count
}

/// Sawtooth in 0..1 with `teeth` teeth: rises and falls at once, or the other way round.
fn saw(scene: &Scene, teeth: f64, random: &mut Random) -> Vec<f64> {
    let (phase, falling) = (random.unit(), random.chance(0.4));
    scene.map(|p| {
        let x = (p * teeth + phase).fract();
        if falling { 1.0 - x } else { x }
    })
}

/// A saw whose teeth have random lengths and heights.
fn random_saw(scene: &Scene, random: &mut Random) -> Vec<f64> {
    let mut value = random.unit();
    let mut slope = random.range(3.0, 20.0) / scene.n as f64;
    let mut top = random.range(0.5, 1.0);
    (0..scene.n)
        .map(|_| {
            value += slope * random.range(0.5, 1.5);
            if value > top {
                value = random.range(0.0, 0.15);
                top = random.range(0.5, 1.0);
                slope = random.range(3.0, 20.0) / scene.n as f64;
            }
            value
        })
        .collect()
}

fn ordinary(name: &str, scene: &Scene, plan: &Plan, random: &mut Random) -> Told {
    let base = random.log_range(30.0, 60_000.0);
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
    let ordinary = level
        .iter()
        .zip(&wobble)
        .map(|(l, w)| (l + height * w).max(0.0))
        .collect();
    Told {
        ordinary,
        lost: vec![0.0; scene.n],
        one_rate: false,
    }
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
