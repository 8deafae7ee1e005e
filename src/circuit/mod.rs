//! Circuits: the nodes kept for a task, their edges, edits, evaluation and pruning.

mod definition;
mod edits;

pub use definition::{Calibration, Circuit, Scores};
pub use edits::{Edits, Mode};
