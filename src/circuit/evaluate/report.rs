//! The measurements of a circuit.

use super::evaluators::EvaluatorPool;
use super::prompts::Prompts;
use super::scores::{FlipRates, LossAndAccuracy, Modes, flip_rates, half_outside, modes};
use crate::Result;
use crate::circuit::definition::{Circuit, Scores};

/// The number of random draws of [`half_outside`], and their seed.
const DRAWS: usize = 3;
const SEED: u64 = 1;
/// Above this accuracy without the circuit, other nodes do the same work.
const REDUNDANT_ACCURACY: f64 = 0.65;

/// The measurements of a circuit on pairs and on hand-written prompts.
#[derive(Clone, Debug, PartialEq)]
pub struct CircuitReport {
    pub nodes: usize,
    pub edges: usize,
    /// Number of pairs.
    pub pairs: usize,
    pub on_pairs: Modes,
    /// Number of hand-written prompts.
    pub handwritten: usize,
    pub on_handwritten: Modes,
    pub flips: FlipRates,
    /// The circuit with a random half of the other nodes held at their means.
    pub half_outside: LossAndAccuracy,
}

impl CircuitReport {
    /// Measures a circuit on pairs and on hand-written prompts. The pool has the circuit's model and task.
    ///
    /// # Errors
    /// When the circuit is of another model, or the device fails.
    pub async fn measure<P: EvaluatorPool>(
        pool: &mut P,
        circuit: &Circuit,
        pairs: &[[Vec<u32>; 2]],
        handwritten: &Prompts,
    ) -> Result<CircuitReport> {
        let task = pool.task().clone();
        let nodes = task.space.set(&circuit.nodes)?;
        let flip = task.space.set(&circuit.flip_nodes)?;
        let prompts = Prompts::new(pairs, task.context());
        let calibration = &circuit.calibration;
        Ok(CircuitReport {
            nodes: nodes.len(),
            edges: task.edges().count(&nodes),
            pairs: pairs.len(),
            on_pairs: modes(pool, &prompts, &nodes, calibration).await?,
            handwritten: handwritten.first.len(),
            on_handwritten: modes(pool, handwritten, &nodes, calibration).await?,
            flips: flip_rates(pool, &prompts, &nodes, &flip, calibration).await?,
            half_outside: half_outside(pool, &prompts, &nodes, DRAWS, SEED).await?,
        })
    }

    /// The numbers that a circuit file keeps.
    pub fn scores(&self) -> Scores {
        Scores {
            loss: self.on_pairs.circuit.loss,
            accuracy: self.on_pairs.circuit.accuracy,
            unpruned_loss: self.on_pairs.full.loss,
            unpruned_accuracy: self.on_pairs.full.accuracy,
            removed_loss: self.on_pairs.removed.loss,
            removed_accuracy: self.on_pairs.removed.accuracy,
            flip_rate_circuit: self.flips.circuit,
            flip_rate_full: self.flips.full,
            handwritten_accuracy: Some(self.on_handwritten.circuit.accuracy),
            handwritten_unpruned_accuracy: Some(self.on_handwritten.full.accuracy),
        }
    }

    /// Whether the model still does the task without the circuit: the circuit is sufficient but not necessary.
    pub fn is_redundant(&self) -> bool {
        self.on_pairs.removed.accuracy > REDUNDANT_ACCURACY
    }
}
