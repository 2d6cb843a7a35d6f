//! Published cases beside the repository, where they are: the leaking tag is first or second, ordinary machines get
//! nothing above notice.

use std::path::{Path, PathBuf};

use attribution::OwnerIndex;
use diagnosis::{Diagnosis, Input, Options, Severity, diagnose};

fn tables() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/cases/tables");
    folder.is_dir().then_some(folder)
}

fn diagnosed(file: &Path) -> Result<Diagnosis, recording::ImportError> {
    let history = recording::open(&[file.to_owned()], &recording::OpenOptions::default())?;
    let analysis = detection::judge(&history, &detection::Config::default());
    let index = OwnerIndex::builtin();
    let owners = |tag: &snapshot::Tag, pool| index.owners_in(tag, pool);
    Ok(diagnose(&Input {
        history: &history,
        analysis: &analysis,
        owners: &owners,
        options: &Options::default(),
    }))
}

#[test]
fn the_leaking_tag_is_first_or_second() {
    let Some(folder) = tables() else { return };
    let cases = [
        (
            "claude-91265-toke-file-seat.txt",
            &["WCsc", "WCfc", "WCse", "WCss", "WCri"][..],
        ),
        ("codex-ntfc-iostorm-2026.txt", &["NtFC"]),
        ("cxbm-netadaptercx-2026.txt", &["cxbm"]),
        ("kubernetes-moby-35692-afde.txt", &["AfdE", "AfdX"]),
        ("msquic-2658-qc1a.txt", &["Qc1A"]),
        ("osr-59560-ls2b.txt", &["LS2b"]),
        ("proxy-afdb-54gb-2026.txt", &["AfdB"]),
        ("wsl-41644-luxueqi.txt", &["NtFC"]),
    ];
    for (name, tags) in cases {
        let file = folder.join(name);
        if !file.is_file() {
            continue;
        }
        let diagnosis = diagnosed(&file).unwrap();
        let first: Vec<String> = diagnosis
            .series
            .iter()
            .take(2)
            .map(|s| s.tag.to_string())
            .collect();
        assert!(
            first.iter().any(|tag| tags.contains(&tag.as_str())),
            "{name}: {first:?}"
        );
    }
}

#[test]
fn ordinary_machines_get_nothing_above_notice() {
    let Some(folder) = tables() else { return };
    for name in ["baseline-msdoc-ntf.txt", "baseline-poolmonx-2018-win10.txt"] {
        let file = folder.join(name);
        if file.is_file() {
            let heavy = diagnosed(&file)
                .unwrap()
                .findings
                .into_iter()
                .filter(|f| f.severity < Severity::Notice);
            assert_eq!(
                heavy.map(|f| f.title).collect::<Vec<_>>(),
                Vec::<String>::new(),
                "{name}"
            );
        }
    }
}

/// Two minutes of a kernel that had just booted, while a driver leaked under two tags at known rates.
#[test]
fn raw_buffers_of_a_kernel_give_its_two_leaks_and_no_other() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/captures/nt64-leak");
    if !folder.is_dir() {
        return;
    }
    let history = source::capture::read_folder(&folder).unwrap();
    let analysis = detection::judge(&history, &detection::Config::default());
    let found: Vec<_> = analysis
        .judgements
        .iter()
        .filter(|judgement| judgement.verdict <= detection::Verdict::Suspect)
        .map(|judgement| {
            let tag = history.series[judgement.series].key.tag.to_string();
            let megabytes = judgement.rate.unwrap().per_day / 1e6;
            (tag, judgement.verdict, (megabytes / 10.0).round() * 10.0)
        })
        .collect();
    let expected = [("Leak", 2910.0), ("LekP", 730.0)]
        .map(|(tag, rate)| (tag.to_owned(), detection::Verdict::Leak, rate));
    assert_eq!(found, expected);
}
