//! How well a circuit does a task, alone (sufficiency), and how well the model does without it (necessity).

use super::calibrate::{accuracy, loss};
use super::evaluators::Workers;
use super::flip::reversed_share;
use super::prompts::Prompts;
use super::random::Random;
use crate::Result;
use crate::circuit::definition::{Calibration, Scores};
use serde::{Deserialize, Serialize};

/// Loss in nats (cross entropy of the softmax over the two candidates) and share of right answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LossAndAccuracy {
    pub loss: f64,
    pub accuracy: f64,
}

/// The whole model, the circuit alone with its calibration, the model without the circuit with its raw logits.
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

async fn measured<W: Workers>(
    workers: &mut W,
    prompts: &Prompts,
    mask: &[f32],
    calibration: &Calibration,
) -> Result<LossAndAccuracy> {
    let d = workers.differences(prompts, mask).await?;
    Ok(LossAndAccuracy {
        loss: loss(calibration, &d, &prompts.first),
        accuracy: accuracy(calibration, &d, &prompts.first),
    })
}

/// Loss and accuracy in the three modes. `mask` is 1 at the circuit's nodes and 0 elsewhere.
///
/// # Errors
/// When the device fails.
pub async fn modes<W: Workers>(
    workers: &mut W,
    prompts: &Prompts,
    mask: &[f32],
    calibration: &Calibration,
) -> Result<Modes> {
    let raw = Calibration::default();
    let removed: Vec<f32> = mask.iter().map(|m| 1.0 - m).collect();
    Ok(Modes {
        full: measured(workers, prompts, &vec![1.0; mask.len()], &raw).await?,
        circuit: measured(workers, prompts, mask, calibration).await?,
        removed: measured(workers, prompts, &removed, &raw).await?,
    })
}

/// How often the flip nodes reverse the answer: with the circuit alone (calibrated) and in the whole model (raw logits).
///
/// # Errors
/// When the device fails.
pub async fn flip_rates<W: Workers>(
    workers: &mut W,
    pairs: &Prompts,
    mask: &[f32],
    flip: &[usize],
    calibration: &Calibration,
) -> Result<FlipRates> {
    let mut rates = FlipRates::default();
    let whole = vec![1.0; mask.len()];
    for (mask, calibration, rate) in
        [(mask, *calibration, &mut rates.circuit), (&whole, Calibration::default(), &mut rates.full)]
    {
        let before = workers.differences(pairs, mask).await?;
        let after = workers.flipped(pairs, mask, flip).await?;
        *rate = reversed_share(&calibration, &before, &after);
    }
    Ok(rates)
}

/// The circuit must not lean on one particular background: the mean over `draws` runs in which each node outside it is held at
/// its mean with a chance of one half. Raw logits.
///
/// # Errors
/// When the device fails.
pub async fn half_outside<W: Workers>(
    workers: &mut W,
    prompts: &Prompts,
    mask: &[f32],
    draws: usize,
    seed: u64,
) -> Result<LossAndAccuracy> {
    let mut random = Random::new(seed);
    let mut mean = LossAndAccuracy::default();
    for _ in 0..draws {
        let some: Vec<f32> = mask.iter().map(|&m| if random.below(2) == 0 { m } else { 1.0 }).collect();
        let one = measured(workers, prompts, &some, &Calibration::default()).await?;
        mean.loss += one.loss / draws as f64;
        mean.accuracy += one.accuracy / draws as f64;
    }
    Ok(mean)
}

/// The numbers that a circuit file keeps.
pub fn scores(modes: &Modes, flips: &FlipRates) -> Scores {
    Scores {
        loss: modes.circuit.loss,
        accuracy: modes.circuit.accuracy,
        unpruned_loss: modes.full.loss,
        unpruned_accuracy: modes.full.accuracy,
        removed_loss: modes.removed.loss,
        removed_accuracy: modes.removed.accuracy,
        flip_rate_circuit: flips.circuit,
        flip_rate_full: flips.full,
    }
}
