//! Circuits: the nodes kept for a task, their edges, edits, evaluation and pruning.

mod apply;
mod calibrate;
pub mod control;
mod definition;
pub mod describe;
mod detail;
mod edits;
pub mod evaluate;
pub mod flip;
pub mod graph;
pub mod inspect;
mod masks;
mod means;
mod predict;
mod prompts;
pub mod prune;
mod reduce;
mod run;
mod workers;

pub use apply::{Applied, Means, Plan, Source, align};
pub use calibrate::{SCALE_CAP, accuracy, calibrate};
pub use definition::{Calibration, Circuit, Scores};
pub use detail::{ChannelAttention, NodeDetail, Term};
pub use edits::{Edits, Mode};
pub use masks::NodeSpace;
pub use means::MeanSums;
pub use predict::{Prediction, TOP, predict};
pub use prompts::{Chunk, Prompts};
pub use prune::EdgeList;
pub use run::{Outcome, Request, Values, run};
pub use workers::{TaskModel, Worker, Workers};
#[cfg(not(target_arch = "wasm32"))]
pub use workers::{Threads, block_on};
