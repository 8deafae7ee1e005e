//! What the page shows of a circuit and of a run. Names and shapes are those of the page's `protocol.ts`.

use super::detail::{self, NodeDetail, Seen};
use super::graph::{Edge, ResidualLane, edges, lanes};
use crate::backend::Backend;
use crate::circuit::definition::Circuit;
use crate::circuit::intervene::{Edits, Means, Prediction, Request, predict};
use crate::model::{Hook, LogitsAt, Model, Node, Site, Weights, attention_weights};
use crate::tensor::Activations;
use crate::{Result, bail};
use serde::Serialize;
use std::collections::BTreeSet;

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelInfo {
    pub layers: usize,
    /// Channels of the residual stream.
    pub width: usize,
    /// Nonzero weights, the bigram table left out.
    pub nonzeros: usize,
    pub context_length: usize,
    pub vocab_size: usize,
    /// Channels at `attn.q`, `.k`, `.v`; of one head; at `mlp.post_act`.
    pub attn_width: usize,
    pub head_width: usize,
    pub mlp_width: usize,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NodeInfo {
    pub node: Node,
    pub layer: usize,
    pub site: &'static str,
    pub index: usize,
    /// Of a q, k or v node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<usize>,
    /// A plain name where the circuit has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    pub mean: f32,
}

/// A circuit as the page draws it. Measured numbers are `None` before `sparse-circuits evaluate` has run.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CircuitInfo {
    pub nodes: Vec<NodeInfo>,
    pub edges: Vec<Edge>,
    pub lanes: Vec<ResidualLane>,
    pub flip_nodes: BTreeSet<Node>,
    pub flip_rate: FlipRate,
    pub scale: f32,
    pub shift: f32,
    pub loss: Option<f64>,
    pub accuracy: Option<f64>,
    pub unpruned_loss: Option<f64>,
    pub unpruned_accuracy: Option<f64>,
    pub removed_accuracy: Option<f64>,
}

/// Share of test pairs that a flip reverses, 0..1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct FlipRate {
    pub circuit: Option<f64>,
    pub full: Option<f64>,
}

/// Everything that the screen shows of one run.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct View {
    pub p: [f64; 2],
    pub logits: [f32; 2],
    pub top: Vec<TopToken>,
    pub p_full: [f64; 2],
    /// For each circuit node (order of [`CircuitInfo::nodes`]) its value at each token of A, after edits.
    pub activations: Vec<Vec<f32>>,
    /// For each lane what the embedding writes to this channel at each token of A.
    pub embedding: Vec<Vec<f32>>,
    /// For each head that a circuit's q, k or v node belongs to: attention from the last token.
    pub attention: Vec<HeadAttention>,
    pub detail: Option<NodeDetail>,
}

/// One of the likeliest next tokens. The engine knows ids only; `text` is filled in by whoever knows the vocabulary.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TopToken {
    pub id: u32,
    pub text: String,
    pub p: f64,
}

/// Attention of one head from the last token: one weight a token, and the sink's. They sum to 1.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HeadAttention {
    pub layer: usize,
    pub head: usize,
    pub weights: Vec<f32>,
    pub sink: f32,
}

/// What a view is asked for.
#[derive(Clone, Copy)]
pub struct Ask<'a> {
    /// Prompt A and, where there is one, prompt B.
    pub a: &'a [u32],
    pub b: Option<&'a [u32]>,
    pub edits: &'a Edits,
    pub circuit: &'a Circuit,
    pub means: &'a Means,
    /// The node whose details are wanted, and at which token of A (`None` = the last).
    pub node: Option<Node>,
    pub token: Option<usize>,
    /// The candidates' texts, for labels.
    pub candidates: [&'a str; 2],
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
        let (head, channel) = head_of(weights, node).unzip();
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
        loss: scores.map(|s| s.loss),
        accuracy: scores.map(|s| s.accuracy),
        unpruned_loss: scores.map(|s| s.unpruned_loss),
        unpruned_accuracy: scores.map(|s| s.unpruned_accuracy),
        removed_accuracy: scores.map(|s| s.removed_accuracy),
    })
}

