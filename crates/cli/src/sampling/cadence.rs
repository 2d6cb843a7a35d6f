//! Which facts each sample asks for. Tags are read every time; the rest costs time and room, and changes slowly.

use std::time::Duration;

use snapshot::{MomentFacts, ProcessFacts};
use source::Want;

/// Memory counters and the own cost, at most this often.
const LIGHT_EVERY: Duration = Duration::from_secs(30);
/// Processes with their handles, at most this often …
const HEAVY_EVERY: Duration = Duration::from_secs(60);
/// … and never above this share of one core: the pause is the time the last reading took, times this.
const HEAVY_PAUSE_TIMES: u32 = 5_000;
/// A process list inside a recording keeps this many by memory, and as many by handles.
const PROCESSES_KEPT: usize = 24;
/// The first and last list keep this many, so that later growth finds its start.
const PROCESSES_KEPT_ENDS: usize = 400;

/// Decides what to ask for next.
#[derive(Debug)]
pub struct Cadence {
    light_pause: Duration,
    light_at: Option<Duration>,
    heavy_at: Option<Duration>,
    heavy_pause: Duration,
}

impl Cadence {
    /// For samples `every` so often.
    #[must_use]
    pub fn new(every: Duration) -> Self {
        // Half an interval of slack, so that a sample due at 30.0 s is not put off for having come at 29.99 s.
        let light_pause = LIGHT_EVERY.saturating_sub(every / 2);
        Self {
            light_pause,
            light_at: None,
            heavy_at: None,
            heavy_pause: HEAVY_EVERY.saturating_sub(every / 2),
        }
    }

    /// What the sample at `elapsed` should hold. The first one holds everything, the last one all that moves.
    #[must_use]
    pub fn want(&self, elapsed: Duration, last: bool) -> Want {
        let Some(light_at) = self.light_at else {
            return Want::EVERYTHING;
        };
        let since = |at: Duration| elapsed.saturating_sub(at);
        let light = last || since(light_at) >= self.light_pause;
        let heavy = last || self.heavy_at.is_none_or(|at| since(at) >= self.heavy_pause);
        Want {
            tags: true,
            memory: light || heavy,
            own_cost: light || heavy,
            processes: heavy,
            handle_types: heavy,
            object_types: heavy,
            big_pool: heavy,
            etw: heavy,
            minifilters: last,
            modules: last,
            ..Want::default()
        }
    }

    /// `want` was read at `elapsed` and took `cost`.
    pub fn took(&mut self, want: &Want, elapsed: Duration, cost: Duration) {
        if want.memory {
            self.light_at = Some(elapsed);
        }
        if want.processes {
            // The first reading holds what is read once, so it says too much of what the next one costs.
            let pause = if self.heavy_at.is_none() { cost / 4 } else { cost };
            self.heavy_at = Some(elapsed);
            self.heavy_pause = self.heavy_pause.max(pause.saturating_mul(HEAVY_PAUSE_TIMES));
        }
    }

    /// Leaves out of `facts` what a recording does not need: small processes between the first and the last list.
    pub fn trim(facts: &mut MomentFacts, want: &Want, last: bool) {
        let Some(processes) = &mut facts.processes else {
            return;
        };
        // Only the first sample asks for everything.
        let keep = if *want == Want::EVERYTHING || last {
            PROCESSES_KEPT_ENDS
        } else {
            PROCESSES_KEPT
        };
        keep_largest(processes, keep);
    }
}

/// Keeps the `keep` largest processes by memory and as many by handles, in their order.
fn keep_largest(processes: &mut Vec<ProcessFacts>, keep: usize) {
    if processes.len() <= keep {
        return;
    }
    let mut wanted = vec![false; processes.len()];
    let measures: [fn(&ProcessFacts) -> Option<u64>; 2] = [|p| p.working_set, |p| p.handles];
    for measure in measures {
        let mut order: Vec<usize> = (0..processes.len()).collect();
        order.sort_by_key(|&at| std::cmp::Reverse(processes.get(at).and_then(measure)));
        for &at in order.iter().take(keep) {
            if let Some(flag) = wanted.get_mut(at) {
                *flag = true;
            }
        }
    }
    let mut flags = wanted.into_iter();
    processes.retain(|_| flags.next().unwrap_or(false));
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn facts_are_read_seldom_and_within_their_budget() {
        // interval, cost of a reading with processes, (light, heavy) readings in an hour
        let cases = [
            (s(1), Duration::from_millis(2), 118, 60),
            (s(1), Duration::from_millis(40), 118, 18),
            (s(30), Duration::from_millis(2), 119, 60),
            (s(300), Duration::from_millis(2), 11, 11),
        ];
        for (every, cost, light, heavy) in cases {
            let mut cadence = Cadence::new(every);
            let (mut lights, mut heavies) = (0, 0);
            let mut at = Duration::ZERO;
            while at < s(3600) {
                let want = cadence.want(at, false);
                assert!(want.tags);
                if at.is_zero() {
                    assert_eq!(want, Want::EVERYTHING);
                } else {
                    lights += u32::from(want.memory);
                    heavies += u32::from(want.processes);
                }
                cadence.took(&want, at, cost);
                at += every;
            }
            assert!(
                lights.abs_diff(light) <= 8,
                "{every:?} {cost:?}: {lights} readings of memory"
            );
            assert!(
                heavies.abs_diff(heavy) <= 3,
                "{every:?} {cost:?}: {heavies} readings of processes"
            );
            let want = cadence.want(at, true);
            assert!(
                want.processes && want.memory && want.modules && !want.drivers,
                "the last one"
            );
        }
    }

    #[test]
    fn the_largest_processes_by_either_measure_are_kept() {
        let process = |pid, working_set, handles| ProcessFacts {
            pid,
            working_set: Some(working_set),
            handles: Some(handles),
            ..ProcessFacts::default()
        };
        let mut processes = vec![
            process(1, 50, 1),
            process(2, 40, 2),
            process(3, 30, 3),
            process(4, 20, 99),
            process(5, 10, 0),
        ];
        keep_largest(&mut processes, 2);
        assert_eq!(processes.iter().map(|p| p.pid).collect::<Vec<_>>(), [1, 2, 3, 4]);
        keep_largest(&mut processes, 9);
        assert_eq!(processes.len(), 4);
    }
}
