//! Families and who holds them.

use detection::{Analysis, Family};
use snapshot::History;

use crate::drivers::altitude;
use crate::{Holder, JudgedFamily, JudgedSeries, facts, words};

/// Names the families' members, adds up their growth and names the holder with its reasons.
pub(crate) fn judge(history: &History, analysis: &Analysis, series: &[JudgedSeries]) -> Vec<JudgedFamily> {
    analysis
        .families
        .iter()
        .map(|family| one(history, family, series))
        .collect()
}

fn one(history: &History, family: &Family, series: &[JudgedSeries]) -> JudgedFamily {
    let members: Vec<&JudgedSeries> = family
        .members
        .iter()
        .filter_map(|&m| series.iter().find(|s| s.judgement.series == m))
        .collect();
    let rates: Vec<f64> = members
        .iter()
        .filter_map(|s| s.judgement.rate.map(|r| r.per_day))
        .collect();
    let bytes: Vec<u64> = members.iter().filter_map(|s| s.judgement.bytes).collect();
    let holder = family
        .holder
        .and_then(|m| series.iter().find(|s| s.judgement.series == m));
    JudgedFamily {
        id: family.id,
        members: members.iter().map(|s| s.name()).collect(),
        ratio: family.ratio.clone(),
        holder: holder.map(|holder| name_holder(history, holder, &members)),
        rate_per_day: (!rates.is_empty()).then(|| rates.iter().sum()),
        bytes: (!bytes.is_empty()).then(|| bytes.iter().fold(0_u64, |sum, &b| sum.saturating_add(b))),
    }
}

fn name_holder(history: &History, holder: &JudgedSeries, members: &[&JudgedSeries]) -> Holder {
    let owner = if holder.owners.shared {
        None
    } else {
        holder.owners.owners.first()
    };
    let mut reasons = Vec::new();
    if let (Some(allocs), Some(frees)) = (holder.judgement.allocs, holder.judgement.frees) {
        reasons.push(format!(
            "{} has {} frees for {} allocations, the fewest of the family.",
            holder.name(),
            words::count(frees),
            words::count(allocs)
        ));
    }
    let image = owner.and_then(|o| o.image.clone());
    if let Some(image) = &image {
        reasons.extend(filter_reason(history, image));
        let others = members
            .iter()
            .filter(|m| m.owner().as_deref() != Some(image.as_str()))
            .count();
        if others > 0 {
            reasons.push(format!(
                "{} of the family belong to other components, which keep their objects as long as {image} refers to them.",
                words::plural(others, "member", "members")
            ));
        }
    }
    Holder {
        image,
        component: owner.and_then(|o| o.component.clone()),
        series: Some(holder.name()),
        reasons,
        ..Holder::default()
    }
}

/// Where the image stands in the stack of minifilters.
fn filter_reason(history: &History, image: &str) -> Option<String> {
    let (_, filters) = facts::newest(history, |f| f.minifilters.as_ref())?;
    let name = image.strip_suffix(".sys").unwrap_or(image);
    let filter = filters.iter().find(|f| f.name.eq_ignore_ascii_case(name))?;
    let above = filters.iter().filter(|f| altitude(f) > altitude(filter)).count();
    Some(format!(
        "{} is a minifilter at altitude {} with {} attached and {above} above it.",
        filter.name,
        filter.altitude.as_deref().unwrap_or("unknown"),
        filter.instances.map_or_else(
            || "unknown instances".to_owned(),
            |n| words::plural(n as usize, "instance", "instances")
        ),
    ))
}
