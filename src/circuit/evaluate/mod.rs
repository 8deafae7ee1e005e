//! Running a task's prompts through a circuit: batches of prompts, backends that run them, the calibration of what they give,
//! the scores, and the choice of the nodes that a flip takes from prompt B.

mod calibrate;
mod evaluators;
pub mod flip;
mod fold_constants;
mod prompts;
mod random;
mod scores;

pub use calibrate::{SCALE_CAP, accuracy, argument, calibrate, loss};
pub use evaluators::{ChunkGradient, TaskModel, Worker, Workers};
#[cfg(not(target_arch = "wasm32"))]
pub use evaluators::{Threads, block_on};
pub use prompts::{Chunk, Prompts};
pub(crate) use random::Random;
pub use scores::{FlipRates, LossAndAccuracy, Modes, flip_rates, half_outside, modes, scores};
