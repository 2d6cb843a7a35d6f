//! Modules and big allocations to facts.

use nt_abi::{BigPoolRows, ModuleRow};
use snapshot::{BigPoolBlock, ModuleFacts, Tag};

/// Loaded modules in load order.
pub(crate) fn modules(rows: &[ModuleRow]) -> Vec<ModuleFacts> {
    rows.iter()
        .map(|row| ModuleFacts {
            name: row.name().to_owned(),
            path: Some(row.path.clone()).filter(|path| !path.is_empty()),
            base: Some(row.base),
            bytes: Some(row.bytes.into()),
            references: Some(row.loads.into()),
        })
        .collect()
}

/// Big allocations kept in a snapshot: the largest, since a machine can have hundreds of thousands.
const BIG_POOL_KEPT: usize = 4_096;

/// The largest big allocations, largest first, and how many there are in all.
pub(crate) fn big_pool(rows: &BigPoolRows<'_>) -> (Vec<BigPoolBlock>, usize) {
    let mut all: Vec<_> = rows.iter().collect();
    let count = all.len();
    all.sort_by(|a, b| b.bytes.cmp(&a.bytes).then(a.address.cmp(&b.address)));
    all.truncate(BIG_POOL_KEPT);
    let blocks = all.into_iter().map(|row| BigPoolBlock {
        address: row.address,
        bytes: row.bytes,
        tag: Tag::from_nt(row.tag).to_string(),
        nonpaged: row.nonpaged,
    });
    (blocks.collect(), count)
}
