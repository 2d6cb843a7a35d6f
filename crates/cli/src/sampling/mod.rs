//! Sampling over time: asks a source at even intervals and gives each snapshot to a sink.
//!
//! Kept apart from the command, so that tests run it with a scripted source, a clock that does not wait and a disk
//! that fills up.

pub mod cadence;
pub mod clock;
pub mod growth;

use std::time::Duration;

use recording::{Appended, WriteError};
use snapshot::{Changes, Problem, Snapshot};
use source::{Source, SourceError};

use self::cadence::Cadence;
use self::clock::{Clock, Wake};

/// Where samples go.
pub trait Sink {
    /// Keeps one sample for good.
    ///
    /// # Errors
    /// As [`recording::Writer::append`].
    fn append(&mut self, snapshot: &Snapshot) -> Result<Appended, WriteError>;
}

impl Sink for recording::Writer {
    fn append(&mut self, snapshot: &Snapshot) -> Result<Appended, WriteError> {
        Self::append(self, snapshot)
    }
}

/// How often, how many, how long.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Time between samples.
    pub every: Duration,
    /// Samples to take; none for no limit.
    pub samples: Option<u64>,
    /// Time to go on for; none for no limit.
    pub span: Option<Duration>,
}

/// What happens on the way, for those who watch.
#[derive(Debug)]
pub enum Event<'a> {
    /// A sample was taken and kept.
    Kept {
        /// Where the series stand.
        changes: &'a Changes,
        /// Time since sampling began.
        elapsed: Duration,
        /// The sample is the last one.
        last: bool,
    },
    /// Something could not be read; said once.
    Problem(&'a Problem),
    /// The kernel refused a whole sample; the next one is tried all the same.
    Refused(&'a SourceError),
    /// The sample could not be kept; the next one is tried all the same.
    Lost(&'a WriteError),
}

/// How it went.
#[derive(Debug, Default)]
pub struct Summary {
    /// Samples kept.
    pub kept: u64,
    /// Samples that could not be read or kept.
    pub lost: u64,
    /// Intervals that passed without a sample, because the machine slept or was too busy.
    pub missed: u64,
    /// What the sink said of the last sample.
    pub last: Option<Appended>,
    /// The program itself, at the last sample that measured it.
    pub own_cost: Option<snapshot::OwnCost>,
    /// Why it ended before its time.
    pub broken: Option<WriteError>,
    /// Whether the user stopped it.
    pub stopped: bool,
}

/// Two samples closer than this say the same, so stopping right after one takes no other.
const LAST_SAMPLE_AFTER: Duration = Duration::from_millis(200);

/// Distinct problems told; a source that invents new ones must not fill the memory.
const PROBLEMS_MAX: usize = 200;

/// Samples until the plan is done or the clock says stop. The last sample is taken when stopping, so that it holds the
/// facts of the end.
///
/// # Errors
/// [`SourceError`] when the very first sample is refused. Later refusals are events.
pub fn run(
    source: &mut dyn Source,
    sink: &mut dyn Sink,
    clock: &mut dyn Clock,
    plan: &Plan,
    watch: &mut dyn FnMut(Event<'_>),
) -> Result<Summary, SourceError> {
    let mut run = Run {
        cadence: Cadence::new(plan.every),
        changes: Changes::new(),
        told: Vec::new(),
        summary: Summary::default(),
        begun: clock.elapsed(),
    };
    let mut due = run.begun;
    let mut taken = 0u64;
    loop {
        let elapsed = clock.elapsed().saturating_sub(run.begun);
        taken += 1;
        let last = plan.samples.is_some_and(|n| taken >= n)
            || plan
                .span
                .is_some_and(|span| elapsed.saturating_add(plan.every) > span);
        run.sample(source, sink, clock, last, watch)?;
        if last || run.summary.broken.is_some() {
            return Ok(run.summary);
        }
        let sampled = clock.elapsed();
        due = next_due(due, plan.every, sampled, &mut run.summary.missed);
        if clock.wait_until(due) == Wake::Stop {
            run.summary.stopped = true;
            if clock.elapsed().saturating_sub(sampled) >= LAST_SAMPLE_AFTER {
                run.sample(source, sink, clock, true, watch)?;
            }
            return Ok(run.summary);
        }
    }
}

/// The next multiple of the interval that lies ahead. Sampling keeps its beat: a late sample does not delay those after
/// it, and what was missed is not made up for in a burst.
fn next_due(due: Duration, every: Duration, now: Duration, missed: &mut u64) -> Duration {
    let next = due.saturating_add(every);
    if next > now || every.is_zero() {
        return next;
    }
    let behind = now.saturating_sub(next).as_nanos() / every.as_nanos().max(1) + 1;
    let behind = u32::try_from(behind).unwrap_or(u32::MAX);
    *missed = missed.saturating_add(u64::from(behind));
    next.saturating_add(every.saturating_mul(behind))
}

struct Run {
    cadence: Cadence,
    changes: Changes,
    told: Vec<Problem>,
    summary: Summary,
    begun: Duration,
}

impl Run {
    fn sample(
        &mut self,
        source: &mut dyn Source,
        sink: &mut dyn Sink,
        clock: &dyn Clock,
        last: bool,
        watch: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), SourceError> {
        let started = clock.elapsed();
        let elapsed = started.saturating_sub(self.begun);
        let want = self.cadence.want(elapsed, last);
        let mut snapshot = match source.snapshot(&want) {
            Ok(snapshot) => snapshot,
            Err(error) if self.summary.kept == 0 && self.summary.lost == 0 => return Err(error),
            Err(error) => {
                self.summary.lost += 1;
                watch(Event::Refused(&error));
                return Ok(());
            }
        };
        self.cadence
            .took(&want, elapsed, clock.elapsed().saturating_sub(started));
        for problem in &snapshot.problems {
            if self.told.len() < PROBLEMS_MAX && !self.told.contains(problem) {
                watch(Event::Problem(problem));
                self.told.push(problem.clone());
            }
        }
        Cadence::trim(&mut snapshot.facts, &want, last);
        if snapshot.facts.own_cost.is_some() {
            self.summary.own_cost.clone_from(&snapshot.facts.own_cost);
        }
        match sink.append(&snapshot) {
            Ok(appended) => {
                self.summary.kept += 1;
                self.summary.last = Some(appended);
                self.changes.update(&snapshot);
                watch(Event::Kept {
                    changes: &self.changes,
                    elapsed,
                    last,
                });
            }
            Err(error @ (WriteError::Full { .. } | WriteError::Unfit { .. })) => {
                self.summary.lost += 1;
                watch(Event::Lost(&error));
            }
            Err(error) => {
                self.summary.lost += 1;
                self.summary.broken = Some(error);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
