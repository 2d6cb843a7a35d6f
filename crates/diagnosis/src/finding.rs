//! One statement of the diagnosis.

/// How much a finding weighs; heaviest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The machine is or will soon be in trouble because of this.
    Critical,
    /// Act on this.
    Warning,
    /// Worth knowing.
    Notice,
    /// Checked and fine.
    Ok,
}

impl Severity {
    /// Every severity, heaviest first.
    pub const ALL: [Self; 4] = [Self::Critical, Self::Warning, Self::Notice, Self::Ok];

    /// The word used in every format.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Warning => "warning",
            Self::Notice => "notice",
            Self::Ok => "ok",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == word)
    }
}

/// One statement of the diagnosis, with its numbers and what to do next.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Stable code (`PS0101`).
    pub code: &'static str,
    /// Weight.
    pub severity: Severity,
    /// One line.
    pub title: String,
    /// Numbers, one sentence each.
    pub evidence: Vec<String>,
    /// Why it matters.
    pub explanation: String,
    /// What to do, first things first.
    pub next: Vec<String>,
    /// Series the finding is about, as `TAG/pool`.
    pub series: Vec<String>,
    /// Probability that it is so, where it was computed.
    pub confidence: Option<f64>,
    /// Orders findings of one severity: bytes, or bytes a day. Not shown.
    pub weight: f64,
}
