//! The stage, and which story is told on it.

use super::blind::{BLIND_LEAKS, BLIND_ORDINARY};
use super::former::{FORMER_LEAKS, FORMER_ORDINARY};
use super::leaks::{LEAKS, OTHER_LEAKS, leaking};
use super::ordinary::{ORDINARY, OTHER_ORDINARY, QUIET, QUIET_SHARE, ordinary};
use super::{DAY, NoiseKind, Palette, Plan, Told, blind, former};
use crate::random::Random;

/// Tells a story: its name and the outstanding objects it leads to.
pub(crate) fn tell(leak: bool, times: &[f64], plan: &Plan, random: &mut Random) -> (&'static str, Told) {
    let names: &[&'static str] = match (leak, plan.palette) {
        (true, Palette::Known) => &LEAKS,
        (false, Palette::Known) if random.chance(QUIET_SHARE) => &QUIET,
        (false, Palette::Known) => &ORDINARY,
        (true, Palette::Unseen) => &OTHER_LEAKS,
        (false, Palette::Unseen) => &OTHER_ORDINARY,
        (true, Palette::Former) => &FORMER_LEAKS,
        (false, Palette::Former) => &FORMER_ORDINARY,
        (true, Palette::Blind) => &BLIND_LEAKS,
        (false, Palette::Blind) => &BLIND_ORDINARY,
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
    let told = match (plan.palette, leak) {
        (Palette::Blind, _) => blind::tell(name, leak, &scene, random),
        (Palette::Former, _) => former::tell(name, leak, &scene, random),
        (_, true) => leaking(name, &scene, plan, random),
        (_, false) => ordinary(name, &scene, plan, random),
    };
    (name, told)
}

/// The stage: sample times in parts of the recording.
pub(crate) struct Scene {
    /// Samples.
    pub(crate) n: usize,
    /// 0..1.
    pub(crate) part: Vec<f64>,
    /// Seconds of the day.
    pub(crate) day_s: Vec<f64>,
    /// Seconds.
    pub(crate) length: f64,
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

    /// A value for each sample's part.
    pub(crate) fn map(&self, f: impl FnMut(f64) -> f64) -> Vec<f64> {
        self.part.iter().copied().map(f).collect()
    }

    /// Nothing until `onset`, then a straight line to 1.
    pub(crate) fn late(&self, onset: f64) -> Vec<f64> {
        self.map(|p| ((p - onset) / (1.0 - onset)).max(0.0))
    }

    /// Rates added up, in 0..1.
    pub(crate) fn cumulative(rates: &[f64]) -> Vec<f64> {
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

pub(crate) fn noise(scene: &Scene, plan: &Plan, random: &mut Random) -> Vec<f64> {
    NoiseKind::draw(random, plan.palette).values(scene.n, random)
}

/// `height` times this noise on a level of objects, of which there are never fewer than none.
pub(crate) fn with_noise(level: &[f64], noise: &[f64], height: f64) -> Vec<f64> {
    level
        .iter()
        .zip(noise)
        .map(|(l, w)| (l + height * w).max(0.0))
        .collect()
}

/// A day's load in 0..1 with its peak at `peak` seconds of the day.
pub(crate) fn load(day_s: f64, peak: f64, sharp: f64) -> f64 {
    let wave = 0.5 + 0.5 * (std::f64::consts::TAU * (day_s - peak) / DAY).cos();
    wave.powf(sharp)
}

/// Working hours: on, off, lunch.
pub(crate) fn office(day_s: f64, shift: f64) -> f64 {
    let hour = ((day_s + shift).rem_euclid(DAY)) / 3600.0;
    if (8.0..12.0).contains(&hour) || (13.0..18.0).contains(&hour) {
        1.0
    } else if (12.0..13.0).contains(&hour) {
        0.5
    } else {
        0.08
    }
}

/// A rising staircase with `count` jumps at random places; sizes vary a little.
pub(crate) fn pulses(scene: &Scene, count: usize, random: &mut Random) -> Vec<f64> {
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

/// Poisson numbers (Knuth 1969), normal beyond 30.
pub(crate) fn poisson(mean: f64, random: &mut Random) -> f64 {
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
pub(crate) fn saw(scene: &Scene, teeth: f64, random: &mut Random) -> Vec<f64> {
    let (phase, falling) = (random.unit(), random.chance(0.4));
    scene.map(|p| {
        let x = (p * teeth + phase).fract();
        if falling { 1.0 - x } else { x }
    })
}

/// A saw whose teeth have random lengths and heights.
pub(crate) fn random_saw(scene: &Scene, random: &mut Random) -> Vec<f64> {
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
