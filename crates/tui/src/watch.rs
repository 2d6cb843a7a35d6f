//! The loop: sample, draw, wait for a key or the next refresh.

use std::io;
use std::time::{Duration, Instant};

use crossterm::event::{self, Event, KeyEventKind};
use snapshot::{Changes, Pool, SeriesKey, Snapshot};

use crate::draw::draw;
use crate::state::{Action, State};

/// Redraws while paused, so that a resized window is not left half empty.
const IDLE: Duration = Duration::from_secs(1);

/// What the caller decides.
pub struct Options<'a> {
    /// Host and system, for the header.
    pub title: String,
    /// Time between refreshes.
    pub every: Duration,
    /// Whether colour may be used.
    pub color: bool,
    /// Which series to show at all.
    pub wanted: &'a dyn Fn(&SeriesKey) -> bool,
}

/// Takes over the terminal until the user ends it. The terminal is given back as it was, also after an error.
///
/// `sample` reads the kernel; what it says in case of an error is shown on the screen, and it is asked again.
///
/// # Errors
/// When the terminal cannot be read or written; without a terminal at once.
pub fn run(options: &Options<'_>, sample: &mut dyn FnMut() -> Result<Snapshot, String>) -> io::Result<()> {
    let mut terminal = ratatui::try_init()?;
    let ended = watch(&mut terminal, options, sample);
    let restored = ratatui::try_restore();
    ended.and(restored)
}

fn watch(
    terminal: &mut ratatui::DefaultTerminal,
    options: &Options<'_>,
    sample: &mut dyn FnMut() -> Result<Snapshot, String>,
) -> io::Result<()> {
    let (mut state, mut changes) = (State::default(), Changes::new());
    let mut due = Instant::now();
    loop {
        if Instant::now() >= due && !state.paused {
            take(&mut state, &mut changes, sample());
            // From now on, not from when it was due: a machine that slept gets one refresh, not a hundred.
            due = Instant::now() + options.every;
        }
        terminal.draw(|frame| draw(frame, &mut state, &changes, options))?;
        let wait = if state.paused {
            IDLE
        } else {
            due.saturating_duration_since(Instant::now())
        };
        if !event::poll(wait)? {
            continue;
        }
        // Windows also reports keys that are let go.
        let Event::Key(key) = event::read()? else { continue };
        if key.kind == KeyEventKind::Release {
            continue;
        }
        match state.key(key) {
            Action::Draw => {}
            Action::Refresh => due = Instant::now(),
            Action::Restart => {
                changes = Changes::new();
                due = Instant::now();
            }
            Action::Quit => return Ok(()),
        }
    }
}

fn take(state: &mut State, changes: &mut Changes, sample: Result<Snapshot, String>) {
    match sample {
        Ok(snapshot) => {
            changes.update(&snapshot);
            let has = |pool: &Pool| snapshot.rows.iter().any(|row| row.pool == *pool);
            state.pools = Pool::ALL.into_iter().filter(has).collect();
            state.trouble = None;
        }
        Err(trouble) => state.trouble = Some(trouble),
    }
}
