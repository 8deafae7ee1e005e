//! How well a circuit does a task, alone (sufficiency), and how well the model does without it (necessity).

use super::calibrate::{accuracy, loss};
use super::evaluators::EvaluatorPool;
use super::flip::reversed_share;
use super::prompts::Prompts;
use crate::Result;
use crate::circuit::definition::{Calibration, NodeSet};
use crate::random::Rng;
use serde::{Deserialize, Serialize};

/// Loss in nats (cross entropy of the softmax over the two candidates) and share of right answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LossAndAccuracy {
    pub loss: f64,
    pub accuracy: f64,
}

/// The full model, the circuit alone with its calibration, the model without the circuit with its raw logits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Modes {
    pub full: LossAndAccuracy,
    pub circuit: LossAndAccuracy,
    pub removed: LossAndAccuracy,
}

/// Share of prompts (both of each pair) whose likelier candidate changes by a flip.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlipRates {
    pub circuit: f64,
    pub full: f64,
}

async fn measured<P: EvaluatorPool>(
    pool: &mut P,
    prompts: &Prompts,
    active: &NodeSet,
    calibration: &Calibration,
) -> Result<LossAndAccuracy> {
    let d = pool.logit_diffs(prompts, active).await?;
    Ok(LossAndAccuracy {
        loss: loss(calibration, &d, &prompts.first),
        accuracy: accuracy(calibration, &d, &prompts.first),
    })
}

/// Loss and accuracy of the full model, by its raw logits.
///
/// # Errors
/// When the device fails.
pub async fn full<P: EvaluatorPool>(pool: &mut P, prompts: &Prompts) -> Result<LossAndAccuracy> {
    let all = NodeSet::full(pool.task().space.len());
    measured(pool, prompts, &all, &Calibration::default()).await
}

/// Loss and accuracy in the three modes, for the circuit of the nodes in `circuit`.
///
/// # Errors
/// When the device fails.
pub async fn modes<P: EvaluatorPool>(
    pool: &mut P,
    prompts: &Prompts,
    circuit: &NodeSet,
    calibration: &Calibration,
) -> Result<Modes> {
    let raw = Calibration::default();
    Ok(Modes {
        full: full(pool, prompts).await?,
        circuit: measured(pool, prompts, circuit, calibration).await?,
        removed: measured(pool, prompts, &circuit.complement(), &raw).await?,
    })
}

/// How often the nodes of `flip` reverse the answer: with the circuit alone (calibrated) and in the full model (raw logits).
///
/// # Errors
/// When the device fails.
pub async fn flip_rates<P: EvaluatorPool>(
    pool: &mut P,
    pairs: &Prompts,
    circuit: &NodeSet,
    flip: &NodeSet,
    calibration: &Calibration,
) -> Result<FlipRates> {
    let mut rates = FlipRates::default();
    let full = NodeSet::full(circuit.places());
    for (active, calibration, rate) in
        [(circuit, *calibration, &mut rates.circuit), (&full, Calibration::default(), &mut rates.full)]
    {
        let before = pool.logit_diffs(pairs, active).await?;
        let after = pool.flipped(pairs, active, flip).await?;
        *rate = reversed_share(&calibration, &before, &after);
    }
    Ok(rates)
}

/// Tests whether the circuit needs all other nodes at their means. Each of `draws` runs sets every
/// node outside the circuit to its mean with probability 0.5. Returns the mean loss and accuracy of
/// raw logits.
///
/// # Errors
/// When the device fails.
pub async fn half_outside<P: EvaluatorPool>(
    pool: &mut P,
    prompts: &Prompts,
    circuit: &NodeSet,
    draws: usize,
    seed: u64,
) -> Result<LossAndAccuracy> {
    let mut random = Rng::new(seed);
    let mut mean = LossAndAccuracy::default();
    for _ in 0..draws {
        let active = with_outside(circuit, [1, 2], &mut random);
        let one = measured(pool, prompts, &active, &Calibration::default()).await?;
        mean.loss += one.loss / draws as f64;
        mean.accuracy += one.accuracy / draws as f64;
    }
    Ok(mean)
}

/// The circuit and a random part of the other nodes: each of them is held at its mean with the probability `held` / `of`.
pub(super) fn with_outside(circuit: &NodeSet, [held, of]: [usize; 2], random: &mut Rng) -> NodeSet {
    // Draws for every node, in the circuit or not, so that a seed gives the same background for every circuit.
    NodeSet::from_fn(circuit.places(), |node| if random.below(of) < held { circuit.contains(node) } else { true })
}
