//! Leaks that others have described.

use super::{Context, Spec};
use crate::Finding;

pub(super) const SPEC: Spec = Spec {
    code: "PS0705",
    title: "The pattern matches a known leak",
    trigger: "accused tags, drivers and build match a rule of the table of known leaks. Severity is that of the leak.",
    explanation: "Somebody has met this pattern before and written it down; the rule names its source and the remedy.",
    next: &[],
    sources: &["crates/attribution/data/rules.txt, each rule with its citation"],
    find,
};

fn find(_context: &Context<'_>, _spec: &Spec) -> Vec<Finding> {
    Vec::new()
}
