//! Object types to facts, and handle tables to handles of each process by type.

use std::collections::HashMap;

use nt_abi::{HandleRows, ObjectTypeRow};
use snapshot::{ObjectTypeFacts, ProcessFacts};

/// Object types with live objects and handles, most objects first.
pub(crate) fn object_types(rows: &[ObjectTypeRow]) -> Vec<ObjectTypeFacts> {
    let mut types: Vec<_> = rows
        .iter()
        .map(|row| ObjectTypeFacts {
            name: row.name.clone(),
            objects: Some(row.objects.into()),
            handles: Some(row.handles.into()),
            tag: None,
        })
        .collect();
    types.sort_by(|a, b| b.objects.cmp(&a.objects).then_with(|| a.name.cmp(&b.name)));
    types
}

/// Names of the object types by the index that handle tables use. Kernels before Windows 8.1 do not state the index:
/// there it is the position in the list plus 2.
fn names(types: &[ObjectTypeRow]) -> HashMap<u16, &str> {
    types
        .iter()
        .enumerate()
        .map(|(position, row)| match row.type_index {
            0 => (u16::try_from(position + 2).unwrap_or(u16::MAX), row.name.as_str()),
            index => (u16::from(index), row.name.as_str()),
        })
        .collect()
}

/// Fills in the handles by type, most first. Types without a known name are called by their index.
pub(crate) fn by_type(processes: &mut [ProcessFacts], handles: &HandleRows<'_>, types: &[ObjectTypeRow]) {
    let names = names(types);
    let mut counts: HashMap<u64, HashMap<u16, u64>> = HashMap::new();
    for handle in handles.iter() {
        *counts
            .entry(handle.pid)
            .or_default()
            .entry(handle.type_index)
            .or_default() += 1;
    }
    for process in processes {
        let Some(counts) = counts.get(&process.pid) else {
            continue;
        };
        let name = |index: &u16| {
            names
                .get(index)
                .map_or_else(|| format!("type {index}"), |name| (*name).to_owned())
        };
        let mut list: Vec<_> = counts
            .iter()
            .map(|(index, count)| (name(index), *count))
            .collect();
        list.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        process.handles_by_type = Some(list);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nt_abi::PointerWidth;

    #[test]
    fn handles_are_counted_by_process_and_type() {
        let mut bytes = [4_u64, 0].map(u64::to_le_bytes).concat();
        for (pid, kind) in [(8_u64, 37_u16), (8, 37), (8, 5), (70_000, 99)] {
            bytes.extend([0, pid, 4].map(u64::to_le_bytes).concat());
            bytes.extend([0; 6]);
            bytes.extend(kind.to_le_bytes());
            bytes.extend([0; 8]);
        }
        let rows = nt_abi::handles(&bytes, PointerWidth::Bits64).unwrap();
        let kind = |name: &str, type_index| ObjectTypeRow {
            name: name.to_owned(),
            type_index,
            ..ObjectTypeRow::default()
        };
        let process = |pid| ProcessFacts {
            pid,
            ..ProcessFacts::default()
        };
        let mut processes = [process(8), process(70_000), process(12)];
        by_type(&mut processes, &rows, &[kind("Token", 5), kind("File", 37)]);
        let named = |list: &[(&str, u64)]| {
            Some(
                list.iter()
                    .map(|(n, c)| ((*n).to_owned(), *c))
                    .collect::<Vec<_>>(),
            )
        };
        assert_eq!(processes[0].handles_by_type, named(&[("File", 2), ("Token", 1)]));
        assert_eq!(processes[1].handles_by_type, named(&[("type 99", 1)]));
        assert_eq!(processes[2].handles_by_type, None);
        let busy = ObjectTypeRow {
            objects: 9,
            handles: 3,
            ..kind("File", 37)
        };
        let types = object_types(&[kind("Token", 5), busy]);
        assert_eq!(
            (types[0].name.as_str(), types[0].objects, types[0].handles),
            ("File", Some(9), Some(3))
        );
        assert_eq!(
            names(&[kind("Type", 0), kind("Directory", 0)]).get(&3),
            Some(&"Directory")
        );
    }
}
