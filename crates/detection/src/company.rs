//! Many series judged at once: what the others say of one.
//!
//! A probability of 0.8 means one thing on a machine where five series certainly leak and another where nothing else
//! does: most machines have no leak at all, and one of their thousands of tags always looks a little like one. So the
//! prior odds follow the recording, as in the empirical Bayes view of many tests (Efron 2010, chapter 2); they are only
//! ever lowered, for what makes many ordinary series grow at once (a boot, a build) must not speak for a leak.

use crate::judgement::{Evidence, Judgement, Verdict};

/// Odds of a series where no other leaks, as a share of those the calibration assumes, and what each other adds.
const ALONE: f64 = 0.25;
/// From this probability on another series counts, with its probability.
const COUNTS: f64 = 0.75;
/// Most expected false alarms among the series called leaks, as a share: the local false discovery rate (Efron 2010)
/// is one minus the calibrated probability, so its mean over all called series is the rate of false discoveries.
const FALSE_DISCOVERY_RATE: f64 = 0.08;

/// Calls a series only suspected that is too unsure for the company it is in.
pub(crate) fn weigh(judgements: &mut [Judgement], leak_confidence: f64) {
    let mut called: Vec<(f64, usize)> = judgements
        .iter()
        .enumerate()
        .filter(|(_, j)| j.verdict == Verdict::Leak)
        .map(|(i, j)| (j.confidence.unwrap_or(0.0), i))
        .collect();
    called.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let counted = |confidence: f64| if confidence >= COUNTS { confidence } else { 0.0 };
    let all: f64 = called.iter().map(|&(confidence, _)| counted(confidence)).sum();
    let (mut kept, mut expected_false) = (0, 0.0);
    for (confidence, i) in called {
        let Some(judgement) = judgements.get_mut(i) else {
            continue;
        };
        let share = prior_share(all - counted(confidence));
        if with_prior(confidence, share) < leak_confidence {
            judgement.verdict = Verdict::Suspect;
            judgement.evidence.push(Evidence {
                name: "prior_odds_share",
                value: share,
            });
            continue;
        }
        expected_false += 1.0 - confidence;
        kept += 1;
        // One leak alone is called by its own confidence.
        if kept > 1
            && expected_false > FALSE_DISCOVERY_RATE * f64::from(kept)
            && 1.0 - confidence > 2.0 * FALSE_DISCOVERY_RATE
        {
            judgement.verdict = Verdict::Suspect;
        }
    }
}

/// What is left of the prior odds beside so many others that leak.
fn prior_share(others: f64) -> f64 {
    (ALONE * (1.0 + others)).min(1.0)
}

/// The probability after its prior odds were multiplied by `share`.
fn with_prior(probability: f64, share: f64) -> f64 {
    probability * share / (probability * share + 1.0 - probability)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judgement::HorizonRates;

    /// What is said of series that are all called leaks with these probabilities.
    fn verdicts(confidences: &[f64]) -> Vec<Verdict> {
        let judgement = |(series, &confidence): (usize, &f64)| Judgement {
            series,
            verdict: Verdict::Leak,
            confidence: Some(confidence),
            shape: None,
            bytes: None,
            outstanding: None,
            allocs: None,
            frees: None,
            rate: None,
            count_rate: None,
            horizons: HorizonRates::default(),
            onset: None,
            exhaustion: None,
            needs_s: None,
            family: None,
            rank: 0,
            evidence: Vec::new(),
        };
        let mut judgements: Vec<Judgement> = confidences.iter().enumerate().map(judgement).collect();
        weigh(&mut judgements, 0.65);
        judgements.iter().map(|judgement| judgement.verdict).collect()
    }

    #[test]
    fn a_doubtful_leak_is_called_beside_certain_ones() {
        let (leak, suspect) = (Verdict::Leak, Verdict::Suspect);
        for (confidences, expected) in [
            (&[0.8][..], &[suspect][..]),
            (&[0.87], &[suspect]),
            (&[0.9], &[leak]),
            (&[0.8, 0.99, 0.99, 0.99], &[leak; 4]),
            (&[0.99, 0.85], &[leak, leak]),
            (&[0.7, 0.7], &[suspect; 2]),
            (&[], &[]),
        ] {
            assert_eq!(verdicts(confidences), expected, "{confidences:?}");
        }
    }

    #[test]
    fn few_of_many_called_are_false() {
        // One certain leak and many doubtful ones: a fifth of them is false, more than is allowed.
        let mut confidences = vec![0.8; 20];
        confidences.push(0.999);
        let called = verdicts(&confidences)
            .iter()
            .filter(|verdict| **verdict == Verdict::Leak)
            .count();
        assert_eq!(called, 1);
    }

    #[test]
    fn odds_grow_with_the_company_up_to_those_of_the_calibration() {
        for (probability, others, expected) in [
            (0.5, 0.0, 0.2),
            (0.8, 0.0, 0.5),
            (0.9, 0.0, 0.692),
            (0.99, 0.0, 0.961),
            (0.8, 1.0, 0.667),
            (0.8, 3.0, 0.8),
            (0.8, 30.0, 0.8),
            (0.0, 0.0, 0.0),
            (1.0, 0.0, 1.0),
        ] {
            let got = with_prior(probability, prior_share(others));
            assert!(
                (got - expected).abs() < 1e-3,
                "{probability} beside {others}: {got}"
            );
        }
    }
}
