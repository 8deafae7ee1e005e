//! Flipping a circuit's answer: some nodes take their values from the pair's other prompt, token by token from the end, and the
//! likelier candidate should change. Which nodes: the smallest set that does it, chosen on train pairs.

use super::calibrate::argument;
use super::evaluators::Workers;
use super::prompts::Prompts;
use crate::Result;
use crate::circuit::definition::Calibration;

/// The share of train prompts that a set of flip nodes must reverse.
pub const WANTED_SHARE: f64 = 0.95;

/// How often a flip changes which candidate is the likelier one, over both prompts of each pair. `before` and `after` are logit
/// differences without and with the flip.
pub fn reversed_share(calibration: &Calibration, before: &[f32], after: &[f32]) -> f64 {
    let likelier = |difference| argument(calibration, difference) > 0.0;
    let reversed = before.iter().zip(after).filter(|&(&b, &a)| likelier(b) != likelier(a)).count();
    reversed as f64 / before.len() as f64
}

/// A set of flip nodes (indices into the node space, ascending) and the share of prompts that it reverses.
#[derive(Clone, Debug, PartialEq)]
pub struct FlipNodes {
    pub nodes: Vec<usize>,
    pub share: f64,
}

/// Nodes that the glance passes on to all prompts.
const FINALISTS: usize = 6;
/// Shares this near to each other count as equal.
const NEAR: f64 = 0.01;

/// The rule: starting from none, add the circuit's node that raises the reversed share most, until [`WANTED_SHARE`] is reached or no
/// node raises it by as much as 0.01; among nodes that raise it nearly alike, the one with which the flip reverses most prompts in the
/// whole model too, then the one that raises the mean turn of the logits most. Then leave out, one at a time, every node without
/// which the share still nearly holds, in the circuit and in the whole model. Shares are those of `prompts` (train pairs), in circuit mode where nothing else is said. `circuit` lists
/// the candidates; `glance` (a few of the pairs) decides which [`FINALISTS`] of them are tried on all `prompts` for each addition.
///
/// # Errors
/// When the device fails.
pub async fn choose<W: Workers>(
    workers: &mut W,
    prompts: &Prompts,
    glance: &Prompts,
    mask: &[f32],
    circuit: &[usize],
    calibration: &Calibration,
) -> Result<FlipNodes> {
    let all = Trial { prompts, before: workers.differences(prompts, mask).await?, mask, calibration };
    let few = Trial { prompts: glance, before: workers.differences(glance, mask).await?, mask, calibration };
    let mut chosen: Vec<usize> = Vec::new();
    let mut reached = Effect { share: 0.0, turn: 0.0 };
    let ones = vec![1.0; mask.len()];
    let whole = Trial { prompts, before: workers.differences(prompts, &ones).await?, mask: &ones, calibration };
    while reached.share < WANTED_SHARE {
        let others: Vec<usize> = circuit.iter().copied().filter(|node| !chosen.contains(node)).collect();
        let finalists = few.ranked(workers, &chosen, &others).await?;
        let finalists: Vec<usize> = finalists.iter().take(FINALISTS).map(|(_, node)| *node).collect();
        let ranked = all.ranked(workers, &chosen, &finalists).await?;
        let Some(&(best, _)) = ranked.first() else { break };
        // a node may prepare the ground for the next one: its turn counts while the share stands still
        let prepares = best.share == reached.share && best.turn > reached.turn + 1e-3;
        if best.share < reached.share + NEAR && !prepares {
            break;
        }
        let near: Vec<_> = ranked.into_iter().filter(|(effect, _)| effect.share >= best.share - NEAR).collect();
        let mut most: Option<(f64, Effect, usize)> = None;
        for (effect, node) in near {
            let share = whole.effect(workers, &[chosen.as_slice(), &[node]].concat()).await?.share;
            if most.is_none_or(|(so_far, ..)| share > so_far + NEAR) {
                most = Some((share, effect, node));
            }
        }
        let Some((_, effect, node)) = most else { break };
        chosen.push(node);
        reached = effect;
    }
    // what an earlier choice did alone, later ones may do together; what only the whole model needs stays
    let wanted = reached.share.min(WANTED_SHARE) - NEAR;
    let mut in_whole = whole.effect(workers, &chosen).await?.share;
    for node in chosen.clone() {
        let without: Vec<usize> = chosen.iter().copied().filter(|n| *n != node).collect();
        if without.is_empty() {
            break;
        }
        let effect = all.effect(workers, &without).await?;
        if effect.share < wanted {
            continue;
        }
        let share = whole.effect(workers, &without).await?.share;
        if share >= in_whole - NEAR {
            (chosen, reached, in_whole) = (without, effect, in_whole.max(share));
        }
    }
    chosen.sort_unstable();
    Ok(FlipNodes { nodes: chosen, share: reached.share })
}

/// What a flip does to some prompts.
#[derive(Clone, Copy)]
struct Effect {
    share: f64,
    turn: f64,
}

/// Prompts on which flips are tried.
struct Trial<'a> {
    prompts: &'a Prompts,
    /// Logit differences without a flip.
    before: Vec<f32>,
    mask: &'a [f32],
    calibration: &'a Calibration,
}

impl Trial<'_> {
    async fn effect<W: Workers>(&self, workers: &mut W, flip: &[usize]) -> Result<Effect> {
        let after = workers.flipped(self.prompts, self.mask, flip).await?;
        Ok(Effect {
            share: reversed_share(self.calibration, &self.before, &after),
            turn: turn(self.calibration, &self.before, &after),
        })
    }

    /// The effects of `chosen` with one more node, the greatest first.
    async fn ranked<W: Workers>(
        &self,
        workers: &mut W,
        chosen: &[usize],
        more: &[usize],
    ) -> Result<Vec<(Effect, usize)>> {
        let mut ranked = Vec::new();
        for &node in more {
            let set = [chosen, &[node]].concat();
            ranked.push((self.effect(workers, &set).await?, node));
        }
        ranked.sort_by(|(a, m), (b, n)| b.share.total_cmp(&a.share).then(b.turn.total_cmp(&a.turn)).then(m.cmp(n)));
        Ok(ranked)
    }
}

/// Mean change of the calibrated logit towards the other candidate, each change limited to the way from a sure answer to the
/// other, so that no single prompt decides.
fn turn(calibration: &Calibration, before: &[f32], after: &[f32]) -> f64 {
    let sum: f64 = before
        .iter()
        .zip(after)
        .map(|(&before, &after)| {
            let (before, after) = (argument(calibration, before), argument(calibration, after));
            ((before - after) * before.signum()).clamp(-6.0, 6.0)
        })
        .sum();
    sum / before.len() as f64
}
