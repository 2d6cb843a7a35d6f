//! Who may import whom. The table in ARCHITECTURE.md is the law; manifests are compared with it.

use std::collections::{BTreeMap, BTreeSet};

use super::{Breach, Tree};

pub(super) const EDGES: &str = "edge";
pub(super) const HEADINGS: &str = "heading";

const LAW: &str = "ARCHITECTURE.md";
const TABLE: &str = "## Allowed edges";

/// What one crate may import: always, and for tests.
#[derive(Debug, Default, PartialEq, Eq)]
struct Allowed {
    always: BTreeSet<String>,
    tests: BTreeSet<String>,
}

/// Rows of the table: `` | `crate` | `a`, `b` | `c` | ``, the last cell for tests alone.
fn table(text: &str) -> BTreeMap<String, Allowed> {
    let section = text.split_once(TABLE).map_or("", |(_, rest)| rest);
    let section = section.split("\n## ").next().unwrap_or_default();
    let names =
        |cell: &str| -> Vec<String> { cell.split('`').skip(1).step_by(2).map(str::to_owned).collect() };
    let mut rows = BTreeMap::new();
    for line in section.lines().filter(|line| line.starts_with("| `")) {
        let mut cells = line.trim_matches('|').split('|');
        let mut next = || names(cells.next().unwrap_or_default());
        let (name, always, tests) = (next(), next(), next());
        if let Some(name) = name.into_iter().next() {
            rows.insert(
                name,
                Allowed {
                    always: always.into_iter().collect(),
                    tests: tests.into_iter().collect(),
                },
            );
        }
    }
    rows
}

/// A crate that imports what the table does not allow, or that the table does not know; an edge nobody uses.
pub(super) fn edges(tree: &Tree) -> Vec<Breach> {
    let law = table(tree.files.get(LAW).map_or("", String::as_str));
    let breach = |path: String, message: String| Breach {
        path,
        line: 0,
        rule: EDGES,
        message,
    };
    let mut breaches = Vec::new();
    for member in &tree.crates {
        let manifest = format!("{}/Cargo.toml", member.folder);
        let Some(allowed) = law.get(&member.name) else {
            breaches.push(breach(
                manifest,
                format!("`{}` has no row in the table of {LAW}", member.name),
            ));
            continue;
        };
        for (name, for_tests) in &member.uses {
            let may = allowed.always.contains(name) || (*for_tests && allowed.tests.contains(name));
            if !may {
                let how = if *for_tests { " for tests" } else { "" };
                let message = format!(
                    "`{}` may not import `{name}`{how}: not in the table of {LAW}",
                    member.name
                );
                breaches.push(breach(manifest.clone(), message));
            }
        }
        let used: BTreeSet<&String> = member.uses.iter().map(|(name, _)| name).collect();
        for name in allowed.always.iter().filter(|name| !used.contains(name)) {
            let message = format!(
                "the table allows `{}` to import `{name}`, which it does not",
                member.name
            );
            breaches.push(breach(LAW.to_owned(), message));
        }
    }
    let members: BTreeSet<&String> = tree.crates.iter().map(|member| &member.name).collect();
    for name in law.keys().filter(|name| !members.contains(name)) {
        breaches.push(breach(
            LAW.to_owned(),
            format!("the table names `{name}`, which is no crate"),
        ));
    }
    breaches
}

/// A crate without a heading in the code map.
pub(super) fn headings(tree: &Tree) -> Vec<Breach> {
    let text = tree.files.get(LAW).map_or("", String::as_str);
    let described = |folder: &str| {
        text.lines()
            .any(|line| line.starts_with("### ") && line.contains(&format!("`{folder}`")))
    };
    let missing = tree.crates.iter().filter(|member| !described(&member.folder));
    missing
        .map(|member| Breach {
            path: LAW.to_owned(),
            line: 0,
            rule: HEADINGS,
            message: format!("the code map has no heading for `{}`", member.folder),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::tree;
    use super::super::tree::Member;
    use super::*;

    const MAP: &str = "# A\n### `crates/a`\n## Allowed edges\n\n| crate | may import | in tests also |\n|---|---|---|\n\
                       | `a` | `b` | `c` |\n| `b` | nothing | |\n| `c` | nothing | |\n\n## Next\n| `d` | | |\n";

    fn member(name: &str, uses: &[(&str, bool)]) -> Member {
        let uses = uses
            .iter()
            .map(|(name, test)| ((*name).to_owned(), *test))
            .collect();
        Member {
            name: name.to_owned(),
            folder: format!("crates/{name}"),
            uses,
        }
    }

    fn said(uses_of_a: &[(&str, bool)], more: &[Member]) -> Vec<String> {
        let mut tree = tree(&[(LAW, MAP)]);
        tree.crates = vec![member("a", uses_of_a), member("b", &[]), member("c", &[])];
        tree.crates.extend(more.iter().map(|m| member(&m.name, &[])));
        edges(&tree).into_iter().map(|breach| breach.message).collect()
    }

    #[test]
    fn only_edges_of_the_table_pass() {
        assert_eq!(said(&[("b", false), ("c", true)], &[]), Vec::<String>::new());
        assert!(said(&[("b", false), ("c", false)], &[])[0].contains("`a` may not import `c`"));
        assert!(said(&[("b", false), ("d", true)], &[])[0].contains("`a` may not import `d` for tests"));
        assert!(said(&[], &[])[0].contains("which it does not"));
        assert!(said(&[("b", false)], &[member("e", &[])])[0].contains("`e` has no row"));
    }

    #[test]
    fn a_row_without_a_crate_and_a_crate_without_a_heading_are_told() {
        let mut tree = tree(&[(LAW, MAP)]);
        tree.crates = vec![member("a", &[("b", false)]), member("b", &[])];
        assert_eq!(edges(&tree).len(), 1);
        assert_eq!(headings(&tree).len(), 1);
    }
}
