//! What a circuit's nodes do: its graph, a node's values and contributions on a prompt, plain names.

pub mod describe;
mod detail;
pub mod graph;
pub mod inspect;

pub use detail::{ChannelAttention, NodeDetail, Term};
