//! Running a task's prompts through a circuit: batches of prompts, evaluators that run them, the calibration of the logits, the
//! scores, the choice of the nodes that a flip takes from prompt B, and the choice of example prompts.

mod calibrate;
mod controls;
#[cfg(not(target_arch = "wasm32"))]
mod cpu_pool;
mod evaluators;
mod examples;
pub mod flip;
mod fold_constants;
mod prompts;
mod report;
mod scores;

pub use calibrate::{SCALE_CAP, accuracy, argument, calibrate, loss};
pub use controls::{Controls, MeanAndWorst, RandomSubsets, Readings, SUBSETS};
#[cfg(not(target_arch = "wasm32"))]
pub use cpu_pool::{CpuPool, block_on};
pub use evaluators::{ChunkGradient, Evaluator, EvaluatorPool, TaskModel};
pub use examples::{EXAMPLES_PER_ANSWER, EXAMPLES_RULE, ExampleCandidate, Examples};
pub use prompts::{Chunk, Prompts};
pub use report::CircuitReport;
pub use scores::{FlipRates, LossAndAccuracy, Modes, flip_rates, full, half_outside, modes};
