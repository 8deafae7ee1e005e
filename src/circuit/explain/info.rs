//! What the page shows of a model and of a circuit before the first run.

use super::graph::{Edge, ResidualLane, edges, lanes};
use super::recorded::head_of;
use crate::circuit::definition::{Circuit, Label};
use crate::circuit::intervene::Means;
use crate::model::{Hook, Node, Weights};
use crate::{Result, bail};
use serde::Serialize;
use std::collections::BTreeSet;

/// Sizes of a model.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct ModelInfo {
    pub layers: usize,
    /// Channels of the residual stream.
    pub width: usize,
    /// Nonzero weights, without the bigram table.
    pub nonzeros: usize,
    pub context_length: usize,
    pub vocab_size: usize,
    /// Channels at `attn.q`, `.k` and `.v`: heads times head width.
    pub attn_width: usize,
    /// Channels of one head.
    pub head_width: usize,
    /// Channels at `mlp.post_act`.
    pub mlp_width: usize,
}

/// A node of a circuit.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct NodeInfo {
    pub node: Node,
    pub layer: usize,
    #[cfg_attr(test, ts(type = "SiteName"))]
    pub site: &'static str,
    pub index: usize,
    /// Of a q, k or v node.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub head: Option<usize>,
    /// Within its head.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub channel: Option<usize>,
    /// What the circuit file says about the node.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub label: Option<Label>,
    pub mean: f32,
}

/// A circuit as the page draws it. Measured numbers are `null` in a circuit that has not been evaluated.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct CircuitInfo {
    /// In the order of the forward pass.
    pub nodes: Vec<NodeInfo>,
    pub edges: Vec<Edge>,
    pub lanes: Vec<ResidualLane>,
    pub flip_nodes: BTreeSet<Node>,
    pub flip_rate: FlipRate,
    /// Logit calibration: `p = sigmoid(scale * (l0 - l1) / std + shift)`, where `l0` and `l1` are the raw logits of the two candidates.
    pub scale: f32,
    pub shift: f32,
    /// Standard deviation of the logit difference over the pairs that the calibration was fitted to.
    pub std: f32,
    /// On test pairs, as are the four below.
    pub loss: Option<f64>,
    pub accuracy: Option<f64>,
    pub unpruned_loss: Option<f64>,
    pub unpruned_accuracy: Option<f64>,
    pub removed_accuracy: Option<f64>,
    pub handwritten: Option<HandwrittenAccuracy>,
}

/// Share of right answers on a task's hand-written prompts, 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct HandwrittenAccuracy {
    pub full: f64,
    pub circuit: f64,
}

/// Share of test pairs whose answer a flip reverses, 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct FlipRate {
    pub circuit: Option<f64>,
    pub full: Option<f64>,
}

pub fn model_info(weights: &Weights) -> ModelInfo {
    let config = &weights.config;
    ModelInfo {
        layers: config.n_layer,
        width: config.d_model,
        nonzeros: weights.nonzeros().matrices,
        context_length: config.block_size,
        vocab_size: config.vocab_size,
        attn_width: config.d_attn(),
        head_width: config.d_head,
        mlp_width: config.d_mlp,
    }
}

/// # Errors
/// A circuit that does not fit the model; a node without a mean.
pub fn circuit_info(weights: &Weights, means: &Means, circuit: &Circuit) -> Result<CircuitInfo> {
    circuit.check(&weights.config)?;
    let mut nodes = Vec::new();
    for &node in &circuit.nodes {
        let Hook::At { layer, site } = node.hook else { continue };
        let Some(mean) = means.get(&node.hook).and_then(|mean| mean.get(node.index)) else {
            bail!("the model's file lacks the mean of node {node}; measure it with `sparse-circuits means`");
        };
        let (head, channel) = head_of(&weights.config, node).map(|(_, head, channel)| (head, channel)).unzip();
        let label = circuit.labels.get(&node).cloned();
        nodes.push(NodeInfo { node, layer, site: site.name(), index: node.index, head, channel, label, mean: *mean });
    }
    let scores = circuit.scores;
    Ok(CircuitInfo {
        nodes,
        edges: edges(weights, &circuit.nodes),
        lanes: lanes(weights, &circuit.nodes, circuit.candidate_ids),
        flip_nodes: circuit.flip_nodes.clone(),
        flip_rate: FlipRate { circuit: scores.map(|s| s.flip_rate_circuit), full: scores.map(|s| s.flip_rate_full) },
        scale: circuit.calibration.scale,
        shift: circuit.calibration.shift,
        std: circuit.calibration.std,
        loss: scores.map(|s| s.loss),
        accuracy: scores.map(|s| s.accuracy),
        unpruned_loss: scores.map(|s| s.unpruned_loss),
        unpruned_accuracy: scores.map(|s| s.unpruned_accuracy),
        removed_accuracy: scores.map(|s| s.removed_accuracy),
        handwritten: scores.and_then(|s| {
            Some(HandwrittenAccuracy { full: s.handwritten_unpruned_accuracy?, circuit: s.handwritten_accuracy? })
        }),
    })
}
