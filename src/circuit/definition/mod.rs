//! What a circuit is: its nodes, the row of all nodes that masks are slices of, and the edges that its size is counted in.

mod circuit;
mod edges;
mod maps;
mod node_set;
mod node_space;

pub use circuit::{Calibration, Circuit, Scores};
pub use edges::EdgeList;
pub use maps::{Map, maps};
pub use node_set::NodeSet;
pub use node_space::NodeSpace;
