//! Computes everything that the page shows of one run.

use super::alignment::{marked_token, read_early};
use super::detail::NodeDetail;
use super::graph::{edges, lanes};
use super::recorded::{RecordedRun, head_of};
use super::references::{Reference, References, Untouched, values_of};
use crate::backend::Backend;
use crate::circuit::definition::{Circuit, Target};
use crate::circuit::intervene::{Edits, Means, Mode, Request, predict};
use crate::model::{Hook, LogitsAt, Model, Node, Site, Weights};
use crate::{Result, bail};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A request to the engine.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct ViewRequest {
    pub task: String,
    /// Prompt A as token ids.
    pub a: Vec<u32>,
    /// Prompt B as token ids; `null` where there is no counterfactual.
    pub b: Option<Vec<u32>>,
    pub edits: Edits,
    /// The node or logit whose details are wanted.
    pub target: Option<Target>,
    /// The token of A at which everything is read. `null`: each node at the token where it matters.
    pub token: Option<usize>,
    /// Layer and head of the attention pattern that is wanted.
    pub head: Option<[usize; 2]>,
}

/// The engine's answer. Tables are flat, row after row, with one column for each token of prompt A.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct View {
    /// Softmax over the two candidates; in circuit mode with the circuit's scale and shift.
    pub p: [f64; 2],
    /// `p[0] = sigmoid(score)`. In circuit mode `scale * (logits[0] - logits[1]) / std + shift`, else the difference of the logits.
    pub score: f64,
    /// Raw logits of the two candidates.
    pub logits: [f32; 2],
    /// The same prompt and mode without edits; `null` where the request has none.
    pub untouched: Option<Reference>,
    /// The full model without edits.
    pub full: Reference,
    /// In circuit mode: the probabilities with every node at its mean, the circuit's too. `null` in the other modes.
    pub baseline: Option<[f64; 2]>,
    /// The likeliest tokens of the whole vocabulary: in full mode of this run, in the other modes of the full model without edits.
    pub top: Vec<TopToken>,
    /// Probabilities of the two candidates in the whole vocabulary, of the same run as `top`.
    pub p_full: [f64; 2],
    /// Tokens of prompt A, the columns of every table.
    pub tokens: usize,
    /// The token that the request names, else the one at which A differs from B. The embedding is read here.
    pub marked: usize,
    /// `[nodes, tokens]`: the value of each circuit node (order of `CircuitInfo.nodes`) after edits.
    #[cfg_attr(test, ts(type = "Float32Array"))]
    pub activations: Vec<f32>,
    /// For each circuit node, the token at which it is read.
    pub read_at: Vec<usize>,
    /// For each circuit node, its value as it enters an edge at that token. A value channel enters mixed over the tokens by its head's
    /// attention; `null` where the pattern of that token is not known.
    pub passed_on: Vec<Option<f32>>,
    /// For each circuit node, what an edge from it that is off passes on instead: the mean, mixed as in `passedOn`. Empty where no edge
    /// is off.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(test, ts(optional, as = "Option<Vec<Option<f32>>>"))]
    pub passed_off: Vec<Option<f32>>,
    /// `[lanes, tokens]`: what the embedding writes to the channel of each lane (order of `CircuitInfo.lanes`).
    #[cfg_attr(test, ts(type = "Float32Array"))]
    pub embedding: Vec<f32>,
    /// The heads that the circuit's q, k and v nodes belong to.
    pub heads: Vec<Head>,
    /// `[heads, tokens]`: attention of each of `heads` from the last token.
    #[cfg_attr(test, ts(type = "Float32Array"))]
    pub attention: Vec<f32>,
    /// `[tokens, tokens]`: attention of the head that the request names, one row per query, one column per key.
    #[cfg_attr(test, ts(type = "Float32Array | null"))]
    pub pattern: Option<Vec<f32>>,
    /// Of the node or logit that the request names.
    pub detail: Option<NodeDetail>,
    /// Time of the run in milliseconds. Measured by the caller; 0 from the engine.
    pub ms: f64,
}

/// One of the likeliest next tokens. The engine knows ids only; `text` is filled in by a caller that knows the vocabulary.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct TopToken {
    pub id: u32,
    pub text: String,
    pub p: f64,
}

/// An attention head, and the weight of its sink from the last token.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Head {
    pub layer: usize,
    pub head: usize,
    pub sink: f32,
}

impl View {
    /// The activations of the circuit's node `row` at each token.
    pub fn activations_of(&self, row: usize) -> &[f32] {
        &self.activations[row * self.tokens..][..self.tokens]
    }

    /// The attention weights of `heads[row]`.
    pub fn attention_of(&self, row: usize) -> &[f32] {
        &self.attention[row * self.tokens..][..self.tokens]
    }

    /// What the embedding writes to the lane `row` at each token.
    pub fn embedding_of(&self, row: usize) -> &[f32] {
        &self.embedding[row * self.tokens..][..self.tokens]
    }
}

/// What a request refers to: a model and a circuit of it.
pub struct Subject<'a, B: Backend> {
    pub model: &'a Model<B>,
    pub weights: &'a Weights,
    pub means: &'a Means,
    pub circuit: &'a Circuit,
}

