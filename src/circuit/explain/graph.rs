//! The graph of a circuit: edges are nonzero weights between kept nodes, lanes the residual channels that they share (Gao et al. 2025, 2.2).

use crate::circuit::definition::maps;
use crate::model::{Hook, Node, Site, Weights};
use serde::Serialize;
use std::collections::BTreeSet;

/// A nonzero weight between two nodes of a circuit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Edge {
    pub from: Node,
    pub to: Node,
    pub weight: f32,
}

/// A residual channel that a circuit uses: who writes it and who reads it, each in the order of the forward pass.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct ResidualLane {
    pub channel: usize,
    pub writes: Vec<Node>,
    pub reads: Vec<Node>,
    /// The unembedding weights of the two candidates at this channel, multiplied by the gain of the final norm.
    pub to_logits: [f32; 2],
}

/// The edges between `nodes`, in the order of the forward pass.
pub fn edges(weights: &Weights, nodes: &BTreeSet<Node>) -> Vec<Edge> {
    let mut edges = Vec::new();
    for layer in 0..weights.config.n_layer {
        for map in maps(weights, layer) {
            let (from, to) = (Hook::at(layer, map.from), Hook::at(layer, map.to));
            for node in nodes.iter().filter(|node| node.hook == to) {
                for (index, weight) in map.row(node.index) {
                    let source = Node::new(from, index);
                    if nodes.contains(&source) {
                        edges.push(Edge { from: source, to: *node, weight });
                    }
                }
            }
        }
    }
    edges
}

/// The residual channels that `nodes` read or write, ascending. Channels of concatenated positions are not residual channels.
pub fn lanes(weights: &Weights, nodes: &BTreeSet<Node>, candidates: [u32; 2]) -> Vec<ResidualLane> {
    let mut lanes: Vec<ResidualLane> = Vec::new();
    for &node in nodes {
        let Hook::At { site, .. } = node.hook else { continue };
        let write = matches!(site, Site::AttnResidDelta | Site::MlpResidDelta);
        let read = matches!(site, Site::AttnActIn | Site::MlpActIn) && node.index < weights.config.d_model;
        if !write && !read {
            continue;
        }
        let at = lanes.binary_search_by_key(&node.index, |lane| lane.channel).unwrap_or_else(|at| {
            let to_logits = candidates.map(|token| to_logit(weights, token, node.index));
            lanes.insert(at, ResidualLane { channel: node.index, writes: Vec::new(), reads: Vec::new(), to_logits });
            at
        });
        if write { &mut lanes[at].writes } else { &mut lanes[at].reads }.push(node);
    }
    lanes
}

/// The weight of residual channel `channel`, as the final norm passes it on, in the logit of `token`.
pub fn to_logit(weights: &Weights, token: u32, channel: usize) -> f32 {
    let gain = weights.ln_f.gain.as_ref().map_or(1.0, |gain| gain[channel]);
    weights.unembedding().get(token as usize, channel) * gain
}
