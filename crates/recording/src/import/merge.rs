//! Several files in the order given are one recording.

use std::collections::HashMap;

use snapshot::{History, HostFacts, SeriesKey, Usage};

use super::builder::number_samples;

/// Puts histories one after another; `None` when there is none.
pub(crate) fn merge(parts: Vec<History>) -> Option<History> {
    let mut parts = parts.into_iter();
    let mut whole = parts.next()?;
    let mut index: HashMap<SeriesKey, usize> = HashMap::new();
    for part in parts {
        if index.is_empty() {
            index = whole
                .series
                .iter()
                .enumerate()
                .map(|(at, series)| (series.key.clone(), at))
                .collect();
        }
        append(&mut whole, &mut index, part);
    }
    if !whole.clock_known {
        number_samples(&mut whole.samples);
    }
    Some(whole)
}

fn append(whole: &mut History, index: &mut HashMap<SeriesKey, usize>, part: History) {
    let Ok(offset) = u32::try_from(whole.samples.len()) else {
        return;
    };
    whole.clock_known &= part.clock_known;
    fill(&mut whole.host, part.host);
    let boots: Vec<u32> = part
        .boots
        .into_iter()
        .map(|boot| {
            let at = whole.boots.iter().position(|b| *b == boot).unwrap_or_else(|| {
                whole.boots.push(boot);
                whole.boots.len() - 1
            });
            u32::try_from(at).unwrap_or(u32::MAX)
        })
        .collect();
    let first = whole.samples.len();
    let step = whole
        .samples
        .windows(2)
        .filter_map(|p| Some(p.get(1)?.at.0 - p.first()?.at.0))
        .max();
    for mut sample in part.samples {
        sample.boot = sample.boot.and_then(|b| boots.get(b as usize).copied());
        if whole.samples.len() == first
            && let Some(last) = whole.samples.last()
        {
            // Files of one recording follow each other at its step; anything later is a gap.
            let wait = sample.at.0.saturating_sub(last.at.0);
            let known = sample.boot.is_some() && last.boot.is_some();
            let rebooted = known && sample.boot != last.boot;
            sample.after_gap |= rebooted || step.is_some_and(|s| wait > s.saturating_mul(4));
        }
        whole.samples.push(sample);
    }
    let mut present = vec![false; whole.series.len()];
    for series in part.series {
        let at = *index.entry(series.key.clone()).or_insert_with(|| {
            whole
                .series
                .push(snapshot::Series::new(series.key.clone(), series.width));
            whole.series.len() - 1
        });
        let Some(target) = whole.series.get_mut(at) else {
            continue;
        };
        if let (Some(present), Some(0)) = (present.get_mut(at), series.sample.first()) {
            *present = true;
        }
        if target.width != series.width {
            target.width = snapshot::CounterWidth::Unknown;
        }
        if series.sample.first() != Some(&0) {
            target.push(offset, Usage::ABSENT);
        }
        for (i, &sample) in series.sample.iter().enumerate() {
            target.push(sample.saturating_add(offset), series.usage(i));
        }
    }
    for (series, present) in whole.series.iter_mut().zip(present) {
        if !present && series.sample.last().is_some_and(|&last| last < offset) {
            series.push(offset, Usage::ABSENT);
        }
    }
    whole.facts.extend(
        part.facts
            .into_iter()
            .map(|(at, facts)| (at.saturating_add(offset), facts)),
    );
    whole.mapped.extend(part.mapped);
    whole.problems.extend(part.problems);
}

/// Takes what `more` knows and `host` does not.
fn fill(host: &mut HostFacts, more: HostFacts) {
    let HostFacts {
        os,
        name,
        build,
        product,
        physical_bytes,
        page_bytes,
        processors,
    } = more;
    host.os = host.os.or(os);
    host.name = host.name.take().or(name);
    host.build = host.build.take().or(build);
    host.product = host.product.take().or(product);
    host.physical_bytes = host.physical_bytes.or(physical_bytes);
    host.page_bytes = host.page_bytes.or(page_bytes);
    host.processors = host.processors.or(processors);
}