/// Runs the model and reads off everything that the page shows. `references` keeps the runs without edits for the next view of the
/// same task and prompt; it must not outlive the circuit.
///
/// # Errors
/// As [`crate::circuit::run`]. A node, token or head that does not exist.
pub async fn view<B: Backend>(
    backend: &mut B,
    subject: Subject<'_, B>,
    request: &ViewRequest,
    references: &mut References,
) -> Result<View> {
    let Subject { model, weights, means, circuit } = subject;
    let ViewRequest { task, a, b, edits, target, token, head } = request;
    let config = &weights.config;
    let last = a.len().saturating_sub(1);
    if let Some(Target::Node(node)) = target {
        node.check(config)?;
    }
    if let Some([layer, head]) = head
        && (*layer >= config.n_layer || *head >= config.n_head)
    {
        bail!(
            "the model has {} layers with {} heads each: head {layer}.{head} does not exist",
            config.n_layer,
            config.n_head
        );
    }
    if let Some(token) = token
        && *token > last
    {
        bail!("the prompt has {} tokens, so there is no token {token}", a.len());
    }
    let mut hooks = BTreeSet::new();
    for &node in &circuit.nodes {
        hooks.insert(node.hook);
        if let Some((layer, ..)) = head_of(config, node) {
            hooks.extend([Hook::at(layer, Site::AttnQ), Hook::at(layer, Site::AttnK)]);
        }
    }
    if let Some([layer, _]) = *head {
        hooks.extend([Hook::at(layer, Site::AttnQ), Hook::at(layer, Site::AttnK)]);
    }
    let mut computed = BTreeSet::new();
    if let Some(target) = target {
        hooks.extend(Hook::all(config.n_layer));
        if let Target::Node(node) = target {
            computed.insert(node.hook);
        }
    }
    let run = Request {
        tokens: a,
        source: b.as_deref(),
        edits,
        circuit: Some(circuit),
        candidates: None,
        means,
        logits_at: LogitsAt::Last,
        hooks: &hooks,
        computed: &computed,
    };
    let (prediction, run) = predict(backend, model, &run, circuit.candidate_ids).await?;
    let seen = RecordedRun { weights, means, run: &run, tokens: a, edits, circuit };

    // of each head that the circuit has a node of
    let mut patterns = BTreeMap::new();
    for (layer, head, _) in circuit.nodes.iter().filter_map(|&node| head_of(config, node)) {
        patterns.entry((layer, head)).or_insert_with(|| seen.attention(layer, head, last));
    }
    let lanes = lanes(weights, &circuit.nodes, circuit.candidate_ids);
    let early = read_early(&circuit.nodes, &edges(weights, &circuit.nodes), &lanes);
    let marked = token.unwrap_or_else(|| if early.is_empty() { last } else { marked_token(a, b.as_deref()) });
    let at = |node: Node| token.unwrap_or(if early.contains(&node) { marked } else { last });
    // `mean`: in place of the values
    let passed = |node: Node, mean: Option<f32>| match (node.hook, head_of(config, node)) {
        (Hook::At { site: Site::AttnV, .. }, Some((layer, head, _))) => {
            // the pattern is that of the last token
            let known = token.is_none_or(|token| token == last);
            let mix = || {
                let value = |token| mean.unwrap_or_else(|| seen.value(node.hook, token, node.index)) as f64;
                let weights = patterns[&(layer, head)].weights.iter().enumerate();
                weights.map(|(token, weight)| *weight as f64 * value(token)).sum::<f64>()
            };
            known.then(|| mix() as f32)
        }
        _ => Some(mean.unwrap_or_else(|| seen.value(node.hook, at(node), node.index))),
    };
    let passed_off = |&node: &Node| means.get(&node.hook).and_then(|mean| passed(node, Some(*mean.get(node.index)?)));
    let activations = values_of(circuit, &run, a.len());
    let read_at: Vec<usize> = circuit.nodes.iter().map(|&node| at(node)).collect();

    let mode = edits.mode;
    let plain = *edits == Edits { mode, ..Edits::default() };
    references.focus(task, a);
    if plain {
        references.keep(mode, Untouched::new(prediction.clone(), activations.clone()));
    }
    let untouched = match plain {
        true => None,
        false => Some(references.untouched(backend, &subject, mode).await?.reference(&read_at, a.len())),
    };
    let baseline = match mode {
        Mode::Circuit => Some(references.baseline(backend, &subject).await?),
        _ => None,
    };
    let full = references.untouched(backend, &subject, Mode::Full).await?;
    let likeliest = if mode == Mode::Full { &prediction } else { &full.prediction };
    let pattern = |&[layer, head]: &[usize; 2]| {
        (0..a.len()).flat_map(|query| seen.attention(layer, head, query).weights).collect::<Vec<f32>>()
    };

    Ok(View {
        p: prediction.p,
        score: prediction.score,
        logits: prediction.logits,
        untouched,
        full: full.reference(&read_at, a.len()),
        baseline,
        p_full: likeliest.p_full,
        top: likeliest.top.iter().map(|&(id, p)| TopToken { id, text: String::new(), p }).collect(),
        tokens: a.len(),
        marked,
        activations,
        pattern: head.as_ref().map(pattern),
        passed_on: circuit.nodes.iter().map(|&node| passed(node, None)).collect(),
        passed_off: match edits.off_edges.is_empty() {
            true => Vec::new(),
            false => circuit.nodes.iter().map(passed_off).collect(),
        },
        read_at,
        embedding: lanes
            .iter()
            .flat_map(|lane| (0..a.len()).map(|token| seen.embedding(token, lane.channel)))
            .collect(),
        heads: patterns.iter().map(|(&(layer, head), pattern)| Head { layer, head, sink: pattern.sink }).collect(),
        attention: patterns.values().flat_map(|pattern| pattern.weights.iter().copied()).collect(),
        detail: target.map(|target| match target {
            Target::Node(node) => NodeDetail::new(&seen, node, at(node)),
            Target::Logit(candidate) => NodeDetail::of_logit(&seen, candidate, prediction.logits[candidate]),
        }),
        ms: 0.0,
    })
}
