use super::*;

fn tag(text: &str) -> Tag {
    Tag::parse_nt(text)
}

fn code(tag: &[u8; 4], certainty: Certainty) -> TagUse {
    TagUse {
        tag: *tag,
        routine: "ExAllocatePoolWithTag".into(),
        rva: 0x1000,
        certainty,
    }
}

fn driver(path: &str, company: &str, uses: Vec<TagUse>) -> DriverFile {
    let scan = DriverScan {
        company: Some(company.into()),
        tags: uses,
        ..DriverScan::default()
    };
    DriverFile {
        path: path.into(),
        scan,
        ..DriverFile::default()
    }
}

fn modules(names: &[&str]) -> Vec<ModuleFacts> {
    let filler = (0..WHOLE_MODULE_LIST).map(|n| format!("filler{n}.sys"));
    let names = names.iter().map(|n| (*n).to_string()).chain(filler);
    names
        .map(|name| ModuleFacts {
            name,
            ..ModuleFacts::default()
        })
        .collect()
}

fn images(answer: &Owners) -> Vec<(&str, Trust)> {
    answer
        .owners
        .iter()
        .map(|o| (o.image.as_deref().unwrap_or("-"), o.trust))
        .collect()
}

#[test]
fn the_table_answers_by_itself() {
    let index = OwnerIndex::builtin();
    let cases = [
        ("NtFC", "ntfs.sys"),
        ("Irp", "ntoskrnl.exe"),
        ("Mdl ", "ntoskrnl.exe"),
        ("NtFz", "ntfs.sys"),
        ("WDiv", "windivert64.sys"),
        ("Pro\\xE3", "ntoskrnl.exe"),
    ];
    for (text, file) in cases {
        let answer = index.owners(&tag(text));
        assert!(
            answer.first().is_some_and(|o| o.image.as_deref() == Some(file)),
            "{text}: {:?}",
            answer.owners
        );
        assert!(answer.owners.iter().all(|o| !o.evidence.is_empty()));
    }
    assert!(
        index
            .owners(&tag("ntfc"))
            .owners
            .iter()
            .all(|o| o.trust >= Trust::Inference),
        "case is kept"
    );
}

#[test]
fn shared_tags_claim_nobody() {
    let index = OwnerIndex::builtin();
    for text in [
        "Ddk", "Wdm", "SeAl", "SeSd", "SeTs", "PpRb", "PpUc", "PcCr", "PcNw", "Strg", "AuxK", "None", "FxDr",
    ] {
        let answer = index.owners(&tag(text));
        assert!(
            answer.shared && answer.owners.is_empty() && answer.caution.is_some(),
            "{text}"
        );
        assert!(!answer.next.is_empty(), "{text}");
    }
}

#[test]
fn a_shared_tag_still_tells_which_loaded_drivers_use_it() {
    let mut index = OwnerIndex::builtin();
    index.set_modules(&modules(&["a.sys"]));
    index.add_driver(driver(
        "C:\\drv\\a.sys",
        "A",
        vec![code(b"Ddk ", Certainty::Direct)],
    ));
    let answer = index.owners(&tag("Ddk"));
    assert!(
        answer
            .next
            .iter()
            .any(|n| n.contains("Loaded drivers") && n.contains("a.sys")),
        "{:?}",
        answer.next
    );
}

#[test]
fn code_of_drivers_of_many_makers_makes_a_tag_shared() {
    let mut index = OwnerIndex::builtin();
    for maker in ["A", "B", "C"] {
        index.add_driver(driver(
            &format!("{maker}.sys"),
            maker,
            vec![code(b"zqxj", Certainty::Direct)],
        ));
    }
    assert_eq!(index.owners(&tag("zqxj")).owners.len(), 3);
    index.add_driver(driver("D.sys", "D", vec![code(b"zqxj", Certainty::Direct)]));
    assert!(index.owners(&tag("zqxj")).shared);
}

