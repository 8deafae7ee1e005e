//! Circuits: the nodes kept for a task, their edges, edits, evaluation and pruning.

mod apply;
mod definition;
mod detail;
mod edits;
pub mod graph;
pub mod inspect;
mod predict;
mod run;

pub use apply::{Applied, Means, Plan, Source, align};
pub use definition::{Calibration, Circuit, Scores};
pub use detail::{ChannelAttention, NodeDetail, Term};
pub use edits::{Edits, Mode};
pub use predict::{Prediction, TOP, predict};
pub use run::{Outcome, Request, Values, run};
