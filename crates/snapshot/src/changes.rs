//! Differences between snapshots as they arrive, in the memory of one row a series.

use std::collections::HashMap;

use crate::{BootId, Counter, CounterWidth, Pool, SeriesKey, Snapshot, Timestamp, Usage};

/// Series followed at most; a kernel has some thousand, so more is not one.
const SERIES_MAX: usize = 200_000;

/// Follows snapshots of one kernel and keeps, for each series, where it started, where it was and where it is.
///
/// A reboot starts everything anew. Nothing is judged here: these are differences of counters.
#[derive(Debug, Default)]
pub struct Changes {
    rows: HashMap<SeriesKey, ChangeRow>,
    boot: Option<BootId>,
    snapshots: u64,
    started_at: Option<Timestamp>,
    previous_at: Option<Timestamp>,
    current_at: Option<Timestamp>,
}

/// One series between the first and the latest snapshot.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChangeRow {
    /// Width of the allocation and free counters.
    pub width: CounterWidth,
    /// At the first snapshot; absent when it appeared later.
    pub first: Usage,
    /// At the one before the latest.
    pub previous: Usage,
    /// At the latest; absent when it vanished.
    pub current: Usage,
    /// Most bytes seen.
    pub peak_bytes: Counter,
    /// Number of the latest snapshot it was in.
    seen: u64,
}

impl Changes {
    /// Nothing seen yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in the next snapshot.
    pub fn update(&mut self, snapshot: &Snapshot) {
        let rebooted = matches!((&self.boot, &snapshot.boot), (Some(old), Some(new)) if old != new);
        if rebooted {
            *self = Self::default();
        }
        if snapshot.boot.is_some() {
            self.boot.clone_from(&snapshot.boot);
        }
        self.snapshots += 1;
        self.started_at = self.started_at.or(snapshot.taken_at);
        self.previous_at = self.current_at;
        self.current_at = snapshot.taken_at;
        for row in &snapshot.rows {
            // Cloning a tag copies no bytes, so looking up by an owned key is cheap.
            let key = SeriesKey {
                tag: row.tag.clone(),
                pool: row.pool,
            };
            self.see(key, row.usage, snapshot.width);
        }
        let latest = self.snapshots;
        for row in self.rows.values_mut().filter(|row| row.seen != latest) {
            row.previous = row.current;
            row.current = Usage::ABSENT;
        }
    }

    fn see(&mut self, key: SeriesKey, usage: Usage, width: CounterWidth) {
        let (number, room) = (self.snapshots, self.rows.len() < SERIES_MAX);
        match self.rows.get_mut(&key) {
            Some(row) => {
                row.previous = row.current;
                row.current = usage;
                row.width = width;
                row.seen = number;
                row.peak_bytes = row.peak_bytes.get().max(usage.bytes.get()).into();
            }
            None if room => {
                let first = if number == 1 { usage } else { Usage::ABSENT };
                let fresh = ChangeRow {
                    width,
                    first,
                    previous: Usage::ABSENT,
                    current: usage,
                    peak_bytes: usage.bytes,
                    seen: number,
                };
                self.rows.insert(key, fresh);
            }
            None => {}
        }
    }

    /// The series, in no promised order.
    pub fn rows(&self) -> impl Iterator<Item = (&SeriesKey, &ChangeRow)> {
        self.rows.iter()
    }

    /// One series.
    #[must_use]
    pub fn get(&self, key: &SeriesKey) -> Option<&ChangeRow> {
        self.rows.get(key)
    }

    /// Snapshots since the start or the last reboot.
    #[must_use]
    pub const fn snapshots(&self) -> u64 {
        self.snapshots
    }

    /// Seconds between the first and the latest snapshot.
    #[must_use]
    pub fn elapsed_s(&self) -> Option<f64> {
        Some(self.current_at?.seconds_since(self.started_at?))
    }

    /// Seconds between the latest two snapshots.
    #[must_use]
    pub fn interval_s(&self) -> Option<f64> {
        Some(self.current_at?.seconds_since(self.previous_at?))
    }

    /// A change since the first snapshot as a rate per hour; `None` before any time has passed.
    #[must_use]
    pub fn per_hour(&self, change: i64) -> Option<f64> {
        let elapsed = self.elapsed_s().filter(|&seconds| seconds > 0.0)?;
        Some(change as f64 * 3600.0 / elapsed)
    }

    /// Bytes in use of all series of `pool` at the latest snapshot; `None` when none is known.
    #[must_use]
    pub fn pool_bytes(&self, pool: Pool) -> Option<u64> {
        let known = self
            .rows
            .iter()
            .filter(|(key, _)| key.pool == pool)
            .filter_map(|(_, row)| row.current.bytes.get());
        known.fold(None, |sum: Option<u64>, bytes| {
            Some(sum.unwrap_or(0).saturating_add(bytes))
        })
    }
}

impl ChangeRow {
    /// Growth in bytes since the first snapshot; from zero for a series that appeared later.
    #[must_use]
    pub fn bytes_since_start(&self) -> Option<i64> {
        signed(self.current.bytes.get()?, self.from(self.first, Usage::bytes_of)?)
    }

    /// Growth in bytes since the previous snapshot.
    #[must_use]
    pub fn bytes_since_previous(&self) -> Option<i64> {
        signed(
            self.current.bytes.get()?,
            self.from(self.previous, Usage::bytes_of)?,
        )
    }

    /// Outstanding allocations now.
    #[must_use]
    pub fn outstanding(&self) -> Option<u64> {
        self.current.outstanding(self.width)
    }

    /// Growth of outstanding allocations since the first snapshot.
    #[must_use]
    pub fn outstanding_since_start(&self) -> Option<i64> {
        signed(self.outstanding()?, self.from(self.first, Usage::outstanding)?)
    }

