//! Screens as they look, drawn into memory.

use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use snapshot::{CounterWidth, SeriesKey, Snapshot, Tag, TagUsage, Timestamp, Usage};

use super::*;

fn windows(second: u32) -> Snapshot {
    let row = |tag: &str, pool, allocs: u32, frees: u32, bytes: u32| TagUsage {
        tag: Tag::parse(tag),
        pool,
        usage: Usage {
            allocs: Some(u64::from(allocs)).into(),
            frees: Some(u64::from(frees)).into(),
            bytes: Some(u64::from(bytes)).into(),
            ..Usage::ABSENT
        },
    };
    Snapshot {
        taken_at: Some(Timestamp::from_unix_seconds(i64::from(second))),
        width: CounterWidth::Bits32,
        rows: vec![
            row(
                "Leak",
                Pool::Nonpaged,
                1000 + second * 10,
                10,
                640_000 + second * 6400,
            ),
            row(
                "NtFC",
                Pool::Paged,
                90_000_000,
                89_000_000,
                300_000_000 - second * 4096,
            ),
            row("Even", Pool::Nonpaged, 5000, 4000, 64_000),
            row("A\\x01b ", Pool::Paged, 0, 0, 0),
        ],
        ..Snapshot::default()
    }
}

fn slabs(second: u32) -> Snapshot {
    let row = |tag: &str, pool, live: u64, bytes: u64| TagUsage {
        tag: Tag::parse(tag),
        pool,
        usage: Usage {
            live: Some(live).into(),
            bytes: Some(bytes).into(),
            ..Usage::ABSENT
        },
    };
    Snapshot {
        rows: vec![
            row("filp", Pool::Slab, 440 + u64::from(second), 106_496),
            row(
                "a_cache_with_a_very_long_name_indeed",
                Pool::SlabReclaimable,
                7,
                4096,
            ),
        ],
        width: CounterWidth::Bits64,
        ..windows(second)
    }
}

fn screen(make: fn(u32) -> Snapshot, size: (u16, u16), change: impl FnOnce(&mut State)) -> String {
    let mut changes = Changes::new();
    for second in [0, 2, 4] {
        changes.update(&make(second));
    }
    let mut state = State {
        pools: vec![Pool::Nonpaged, Pool::Paged],
        ..State::default()
    };
    change(&mut state);
    let options = Options {
        title: "PC, Windows 26200".to_owned(),
        every: Duration::from_secs(2),
        color: false,
        wanted: &|_: &SeriesKey| true,
    };
    let mut terminal = Terminal::new(TestBackend::new(size.0, size.1)).expect("memory takes anything");
    terminal
        .draw(|frame| draw(frame, &mut state, &changes, &options))
        .expect("memory takes anything");
    terminal.backend().to_string()
}

#[test]
fn wide_screens_show_everything() {
    insta::assert_snapshot!(screen(windows, (140, 10), |_| {}));
}

#[test]
fn eighty_columns_show_what_matters() {
    insta::assert_snapshot!(screen(windows, (80, 9), |state| state.order = Order::Growth));
}

#[test]
fn slab_caches_have_no_counters_and_get_none() {
    insta::assert_snapshot!(screen(slabs, (100, 8), |state| state.paused = true));
}

#[test]
fn filter_pool_and_help() {
    insta::assert_snapshot!(screen(windows, (80, 20), |state| {
        state.pool = Some(Pool::Nonpaged);
        state.filter = "LE".to_owned();
        state.help = true;
    }));
    insta::assert_snapshot!(screen(windows, (60, 8), |state| {
        state.filter = "?t*".to_owned();
        state.typing = true;
    }));
}

#[test]
fn no_size_breaks_the_drawing() {
    for width in [1, 2, 10, 30, 79, 300] {
        for height in [1, 2, 3, 5, 60] {
            screen(windows, (width, height), |state| {
                state.help = true;
                state.top = 1000;
            });
        }
    }
}
