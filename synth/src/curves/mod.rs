//! Leak curves: labelled recordings of kernel pool usage, made from a seed.
//!
//! Truth is known by construction: a series leaks exactly when a component was added that is never given back. The
//! families are physical stories (a cache that fills, a driver that loses one object a request), not shapes of noise,
//! and noise of several kinds is laid over each.

mod blind;
mod former;
mod leaks;
mod noise;
mod ordinary;
mod shapes;

pub use blind::{BLIND_LEAKS, BLIND_ORDINARY};
pub use former::{FORMER_LEAKS, FORMER_ORDINARY};
pub use leaks::{LEAKS, OTHER_LEAKS};
pub use noise::NoiseKind;
pub use ordinary::{ORDINARY, OTHER_ORDINARY};

use crate::random::Random;

/// Seconds in a day.
pub const DAY: f64 = 86_400.0;

/// Bytes that a leak loses at least over a recording: less is what an ordinary kernel adds for things it meets for the
/// first time.
const LEAST_LOST: f64 = 20_000.0;

/// Which stories and noises a recording draws from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Palette {
    /// Those that the detector's constants were fitted on.
    Known,
    /// Others, kept apart while statistics are chosen; fitted on in the end.
    Unseen,
    /// Others still, kept out of the first fits; fitted on now.
    Former,
    /// Others, which nothing was ever fitted on or chosen by: for judging alone.
    Blind,
}

/// What to make.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    /// Samples.
    pub samples: usize,
    /// Seconds between samples.
    pub interval_s: f64,
    /// Jitter of sample times, in parts of the interval.
    pub jitter: f64,
    /// Series.
    pub series: usize,
    /// Share of series that leak.
    pub leak_share: f64,
    /// Stories to draw from.
    pub palette: Palette,
}

/// One labelled series.
#[derive(Clone, Debug)]
pub struct Labelled {
    /// Four letters, unique in the recording.
    pub tag: String,
    /// `nonpaged` or `paged`.
    pub pool: &'static str,
    /// True when it leaks.
    pub leak: bool,
    /// The story.
    pub family: &'static str,
    /// Growth of the leaking part in bytes per day, where one number describes it.
    pub rate_bytes_per_day: Option<f64>,
    /// Allocations, modulo 2^32.
    pub allocs: Vec<u64>,
    /// Frees, modulo 2^32.
    pub frees: Vec<u64>,
    /// Bytes in use.
    pub bytes: Vec<u64>,
}

/// A recording with its truth.
#[derive(Clone, Debug)]
pub struct Labelling {
    /// Sample times in unix seconds.
    pub times: Vec<f64>,
    /// The series.
    pub series: Vec<Labelled>,
}

/// A story told: how many objects are outstanding at each sample.
pub(crate) struct Told {
    /// Outstanding objects of the ordinary part.
    pub(crate) ordinary: Vec<f64>,
    /// Outstanding objects that are never given back.
    pub(crate) lost: Vec<f64>,
    /// The leak has one rate over the whole recording.
    pub(crate) one_rate: bool,
}

/// Makes the recording of `seed`.
#[must_use]
pub fn recording(seed: u64, plan: &Plan) -> Labelling {
    let mut random = Random::new(seed);
    let start = 1_790_000_000.0 + (random.range(0.0, 100.0 * DAY)).floor();
    let times: Vec<f64> = (0..plan.samples)
        .map(|i| {
            let jitter = if plan.jitter > 0.0 {
                random.range(-0.5, 0.5) * plan.jitter
            } else {
                0.0
            };
            start + ((i as f64 + jitter) * plan.interval_s * 10.0).round() / 10.0
        })
        .collect();
    let series = (0..plan.series)
        .map(|i| one(i, &times, plan, &mut random))
        .collect();
    Labelling { times, series }
}

fn one(index: usize, times: &[f64], plan: &Plan, random: &mut Random) -> Labelled {
    let leak = random.chance(plan.leak_share);
    let (family, told) = shapes::tell(leak, times, plan, random);
    let mut size = (random.log_range(2.0, 300.0).round() * 16.0).max(32.0);
    let length = times.last().unwrap_or(&0.0) - times.first().unwrap_or(&0.0);
    let lost = told.lost.last().unwrap_or(&0.0) - told.lost.first().unwrap_or(&0.0);
    if leak && lost * size < LEAST_LOST {
        size = (LEAST_LOST / lost.max(1.0) / 16.0).ceil() * 16.0;
    }
    let rate = (leak && told.one_rate && length > 0.0).then(|| lost * size / length * DAY);
    let (allocs, frees, mut bytes) = counters(&told, size, random);
    if plan.palette == Palette::Known && random.chance(0.15) {
        in_slabs(&mut bytes, size);
    }
    Labelled {
        tag: tag_of(index),
        pool: if random.chance(0.6) { "nonpaged" } else { "paged" },
        leak,
        family,
        rate_bytes_per_day: rate,
        allocs,
        frees,
        bytes,
    }
}

/// Turns outstanding objects into the counters a kernel shows, with traffic that is allocated and freed in between.
fn counters(told: &Told, size: f64, random: &mut Random) -> (Vec<u64>, Vec<u64>, Vec<u64>) {
    let n = told.ordinary.len();
    let level: Vec<f64> = (0..n)
        .map(|i| (told.ordinary[i] + told.lost[i]).round().max(0.0))
        .collect();
    let mean = level.iter().sum::<f64>() / n.max(1) as f64;
    let busy = if random.chance(0.25) {
        0.0
    } else {
        mean * random.log_range(0.003, 3.0)
    };
    let uneven_size = if random.chance(0.2) {
        random.range(0.002, 0.02)
    } else {
        0.0
    };
    let base = if random.chance(0.3) {
        random.range(2e9, 4.29e9)
    } else {
        random.log_range(1e3, 1e8)
    };
    let mut allocated = base.floor() as u64 + level.first().copied().unwrap_or(0.0) as u64;
    let (mut allocs, mut frees, mut bytes) = (Vec::new(), Vec::new(), Vec::new());
    let mut before = level.first().copied().unwrap_or(0.0);
    for &now in &level {
        let traffic = (busy * random.range(0.7, 1.3)).round().max(0.0);
        allocated += traffic as u64 + (now - before).max(0.0) as u64;
        before = now;
        let freed = allocated - now as u64;
        allocs.push(allocated & 0xFFFF_FFFF);
        frees.push(freed & 0xFFFF_FFFF);
        let each = size * (1.0 + uneven_size * random.normal());
        bytes.push(((now * each / 16.0).round() * 16.0).max(0.0) as u64);
    }
    (allocs, frees, bytes)
}

/// Bytes as a slab allocator shows them: whole slabs, which are given back only when the next to last is empty too.
fn in_slabs(bytes: &mut [u64], size: f64) {
    let slab = if size <= 1024.0 { 4096 } else { 32_768 };
    let mut held = 0;
    for b in bytes {
        let needed = b.div_ceil(slab) * slab;
        if needed > held || needed + 2 * slab < held {
            held = needed;
        }
        *b = held;
    }
}

/// The `index`th tag: four letters.
fn tag_of(index: usize) -> String {
    const LETTERS: &[u8; 26] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let mut rest = index;
    let mut tag = String::from("s");
    for _ in 0..3 {
        tag.push(char::from(LETTERS[rest % 26]));
        rest /= 26;
    }
    tag
}