    /// Growth of outstanding allocations since the previous snapshot.
    #[must_use]
    pub fn outstanding_since_previous(&self) -> Option<i64> {
        signed(self.outstanding()?, self.from(self.previous, Usage::outstanding)?)
    }

    /// Allocations since the previous snapshot, across one wrap of the counter.
    #[must_use]
    pub fn allocs_since_previous(&self) -> Option<u64> {
        self.counted(self.current.allocs, self.previous.allocs)
    }

    /// Frees since the previous snapshot, likewise.
    #[must_use]
    pub fn frees_since_previous(&self) -> Option<u64> {
        self.counted(self.current.frees, self.previous.frees)
    }

    /// Bytes of one outstanding allocation on average.
    #[must_use]
    pub fn bytes_per_allocation(&self) -> Option<u64> {
        self.current.bytes.get()?.checked_div(self.outstanding()?)
    }

    /// What a part of `earlier` was: zero for a series that did not exist yet, `None` for a counter not read.
    fn from(&self, earlier: Usage, part: impl Fn(&Usage, CounterWidth) -> Option<u64>) -> Option<u64> {
        if earlier.is_absent() {
            Some(0)
        } else {
            part(&earlier, self.width)
        }
    }

    fn counted(&self, now: Counter, before: Counter) -> Option<u64> {
        let (now, before) = (now.get()?, before.get()?);
        match self.width {
            CounterWidth::Bits32 => Some(u64::from((now as u32).wrapping_sub(before as u32))),
            CounterWidth::Bits64 | CounterWidth::Unknown => now.checked_sub(before),
        }
    }
}

impl Usage {
    fn bytes_of(&self, _width: CounterWidth) -> Option<u64> {
        self.bytes.get()
    }
}

fn signed(now: u64, before: u64) -> Option<i64> {
    i64::try_from(i128::from(now) - i128::from(before)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Tag, TagUsage};

    fn at(second: i64, boot: &str, rows: &[(&str, u64, u64, u64)]) -> Snapshot {
        Snapshot {
            taken_at: Some(Timestamp::from_unix_seconds(second)),
            boot: Some(BootId(boot.to_owned())),
            width: CounterWidth::Bits32,
            rows: rows
                .iter()
                .map(|&(tag, allocs, frees, bytes)| TagUsage {
                    tag: Tag::parse(tag),
                    pool: Pool::Paged,
                    usage: Usage {
                        allocs: Counter::new(allocs),
                        frees: Counter::new(frees),
                        live: Counter::UNKNOWN,
                        bytes: Counter::new(bytes),
                    },
                })
                .collect(),
            ..Snapshot::default()
        }
    }

    fn row(changes: &Changes, tag: &str) -> ChangeRow {
        *changes
            .get(&SeriesKey {
                tag: Tag::parse(tag),
                pool: Pool::Paged,
            })
            .expect("a row")
    }

    #[test]
    fn differences_since_the_start_and_since_the_last_time() {
        let mut changes = Changes::new();
        changes.update(&at(0, "a", &[("Grow", 10, 5, 50), ("Gone", 1, 0, 8)]));
        changes.update(&at(
            10,
            "a",
            &[("Grow", 20, 6, 140), ("Gone", 1, 0, 8), ("New ", 3, 1, 32)],
        ));
        changes.update(&at(30, "a", &[("Grow", 30, 20, 100), ("New ", 4, 1, 48)]));
        assert_eq!(
            (changes.elapsed_s(), changes.interval_s(), changes.snapshots()),
            (Some(30.0), Some(20.0), 3)
        );
        let grow = row(&changes, "Grow");
        assert_eq!(
            (grow.bytes_since_start(), grow.bytes_since_previous()),
            (Some(50), Some(-40))
        );
        assert_eq!(
            (grow.outstanding_since_start(), grow.outstanding_since_previous()),
            (Some(5), Some(-4))
        );
        assert_eq!(
            (grow.allocs_since_previous(), grow.frees_since_previous()),
            (Some(10), Some(14))
        );
        assert_eq!(
            (grow.peak_bytes.get(), grow.bytes_per_allocation()),
            (Some(140), Some(10))
        );
        assert_eq!(changes.per_hour(50), Some(6000.0));
        let new = row(&changes, "New ");
        assert_eq!(
            (new.bytes_since_start(), new.outstanding_since_start()),
            (Some(48), Some(3))
        );
        let gone = row(&changes, "Gone");
        assert_eq!(
            (gone.bytes_since_start(), gone.outstanding()),
            (None, None),
            "gone is not zero"
        );
        assert_eq!(changes.pool_bytes(Pool::Paged), Some(148));
        assert_eq!(changes.pool_bytes(Pool::Nonpaged), None);
    }

    #[test]
    fn counters_that_wrap_count_on() {
        let mut changes = Changes::new();
        changes.update(&at(0, "a", &[("Wrap", 4_294_967_290, 4_294_967_280, 1)]));
        changes.update(&at(1, "a", &[("Wrap", 4, 4_294_967_290, 1)]));
        let wrap = row(&changes, "Wrap");
        assert_eq!(
            (wrap.allocs_since_previous(), wrap.frees_since_previous()),
            (Some(10), Some(10))
        );
        assert_eq!(wrap.outstanding(), Some(10));
    }

    #[test]
    fn a_reboot_starts_anew() {
        let mut changes = Changes::new();
        changes.update(&at(0, "a", &[("Grow", 10, 5, 50)]));
        changes.update(&at(10, "b", &[("Grow", 2, 1, 5)]));
        assert_eq!((changes.snapshots(), changes.elapsed_s()), (1, Some(0.0)));
        assert_eq!(row(&changes, "Grow").bytes_since_start(), Some(0));
    }
}
