//! Circuits: the nodes kept for a task, their edges, edits, evaluation and pruning.
//!
//! Each module uses only the ones before it: `definition`, `intervene`, [`evaluate`], [`prune`] and [`explain`].

mod definition;
pub mod evaluate;
pub mod explain;
mod intervene;
pub mod prune;
mod untrained_baseline;

pub use definition::{
    Behaviour, Calibration, Circuit, EdgeId, EdgeList, Label, Level, Moment, Nested, NodeContrast, NodeSet, NodeSpace,
    Scores, Target,
};
pub use evaluate::{Chunk, Evaluator, EvaluatorPool, Prompts, SCALE_CAP, TaskModel, accuracy, calibrate};
#[cfg(not(target_arch = "wasm32"))]
pub use evaluate::{CpuPool, block_on};
pub use explain::{ChannelAttention, NodeDetail, Term};
pub use intervene::{
    Applied, Edits, LearningMasks, MeanAccumulator, Means, Mode, Plan, Prediction, Request, RunTensors, Source, TOP,
    Values, align, predict, record, run,
};
pub use untrained_baseline::untrained_baseline;
