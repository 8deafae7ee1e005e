//! Which prompts show a circuit at work: the example prompts of a published task.

use super::calibrate::argument;
use super::evaluators::EvaluatorPool;
use super::prompts::Prompts;
use crate::Result;
use crate::circuit::definition::{Calibration, Circuit, NodeSet, probabilities};

/// How [`Examples::choose`] chooses, for help texts and the model card.
pub const EXAMPLES_RULE: &str = "The example prompts come from the hand-written prompts and the first test pairs, three for each right \
answer where there are as many. In each of them the full model gives the right answer at least 80 %, the circuit alone prefers it, a flip \
in circuit mode reverses that, and without the circuit it gets less than 65 %. The last condition is dropped for an answer with fewer than \
three such prompts, because without the circuit some models prefer that answer after every prompt. Hand-written prompts come first, \
then the test pairs in their order. One more hand-written prompt, after which the full model is right and the circuit alone is most \
wrong, is listed last and marked.";

/// Examples for each right answer.
pub const EXAMPLES_PER_ANSWER: usize = 3;
/// The full model gives the right answer at least this probability.
const MIN_FULL: f64 = 0.8;
/// The model without the circuit gives it less than this.
const MAX_REMOVED: f64 = 0.65;

/// A prompt that may become an example, with its counterfactual.
pub struct ExampleCandidate {
    /// Token ids of the prompts of which the first and the second candidate is right.
    pub pair: [Vec<u32>; 2],
    /// The prompt of the pair that is the example: the index of its right answer.
    pub answer: usize,
    /// Written by hand, not drawn by the task's generator.
    pub handwritten: bool,
}

/// The right answer's probability in each mode, and after a flip.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Measured {
    full: f64,
    circuit: f64,
    removed: f64,
    flipped: f64,
    flipped_full: f64,
}

/// Indices of candidates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Examples {
    /// The right answers alternate, the first candidate's first.
    pub shown: Vec<usize>,
    /// A hand-written prompt that the full model answers and the circuit alone does not.
    pub fails: Option<usize>,
}

impl Examples {
    /// Chooses examples by [`EXAMPLES_RULE`].
    ///
    /// The order of the hand-written ones: those come first that a flip reverses in the full model too, then the most certain,
    /// that is, those with the largest smaller one of the circuit's probabilities of the right answer and, after the flip, of
    /// the other.
    ///
    /// # Errors
    /// When the circuit is of another model than the pool, or the device fails.
    pub async fn choose<P: EvaluatorPool>(
        pool: &mut P,
        circuit: &Circuit,
        candidates: &[ExampleCandidate],
    ) -> Result<Examples> {
        if candidates.is_empty() {
            return Ok(Examples { shown: Vec::new(), fails: None });
        }
        let task = pool.task().clone();
        let (nodes, flip) = (task.space.set(&circuit.nodes)?, task.space.set(&circuit.flip_nodes)?);
        let full = NodeSet::full(nodes.places());
        let pairs: Vec<[Vec<u32>; 2]> = candidates.iter().map(|one| one.pair.clone()).collect();
        let prompts = Prompts::new(&pairs, task.context());
        let raw = Calibration::default();
        let runs = [
            (pool.logit_diffs(&prompts, &full).await?, &raw),
            (pool.logit_diffs(&prompts, &nodes).await?, &circuit.calibration),
            (pool.logit_diffs(&prompts, &nodes.complement()).await?, &raw),
            (pool.flipped(&prompts, &nodes, &flip).await?, &circuit.calibration),
            (pool.flipped(&prompts, &full, &flip).await?, &raw),
        ];
        let measured = candidates.iter().enumerate().map(|(index, one)| {
            let [full, circuit, removed, flipped, flipped_full] = runs.each_ref().map(|(logit_diffs, calibration)| {
                probabilities(argument(calibration, logit_diffs[2 * index + one.answer]))[one.answer]
            });
            Measured { full, circuit, removed, flipped, flipped_full }
        });
        Ok(Examples::of(candidates, &measured.collect::<Vec<_>>()))
    }

