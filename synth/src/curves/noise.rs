//! Noise that is laid over a story.

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
}

impl NoiseKind {
    /// Draws a kind. `unseen` draws those that nothing is fitted on.
    pub fn draw(random: &mut Random, unseen: bool) -> Self {
        if unseen {
            return match random.below(4) {
                0 => Self::Switching,
                1 => Self::Spiky,
                2 => Self::Red(random.range(0.3, 0.97)),
                _ => Self::Heavy,
            };
        }
        match random.below(10) {
            0..=3 => Self::White,
            4..=5 => Self::Heavy,
            _ => Self::Red(random.range(0.4, 0.96)),
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
