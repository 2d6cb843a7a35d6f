//! Families and who holds them.

use attribution::holders::{Member, holder_of_family};
use detection::{Analysis, Family, Shape};
use snapshot::History;

use crate::{Holder, JudgedFamily, JudgedSeries, facts};

/// The families of which a member is in trouble: tags that merely come in fixed ratios are how a driver works, and nobody
/// is to be named for it.
pub(crate) fn judge(history: &History, analysis: &Analysis, series: &[JudgedSeries]) -> Vec<JudgedFamily> {
    analysis
        .families
        .iter()
        .filter(|family| {
            let members = series
                .iter()
                .filter(|s| family.members.contains(&s.judgement.series));
            members.into_iter().any(|s| {
                crate::names_trouble(s.judgement.verdict) || s.judgement.shape == Some(Shape::Stopped)
            })
        })
        .map(|family| one(history, family, series))
        .collect()
}

/// Names the family's members, adds up their growth and names the holder with its reasons.
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
    let by_arithmetic = family
        .holder
        .and_then(|m| members.iter().find(|s| s.judgement.series == m))
        .copied();
    JudgedFamily {
        id: family.id,
        members: members.iter().map(|s| s.name()).collect(),
        ratio: family.ratio.clone(),
        holder: holder(history, &members, by_arithmetic),
        rate_per_day: (!rates.is_empty()).then(|| rates.iter().sum()),
        bytes: (!bytes.is_empty()).then(|| bytes.iter().fold(0_u64, |sum, &b| sum.saturating_add(b))),
    }
}

/// A process whose handles explain a member holds them all; else the driver that attribution names; else the member
/// that arithmetic names.
fn holder(
    history: &History,
    members: &[&JudgedSeries],
    by_arithmetic: Option<&JudgedSeries>,
) -> Option<Holder> {
    if let Some(process) = members.iter().find_map(|m| by_process(m)) {
        return Some(process);
    }
    let filters = facts::newest(history, |f| f.minifilters.as_ref())
        .map(|(_, f)| f.as_slice())
        .unwrap_or_default();
    let asked: Vec<Member<'_>> = members
        .iter()
        .map(|s| Member {
            name: s.name(),
            owners: &s.owners,
            allocs: s.judgement.allocs,
            frees: s.judgement.frees,
        })
        .collect();
    if let Some(found) = holder_of_family(&asked, filters) {
        let image = found.first().map(|who| who.name.clone());
        let owner = members
            .iter()
            .find(|m| m.owners.first().and_then(|o| o.image.clone()) == image);
        return Some(Holder {
            component: owner.and_then(|m| m.owners.first()?.component.clone()),
            series: owner.map(|m| m.name()),
            image,
            reasons: found
                .evidence
                .iter()
                .chain(&found.how_to_find_out)
                .cloned()
                .collect(),
            ..Holder::default()
        });
    }
    by_arithmetic.map(|m| Holder {
        series: Some(m.name()),
        reasons: vec![format!("{} has the fewest frees of the family.", m.name())],
        ..Holder::default()
    })
}

/// The process that holds the objects of a member by its handles.
fn by_process(member: &JudgedSeries) -> Option<Holder> {
    let holder = member
        .holders
        .iter()
        .find(|h| h.kind == attribution::holders::HolderKind::HandleLeak)?;
    let who = holder.first().filter(|who| who.pid.is_some())?;
    Some(Holder {
        process: Some(who.name.clone()),
        pid: who.pid,
        series: Some(member.name()),
        reasons: holder.evidence.clone(),
        ..Holder::default()
    })
}
