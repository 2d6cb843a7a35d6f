use super::*;

fn driver(file: &str, version: Option<&str>) -> DriverFacts {
    DriverFacts {
        file: Some(file.into()),
        version: version.map(str::to_string),
        running: Some(true),
        ..DriverFacts::default()
    }
}

fn process(name: &str) -> ProcessFacts {
    ProcessFacts {
        pid: 42,
        name: name.into(),
        ..ProcessFacts::default()
    }
}

/// Ids of the rules that match: `?` before those with something unchecked.
fn ids(scene: &Scene<'_>) -> Vec<String> {
    matching(scene)
        .into_iter()
        .map(|m| format!("{}{}", if m.unchecked.is_empty() { "" } else { "?" }, m.rule.id))
        .collect()
}

#[test]
fn the_file_is_sound() {
    let rules = parse(include_str!("../../data/rules.txt")).unwrap();
    assert!(rules.len() >= 15);
    let ids: std::collections::BTreeSet<_> = rules.iter().map(|r| &r.id).collect();
    assert_eq!(ids.len(), rules.len());
    for rule in &rules {
        assert!(
            rule.citations.iter().all(|c| c.starts_with("https://")),
            "{}",
            rule.id
        );
        assert!(
            rule.drivers.iter().all(|d| *d == d.to_ascii_lowercase()),
            "{}",
            rule.id
        );
        assert!(
            rule.versions.is_none() || !rule.drivers.is_empty(),
            "{}: a version of which driver",
            rule.id
        );
    }
}

/// A fixture for each rule: what makes it match, and something that does not.
#[test]
fn every_rule_matches_its_fixture_and_not_its_neighbour() {
    struct Fixture {
        id: &'static str,
        tag: &'static str,
        driver: Option<(&'static str, &'static str)>,
        process: Option<&'static str>,
        build: &'static str,
        spoilt: Spoilt,
    }
    enum Spoilt {
        Driver(&'static str, &'static str),
        Process,
        Build(&'static str),
        Signs,
    }
    use Spoilt::{Build, Driver, Process, Signs};
    let fixture = |id, tag, driver, process, build, spoilt| Fixture {
        id,
        tag,
        driver,
        process,
        build,
        spoilt,
    };
    let fixtures = [
        fixture(
            "wcifs-contexts",
            "WCsc",
            Some(("wcifs.sys", "10.0.26100.1")),
            None,
            "26200.1",
            Signs,
        ),
        fixture(
            "ntfc-pinned-files",
            "NtFC",
            Some(("bindflt.sys", "10.0")),
            None,
            "26200.9457",
            Build("19045.1"),
        ),
        fixture(
            "amd-display-process-objects",
            "Proc",
            Some(("amdkmdag.sys", "32.0.11002.41")),
            None,
            "26100",
            Driver("amdkmdag.sys", "32.0.21045.1000"),
        ),
        fixture(
            "nvidia-smi-from-wsl",
            "NVRM",
            Some(("nvlddmkm.sys", "1")),
            None,
            "1",
            Driver("other.sys", "1"),
        ),
        fixture(
            "intel-arc-gpu-heap",
            "Vi12",
            Some(("igdkmdnd64.sys", "1")),
            None,
            "1",
            Driver("nvlddmkm.sys", "1"),
        ),
        fixture(
            "sandboxie-strings",
            "Strg",
            Some(("sbiedrv.sys", "1")),
            None,
            "1",
            Driver("other.sys", "1"),
        ),
        fixture(
            "sandboxie-file-names",
            "FMfn",
            Some(("sbiedrv.sys", "1")),
            None,
            "1",
            Signs,
        ),
        fixture(
            "sysmon-configuration",
            "SysR",
            Some(("sysmondrv.sys", "7.3")),
            None,
            "1",
            Driver("sysmondrv.sys", "8.0"),
        ),
        fixture(
            "npcap-captured-packets",
            "NpPD",
            Some(("npcap.sys", "1")),
            None,
            "1",
            Signs,
        ),
        fixture("wfp-writable-layer", "Fecf", None, None, "1", Signs),
        fixture("wfp-connect-redirect", "Acrl", None, None, "1", Signs),
        fixture(
            "virtio-fs-mdl",
            "Mmdi",
            Some(("viofs.sys", "1")),
            None,
            "1",
            Driver("other.sys", "1"),
        ),
        fixture(
            "sensendr-completion-packets",
            "Icp ",
            None,
            Some("SenseNDR.exe"),
            "20348.2700",
            Process,
        ),
        fixture(
            "http3-connections",
            "Qc1A",
            Some(("msquic.sys", "1")),
            None,
            "20348",
            Signs,
        ),
        fixture(
            "rustdesk-staging-textures",
            "Gpbm",
            None,
            Some("RustDesk.exe"),
            "1",
            Process,
        ),
        fixture(
            "foreground-lock-tokens",
            "Toke",
            None,
            None,
            "26200",
            Build("19045"),
        ),
    ];
    assert_eq!(fixtures.len(), rules().len(), "each rule has a fixture");
    for fixture in fixtures {
        let tag = Tag::parse_nt(fixture.tag);
        let suspect = |shows: bool| Suspect {
            tag: &tag,
            growing: shows,
            allocs: Some(1_000_000),
            frees: Some(if shows { 5 } else { 900_000 }),
            bytes: Some(if shows { 3 << 30 } else { 5 << 20 }),
        };
        let drivers = |of: Option<(&str, &str)>| {
            of.map(|(f, v)| driver(f, Some(v)))
                .into_iter()
                .collect::<Vec<_>>()
        };
        let processes = |of: Option<&str>| of.map(process).into_iter().collect::<Vec<_>>();
        let found =
            |suspect: Suspect<'_>, drivers: &[DriverFacts], processes: &[ProcessFacts], build: &str| {
                let scene = Scene {
                    suspects: &[suspect],
                    drivers: Some(drivers),
                    modules: None,
                    processes: Some(processes),
                    build: Some(build),
                };
                ids(&scene).contains(&fixture.id.to_string())
            };
        let (own, running) = (drivers(fixture.driver), processes(fixture.process));
        assert!(
            found(suspect(true), &own, &running, fixture.build),
            "{} matches",
            fixture.id
        );
        let spoilt = match fixture.spoilt {
            Driver(file, version) => found(
                suspect(true),
                &drivers(Some((file, version))),
                &running,
                fixture.build,
            ),
            Process => found(suspect(true), &own, &[], fixture.build),
            Build(build) => found(suspect(true), &own, &running, build),
            Signs => found(suspect(false), &own, &running, fixture.build),
        };
        assert!(!spoilt, "{} does not match", fixture.id);
    }
}

