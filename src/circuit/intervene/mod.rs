//! Changing a run: the edits of a person, masks that hold nodes at their means, and the runs with both.

mod edge_ablation;
mod edits;
mod masks;
mod means;
mod pair_flip;
mod plan;
mod predict;
mod record;
mod run;

pub use edits::{Edits, Mode};
pub use masks::{DeviceMasks, LearningMasks};
pub use means::MeanAccumulator;
pub use pair_flip::{FlipHooks, FlipPlan};
pub use plan::{Applied, Means, Plan, Source, align};
pub use predict::{Prediction, TOP, predict};
pub use record::record;
pub use run::{Request, RunTensors, Values, run};
