//! Points in time.

use serde::{Deserialize, Serialize};

/// A moment in UTC as microseconds since 1970-01-01, the resolution that recordings keep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

/// Microseconds from 1601-01-01, where NT counts from, to 1970-01-01.
const NT_EPOCH_OFFSET_US: i64 = 11_644_473_600_000_000;

impl Timestamp {
    /// From whole unix seconds; saturates at the ends of the range.
    #[must_use]
    pub const fn from_unix_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
    }

    /// From NT system time: 100 ns units since 1601-01-01 UTC. Finer digits than a microsecond are dropped.
    #[must_use]
    pub const fn from_nt_100ns(ticks: i64) -> Self {
        Self((ticks / 10).saturating_sub(NT_EPOCH_OFFSET_US))
    }

    /// Seconds since 1970 with fraction.
    #[must_use]
    pub fn unix_seconds(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// Seconds from `earlier` to `self`, negative when the clock went back.
    #[must_use]
    pub fn seconds_since(self, earlier: Self) -> f64 {
        self.0.saturating_sub(earlier.0) as f64 / 1e6
    }

    /// `self` moved by `seconds`; saturates.
    #[must_use]
    pub fn plus_seconds(self, seconds: f64) -> Self {
        Self(self.0.saturating_add((seconds * 1e6) as i64))
    }

    /// RFC 3339 in UTC with whole seconds unless there is a fraction. `None` outside the years 1–9999.
    #[must_use]
    pub fn to_rfc3339(self) -> Option<String> {
        jiff::Timestamp::from_microsecond(self.0)
            .ok()
            .map(|t| t.to_string())
    }

    /// Parses RFC 3339 (any offset) or unix seconds with or without a fraction.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Ok(seconds) = text.parse::<i64>() {
            return seconds.checked_mul(1_000_000).map(Self);
        }
        if let Ok(seconds) = text.parse::<f64>() {
            let micros = (seconds * 1e6).round();
            return (micros.is_finite() && micros.abs() < 9e18).then_some(Self(micros as i64));
        }
        text.parse::<jiff::Timestamp>()
            .ok()
            .map(|t| Self(t.as_microsecond()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_prints_both_notations() {
        let cases = [
            (
                "1791933354",
                Some(1_791_933_354_000_000),
                Some("2026-10-13T23:15:54Z"),
            ),
            ("0.25", Some(250_000), Some("1970-01-01T00:00:00.25Z")),
            (
                "2026-10-13T23:15:54Z",
                Some(1_791_933_354_000_000),
                Some("2026-10-13T23:15:54Z"),
            ),
            (
                "2026-10-14T01:15:54+02:00",
                Some(1_791_933_354_000_000),
                Some("2026-10-13T23:15:54Z"),
            ),
            ("yesterday", None, None),
            ("1e300", None, None),
            ("", None, None),
        ];
        for (text, micros, printed) in cases {
            let parsed = Timestamp::parse(text);
            assert_eq!(parsed.map(|t| t.0), micros, "{text}");
            assert_eq!(
                parsed.and_then(Timestamp::to_rfc3339).as_deref(),
                printed,
                "{text}"
            );
        }
    }

    #[test]
    fn nt_time_counts_from_1601() {
        assert_eq!(Timestamp::from_nt_100ns(116_444_736_000_000_000), Timestamp(0));
        assert_eq!(Timestamp::from_nt_100ns(116_444_736_000_000_015), Timestamp(1));
    }
}