/// Head and channel of a q, k or v node.
pub(super) fn head_of(weights: &Weights, node: Node) -> Option<(usize, usize)> {
    let d_head = weights.config.d_head;
    match node.hook {
        Hook::At { site: Site::AttnQ | Site::AttnK | Site::AttnV, .. } => {
            Some((node.index / d_head, node.index % d_head))
        }
        _ => None,
    }
}

/// Runs the model and reads off everything that the screen shows.
///
/// # Errors
/// What [`crate::circuit::run`] refuses; a node or token that does not exist.
pub async fn view<B: Backend>(backend: &mut B, model: &Model<B>, weights: &Weights, ask: &Ask<'_>) -> Result<View> {
    let config = &weights.config;
    let last = ask.a.len().saturating_sub(1);
    if let Some(node) = ask.node {
        node.check(config)?;
        if ask.token.is_some_and(|token| token > last) {
            bail!("the prompt has {} tokens, so none with the index {}", ask.a.len(), ask.token.unwrap_or(0));
        }
    }
    let heads: BTreeSet<(usize, usize)> =
        ask.circuit.nodes.iter().filter_map(|&node| layer_and_head(weights, node)).collect();
    let mut hooks: BTreeSet<Hook> = ask.circuit.nodes.iter().map(|node| node.hook).collect();
    for (layer, _) in &heads {
        hooks.extend([Hook::at(*layer, Site::AttnQ), Hook::at(*layer, Site::AttnK)]);
    }
    let mut computed = BTreeSet::new();
    if let Some(node) = ask.node {
        hooks.extend(Hook::all(config.n_layer));
        computed.insert(node.hook);
    }
    let request = Request {
        tokens: ask.a,
        source: ask.b,
        edits: ask.edits,
        circuit: Some(ask.circuit),
        means: ask.means,
        logits_at: LogitsAt::Last,
        hooks: &hooks,
        computed: &computed,
    };
    let (Prediction { p, logits, p_full, top }, run) =
        predict(backend, model, &request, ask.circuit.candidate_ids).await?;

    let attention = heads.into_iter().map(|(layer, head)| {
        let (q, k) = (&run.values[&Hook::at(layer, Site::AttnQ)], &run.values[&Hook::at(layer, Site::AttnK)]);
        let (weights, sink) = attention_from(weights, layer, head, q, k, last);
        HeadAttention { layer, head, weights, sink }
    });
    let seen =
        Seen { weights, run: &run, tokens: ask.a, edits: ask.edits, circuit: ask.circuit, candidates: ask.candidates };
    Ok(View {
        p,
        logits,
        p_full,
        top: top.into_iter().map(|(id, p)| TopToken { id, text: String::new(), p }).collect(),
        attention: attention.collect(),
        activations: ask
            .circuit
            .nodes
            .iter()
            .map(|node| channel(&run.values[&node.hook], node.index, ask.a.len()))
            .collect(),
        embedding: lanes(weights, &ask.circuit.nodes, ask.circuit.candidate_ids)
            .into_iter()
            .map(|lane| (0..ask.a.len()).map(|token| detail::embedding(&seen, token, lane.channel)).collect())
            .collect(),
        detail: ask.node.map(|node| NodeDetail::new(&seen, ask.means, node, ask.token.unwrap_or(last))),
    })
}

fn layer_and_head(weights: &Weights, node: Node) -> Option<(usize, usize)> {
    match node.hook {
        Hook::At { layer, .. } => head_of(weights, node).map(|(head, _)| (layer, head)),
        Hook::FinalResid => None,
    }
}

/// A channel's values at the first `tokens` tokens.
pub(super) fn channel(values: &Activations, channel: usize, tokens: usize) -> Vec<f32> {
    (0..tokens).map(|token| values.get(token, channel)).collect()
}

/// Attention of one head from token `query` over the tokens up to it, and the sink's weight.
pub(super) fn attention_from(
    weights: &Weights,
    layer: usize,
    head: usize,
    q: &Activations,
    k: &Activations,
    query: usize,
) -> (Vec<f32>, f32) {
    let d_head = weights.config.d_head;
    let of_head = |x: &Activations, token: usize| -> Vec<f32> {
        (head * d_head..(head + 1) * d_head).map(|channel| x.get(token, channel)).collect()
    };
    let sink = weights.blocks[layer].sinks.as_ref().map(|sinks| sinks[head]);
    attention_weights(&of_head(q, query), (0..=query).map(|key| of_head(k, key)), sink)
}
