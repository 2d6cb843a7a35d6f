//! The holder of a family: series that grow in a fixed ratio are one leak, and one of them keeps the others.

use snapshot::MinifilterFacts;

use super::{Holder, HolderKind, Who, filters::altitude, grouped};
use crate::Owners;

/// A member freed at most this seldom holds what it allocates.
const NO_FREES: f64 = 0.001;

/// One member of a family.
#[derive(Clone, Debug)]
pub struct Member<'a> {
    /// Name for people (`WCsc/nonpaged`).
    pub name: String,
    /// Its owners.
    pub owners: &'a Owners,
    /// Allocations since boot.
    pub allocs: Option<u64>,
    /// Frees since boot.
    pub frees: Option<u64>,
}

impl Member<'_> {
    /// Part of the allocations that was freed.
    fn free_ratio(&self) -> Option<f64> {
        let allocs = self.allocs.filter(|&n| n > 0)?;
        Some(self.frees? as f64 / allocs as f64)
    }

    fn image(&self) -> Option<&str> {
        self.owners.first()?.image.as_deref()
    }
}

/// Who holds a family: among the members that are never freed the one whose owner sits highest above the file system;
/// without such members the one whose owner sits highest. `None` when no member's owner is known.
#[must_use]
pub fn holder_of_family(members: &[Member<'_>], filters: &[MinifilterFacts]) -> Option<Holder> {
    let unfreed: Vec<&Member<'_>> = members
        .iter()
        .filter(|m| m.free_ratio().is_some_and(|r| r <= NO_FREES) && m.image().is_some())
        .collect();
    let candidates: Vec<&Member<'_>> = if unfreed.is_empty() {
        members.iter().filter(|m| m.image().is_some()).collect()
    } else {
        unfreed
    };
    let best = *candidates
        .iter()
        .max_by(|a, b| layer(a, filters).total_cmp(&layer(b, filters)))?;
    let image = best.image()?;
    let mut holder = Holder::new(HolderKind::Family);
    holder.who.push(Who {
        name: image.to_string(),
        pid: None,
        amount: best.allocs,
    });
    if let (Some(allocs), Some(frees)) = (best.allocs, best.frees) {
        holder.evidence.push(format!(
            "{} of {image}: {} allocations and {} frees since boot.",
            best.name,
            grouped(allocs),
            grouped(frees)
        ));
    }
    let others: Vec<&str> = members
        .iter()
        .filter(|m| m.image() != Some(image))
        .map(|m| m.name.as_str())
        .collect();
    if !others.is_empty() {
        holder.evidence.push(format!(
            "It sits above the owners of {}: what it does not release keeps theirs alive.",
            others.join(", ")
        ));
    }
    if let Some(filter) = filter_of(image, filters) {
        holder.evidence.push(format!(
            "{} is a minifilter at altitude {}{}.",
            filter.name,
            filter.altitude.as_deref().unwrap_or("unknown"),
            filter
                .instances
                .map(|n| format!(" with {n} instances"))
                .unwrap_or_default()
        ));
    }
    let freed: Vec<&str> = members
        .iter()
        .filter(|m| m.image() == Some(image) && m.free_ratio().is_some_and(|r| r > 0.5))
        .map(|m| m.name.as_str())
        .collect();
    if !freed.is_empty() {
        holder.evidence.push(format!(
            "Its {} is freed as usual, so the driver runs; it loses only these.",
            freed.join(", ")
        ));
    }
    holder.how_to_find_out.push(format!("Stop what attaches {image}, or detach it on a test machine, and see whether all members stop growing."));
    Some(holder)
}

/// How high an owner sits: minifilters by altitude, then other drivers, then the filter manager, file systems, and the
/// kernel at the bottom. Altitudes reach some hundred thousand.
fn layer(member: &Member<'_>, filters: &[MinifilterFacts]) -> f64 {
    let Some(image) = member.image() else { return 0.0 };
    if let Some(filter) = filter_of(image, filters) {
        return 1_000.0 + altitude(filter);
    }
    match image {
        "ntoskrnl.exe" | "hal.dll" => 1.0,
        "ntfs.sys" | "refs.sys" | "fastfat.sys" | "exfat.sys" | "npfs.sys" | "tcpip.sys" | "ndis.sys" => 2.0,
        "netio.sys" | "afd.sys" | "dxgmms1.sys" | "dxgmms2.sys" => 3.0,
        "fltmgr.sys" | "dxgkrnl.sys" | "win32k.sys" | "win32kfull.sys" | "win32kbase.sys" => 4.0,
        // Known file system filters of Microsoft's, for recordings without a list of minifilters.
        "wcifs.sys" | "bindflt.sys" | "wdfilter.sys" | "cldflt.sys" | "luafv.sys" => 900.0,
        _ => 500.0,
    }
}

fn filter_of<'a>(image: &str, filters: &'a [MinifilterFacts]) -> Option<&'a MinifilterFacts> {
    let stem = image.split('.').next().unwrap_or(image);
    filters
        .iter()
        .find(|filter| filter.name.eq_ignore_ascii_case(stem))
}
