//! Which nodes flip a circuit's answer. In a flip some nodes take their values from the pair's other prompt, token by token from
//! the end, and the more likely candidate should change.

use super::calibrate::argument;
use super::evaluators::EvaluatorPool;
use super::prompts::Prompts;
use crate::Result;
use crate::circuit::definition::{Calibration, NodeSet};

/// The share of train prompts that a set of flip nodes must reverse.
pub const WANTED_SHARE: f64 = 0.95;
/// Train pairs on which the nodes are chosen.
const PAIRS: usize = 256;
/// Train pairs of the coarse check.
const COARSE_PAIRS: usize = 32;
/// Nodes that pass the coarse check and are tried on all prompts.
const FINALISTS: usize = 6;
/// Shares that differ by less than this count as equal.
const NEAR: f64 = 0.01;
/// The least gain of the mean logit shift for which a node is added that does not raise the share.
const MIN_SHIFT_GAIN: f64 = 1e-3;
/// The largest change of a logit that the mean logit shift counts: from one sure answer to the other.
const MAX_SHIFT: f64 = 6.0;

/// How often a flip changes which candidate is the more likely one, over both prompts of each pair. `before` and `after` are the
/// logit differences without and with the flip.
pub fn reversed_share(calibration: &Calibration, before: &[f32], after: &[f32]) -> f64 {
    let likelier = |logit_diff| argument(calibration, logit_diff) > 0.0;
    let reversed = before.iter().zip(after).filter(|&(&b, &a)| likelier(b) != likelier(a)).count();
    reversed as f64 / before.len() as f64
}

/// A set of flip nodes and the share of prompts that it reverses.
#[derive(Clone, Debug, PartialEq)]
pub struct FlipNodes {
    pub nodes: NodeSet,
    pub share: f64,
}

/// Chooses the flip nodes of a circuit on the first 256 of `pairs`, the train pairs. The rule is our own.
///
/// First nodes are added, starting from none. Each time it is the circuit's node that raises the reversed share most, until
/// [`WANTED_SHARE`] is reached or no node raises it by 0.01. Among nodes that are equal within 0.01 it is the one with which the flip
/// reverses most prompts in the full model, then the one with the largest mean logit shift. A coarse check on 32 pairs decides which
/// nodes are tried on all 256.
///
/// Then nodes are left out, one at a time, where the share holds within 0.01 without them, in the circuit and in the full model.
///
/// # Errors
/// When the device fails.
pub async fn choose<P: EvaluatorPool>(
    pool: &mut P,
    pairs: &[[Vec<u32>; 2]],
    circuit: &NodeSet,
    calibration: &Calibration,
) -> Result<FlipNodes> {
    let context = pool.task().context();
    let [prompts, coarse] = [PAIRS, COARSE_PAIRS].map(|count| Prompts::new(&pairs[..pairs.len().min(count)], context));
    let full = NodeSet::full(circuit.places());
    let all = Trial::new(pool, &prompts, circuit, calibration).await?;
    let few = Trial::new(pool, &coarse, circuit, calibration).await?;
    let in_full = Trial::new(pool, &prompts, &full, calibration).await?;

    // in the order in which they are chosen
    let mut chosen: Vec<usize> = Vec::new();
    let mut flip = NodeSet::empty(circuit.places());
    let mut reached = Effect { share: 0.0, mean_logit_shift: 0.0 };
    while reached.share < WANTED_SHARE {
        let others: Vec<usize> = circuit.iter().filter(|&node| !flip.contains(node)).collect();
        let finalists = few.ranked(pool, &flip, &others).await?;
        let finalists: Vec<usize> = finalists.iter().take(FINALISTS).map(|(_, node)| *node).collect();
        let ranked = all.ranked(pool, &flip, &finalists).await?;
        let Some(&(best, _)) = ranked.first() else { break };
        // a node may prepare the ground for the next one: its logit shift counts while the share does not change
        let prepares = best.share == reached.share && best.mean_logit_shift > reached.mean_logit_shift + MIN_SHIFT_GAIN;
        if best.share < reached.share + NEAR && !prepares {
            break;
        }
        let mut most: Option<(f64, Effect, usize)> = None;
        for (effect, node) in ranked.into_iter().filter(|(effect, _)| effect.share >= best.share - NEAR) {
            let share = in_full.effect(pool, &flip.with(node)).await?.share;
            if most.is_none_or(|(so_far, ..)| share > so_far + NEAR) {
                most = Some((share, effect, node));
            }
        }
        let Some((_, effect, node)) = most else { break };
        chosen.push(node);
        flip.insert(node);
        reached = effect;
    }
    // later choices together may do what an earlier one did alone; what only the full model needs stays
    let wanted = reached.share.min(WANTED_SHARE) - NEAR;
    let mut share_in_full = in_full.effect(pool, &flip).await?.share;
    for node in chosen {
        let without = flip.without(node);
        if without.is_empty() {
            break;
        }
        let effect = all.effect(pool, &without).await?;
        if effect.share < wanted {
            continue;
        }
        let share = in_full.effect(pool, &without).await?.share;
        if share >= share_in_full - NEAR {
            (flip, reached, share_in_full) = (without, effect, share_in_full.max(share));
        }
    }
    Ok(FlipNodes { nodes: flip, share: reached.share })
}