    fn of(candidates: &[ExampleCandidate], measured: &[Measured]) -> Examples {
        let known = |index: &usize| measured[*index].full >= MIN_FULL;
        let of_answer = |answer: usize| {
            let shows = |index: &usize| measured[*index].circuit > 0.5 && measured[*index].flipped < 0.5;
            let all = (0..candidates.len()).filter(|&index| candidates[index].answer == answer);
            let (mut needed, mut spare): (Vec<usize>, Vec<usize>) =
                all.filter(known).filter(shows).partition(|&index| measured[index].removed < MAX_REMOVED);
            for group in [&mut needed, &mut spare] {
                group.sort_by(|&a, &b| {
                    rank(&candidates[a], &measured[a]).total_cmp(&rank(&candidates[b], &measured[b]))
                });
            }
            needed.into_iter().chain(spare).take(EXAMPLES_PER_ANSWER).collect::<Vec<_>>()
        };
        let [first, second] = [0, 1].map(of_answer);
        let rounds = 0..EXAMPLES_PER_ANSWER;
        let shown = rounds.flat_map(|round| [first.get(round), second.get(round)]).flatten().copied().collect();
        let wrong = |index: &usize| candidates[*index].handwritten && measured[*index].circuit < 0.5;
        let fails = (0..candidates.len()).filter(known).filter(wrong);
        let fails = fails.min_by(|&a, &b| measured[a].circuit.total_cmp(&measured[b].circuit));
        Examples { shown, fails }
    }
}

/// The lowest comes first.
fn rank(candidate: &ExampleCandidate, measured: &Measured) -> f64 {
    let &Measured { circuit, flipped, flipped_full, .. } = measured;
    let group = if !candidate.handwritten { return 2.0 } else { f64::from(flipped_full >= 0.5) };
    group - circuit.min(1.0 - flipped)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(answer: usize, handwritten: bool) -> ExampleCandidate {
        ExampleCandidate { pair: [vec![0], vec![1]], answer, handwritten }
    }

    const GOOD: Measured = Measured { full: 0.99, circuit: 0.9, removed: 0.5, flipped: 0.1, flipped_full: 0.1 };

    /// Of candidates with the first answer.
    fn shown(measured: &[(bool, Measured)]) -> Vec<usize> {
        let candidates: Vec<ExampleCandidate> =
            measured.iter().map(|(handwritten, _)| candidate(0, *handwritten)).collect();
        Examples::of(&candidates, &measured.iter().map(|(_, measured)| *measured).collect::<Vec<_>>()).shown
    }

    #[test]
    fn each_condition_excludes_a_prompt() {
        for bad in
            [Measured { full: 0.79, ..GOOD }, Measured { circuit: 0.5, ..GOOD }, Measured { flipped: 0.5, ..GOOD }]
        {
            assert_eq!(shown(&[(true, bad), (true, GOOD)]), [1], "{bad:?}");
        }
        // dropped where there are too few prompts
        let stays = Measured { removed: 0.65, ..GOOD };
        assert_eq!(shown(&[(true, stays), (false, GOOD), (false, GOOD)]), [1, 2, 0]);
        assert_eq!(shown(&[(true, stays), (false, GOOD), (false, GOOD), (false, GOOD)]), [1, 2, 3]);
    }

    #[test]
    fn prompts_written_by_hand_come_first_and_the_most_certain_of_them() {
        let surer = Measured { circuit: 0.95, flipped: 0.05, ..GOOD };
        let only_alone = Measured { flipped_full: 0.6, ..surer };
        assert_eq!(shown(&[(false, surer), (true, only_alone), (true, GOOD), (true, surer)]), [3, 2, 1]);
    }

    #[test]
    fn the_answers_alternate_and_a_failure_is_named() {
        let wrong = |circuit| Measured { circuit, ..GOOD };
        let all = [
            (candidate(1, true), GOOD),
            (candidate(0, false), GOOD),
            (candidate(0, false), GOOD),
            (candidate(1, true), wrong(0.3)),
            (candidate(0, true), wrong(0.2)),
            (candidate(0, false), wrong(0.1)),
            (candidate(0, true), Measured { full: 0.7, ..wrong(0.1) }),
        ];
        let (candidates, measured): (Vec<_>, Vec<_>) = all.into_iter().unzip();
        assert_eq!(Examples::of(&candidates, &measured), Examples { shown: vec![1, 0, 2], fails: Some(4) });
    }
}
