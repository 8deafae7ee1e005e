//! What a circuit is: its nodes, sets of nodes in the order of a model's node space, and the edges that measure its size.

mod circuit;
mod edge;
mod edges;
mod label;
mod maps;
mod node_set;
mod node_space;
mod target;

pub use circuit::{Calibration, Circuit, Nested, Scores, probabilities};
pub use edge::EdgeId;
pub use edges::EdgeList;
pub use label::{Behaviour, Label, Level, Moment, NodeContrast};
pub use maps::{Map, maps};
pub use node_set::NodeSet;
pub use node_space::NodeSpace;
pub use target::Target;
