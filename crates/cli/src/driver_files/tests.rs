use super::*;
use crate::ui::ColorChoice;

fn ui() -> Ui {
    Ui::new(true, ColorChoice::Never)
}

#[test]
fn what_cannot_be_scanned_is_a_problem_that_names_the_file() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a.sys"), b"no image").unwrap();
    fs::write(dir.path().join("b.whl"), b"PK\x03\x04 damaged").unwrap();
    let run = scan(
        &[dir.path().to_owned(), dir.path().join("none.sys")],
        Cache::off(),
        &ui(),
    );
    assert!(run.files.is_empty());
    let problems: Vec<&str> = run.problems.iter().map(|p| p.message.as_str()).collect();
    assert_eq!(problems.len(), 3, "{problems:?}");
    for name in ["none.sys", "a.sys", "b.whl"] {
        assert!(
            problems.iter().any(|p| p.contains(name)),
            "{name} in {problems:?}"
        );
    }
}

#[test]
fn the_second_run_reads_nothing_anew() {
    let dir = tempfile::tempdir().unwrap();
    let (cache, driver) = (dir.path().join("cache"), dir.path().join("a.sys"));
    fs::write(&driver, b"no image").unwrap();
    let run = |expected: usize| {
        let run = scan(std::slice::from_ref(&driver), Cache::open(&cache), &ui());
        assert_eq!(run.from_cache, expected);
        assert_eq!(run.problems.len(), 1, "problems are remembered as well");
    };
    run(0);
    run(1);
    fs::write(&driver, b"no image either").unwrap();
    run(0);
}
