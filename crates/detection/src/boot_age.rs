//! Whether the kernel had only just booted: then caches and drivers still fill what they keep for good.

use snapshot::{History, Series};

use crate::axis::Span;
use crate::judge::Studied;

/// Seconds after boot until when growth of kilobytes is ordinary. Drivers still start and caches still fill in a raw capture
/// that ends three minutes after boot; how much longer it takes differs, so this is ten times that.
const SETTLED: f64 = 1_800.0;

/// Whether the kernel may have booted less than [`SETTLED`] before the end of `window`, which lasted `length` seconds.
///
/// The recording may go on into later boots, so only what it holds at the end of the window counts. Where that is no uptime,
/// allocations tell it: a window that holds a certain part of all allocations since boot lasted about that part of the time.
/// Where neither is known nothing says that the kernel is older.
pub(crate) fn just_booted(history: &History, window: Span, studied: &[Studied], length: f64) -> bool {
    uptime_at_end(history, window)
        .or_else(|| age_by_allocations(history, window, studied, length))
        .is_none_or(|age| age < SETTLED)
}

/// Seconds since boot at the last sample of `window`.
fn uptime_at_end(history: &History, window: Span) -> Option<f64> {
    history.samples.get(window.end.checked_sub(1)?)?.uptime_s
}

/// Seconds since boot, were all allocations made at the rate of the window. Counters that wrapped before it make it shorter.
fn age_by_allocations(history: &History, window: Span, studied: &[Studied], length: f64) -> Option<f64> {
    let (mut ever, mut within) = (0.0, 0.0);
    for (series, studied) in history.series.iter().zip(studied) {
        if let (Some(all), Some(new)) = (allocations_at_end(series, window), studied.reduced.allocated) {
            ever += all as f64;
            within += new;
        }
    }
    (within > 0.0 && length > 0.0).then(|| length * ever / within)
}

/// Allocations since boot at the last sample of `window`.
fn allocations_at_end(series: &Series, window: Span) -> Option<u64> {
    let changes = series
        .sample
        .partition_point(|&sample| (sample as usize) < window.end);
    series.usage(changes.checked_sub(1)?).allocs.get()
}

#[cfg(test)]
mod tests {
    use snapshot::{Counter, CounterWidth, Pool, Sample, SeriesKey, Tag, Timestamp, Usage};

    use super::*;
    use crate::axis::Axis;
    use crate::judge::{Stage, study_series};

    /// Samples of each boot, one every ten seconds.
    const EACH: usize = 12;

    /// Two boots with these uptimes at their first samples, and a tag with `before` allocations at the first sample of each and
    /// ten more at every other one.
    fn two_boots(uptimes: Option<[f64; 2]>, before: [u64; 2]) -> History {
        let key = SeriesKey {
            tag: Tag::parse("Warm"),
            pool: Pool::Nonpaged,
        };
        let mut series = Series::new(key, CounterWidth::Bits64);
        let mut history = History {
            clock_known: true,
            ..History::default()
        };
        for i in 0..2 * EACH {
            let (boot, within) = (i / EACH, i % EACH);
            history.samples.push(Sample {
                at: Timestamp(1_790_000_000_000_000 + i as i64 * 10_000_000),
                boot: Some(boot as u32),
                uptime_s: uptimes.map(|first| first[boot] + within as f64 * 10.0),
                ..Sample::default()
            });
            let allocs = before[boot] + 10 * within as u64;
            let usage = Usage {
                allocs: Counter::new(allocs),
                frees: Counter::new(0),
                live: Counter::UNKNOWN,
                bytes: Counter::new(allocs * 64),
            };
            series.push(i as u32, usage);
        }
        history.series.push(series);
        history
    }

    /// Whether each boot had just begun, judged by itself.
    fn by_boot(history: &History) -> Vec<bool> {
        let axis = Axis::new(history);
        let judged = |&boot: &Span| {
            let stage = Stage::new(&axis, boot);
            let studied: Vec<Studied> = history
                .series
                .iter()
                .map(|series| study_series(series, &axis, &stage))
                .collect();
            just_booted(history, boot, &studied, axis.length(boot))
        };
        axis.boots.iter().map(judged).collect()
    }

    #[test]
    fn each_boot_has_the_age_it_had_at_its_own_end() {
        // (uptimes, allocations before each boot's window, just booted)
        let cases = [
            (Some([86_400.0, 60.0]), [50, 50], [false, true]),
            (Some([60.0, 86_400.0]), [50, 50], [true, false]),
            (None, [1_000_000, 50], [false, true]),
            (None, [50, 1_000_000], [true, false]),
        ];
        for (uptimes, before, booted) in cases {
            assert_eq!(
                by_boot(&two_boots(uptimes, before)),
                booted,
                "{uptimes:?} {before:?}"
            );
        }
    }
}
