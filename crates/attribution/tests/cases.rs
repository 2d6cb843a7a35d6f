//! The owners of published cases, where they lie beside the repository. Prints the measured table of
//! docs/attribution.md: `cargo test -p attribution --test cases -- --nocapture`.

use std::fs;
use std::path::Path;

use attribution::{OwnerIndex, Trust};
use serde_json::Value;
use snapshot::Tag;

/// How a case counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    /// The tag identifies its owner, and the case names it.
    Identifies,
    /// The tag's owner is a victim, or the tag is shared: the search for the holder must be described.
    Victim,
    /// The case names no driver or shows no tag.
    Neither,
}

/// A case counts as identified by its tag when the driver it names owns it: always where the thread says so ("tag
/// owner"), and for a culprit unless the tag is shared or Microsoft's list gives it to another file.
fn class(case: &Value, index: &OwnerIndex) -> Class {
    let file = case["culprit"]["driver_file"]
        .as_str()
        .unwrap_or_default()
        .to_ascii_lowercase();
    let tags = tags(case);
    if tags.is_empty() || case["tag_posted"] != true {
        return Class::Neither;
    }
    if case["driver_role"] == "tag owner, not culprit" {
        return Class::Identifies;
    }
    if !file.ends_with(".sys") && file != "ntoskrnl.exe" {
        return Class::Victim;
    }
    let claimed_by_other = |tag: &String| {
        let answer = index.owners(&Tag::parse_nt(tag));
        answer.shared
            || answer
                .first()
                .is_some_and(|o| o.trust == Trust::MicrosoftList && o.image.as_deref() != Some(&file))
    };
    if tags.first().is_some_and(claimed_by_other) {
        Class::Victim
    } else {
        Class::Identifies
    }
}

fn tags(case: &Value) -> Vec<String> {
    let list = case["leaking_tags"].as_array().cloned().unwrap_or_default();
    list.iter()
        .filter_map(|tag| tag.as_str().map(str::to_string))
        .collect()
}

#[test]
fn first_owners_of_published_cases() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/cases/cases.jsonl");
    let Ok(text) = fs::read_to_string(path) else {
        return;
    };
    let index = OwnerIndex::builtin();
    let (mut right, mut identified, mut described, mut victims) = (0, 0, 0, 0);
    for case in text
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
    {
        let class = class(&case, &index);
        let Some(tag) = tags(&case).first().cloned() else {
            continue;
        };
        let answer = index.owners(&Tag::parse_nt(&tag));
        let first = answer.first().and_then(|o| o.image.clone()).unwrap_or_default();
        let wanted = case["culprit"]["driver_file"]
            .as_str()
            .unwrap_or("-")
            .to_ascii_lowercase();
        match class {
            Class::Identifies => {
                identified += 1;
                right += usize::from(first == wanted);
            }
            Class::Victim => {
                victims += 1;
                described += usize::from(!answer.next.is_empty());
            }
            Class::Neither => {}
        }
        let shared = if answer.shared { " shared" } else { "" };
        println!(
            "{class:?}\t{tag}\t{first}{shared}\t{wanted}\t{}",
            case["id"].as_str().unwrap_or_default()
        );
    }
    println!("first owner right: {right} of {identified}; search described: {described} of {victims}");
    assert!(right * 100 >= identified * 80, "{right} of {identified}");
    assert_eq!(described, victims);
}
