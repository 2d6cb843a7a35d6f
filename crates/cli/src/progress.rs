//! Progress on standard error, only for people: never in pipes, never when quiet.

use indicatif::{ProgressBar, ProgressStyle};
use std::time::Duration;

/// A line that shows how far long work has come. Removes itself when dropped.
#[derive(Debug)]
pub struct Progress(Option<ProgressBar>);

impl Progress {
    pub(crate) fn new(visible: bool, total: Option<u64>, what: &str) -> Self {
        if !visible {
            return Self(None);
        }
        let bar = match total {
            Some(total) => ProgressBar::new(total),
            None => ProgressBar::new_spinner(),
        };
        let template = if total.is_some() {
            "{msg} {wide_bar} {pos}/{len} {eta}"
        } else {
            "{spinner} {msg} {elapsed}"
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(what.to_owned());
        bar.enable_steady_tick(Duration::from_millis(200));
        Self(Some(bar))
    }

    /// `steps` more are done.
    pub fn step(&self, steps: u64) {
        if let Some(bar) = &self.0 {
            bar.inc(steps);
        }
    }

    /// What is being done now.
    pub fn say(&self, what: &str) {
        if let Some(bar) = &self.0 {
            bar.set_message(what.to_owned());
        }
    }

    /// Prints a line above the progress without tearing it; nothing when invisible.
    pub fn line(&self, text: &str) {
        if let Some(bar) = &self.0 {
            bar.println(text);
        }
    }

    /// Whether anybody sees it.
    #[must_use]
    pub const fn is_visible(&self) -> bool {
        self.0.is_some()
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