#[test]
fn what_could_not_be_checked_is_said() {
    let tag = Tag::parse_nt("Proc");
    let suspects = [Suspect {
        tag: &tag,
        growing: true,
        allocs: None,
        frees: None,
        bytes: None,
    }];
    let bare = Scene {
        suspects: &suspects,
        ..Scene::default()
    };
    assert_eq!(ids(&bare), ["?amd-display-process-objects"]);
    let modules = [ModuleFacts {
        name: "AMDKMDAG.SYS".into(),
        ..ModuleFacts::default()
    }];
    let loaded = Scene {
        modules: Some(&modules),
        ..bare
    };
    assert!(matching(&loaded)[0].unchecked[0].contains("version of amdkmdag.sys"));
    let drivers = [driver("amdkmdag.sys", None)];
    let unversioned = Scene {
        drivers: Some(&drivers),
        ..bare
    };
    assert_eq!(ids(&unversioned), ["?amd-display-process-objects"]);
    let absent = Scene {
        drivers: Some(&[]),
        ..bare
    };
    assert!(ids(&absent).is_empty());
}

#[test]
fn companions_strengthen_a_match() {
    let tags = ["WCsc", "NtfC", "File", "Toke", "Zzzz"].map(Tag::parse_nt);
    let suspects: Vec<Suspect<'_>> = tags
        .iter()
        .map(|tag| Suspect {
            tag,
            growing: true,
            allocs: Some(503_677),
            frees: Some(0),
            bytes: None,
        })
        .collect();
    let found = matching(&Scene {
        suspects: &suspects,
        ..Scene::default()
    });
    let wcifs = found.iter().find(|m| m.rule.id == "wcifs-contexts").unwrap();
    assert_eq!(wcifs.tags.len(), 4);
    assert!(
        wcifs.evidence.iter().any(|e| e.contains("NtfC, File, Toke")),
        "{:?}",
        wcifs.evidence
    );
}

#[test]
fn versions_compare_by_their_numbers() {
    // condition, version, fits
    let cases = [
        ("< 32.0.21045.1000", "32.0.11002.41", true),
        ("< 32.0.21045.1000", "32.0.21045.1000", false),
        ("<= 32.0.21045.1000", "32.0.21045.1000", true),
        (">= 7.0 < 8.0", "7.3", true),
        (">= 7.0 < 8.0", "10.0.1 (WinBuild.160101.0800)", false),
        (">= 7.0 < 8.0", "8", false),
        ("> 1.2", "1.2.0.1", true),
        ("< 10", "9,8,7", true),
    ];
    for (condition, version, fits) in cases {
        let range = Versions::parse(condition).unwrap();
        assert_eq!(
            range.contains(&numbers(version).unwrap()),
            fits,
            "{version} {condition}"
        );
    }
    for bad in ["", "1.2", "~ 1", "< x"] {
        assert_eq!(Versions::parse(bad), None, "{bad:?}");
    }
    assert_eq!(numbers("unknown"), None);
}