#[test]
fn evidence_is_ranked() {
    let mut index = OwnerIndex::builtin();
    index.set_modules(&modules(&["loaded.sys", "ntfs.sys"]));
    index.add_driver(driver("/x/bytes.sys", "A", vec![code(b"NtFC", Certainty::Bytes)]));
    index.add_driver(driver("/x/disk.sys", "B", vec![code(b"NtFC", Certainty::Direct)]));
    index.add_driver(driver(
        "/x/loaded.sys",
        "C",
        vec![code(b"NtFC", Certainty::Wrapper)],
    ));
    index.add_list(TagList::parse("my list", b"NtFC - mine.sys - my words\n"));
    index.add_mapped(&tag("NtFC"), "[mapped.sys]");
    let answer = index.owners(&tag("NtFC"));
    assert_eq!(
        images(&answer),
        [
            ("loaded.sys", Trust::LoadedCode),
            ("ntfs.sys", Trust::MicrosoftList),
            ("disk.sys", Trust::DriverCode),
            ("mine.sys", Trust::UserList),
            ("mapped.sys", Trust::PublicReport),
            ("bytes.sys", Trust::Bytes),
        ],
        "what is not loaded stands behind what is"
    );
    assert_eq!(answer.owners[0].vendor.as_deref(), Some("C"));
    assert_eq!(answer.owners[1].loaded, Some(true));
    assert_eq!(answer.owners[2].loaded, Some(false));
}

#[test]
fn one_file_is_one_owner_with_all_its_evidence() {
    let mut index = OwnerIndex::builtin();
    index.add_driver(driver(
        "D:\\ntfs.sys",
        "Microsoft",
        vec![code(b"NtFC", Certainty::Direct)],
    ));
    index.add_list(TagList::parse("my list", b"NtFC - ntfs.sys - x\n"));
    index.set_installed(&[DriverFacts {
        file: Some("ntfs.sys".into()),
        version: Some("10.0.1".into()),
        signer: Some("Microsoft Windows".into()),
        ..DriverFacts::default()
    }]);
    let answer = index.owners(&tag("NtFC"));
    assert_eq!(images(&answer), [("ntfs.sys", Trust::DriverCode)]);
    let owner = &answer.owners[0];
    assert_eq!(owner.evidence.len(), 3);
    assert_eq!(
        (owner.version.as_deref(), owner.signer.as_deref()),
        (Some("10.0.1"), Some("Microsoft Windows"))
    );
}

#[test]
fn a_drivers_source_counts_fully_only_where_the_driver_is() {
    // `PsRl` stands in Microsoft's list and in the source of a driver that few machines have.
    let mut index = OwnerIndex::builtin();
    let first = |index: &OwnerIndex| index.owners(&tag("PsRl")).first().and_then(|o| o.image.clone());
    assert_eq!(first(&index).as_deref(), Some("ntoskrnl.exe"));
    index.set_modules(&modules(&["hidden.sys"]));
    assert_eq!(first(&index).as_deref(), Some("hidden.sys"));
}

#[test]
fn unknown_tags_lead_somewhere() {
    let mut index = OwnerIndex::builtin();
    index.set_search_address("https://search.example/?q={tag}");
    let answer = index.owners(&tag("q#~"));
    assert!(answer.owners.is_empty() && !answer.shared);
    assert!(
        answer.next.iter().any(|n| n.contains("--drivers")),
        "{:?}",
        answer.next
    );
    assert!(
        answer
            .next
            .iter()
            .any(|n| n.ends_with("https://search.example/?q=q%23%7E%20")),
        "{:?}",
        answer.next
    );
    index.set_modules(&modules(&["veracrypt.sys"]));
    let answer = index.owners(&tag("q#~"));
    assert!(answer.caution.is_some_and(|c| c.contains("veracrypt.sys")));
}

#[test]
fn neighbours_are_a_guess_and_said_to_be_one() {
    let index = OwnerIndex::builtin();
    let answer = index.owners(&tag("WCzz"));
    assert_eq!(images(&answer), [("wcifs.sys", Trust::Inference)]);
    let answer = index.owners(&tag("Vi5z"));
    assert_eq!(images(&answer), [("dxgmms2.sys", Trust::Inference)]);
}

#[test]
fn a_family_that_only_shares_letters_proposes_no_steps() {
    let answer = OwnerIndex::builtin().owners(&tag("TMzq"));
    assert_eq!(images(&answer), []);
    let explanation = answer.explanation.unwrap_or_default();
    assert!(explanation.starts_with("unless other makers"), "{explanation}");
    assert!(answer.next[0].starts_with("Read the code"), "{:?}", answer.next);
}