/// What a flip does to some prompts.
#[derive(Clone, Copy)]
struct Effect {
    share: f64,
    mean_logit_shift: f64,
}

/// Prompts on which flips are tried, and the nodes that run.
struct Trial<'a> {
    prompts: &'a Prompts,
    active: &'a NodeSet,
    calibration: &'a Calibration,
    /// Logit differences without a flip.
    before: Vec<f32>,
}

impl<'a> Trial<'a> {
    async fn new<P: EvaluatorPool>(
        pool: &mut P,
        prompts: &'a Prompts,
        active: &'a NodeSet,
        calibration: &'a Calibration,
    ) -> Result<Trial<'a>> {
        Ok(Trial { prompts, active, calibration, before: pool.logit_diffs(prompts, active).await? })
    }

    async fn effect<P: EvaluatorPool>(&self, pool: &mut P, flip: &NodeSet) -> Result<Effect> {
        let after = pool.flipped(self.prompts, self.active, flip).await?;
        Ok(Effect {
            share: reversed_share(self.calibration, &self.before, &after),
            mean_logit_shift: mean_logit_shift(self.calibration, &self.before, &after),
        })
    }

    /// The effects of `flip` with one more node, the greatest first.
    async fn ranked<P: EvaluatorPool>(
        &self,
        pool: &mut P,
        flip: &NodeSet,
        more: &[usize],
    ) -> Result<Vec<(Effect, usize)>> {
        let mut ranked = Vec::new();
        for &node in more {
            ranked.push((self.effect(pool, &flip.with(node)).await?, node));
        }
        ranked.sort_by(|(a, m), (b, n)| {
            let by_shift = b.mean_logit_shift.total_cmp(&a.mean_logit_shift);
            b.share.total_cmp(&a.share).then(by_shift).then(m.cmp(n))
        });
        Ok(ranked)
    }
}

/// Mean change of the calibrated logit towards the other candidate. Each change is limited to [`MAX_SHIFT`], so that no single
/// prompt decides.
fn mean_logit_shift(calibration: &Calibration, before: &[f32], after: &[f32]) -> f64 {
    let sum: f64 = before
        .iter()
        .zip(after)
        .map(|(&before, &after)| {
            let (before, after) = (argument(calibration, before), argument(calibration, after));
            ((before - after) * before.signum()).clamp(-MAX_SHIFT, MAX_SHIFT)
        })
        .sum();
    sum / before.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shift_counts_towards_the_other_candidate_and_is_limited() {
        let calibration = Calibration { scale: 2.0, shift: 0.5, std: 4.0 };
        let shift = |before: f32, after: f32| mean_logit_shift(&calibration, &[before], &[after]);
        // the calibrated logit is d / 2 + 0.5
        assert_eq!(shift(3.0, -5.0), 4.0, "2 to -2");
        assert_eq!(shift(-5.0, 3.0), 4.0, "-2 to 2");
        assert_eq!(shift(3.0, 5.0), -1.0, "2 to 3: surer than before");
        assert_eq!(shift(-5.0, -7.0), -1.0, "-2 to -3: surer than before");
        assert_eq!((shift(19.0, -21.0), shift(3.0, 99.0)), (MAX_SHIFT, -MAX_SHIFT));
        assert_eq!(mean_logit_shift(&calibration, &[3.0, -5.0, 3.0, 19.0], &[-5.0, 3.0, 5.0, -21.0]), 13.0 / 4.0);
    }

    #[test]
    fn an_answer_is_reversed_when_the_likelier_candidate_changes() {
        let calibration = Calibration { scale: 2.0, shift: 0.5, std: 4.0 };
        // the shift makes the first candidate the likelier one from -1 on
        let share = reversed_share(&calibration, &[3.0, -3.0, -0.5, -0.5], &[-3.0, -0.5, 0.5, -1.5]);
        assert_eq!(share, 0.75);
    }
}
