//! What grows as a recording goes: a line now and then, not a verdict.

use std::time::Duration;

use snapshot::{ChangeRow, Changes, SeriesKey};

/// The earliest line, and the least distance of two.
const LINE_EVERY: Duration = Duration::from_secs(5);
/// The largest distance of two lines.
const LINE_EVERY_MAX: Duration = Duration::from_secs(600);
/// Growth below this is not worth a line: one slab, one page.
const GROWTH_BYTES_MIN: i64 = 16 << 10;

/// A series that stands well above where it started.
#[derive(Clone, Debug, PartialEq)]
pub struct Grower {
    /// Which.
    pub key: SeriesKey,
    /// Bytes since the start.
    pub bytes: i64,
    /// Outstanding allocations since the start, where known.
    pub outstanding: Option<i64>,
}

/// The series that grew most, most first. One that came back down by more than a quarter of its rise is left out: it
/// goes up and down.
#[must_use]
pub fn growers(changes: &Changes, wanted: impl Fn(&SeriesKey) -> bool, most: usize) -> Vec<Grower> {
    let mut found: Vec<Grower> = changes
        .rows()
        .filter(|(key, row)| stands_high(row) && wanted(key))
        .filter_map(|(key, row)| {
            let bytes = row.bytes_since_start()?;
            Some(Grower {
                key: key.clone(),
                bytes,
                outstanding: row.outstanding_since_start(),
            })
        })
        .collect();
    found.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.key.cmp(&b.key)));
    found.truncate(most);
    found
}

fn stands_high(row: &ChangeRow) -> bool {
    let (Some(growth), Some(now), Some(peak)) = (
        row.bytes_since_start(),
        row.current.bytes.get(),
        row.peak_bytes.get(),
    ) else {
        return false;
    };
    let fallen = i64::try_from(peak.saturating_sub(now)).unwrap_or(i64::MAX);
    growth >= GROWTH_BYTES_MIN && fallen <= growth / 3
}

/// Says when a line is due: often at first, then ever less, so that a day's run stays readable.
#[derive(Debug)]
pub struct Lines {
    next: Duration,
}

impl Default for Lines {
    fn default() -> Self {
        Self { next: LINE_EVERY }
    }
}

impl Lines {
    /// Whether a line should be printed at `elapsed`.
    pub fn due(&mut self, elapsed: Duration) -> bool {
        if elapsed < self.next {
            return false;
        }
        self.next = elapsed + (elapsed / 10).clamp(LINE_EVERY, LINE_EVERY_MAX);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use snapshot::{Pool, Snapshot, Tag, TagUsage, Timestamp, Usage};

    #[test]
    fn what_stands_high_is_listed_most_first() {
        let mut changes = Changes::new();
        let series: [(&str, [u64; 4]); 5] = [
            ("flat", [1 << 20, 1 << 20, 1 << 20, 1 << 20]),
            ("up", [0, 100 << 10, 200 << 10, 300 << 10]),
            ("tooth", [0, 900 << 10, 300 << 10, 400 << 10]),
            ("most", [5 << 20, 6 << 20, 7 << 20, 7 << 20]),
            ("tiny", [0, 0, 100, 200]),
        ];
        for moment in 0..4 {
            let rows = series.map(|(tag, bytes)| TagUsage {
                tag: Tag::parse(tag),
                pool: Pool::Slab,
                usage: Usage {
                    bytes: Some(bytes[moment]).into(),
                    ..Usage::ABSENT
                },
            });
            changes.update(&Snapshot {
                taken_at: Some(Timestamp::from_unix_seconds(moment as i64)),
                rows: rows.to_vec(),
                ..Snapshot::default()
            });
        }
        let names = |most: usize| -> Vec<String> {
            growers(&changes, |_| true, most)
                .into_iter()
                .map(|g| g.key.tag.to_string())
                .collect()
        };
        assert_eq!(names(9), ["most", "up"]);
        assert_eq!(names(1), ["most"]);
        assert_eq!(
            growers(&changes, |key| key.tag == Tag::parse("up"), 9)[0].bytes,
            300 << 10
        );
    }

    #[test]
    fn lines_become_rare() {
        let count = |every_s: u64, total_s: u64| {
            let mut lines = Lines::default();
            (0..=total_s / every_s)
                .filter(|i| lines.due(Duration::from_secs(i * every_s)))
                .count()
        };
        assert_eq!(count(1, 40), 8);
        assert_eq!(count(30, 300), 10);
        assert!(count(1, 86_400) < 200, "{}", count(1, 86_400));
    }
}
