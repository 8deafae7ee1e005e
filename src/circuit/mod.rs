//! Circuits: the nodes kept for a task, their edges, edits, evaluation and pruning.

mod edits;

pub use edits::{Edits, Mode};
