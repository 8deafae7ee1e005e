//! What a circuit's nodes do: its graph, a node's values and contributions on a prompt, labels.

mod alignment;
mod describe;
mod detail;
mod flip_control;
pub mod graph;
mod info;
mod recorded;
mod references;
mod view;

pub use alignment::inactive_nodes;
pub use describe::{DESCRIBED_PAIRS, describe};
pub use detail::{ChannelAttention, Mixed, NodeDetail, Term, TermSource, ValueNote};
pub use flip_control::{FlipControl, FlipControlRequest, flip_control};
pub use info::{CircuitInfo, FlipRate, HandwrittenAccuracy, ModelInfo, NodeInfo, circuit_info, model_info};
pub use references::{Reference, References};
pub use view::{Head, Subject, TopToken, View, ViewRequest, view};
