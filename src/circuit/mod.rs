//! Circuits: the nodes kept for a task, their edges, edits, evaluation and pruning.
//!
//! The rooms, each over the ones before it: `definition`, `intervene`, [`evaluate`], [`prune`] and [`explain`].

pub mod control;
mod definition;
pub mod evaluate;
pub mod explain;
mod intervene;
pub mod prune;

pub use definition::{Calibration, Circuit, EdgeList, NodeSpace, Scores};
pub use evaluate::{Chunk, Prompts, SCALE_CAP, TaskModel, Worker, Workers, accuracy, calibrate};
#[cfg(not(target_arch = "wasm32"))]
pub use evaluate::{Threads, block_on};
pub use explain::{ChannelAttention, NodeDetail, Term};
pub use intervene::{
    Applied, Edits, MeanSums, Means, Mode, Outcome, Plan, Prediction, Request, Source, TOP, Values, align, predict, run,
};
