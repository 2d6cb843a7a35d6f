//! Noise that is laid over a story.

use super::Palette;
use crate::random::Random;

/// How the ordinary number of objects moves around its mean. All have standard deviation 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum NoiseKind {
    /// Independent and normal.
    White,
    /// Independent with a heavy tail.
    Heavy,
    /// First-order autoregressive with this coefficient.
    Red(f64),
    /// Two states that last for a while.
    Switching,
    /// Spikes upwards only.
    Spiky,
    /// Several autoregressive parts of different length, which together fall off like 1/f.
    Pink,
    /// Skewed: the exponential of a first-order autoregressive with this coefficient.
    Skewed(f64),
    /// Mostly still, now and then displaced for a while.
    Rare,
    /// A moving average of independent values.
    Smooth,
    /// Independent, with a spread that itself comes and goes.
    Gusty,
    /// One of a few values, each for itself.
    Lattice,
    /// Two autoregressive parts against each other: what one gains the other loses soon after.
    Ringing,
}

impl NoiseKind {
    /// Draws a kind. Each palette has its own.
    pub fn draw(random: &mut Random, palette: Palette) -> Self {
        match palette {
            Palette::Unseen => match random.below(4) {
                0 => Self::Switching,
                1 => Self::Spiky,
                2 => Self::Red(random.range(0.3, 0.97)),
                _ => Self::Heavy,
            },
            Palette::Blind => match random.below(4) {
                0 => Self::Gusty,
                1 => Self::Lattice,
                2 => Self::Ringing,
                _ => Self::Red(random.range(0.2, 0.9)),
            },
            Palette::Former => match random.below(4) {
                0 => Self::Rare,
                1 => Self::Smooth,
                2 => Self::Skewed(random.range(0.0, 0.9)),
                _ => Self::White,
            },
            Palette::Known => match random.below(12) {
                0..=3 => Self::White,
                4..=5 => Self::Heavy,
                6..=8 => Self::Red(random.range(0.4, 0.96)),
                9 => Self::Pink,
                10 => Self::Switching,
                _ => Self::Spiky,
            },
        }
    }

    /// `n` values.
    pub fn values(self, n: usize, random: &mut Random) -> Vec<f64> {
        match self {
            Self::White => (0..n).map(|_| random.normal()).collect(),
            Self::Heavy => (0..n)
                .map(|_| {
                    let sign = if random.chance(0.5) { 1.0 } else { -1.0 };
                    sign * random.exponential() / std::f64::consts::SQRT_2
                })
                .collect(),
            Self::Red(r) => {
                let mut x = random.normal();
                (0..n)
                    .map(|_| {
                        x = r * x + (1.0 - r * r).sqrt() * random.normal();
                        x
                    })
                    .collect()
            }
            Self::Switching => {
                let stay = 1.0 - 1.0 / random.range(2.0, (n as f64 / 4.0).max(3.0));
                let mut up = random.chance(0.5);
                (0..n)
                    .map(|_| {
                        if !random.chance(stay) {
                            up = !up;
                        }
                        (if up { 0.9 } else { -0.9 }) + 0.4 * random.normal()
                    })
                    .collect()
            }
            Self::Pink => {
                let mut parts = [0.0; 4];
                (0..n)
                    .map(|_| {
                        for (k, part) in parts.iter_mut().enumerate() {
                            let r = 1.0 - 0.6_f64 / f64::from(4_u32.pow(k as u32));
                            *part = r * *part + (1.0 - r * r).sqrt() * random.normal();
                        }
                        parts.iter().sum::<f64>() / 2.0
                    })
                    .collect()
            }
            Self::Skewed(r) => Self::Red(r)
                .values(n, random)
                .iter()
                .map(|x| (0.6 * x).exp() - 1.0)
                .collect(),
            Self::Rare => {
                let (often, long) = (random.range(0.02, 0.1), random.range(1.0, 6.0));
                let (mut left, mut size) = (0.0, 0.0);
                (0..n)
                    .map(|_| {
                        left -= 1.0;
                        if left <= 0.0 {
                            size = 0.0;
                            if random.chance(often) {
                                (left, size) = (long * random.exponential(), 3.0 * random.normal());
                            }
                        }
                        size + 0.1 * random.normal()
                    })
                    .collect()
            }
            Self::Gusty => {
                let mut spread = 0.0;
                (0..n)
                    .map(|_| {
                        spread = 0.85 * spread + 0.5 * random.normal();
                        0.65 * f64::exp(0.5 * spread) * random.normal()
                    })
                    .collect()
            }
            Self::Lattice => {
                let values = 2 + random.below(4);
                (0..n)
                    .map(|_| {
                        let part = random.below(values) as f64 / (values - 1) as f64;
                        (part - 0.5) * 2.8
                    })
                    .collect()
            }
            Self::Ringing => {
                let (mut before, mut now) = (0.0, 0.0);
                (0..n)
                    .map(|_| {
                        let next = 0.5 * now - 0.6 * before + 0.75 * random.normal();
                        (before, now) = (now, next);
                        next
                    })
                    .collect()
            }
            Self::Smooth => {
                let width = 2 + random.below(8);
                let raw: Vec<f64> = (0..n + width).map(|_| random.normal()).collect();
                raw.windows(width)
                    .take(n)
                    .map(|w| w.iter().sum::<f64>() / (width as f64).sqrt())
                    .collect()
            }
            Self::Spiky => {
                let often = random.range(0.03, 0.15);
                (0..n)
                    .map(|_| {
                        let spike = if random.chance(often) {
                            3.0 * random.exponential()
                        } else {
                            0.0
                        };
                        spike + 0.3 * random.normal()
                    })
                    .collect()
            }
        }
    }
}