#[test]
fn the_pool_tells_the_system() {
    let index = OwnerIndex::builtin();
    let component = |pool| {
        index
            .owners_in(&Tag::from_bytes(b"filp"), pool)
            .first()
            .and_then(|o| o.component.clone())
    };
    assert_eq!(component(Pool::Slab).as_deref(), Some("virtual file system"));
    assert_ne!(component(Pool::Nonpaged).as_deref(), Some("virtual file system"));
    assert!(
        index
            .owners(&Tag::from_bytes(b"sock_inode_cache"))
            .first()
            .is_some()
    );
}

#[test]
fn caches_merged_into_one_are_owners_too() {
    let mut index = OwnerIndex::builtin();
    index.add_facts(&snapshot::MomentFacts {
        slab_caches: Some(vec![snapshot::SlabCacheFacts {
            name: "signal_cache".to_owned(),
            aliases: Some(vec!["UNIX".to_owned(), "UNIX-STREAM".to_owned()]),
            ..snapshot::SlabCacheFacts::default()
        }]),
        ..snapshot::MomentFacts::default()
    });
    let components = |name: &str| -> Vec<String> {
        let answer = index.owners_in(&Tag::from_bytes(name.as_bytes()), Pool::Slab);
        answer
            .owners
            .into_iter()
            .filter_map(|owner| owner.component)
            .collect()
    };
    let merged = components("signal_cache");
    assert_eq!(
        merged.len(),
        2,
        "the sockets once, for both of their caches: {merged:?}"
    );
    assert_eq!(
        merged[0],
        components("task_struct")[0],
        "the cache's own name goes first"
    );
    let answer = index.owners_in(&Tag::from_bytes(b"signal_cache"), Pool::Slab);
    assert!(
        answer
            .caution
            .is_some_and(|caution| caution.contains("UNIX, UNIX-STREAM"))
    );
}

#[test]
fn the_same_file_is_not_added_twice() {
    let mut index = OwnerIndex::builtin();
    index.add_driver(driver(
        "C:\\a\\x.sys",
        "A",
        vec![code(b"zqxj", Certainty::Direct)],
    ));
    index.add_driver(driver(
        "C:\\store\\x.sys",
        "A",
        vec![code(b"zqxj", Certainty::Direct)],
    ));
    assert_eq!(index.driver_files().len(), 1);
}

mod properties {
    use super::*;
    use proptest::prelude::*;

    fn any_certainty() -> impl Strategy<Value = Certainty> {
        prop_oneof![
            Just(Certainty::Direct),
            Just(Certainty::Wrapper),
            Just(Certainty::Bytes)
        ]
    }

    proptest! {
        /// Whatever the tag, the list, the drivers and the modules: an answer that keeps its promises.
        #[test]
        fn answers_keep_their_promises(
            bytes in proptest::collection::vec(any::<u8>(), 0..7),
            list in proptest::collection::vec(any::<u8>(), 0..120),
            drivers in proptest::collection::vec(("[a-d]{1,2}\\.sys", any_certainty(), any::<bool>()), 0..6),
            loaded in proptest::collection::vec("[a-d]{1,2}\\.sys", 0..4),
            with_modules in any::<bool>(),
            mapped in ".{0,40}",
        ) {
            let tag = Tag::from_bytes(&bytes);
            let mut index = OwnerIndex::builtin();
            index.add_list(TagList::parse("list", &list));
            index.add_mapped(&tag, &mapped);
            let four = four_bytes(&tag);
            for (name, certainty, same) in drivers {
                let used = if same { four.unwrap_or(*b"Abcd") } else { *b"Zzzz" };
                index.add_driver(driver(&name, &name, vec![code(&used, certainty)]));
            }
            if with_modules {
                let names: Vec<&str> = loaded.iter().map(String::as_str).collect();
                index.set_modules(&modules(&names));
            }
            let answer = index.owners(&tag);
            prop_assert!(!answer.shared || answer.owners.is_empty(), "a shared tag claims nobody");
            prop_assert!(!answer.owners.is_empty() || !answer.next.is_empty() || answer.caution.is_some());
            let order: Vec<_> = answer.owners.iter().map(|o| (o.loaded == Some(false), o.trust)).collect();
            prop_assert!(order.is_sorted(), "{order:?}");
            let mut images: Vec<_> = answer.owners.iter().filter_map(|o| o.image.clone()).collect();
            let before = images.len();
            images.sort();
            images.dedup();
            prop_assert_eq!(images.len(), before, "one owner a file");
            prop_assert!(answer.owners.iter().all(|o| !o.evidence.is_empty()));
        }
    }
}
