//! Single pieces of evidence for an owner, and how they are merged into owners.

use std::cmp::Reverse;

use crate::{Confidence, Owner, Trust};

/// Most sentences of evidence kept for one owner.
const MAX_EVIDENCE: usize = 6;

/// Most owners kept for one tag; a tag with more says nothing.
const MAX_OWNERS: usize = 12;

/// One statement that somebody allocates under a tag.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    /// What is known, with exactly one sentence of evidence.
    pub(crate) owner: Owner,
    /// How sure the source itself is.
    pub(crate) confidence: Confidence,
    /// Fixed bytes of the pattern that matched, 4 for an exact tag.
    pub(crate) specific: usize,
}

impl Claim {
    pub(crate) fn new(trust: Trust, image: Option<&str>, evidence: String) -> Self {
        let mut owner = Owner::new(trust);
        owner.image = image.filter(|i| !i.is_empty()).map(str::to_ascii_lowercase);
        owner.evidence = vec![evidence];
        Self {
            owner,
            confidence: Confidence::High,
            specific: 4,
        }
    }
}

/// Merges claims about the same file and puts the owners in order: by trust, what is loaded before what may be, the
/// more confident and more specific source first; files that are known not to be loaded stand last.
pub(crate) fn merge(mut claims: Vec<Claim>) -> Vec<Owner> {
    claims.sort_by_key(order);
    let mut owners: Vec<Owner> = Vec::new();
    for claim in claims {
        match owners.iter_mut().find(|known| same(known, &claim.owner)) {
            Some(known) => absorb(known, claim.owner),
            None => owners.push(claim.owner),
        }
    }
    // A row without a file says nothing beside one that names it with as much trust.
    if let Some(best) = owners.iter().filter(|o| o.image.is_some()).map(|o| o.trust).min() {
        owners.retain(|o| o.image.is_some() || o.trust < best);
    }
    owners.truncate(MAX_OWNERS);
    owners
}

fn order(claim: &Claim) -> (bool, Trust, bool, Reverse<usize>, Reverse<Confidence>) {
    let loaded = claim.owner.loaded;
    (
        loaded == Some(false),
        claim.owner.trust,
        loaded != Some(true),
        Reverse(claim.specific),
        Reverse(claim.confidence),
    )
}

fn same(a: &Owner, b: &Owner) -> bool {
    match (&a.image, &b.image) {
        (Some(x), Some(y)) => x == y,
        (None, None) => a.component == b.component,
        _ => false,
    }
}

/// Takes over what the better claim does not know. Claims come best first, so nothing known is overwritten.
fn absorb(known: &mut Owner, more: Owner) {
    fn fill<T>(slot: &mut Option<T>, value: Option<T>) {
        if slot.is_none() {
            *slot = value;
        }
    }
    fill(&mut known.component, more.component);
    fill(&mut known.vendor, more.vendor);
    fill(&mut known.product, more.product);
    fill(&mut known.version, more.version);
    fill(&mut known.date, more.date);
    fill(&mut known.signer, more.signer);
    fill(&mut known.loaded, more.loaded);
    for sentence in more.evidence {
        if known.evidence.len() < MAX_EVIDENCE && !known.evidence.contains(&sentence) {
            known.evidence.push(sentence);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(trust: Trust, image: &str, loaded: Option<bool>) -> Claim {
        let mut claim = Claim::new(trust, Some(image), format!("{} {image}", trust.as_str()));
        claim.owner.loaded = loaded;
        claim
    }

    #[test]
    fn owners_are_merged_and_ordered() {
        let owners = merge(vec![
            claim(Trust::MicrosoftList, "a.sys", None),
            claim(Trust::LoadedCode, "B.SYS", Some(true)),
            claim(Trust::DriverCode, "gone.sys", Some(false)),
            claim(Trust::Bytes, "a.sys", None),
            claim(Trust::MicrosoftList, "", None),
        ]);
        let seen: Vec<_> = owners
            .iter()
            .map(|o| (o.image.as_deref(), o.trust, o.evidence.len()))
            .collect();
        assert_eq!(
            seen,
            [
                (Some("b.sys"), Trust::LoadedCode, 1),
                (Some("a.sys"), Trust::MicrosoftList, 2),
                (Some("gone.sys"), Trust::DriverCode, 1),
            ]
        );
    }

    #[test]
    fn a_row_without_a_file_stands_where_no_other_does() {
        let mut unnamed = claim(Trust::MicrosoftList, "", None);
        unnamed.owner.component = Some("legacy display".into());
        assert_eq!(merge(vec![unnamed]).len(), 1);
    }
}
