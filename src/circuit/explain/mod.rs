//! What a circuit's nodes do: its graph, a node's values and contributions on a prompt, labels.

mod alignment;
mod describe;
mod detail;
pub mod graph;
mod info;
mod recorded;
mod view;

pub use alignment::inactive_nodes;
pub use describe::{DESCRIBED_PAIRS, describe};
pub use detail::{ChannelAttention, NodeDetail, Term, TermSource, ValueNote};
pub use info::{CircuitInfo, FlipRate, ModelInfo, NodeInfo, circuit_info, model_info};
pub use view::{Head, Subject, TopToken, View, ViewRequest, view};
