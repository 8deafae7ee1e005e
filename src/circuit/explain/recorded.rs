//! A run with recorded hooks, and the values and attention patterns computed from it.

use crate::circuit::definition::{Circuit, EdgeId, Target};
use crate::circuit::intervene::{Edits, Means, Values};
use crate::model::{Config, Hook, Node, Site, Weights, attention_weights};

/// A run on prompt A with the values at its hooks.
pub struct RecordedRun<'a> {
    pub weights: &'a Weights,
    pub means: &'a Means,
    pub run: &'a Values,
    /// Prompt A.
    pub tokens: &'a [u32],
    pub edits: &'a Edits,
    pub circuit: &'a Circuit,
}

/// Attention of one head from one token. The weights and the sink sum to 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern {
    /// One weight per token; 0 after the query.
    pub weights: Vec<f32>,
    pub sink: f32,
}

impl RecordedRun<'_> {
    pub fn config(&self) -> &Config {
        &self.weights.config
    }

    /// The last token, whose stream becomes the prediction.
    pub fn last(&self) -> usize {
        self.tokens.len() - 1
    }

    /// A value after edits. The hook must have been recorded.
    pub fn value(&self, hook: Hook, token: usize, index: usize) -> f32 {
        self.run.values[&hook].get(token, index)
    }

    /// The mean of `from` that `to` reads in place of its value; `None` where the edge between them is not off.
    pub fn off_mean(&self, from: Node, to: Target) -> Option<f32> {
        // the run has refused an edge whose source has no mean
        let off = self.edits.off_edges.contains(&EdgeId { from, to });
        off.then(|| self.means.get(&from.hook)?.get(from.index).copied()).flatten()
    }

    /// What `to` reads of `from`, a node or a residual channel at the same token that attention does not mix.
    pub fn read(&self, from: Node, token: usize, to: Target) -> f32 {
        let value = self.value(from.hook, token, from.index);
        match from.hook {
            Hook::FinalResid | Hook::At { site: Site::ResidIn | Site::ResidMid, .. } => {
                // with the mean of each write before it whose edge to the target is off
                let off = self.edits.off_edges.iter().filter(|edge| edge.to == to);
                off.filter(|edge| edge.from.index == from.index && edge.from.hook < from.hook).fold(
                    value,
                    |value, edge| {
                        value + (self.read(edge.from, token, to) - self.value(edge.from.hook, token, edge.from.index))
                    },
                )
            }
            _ => self.off_mean(from, to).unwrap_or(value),
        }
    }

    /// A node's value at each token, after edits.
    pub fn values(&self, node: Node) -> Vec<f32> {
        (0..self.tokens.len()).map(|token| self.value(node.hook, token, node.index)).collect()
    }

    /// What the embedding (and an added position) writes to a residual channel at a token.
    pub fn embedding(&self, token: usize, channel: usize) -> f32 {
        self.weights.wte.get(self.tokens[token] as usize, channel) + self.position(token, channel)
    }

    /// What an added (not concatenated) positional table writes.
    pub fn position(&self, token: usize, channel: usize) -> f32 {
        match (&self.weights.wpe, self.config().d_pos_emb) {
            (Some(wpe), None) => wpe.get(token, channel),
            _ => 0.0,
        }
    }

    /// Attention of a head from the token `query`.
    pub fn attention(&self, layer: usize, head: usize, query: usize) -> Pattern {
        let d_head = self.config().d_head;
        let of_head = |site: Site, token: usize| -> Vec<f32> {
            let hook = Hook::at(layer, site);
            (head * d_head..(head + 1) * d_head).map(|channel| self.value(hook, token, channel)).collect()
        };
        let sink = self.weights.blocks[layer].sinks.as_ref().map(|sinks| sinks[head]);
        let keys = (0..=query).map(|key| of_head(Site::AttnK, key));
        let (mut weights, sink) = attention_weights(&of_head(Site::AttnQ, query), keys, sink);
        weights.resize(self.tokens.len(), 0.0);
        Pattern { weights, sink }
    }
}

/// Layer, head and channel of a q, k or v node.
pub fn head_of(config: &Config, node: Node) -> Option<(usize, usize, usize)> {
    match node.hook {
        Hook::At { layer, site: Site::AttnQ | Site::AttnK | Site::AttnV } => {
            Some((layer, node.index / config.d_head, node.index % config.d_head))
        }
        _ => None,
    }
}
