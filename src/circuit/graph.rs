//! The graph of a circuit: edges are nonzero weights between kept nodes, rails the residual channels that they share (Gao et al. 2025, 2.2).

use crate::model::{Hook, Linear, Node, Site, WeightMatrix, Weights};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A nonzero weight between two nodes of a circuit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Edge {
    pub from: Node,
    pub to: Node,
    pub weight: f32,
}

/// A residual channel that a circuit uses: who writes it and who reads it, each in the order of the forward pass.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rail {
    pub channel: usize,
    pub writes: Vec<Node>,
    pub reads: Vec<Node>,
    /// The unembedding weights of the two candidates at this channel, the final norm's gain folded in.
    pub to_logits: [f32; 2],
}

/// The sites whose values a weight matrix reads, writes, and which rows of the matrix make that map.
pub struct Map<'a> {
    pub from: Site,
    pub to: Site,
    pub linear: &'a Linear,
    /// The matrix's row for channel 0 of `to`: `c_attn` holds q, k and v one below the other.
    pub first_row: usize,
}

impl Map<'_> {
    /// The weight from channel `from` to channel `to`.
    pub fn weight(&self, to: usize, from: usize) -> f32 {
        self.linear.weight.get(self.first_row + to, from)
    }

    pub fn bias(&self, to: usize) -> f32 {
        self.linear.bias.as_ref().map_or(0.0, |bias| bias[self.first_row + to])
    }

    /// The nonzero weights into channel `to`, as `(from, weight)`.
    pub fn row(&self, to: usize) -> Vec<(usize, f32)> {
        match &self.linear.weight {
            WeightMatrix::Sparse(w) => w.row(self.first_row + to).filter(|(_, weight)| *weight != 0.0).collect(),
            WeightMatrix::Dense(w) => {
                let row = w.row(self.first_row + to).iter().copied().enumerate();
                row.filter(|(_, weight)| *weight != 0.0).collect()
            }
        }
    }
}

/// The linear maps of a layer. A value node feeds `attn.resid_delta` through attention and `c_proj`.
pub fn maps(weights: &Weights, layer: usize) -> [Map<'_>; 6] {
    let block = &weights.blocks[layer];
    let d_attn = weights.config.d_attn();
    let map = |from, to, linear, first_row| Map { from, to, linear, first_row };
    [
        map(Site::AttnActIn, Site::AttnQ, &block.c_attn, 0),
        map(Site::AttnActIn, Site::AttnK, &block.c_attn, d_attn),
        map(Site::AttnActIn, Site::AttnV, &block.c_attn, 2 * d_attn),
        map(Site::AttnV, Site::AttnResidDelta, &block.attn_c_proj, 0),
        map(Site::MlpActIn, Site::MlpPostAct, &block.c_fc, 0),
        map(Site::MlpPostAct, Site::MlpResidDelta, &block.mlp_c_proj, 0),
    ]
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

/// The residual channels that `nodes` read or write, ascending. Channels of concatenated positions are no residual channels.
pub fn rails(weights: &Weights, nodes: &BTreeSet<Node>, candidates: [u32; 2]) -> Vec<Rail> {
    let mut rails: BTreeMap<usize, Rail> = BTreeMap::new();
    for &node in nodes {
        let Hook::At { site, .. } = node.hook else { continue };
        let write = matches!(site, Site::AttnResidDelta | Site::MlpResidDelta);
        let read = matches!(site, Site::AttnActIn | Site::MlpActIn) && node.index < weights.config.d_model;
        if !write && !read {
            continue;
        }
        let rail = rails.entry(node.index).or_insert_with(|| Rail {
            channel: node.index,
            writes: Vec::new(),
            reads: Vec::new(),
            to_logits: candidates.map(|token| to_logit(weights, token, node.index)),
        });
        if write { &mut rail.writes } else { &mut rail.reads }.push(node);
    }
    rails.into_values().collect()
}

/// The weight of residual channel `channel`, as the final norm passes it on, in the logit of `token`.
pub fn to_logit(weights: &Weights, token: u32, channel: usize) -> f32 {
    let gain = weights.ln_f.gain.as_ref().map_or(1.0, |gain| gain[channel]);
    weights.unembedding().get(token as usize, channel) * gain
}
