//! Loops of known length are followed round by round.
//!
//! A loop that a comparison of two known values keeps going is not joined into one state: each round has states of its
//! own, so that what is counted up together stays together (a tag that is put together byte by byte, a tag that is
//! counted beside an index). Rounds are told apart by numbers; 0 is outside of such loops.

use crate::hash::Map;

/// Number of a round.
pub(crate) type Round = u16;

/// Most rounds followed one by one, at first and when values were missing.
const QUICK_ROUNDS: usize = 24;
const WIDE_ROUNDS: usize = 160;

/// The rounds of the loops of one function.
#[derive(Debug)]
pub(crate) struct Rounds {
    /// (end of the loop, round it was reached in) → the round that begins there.
    next: Map<(u32, Round), Round>,
    /// Of each round: where its loop starts and ends, and the round that the loop was entered in.
    of: Vec<(u32, u32, Round)>,
    most: usize,
}

impl Rounds {
    pub(crate) fn new(wide: bool) -> Self {
        Self {
            next: Map::default(),
            of: vec![(0, u32::MAX, 0)],
            most: if wide { WIDE_ROUNDS } else { QUICK_ROUNDS },
        }
    }

    /// The round after a branch to `to` that begins none.
    pub(crate) fn stay(&self, mut round: Round, to: u32) -> Round {
        while let Some(&(first, last, outer)) = self.of.get(usize::from(round))
            && round > 0
            && !(first <= to && to < last)
        {
            round = outer;
        }
        round
    }

    /// The round after a branch back to `to` that ends a round of a loop of known length.
    pub(crate) fn again(&mut self, round: Round, end: u32, to: u32) -> Round {
        let round = self.stay(round, to);
        if let Some(&next) = self.next.get(&(end, round)) {
            return next;
        }
        let Ok(new) = Round::try_from(self.of.len()) else {
            return round;
        };
        if self.of.len() > self.most {
            return round;
        }
        let (first, last, outer) = self.of.get(usize::from(round)).copied().unwrap_or_default();
        let same = round > 0 && first == to;
        self.of.push(if same {
            (to, last.max(end), outer)
        } else {
            (to, end, round)
        });
        self.next.insert((end, round), new);
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inner_loop_leads_back_to_the_round_of_the_outer_one() {
        let mut rounds = Rounds::new(false);
        // The inner loop from 20 to 30 in the first round of the outer one, from 10 to 40.
        let inner = rounds.again(0, 30, 20);
        assert_ne!(inner, 0);
        assert_eq!(rounds.stay(inner, 25), inner);
        assert_eq!(rounds.stay(inner, 35), 0);
        let outer = rounds.again(0, 40, 10);
        let again = rounds.again(outer, 30, 20);
        assert!(again != inner && again != outer);
        assert_eq!(rounds.stay(again, 35), outer);
        assert_eq!(rounds.stay(outer, 50), 0);
        // The same way leads to the same round.
        assert_eq!(rounds.again(0, 40, 10), outer);
    }

    #[test]
    fn rounds_come_to_an_end() {
        let mut rounds = Rounds::new(false);
        let mut round = 0;
        for _ in 0..10_000 {
            round = rounds.again(round, 30, 20);
        }
        assert_eq!(usize::from(round), QUICK_ROUNDS);
    }
}
