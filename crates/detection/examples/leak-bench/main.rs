//! Regenerates every figure and picture of `docs/detection.md`; see `--help`.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command that prints its results"
)]
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a benchmark of this repository, not a part of the program"
)]

mod data;
mod fit;
mod methods;
mod pictures;
mod score;
mod speed;
mod train;

use std::path::PathBuf;

use synth::curves::Palette;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = |i: usize, or: u64| args.get(i).and_then(|a| a.parse().ok()).unwrap_or(or);
    match args.first().map(String::as_str) {
        Some("fit") => train::run(args.get(1).is_some_and(|a| a == "known")),
        Some("leakbench") => {
            let folder = PathBuf::from(
                args.get(1)
                    .cloned()
                    .unwrap_or_else(|| "../shared/leakbench".into()),
            );
            score::leakbench(&folder, args.get(2).map(PathBuf::from));
        }
        Some("known") => score::generated(Palette::Known, number(2, 500_000), number(1, 80)),
        Some("unseen") => score::generated(Palette::Unseen, number(2, 900_000), number(1, 96)),
        Some("former") => score::generated(Palette::Former, number(2, 950_000), number(1, 96)),
        Some("blind") => score::generated(Palette::Blind, number(2, 970_000), number(1, 96)),
        Some("windows") => score::windows(&PathBuf::from(args.get(1).cloned().unwrap_or_default())),
        Some("speed") => speed::run(),
        Some("file") => speed::file(&PathBuf::from(args.get(1).cloned().unwrap_or_default())),
        Some("pictures") => {
            let out = PathBuf::from(args.get(1).cloned().unwrap_or_else(|| "docs/pictures".into()));
            let folder = PathBuf::from(
                args.get(2)
                    .cloned()
                    .unwrap_or_else(|| "../shared/leakbench".into()),
            );
            pictures::all(&out, &folder, number(3, 160));
        }
        Some("slab") => score::slab(
            &PathBuf::from(args.get(1).cloned().unwrap_or_default()),
            number(2, 0) as usize,
        ),
        Some("mistakes") => match args.get(1).map(String::as_str) {
            Some("known") => {
                score::mistakes((500_000..500_080).map(|s| data::generated(s, Palette::Known, 0.05)))
            }
            Some("unseen") => {
                score::mistakes((900_000..900_096).map(|s| data::generated(s, Palette::Unseen, 0.05)))
            }
            _ => {
                let folder = PathBuf::from(
                    args.get(2)
                        .cloned()
                        .unwrap_or_else(|| "../shared/leakbench".into()),
                );
                let names = data::names(&folder).expect("folder");
                score::mistakes(
                    names
                        .iter()
                        .map(|n| data::from_csv(&folder, n).expect("recording")),
                );
            }
        },
        _ => eprintln!(
            "leak-bench fit [known] | leakbench [FOLDER [OUT]] | known|unseen|former|blind [N [SEED]] | \
              windows FILE | mistakes leakbench|known|unseen [FOLDER] | pictures [OUT [FOLDER [N]]] | speed | \
             file FILE | slab CSV [SAMPLES]"
        ),
    }
}
