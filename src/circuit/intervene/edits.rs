//! Everything that a user can change about a run. The page, the URL and the command line share it.

use crate::circuit::definition::{Circuit, EdgeId};
use crate::model::Node;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Which part of the model runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The full model.
    #[default]
    Full,
    /// Every node outside the circuit at its mean; the circuit's logit calibration applies to the two candidates.
    Circuit,
    /// Every node of the circuit at its mean.
    Removed,
}

/// The changes of a run. The edits of a node apply in this order, each to the result of the one before: the mode's ablation, flip
/// and patch (values of prompt B), scale, set, off.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Edits {
    pub mode: Mode,
    /// Nodes set to their mean over the training text.
    pub off: BTreeSet<Node>,
    /// Nodes held at a value, at every token.
    #[cfg_attr(test, ts(type = "Record<NodeId, number>"))]
    pub set: BTreeMap<Node, f32>,
    /// Nodes multiplied by a factor.
    #[cfg_attr(test, ts(type = "Record<NodeId, number>"))]
    pub scale: BTreeMap<Node, f32>,
    /// Nodes that take their values from prompt B, token by token from the end.
    pub patch: BTreeSet<Node>,
    /// Whether the circuit's flip nodes take their values from prompt B.
    pub flip: bool,
    /// Edges that are switched off: their target reads the mean of their source, as the source is after the edits above.
    pub off_edges: BTreeSet<EdgeId>,
}

impl Edits {
    /// Circuit mode with the circuit's nodes off too: every node of the model is at its mean.
    pub fn all_at_means(circuit: &Circuit) -> Edits {
        Edits { mode: Mode::Circuit, off: circuit.nodes.clone(), ..Edits::default() }
    }
}
