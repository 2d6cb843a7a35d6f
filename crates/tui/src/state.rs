//! What the person at the keyboard has chosen, and how keys change it. Keys are those of PoolMon where it has one.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use snapshot::Pool;

/// What the rows are sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// By name.
    Tag,
    /// Allocations.
    Allocs,
    /// Frees.
    Frees,
    /// Outstanding allocations, PoolMon's Diff.
    Outstanding,
    /// Bytes in use.
    #[default]
    Bytes,
    /// Bytes of one allocation.
    Each,
    /// Growth since the start.
    Growth,
}

/// What a key asks of the loop around the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Draw again.
    Draw,
    /// Take a sample now.
    Refresh,
    /// Start counting growth from now.
    Restart,
    /// End.
    Quit,
}

/// The view.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// What the rows are sorted by.
    pub order: Order,
    /// Sort by the change since the last snapshot instead of the value.
    pub by_change: bool,
    /// Only this pool.
    pub pool: Option<Pool>,
    /// Only tags that hold this text, or match it where it has wildcards.
    pub filter: String,
    /// The filter is being typed.
    pub typing: bool,
    /// No samples are taken.
    pub paused: bool,
    /// The help is shown.
    pub help: bool,
    /// Rows that changed are not marked.
    pub plain: bool,
    /// First row shown.
    pub top: usize,
    /// Rows that fit the screen, told by the last drawing.
    pub page: usize,
    /// Pools there are, in display order, told by the last snapshot.
    pub pools: Vec<Pool>,
    /// What went wrong with the last sample.
    pub trouble: Option<String>,
}

impl State {
    /// Takes a key.
    pub fn key(&mut self, key: KeyEvent) -> Action {
        if key.modifiers.contains(KeyModifiers::CONTROL) && key.code == KeyCode::Char('c') {
            return Action::Quit;
        }
        if self.typing {
            return self.type_filter(key.code);
        }
        if self.help {
            self.help = false;
            return Action::Draw;
        }
        self.command(key.code)
    }

    fn type_filter(&mut self, code: KeyCode) -> Action {
        match code {
            KeyCode::Enter => self.typing = false,
            KeyCode::Esc => {
                self.typing = false;
                self.filter.clear();
            }
            KeyCode::Backspace => {
                self.filter.pop();
            }
            KeyCode::Char(c) if !c.is_control() && self.filter.chars().count() < 64 => self.filter.push(c),
            _ => {}
        }
        self.top = 0;
        Action::Draw
    }

    fn command(&mut self, code: KeyCode) -> Action {
        match code {
            // Who presses Esc below a filter wants to be rid of the filter.
            KeyCode::Esc if !self.filter.is_empty() => {
                self.filter.clear();
                self.top = 0;
            }
            KeyCode::Char('q') | KeyCode::Esc => return Action::Quit,
            KeyCode::Char('t') => self.sort(Order::Tag),
            KeyCode::Char('a') => self.sort(Order::Allocs),
            KeyCode::Char('f') => self.sort(Order::Frees),
            KeyCode::Char('d' | 'S') => self.sort(Order::Outstanding),
            KeyCode::Char('b') => self.sort(Order::Bytes),
            KeyCode::Char('m') => self.sort(Order::Each),
            KeyCode::Char('g') => self.sort(Order::Growth),
            KeyCode::Char('(' | ')') => {
                self.by_change = !self.by_change;
                self.top = 0;
            }
            KeyCode::Char('p') => self.next_pool(),
            KeyCode::Char('l') => self.plain = !self.plain,
            KeyCode::Char('/') => self.typing = true,
            KeyCode::Char(' ') => self.paused = !self.paused,
            KeyCode::Char('h' | '?') => self.help = true,
            KeyCode::Char('u') | KeyCode::Enter => return Action::Refresh,
            KeyCode::Char('r') => return Action::Restart,
            KeyCode::Down | KeyCode::Char('j') => self.top = self.top.saturating_add(1),
            KeyCode::Up | KeyCode::Char('k') => self.top = self.top.saturating_sub(1),
            KeyCode::PageDown => self.top = self.top.saturating_add(self.page.max(1)),
            KeyCode::PageUp => self.top = self.top.saturating_sub(self.page.max(1)),
            KeyCode::Home => self.top = 0,
            _ => {}
        }
        Action::Draw
    }

    fn sort(&mut self, order: Order) {
        self.order = order;
        self.top = 0;
    }

    /// All pools, then each one there is, then all again.
    fn next_pool(&mut self) {
        let next = match self.pool {
            None => 0,
            Some(pool) => self.pools.iter().position(|&p| p == pool).map_or(0, |at| at + 1),
        };
        self.pool = self.pools.get(next).copied();
        self.top = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(state: &mut State, keys: &str) -> Action {
        keys.chars().fold(Action::Draw, |_, c| {
            let code = match c {
                '\n' => KeyCode::Enter,
                '\u{1b}' => KeyCode::Esc,
                '\u{8}' => KeyCode::Backspace,
                c => KeyCode::Char(c),
            };
            state.key(KeyEvent::new(code, KeyModifiers::NONE))
        })
    }

    #[test]
    fn keys_of_poolmon_sort_and_end() {
        let cases = [
            ("t", Order::Tag),
            ("a", Order::Allocs),
            ("f", Order::Frees),
            ("d", Order::Outstanding),
            ("S", Order::Outstanding),
            ("b", Order::Bytes),
            ("m", Order::Each),
            ("g", Order::Growth),
        ];
        for (key, order) in cases {
            let mut state = State {
                top: 9,
                ..State::default()
            };
            assert_eq!(press(&mut state, key), Action::Draw);
            assert_eq!((state.order, state.top), (order, 0), "{key}");
        }
        let actions = [
            ("q", Action::Quit),
            ("\u{1b}", Action::Quit),
            ("r", Action::Restart),
            ("u", Action::Refresh),
        ];
        for (key, action) in actions {
            assert_eq!(press(&mut State::default(), key), action, "{key:?}");
        }
        let control_c = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        assert_eq!(
            State {
                typing: true,
                ..State::default()
            }
            .key(control_c),
            Action::Quit
        );
    }

    #[test]
    fn the_filter_is_typed_and_takes_letters_that_are_keys() {
        let mut state = State::default();
        assert_eq!(press(&mut state, "/quit\u{8}"), Action::Draw);
        assert_eq!((state.filter.as_str(), state.typing), ("qui", true));
        press(&mut state, "\n");
        assert_eq!((state.filter.as_str(), state.typing), ("qui", false));
        press(&mut state, "/x\u{1b}");
        assert_eq!((state.filter.as_str(), state.typing), ("", false));
        // Below a filter Esc takes the filter away; only then does it end.
        assert_eq!(press(&mut state, "/qui\n\u{1b}"), Action::Draw);
        assert_eq!(state.filter, "");
        assert_eq!(press(&mut state, "\u{1b}"), Action::Quit);
    }

    #[test]
    fn pools_come_round_and_any_key_ends_the_help() {
        let mut state = State {
            pools: vec![Pool::Nonpaged, Pool::Paged],
            ..State::default()
        };
        let mut seen = Vec::new();
        for _ in 0..4 {
            press(&mut state, "p");
            seen.push(state.pool);
        }
        assert_eq!(
            seen,
            [
                Some(Pool::Nonpaged),
                Some(Pool::Paged),
                None,
                Some(Pool::Nonpaged)
            ]
        );
        press(&mut state, "?");
        assert!(state.help);
        assert_eq!(press(&mut state, "q"), Action::Draw);
        assert!(!state.help);
    }
}
