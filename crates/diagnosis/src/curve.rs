//! Curves for drawing.

use snapshot::{History, Series};

use crate::Curve;

/// The bytes of `series` at every sample, thinned to about `points`: of each run of samples the lowest and the highest
/// are kept where they stood, so neither a peak nor a floor is lost.
pub(crate) fn of_series(history: &History, series: &Series, points: usize) -> Curve {
    let full = expand(history, series);
    let run = full.len().div_ceil((points / 2).max(1)).max(1);
    let mut curve = Curve::default();
    if run <= 2 {
        for (index, bytes) in full.iter().enumerate() {
            push(&mut curve, history, index, *bytes);
        }
        return curve;
    }
    let last = full.len().saturating_sub(1);
    for (chunk_at, chunk) in full.chunks(run).enumerate() {
        let first = chunk_at * run;
        let mut keep: Vec<usize> = Vec::with_capacity(4);
        let known = || chunk.iter().enumerate().filter_map(|(i, b)| b.map(|b| (b, i)));
        keep.extend(known().min().map(|(_, i)| first + i));
        keep.extend(
            known()
                .max_by_key(|&(b, i)| (b, std::cmp::Reverse(i)))
                .map(|(_, i)| first + i),
        );
        keep.extend(chunk.iter().position(Option::is_none).map(|i| first + i));
        if first == 0 {
            keep.push(0);
        }
        if first + chunk.len() > last {
            keep.push(last);
        }
        keep.sort_unstable();
        keep.dedup();
        for index in keep {
            push(&mut curve, history, index, full.get(index).copied().flatten());
        }
    }
    curve
}

/// One value a sample; absent before the first change.
fn expand(history: &History, series: &Series) -> Vec<Option<u64>> {
    let mut out = Vec::with_capacity(history.samples.len());
    let mut change = 0;
    let mut value = None;
    for index in 0..history.samples.len() {
        while series.sample.get(change).is_some_and(|&s| s as usize <= index) {
            value = series.bytes.get(change).and_then(|b| b.get());
            change += 1;
        }
        out.push(value);
    }
    out
}

fn push(curve: &mut Curve, history: &History, index: usize, bytes: Option<u64>) {
    let Some(sample) = history.samples.get(index) else {
        return;
    };
    // A clock that was set back would draw a curve over itself.
    if curve.at.last().is_some_and(|&last| sample.at <= last) {
        return;
    }
    if sample.after_gap
        && let Some(&last) = curve.at.last()
    {
        let between = snapshot::Timestamp(last.0.saturating_add(1));
        if between < sample.at {
            curve.at.push(between);
            curve.bytes.push(None);
        }
    }
    curve.at.push(sample.at);
    curve.bytes.push(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use snapshot::{CounterWidth, Pool, Sample, SeriesKey, Tag, Timestamp, Usage};

    fn history(samples: usize) -> History {
        History {
            samples: (0..samples)
                .map(|i| Sample {
                    at: Timestamp::from_unix_seconds(i as i64),
                    ..Sample::default()
                })
                .collect(),
            clock_known: true,
            ..History::default()
        }
    }

    #[test]
    fn a_thinned_curve_keeps_ends_peaks_and_gaps() {
        let mut history = history(1000);
        let mut series = Series::new(
            SeriesKey {
                tag: Tag::from_nt(*b"Test"),
                pool: Pool::Paged,
            },
            CounterWidth::Bits64,
        );
        for i in 0..1000_u32 {
            let bytes = if i == 777 { 9_999 } else { u64::from(i) };
            series.push(
                i,
                Usage {
                    bytes: Some(bytes).into(),
                    ..Usage::ABSENT
                },
            );
        }
        if let Some(sample) = history.samples.get_mut(501) {
            sample.after_gap = true;
        }
        let curve = of_series(&history, &series, 100);
        assert!(curve.at.len() <= 160, "{}", curve.at.len());
        assert_eq!(curve.at.len(), curve.bytes.len());
        assert!(curve.bytes.contains(&Some(9_999)));
        assert_eq!(
            (curve.bytes.first(), curve.bytes.last()),
            (Some(&Some(0)), Some(&Some(999)))
        );
        assert!(curve.at.is_sorted());
        let whole = of_series(&history, &series, 2_000);
        assert_eq!(whole.bytes.iter().filter(|b| b.is_none()).count(), 1, "the gap");
    }
}
