//! One node at one token: what enters its sum and what it adds to others. The parts add up to the value that the engine computed.

use super::graph::to_logit;
use super::recorded::{Pattern, RecordedRun, head_of};
use crate::backend::{Activation, NormKind};
use crate::circuit::definition::{Circuit, Map, Target, maps};
use crate::circuit::intervene::Edits;
use crate::model::{Config, Hook, Node, Norm, ResidualActivation, Site, TopKSite, Weights};
use serde::Serialize;
use std::collections::BTreeMap;

/// How many terms from outside the circuit are listed one by one.
const OTHERS: usize = 10;

/// Where a term of a sum comes from or, for outgoing terms, where it goes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum TermSource {
    /// A node. The activation of a value node is its attention-weighted sum over the tokens.
    Node { node: Node },
    /// The embedding of the token.
    Embedding,
    /// The positional table.
    Position,
    /// The mean over the channels, which layer norm subtracts.
    Mean,
    /// The change of the residual stream that no sublayer wrote: by its activation function, its AbsTopK, or edits of the stream.
    StreamChange,
    /// The value at a token, in a head's output.
    Token { token: usize },
    /// The bigram table: what the last token alone adds to a logit.
    Bigram,
    /// All terms that are not listed one by one.
    Others { count: usize },
    /// The logit of the first (0) or second (1) candidate.
    Logit { candidate: usize },
}

/// One term of a sum: `contribution = weight * scale * activation`. A term that bundles several numbers has the weight 0 and the
/// activation 0, and only its contribution is known: [`TermSource::Others`], and what the embedding adds to a logit.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Term {
    pub source: TermSource,
    /// As stored in the model and as `CircuitInfo.edges` has it; 1 where a block reads the residual stream. To a logit: the unembedding
    /// weight with the final norm's gain folded in, as in `ResidualLane.toLogits`.
    pub weight: f32,
    /// The factor of the norm that the value passes, `gain / rms` (to a logit: `1 / rms`); `null` if no norm is between them.
    pub scale: Option<f32>,
    pub activation: f32,
    pub contribution: f64,
    /// Of a value that attention mixes over the tokens.
    pub mixed: Option<Mixed>,
    /// Whether the edge is off. The activation is then made from the mean of its source.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[cfg_attr(test, ts(optional, as = "Option<bool>"))]
    pub off: bool,
}

/// A value at one token, and the attention with which a query looks at it. An incoming term's activation is the sum of
/// `value * attention` over all tokens, and `token` is the one that its query looks at most. An outgoing term's activation is
/// `value * attention` of this token alone.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Mixed {
    pub token: usize,
    pub value: f32,
    pub attention: f32,
}

impl Term {
    fn new(source: TermSource, weight: f32, scale: Option<f32>, activation: f32) -> Term {
        let contribution = weight as f64 * scale.unwrap_or(1.0) as f64 * activation as f64;
        Term { source, weight, scale, activation, contribution, mixed: None, off: false }
    }

    fn of(node: Node, weight: f32, scale: Option<f32>, activation: f32) -> Term {
        Term::new(TermSource::Node { node }, weight, scale, activation)
    }

    /// A term of the node `from` in what `to` reads; the value is that of the node or of the edge's mean.
    fn read(seen: &RecordedRun<'_>, from: Node, token: usize, to: Target, weight: f32, scale: Option<f32>) -> Term {
        let off = seen.off_mean(from, to).is_some();
        Term { off, ..Term::of(from, weight, scale, seen.read(from, token, to)) }
    }

    /// The same term, listed at its source.
    fn towards(self, to: Target) -> Term {
        let source = match to {
            Target::Node(node) => TermSource::Node { node },
            Target::Logit(candidate) => TermSource::Logit { candidate },
        };
        Term { source, ..self }
    }

    /// A sum of several terms.
    fn bundle(source: TermSource, contribution: f64) -> Term {
        Term { source, weight: 0.0, scale: None, activation: 0.0, contribution, mixed: None, off: false }
    }

    /// The node at the other end, if the term has one.
    pub fn node(&self) -> Option<Node> {
        match self.source {
            TermSource::Node { node } => Some(node),
            _ => None,
        }
    }
}

/// A step from a node's sum to its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum ValueNote {
    /// ReLU passes the sum on.
    Relu,
    /// ReLU sets a sum that is not above zero to 0.
    ReluZero,
    Gelu,
    /// Top-k keeps the value: it is among the `k` largest magnitudes of the token.
    Kept {
        k: usize,
    },
    /// Top-k sets the value to 0.
    Dropped {
        k: usize,
    },
}

/// A node at one token: its value, the sum that it comes from, and what it adds to others. Of a logit: the raw logit after the last
/// token and the sum that it comes from; `values`, `notes` and `outgoing` are empty.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct NodeDetail {
    pub target: Target,
    pub token: usize,
    /// After edits.
    pub value: f32,
    /// `null` where the model's file has no mean for this hook.
    pub mean: Option<f32>,
    /// Its value at each token, after edits.
    #[cfg_attr(test, ts(type = "Float32Array"))]
    pub values: Vec<f32>,
    /// Its value before any change at this node (mode and edits).
    pub computed: f32,
    /// Terms from circuit nodes first, then the ten largest of the rest, then one bundle of all others.
    pub incoming: Vec<Term>,
    pub bias: f32,
    /// All of `incoming` + `bias`.
    pub sum: f64,
    /// How `sum` becomes `computed`, in this order. Empty: it is the sum.
    pub notes: Vec<ValueNote>,
    /// What it adds to each: circuit nodes first, then the ten largest of the rest.
    pub outgoing: Vec<Term>,
    /// Of a q, k or v node.
    pub attention: Option<ChannelAttention>,
}

/// Attention of a node's head from the last token.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct ChannelAttention {
    pub head: usize,
    /// One weight per token.
    #[cfg_attr(test, ts(type = "Float32Array"))]
    pub weights: Vec<f32>,
    pub sink: f32,
    /// Of a q or k node: this channel's `q k / sqrt(d_head)` at each token.
    #[cfg_attr(test, ts(type = "Float32Array | null"))]
    pub channel_score: Option<Vec<f32>>,
}

impl NodeDetail {
    /// `node` and `token` must exist, and every hook must have been recorded, `node.hook` also as computed.
    pub fn new(seen: &RecordedRun<'_>, node: Node, token: usize) -> NodeDetail {
        let (terms, bias) = incoming(seen, node, token);
        let sum = sum_of(&terms, bias);
        let computed = seen.run.computed[&node.hook].get(token, node.index);
        let values = seen.values(node);
        NodeDetail {
            target: Target::Node(node),
            token,
            value: values[token],
            mean: seen.means.get(&node.hook).map(|mean| mean[node.index]),
            values,
            computed,
            incoming: listed(seen.circuit, terms),
            bias,
            sum,
            notes: notes(seen.config(), node.hook, sum, computed),
            outgoing: ranked(seen.circuit, outgoing(seen, node, token)).0,
            attention: attention(seen, node),
        }
    }

    /// Of the raw logit of a candidate, 0 or 1, whose value is `logit`. Every hook must have been recorded.
    pub fn of_logit(seen: &RecordedRun<'_>, candidate: usize, logit: f32) -> NodeDetail {
        let (terms, bias) = into_logit(seen, candidate);
        NodeDetail {
            target: Target::Logit(candidate),
            token: seen.last(),
            value: logit,
            mean: None,
            values: Vec::new(),
            computed: logit,
            sum: sum_of(&terms, bias),
            incoming: listed(seen.circuit, terms),
            bias,
            notes: Vec::new(),
            outgoing: Vec::new(),
            attention: None,
        }
    }
}

fn sum_of(terms: &[Term], bias: f32) -> f64 {
    terms.iter().map(|term| term.contribution).sum::<f64>() + bias as f64
}

/// The terms in the order of [`ranked`], the last of them in one bundle.
fn listed(circuit: &Circuit, terms: Vec<Term>) -> Vec<Term> {
    let (mut listed, rest) = ranked(circuit, terms);
    if !rest.is_empty() {
        let contribution = rest.iter().map(|term| term.contribution).sum();
        listed.push(Term::bundle(TermSource::Others { count: rest.len() }, contribution));
    }
    listed
}

/// Terms that are not zero, and those of edges that are off: what belongs to no node and circuit nodes first, then the largest [`OTHERS`]. The second list is the rest.
fn ranked(circuit: &Circuit, terms: Vec<Term>) -> (Vec<Term>, Vec<Term>) {
    let nonzero = terms.into_iter().filter(|term| term.contribution != 0.0 || term.off);
    let (mut first, mut others): (Vec<Term>, Vec<Term>) =
        nonzero.partition(|term| term.node().is_none_or(|node| circuit.nodes.contains(&node)));
    let by_size = |a: &Term, b: &Term| b.contribution.abs().total_cmp(&a.contribution.abs());
    first.sort_by(by_size);
    others.sort_by(by_size);
    let rest = others.split_off(others.len().min(OTHERS));
    first.extend(others);
    (first, rest)
}

/// All terms that sum, with the bias, to what the node's own step starts from.
fn incoming(seen: &RecordedRun<'_>, node: Node, token: usize) -> (Vec<Term>, f32) {
    let Hook::At { layer, site } = node.hook else {
        return (stream(seen, node, token, None, None), 0.0);
    };
    match site {
        Site::AttnQ | Site::AttnK | Site::AttnV | Site::AttnResidDelta | Site::MlpPostAct | Site::MlpResidDelta => {
            let map =
                maps(seen.weights, layer).into_iter().find(|map| map.to == site).expect("every such site has a map");
            let mut patterns = BTreeMap::new();
            let terms = map.row(node.index).into_iter().map(|(from, weight)| {
                let source = Node::new(Hook::at(layer, map.from), from);
                let to = Target::Node(node);
                if map.from != Site::AttnV {
                    return Term::read(seen, source, token, to, weight, None);
                }
                let head = from / seen.config().d_head;
                let pattern = patterns.entry(head).or_insert_with(|| seen.attention(layer, head, token));
                let mean = seen.off_mean(source, to);
                let activation = match mean {
                    Some(mean) => mean * pattern.weights.iter().sum::<f32>(),
                    None => seen.value(Hook::at(layer, Site::AttnY), token, from),
                };
                let mixed = Some(strongest(seen, source, mean, pattern));
                Term { mixed, off: mean.is_some(), ..Term::of(source, weight, None, activation) }
            });
            (terms.collect(), map.bias(node.index))
        }
        Site::AttnActIn | Site::MlpActIn => normed(seen, layer, site, token, node.index),
        Site::AttnY => {
            let head = node.index / seen.config().d_head;
            let terms = seen.attention(layer, head, token).weights.into_iter().enumerate().map(|(key, weight)| {
                let value = seen.value(Hook::at(layer, Site::AttnV), key, node.index);
                Term::new(TermSource::Token { token: key }, weight, None, value)
            });
            (terms.collect(), 0.0)
        }
        Site::ResidIn | Site::ResidMid => (stream(seen, node, token, None, None), 0.0),
    }
}

/// The token at which a value enters the mix with the largest attention; the first of equals. `mean` replaces the value.
fn strongest(seen: &RecordedRun<'_>, value: Node, mean: Option<f32>, pattern: &Pattern) -> Mixed {
    let largest = |best: usize, token: usize| if pattern.weights[token] > pattern.weights[best] { token } else { best };
    let token = (1..pattern.weights.len()).fold(0, largest);
    let value = mean.unwrap_or_else(|| seen.value(value.hook, token, value.index));
    Mixed { token, value, attention: pattern.weights[token] }
}

/// The site whose values a map multiplies: values enter `c_proj` mixed over the tokens by attention.
fn enters(map: &Map<'_>) -> Site {
    if map.from == Site::AttnV { Site::AttnY } else { map.from }
}

/// The residual hook, norm, and positional norm that a block's input is made from.
fn read_by(weights: &Weights, layer: usize, site: Site) -> (Hook, &Norm, &Norm) {
    let block = &weights.blocks[layer];
    match site {
        Site::AttnActIn => (Hook::at(layer, Site::ResidIn), &block.ln_1, &block.ln_p1),
        _ => (Hook::at(layer, Site::ResidMid), &block.ln_2, &block.ln_p2),
    }
}

/// Terms of a block's input: each write to the channel, times what the norm makes of it.
fn normed(seen: &RecordedRun<'_>, layer: usize, site: Site, token: usize, index: usize) -> (Vec<Term>, f32) {
    let config = seen.config();
    let (resid, norm, positional) = read_by(seen.weights, layer, site);
    if index >= config.d_model {
        let (Some(width), Some(wpe)) = (config.d_pos_emb, &seen.weights.wpe) else { return (Vec::new(), 0.0) };
        let at = index - config.d_model;
        let scale = Scale::of(config, positional, at, (0..width).map(|channel| wpe.get(token, channel)));
        let mut terms = vec![Term::new(TermSource::Position, 1.0, Some(scale.factor), wpe.get(token, at))];
        terms.extend(scale.mean_term());
        return (terms, scale.bias);
    }
    let to = Target::Node(Node::new(Hook::at(layer, site), index));
    let scale = scale_at(seen, resid, norm, token, index, Some(to));
    let mut terms = stream(seen, Node::new(resid, index), token, Some(scale.factor), Some(to));
    terms.extend(scale.mean_term());
    (terms, scale.bias)
}

/// What a norm does to one channel: `factor * (x - mean) + bias`.
struct Scale {
    factor: f32,
    /// Of the vector over channels; layer norm only.
    mean: Option<f32>,
    bias: f32,
}

impl Scale {
    fn of(config: &Config, norm: &Norm, index: usize, x: impl ExactSizeIterator<Item = f32> + Clone) -> Scale {
        let n = x.len() as f64;
        let mean = if config.rms_norm { 0.0 } else { x.clone().map(f64::from).sum::<f64>() / n };
        let square = x.map(|x| (x as f64 - mean).powi(2)).sum::<f64>() / n;
        let kind = if config.rms_norm { NormKind::Rms } else { NormKind::Layer };
        let epsilon = kind.eps();
        let gain = norm.gain.as_ref().map_or(1.0, |gain| gain[index]) as f64;
        Scale {
            factor: (gain / (square + epsilon).sqrt()) as f32,
            mean: (!config.rms_norm).then_some(mean as f32),
            bias: norm.bias.as_ref().map_or(0.0, |bias| bias[index]),
        }
    }

    fn mean_term(&self) -> Option<Term> {
        self.mean.map(|mean| Term::new(TermSource::Mean, -1.0, Some(self.factor), mean))
    }
}

/// The norm of the stream that `to` reads at channel `index`.
fn scale_at(seen: &RecordedRun<'_>, resid: Hook, norm: &Norm, token: usize, index: usize, to: Option<Target>) -> Scale {
    let channels = 0..seen.config().d_model;
    let value = |channel| match to {
        Some(to) if channel == index => seen.read(Node::new(resid, channel), token, to),
        _ => seen.value(resid, token, channel),
    };
    Scale::of(seen.config(), norm, index, channels.map(value))
}

/// The writes that make up a residual channel, each times `scale`, as `to` reads them. `None`: without what is edited at the channel
/// itself.
fn stream(
    seen: &RecordedRun<'_>,
    Node { hook, index }: Node,
    token: usize,
    scale: Option<f32>,
    to: Option<Target>,
) -> Vec<Term> {
    let config = seen.config();
    let embedding = seen.weights.wte.get(seen.tokens[token] as usize, index);
    let mut terms = vec![Term::new(TermSource::Embedding, 1.0, scale, embedding)];
    let position = seen.position(token, index);
    if position != 0.0 {
        terms.push(Term::new(TermSource::Position, 1.0, scale, position));
    }
    let mut sum = terms.iter().map(|term| term.activation as f64).sum::<f64>();
    for layer in 0..config.n_layer {
        for site in [Site::AttnResidDelta, Site::MlpResidDelta] {
            let write = Hook::at(layer, site);
            if write < hook {
                let activation = seen.value(write, token, index);
                sum += activation as f64;
                let write = Node::new(write, index);
                terms.push(match to {
                    Some(to) => Term::read(seen, write, token, to, 1.0, scale),
                    None => Term::of(write, 1.0, scale, activation),
                });
            }
        }
    }
    if changed_on_the_way(seen, index) {
        let values = if to.is_none() { &seen.run.computed[&hook] } else { &seen.run.values[&hook] };
        let rest = (values.get(token, index) as f64 - sum) as f32;
        terms.push(Term::new(TermSource::StreamChange, 1.0, scale, rest));
    }
    terms
}

/// Whether a residual channel is more than the sum of what is written to it: its own activation, a selection, or edits of the stream itself.
fn changed_on_the_way(seen: &RecordedRun<'_>, index: usize) -> bool {
    let config = seen.config();
    let selected = [TopKSite::ResidPostAttn, TopKSite::ResidPostMlp]
        .into_iter()
        .any(|site| config.top_k(site, config.d_model).is_some());
    let Edits { off, set, scale, patch, .. } = seen.edits;
    let edited =
        off.iter().chain(patch).chain(set.keys()).chain(scale.keys()).chain(&seen.circuit.flip_nodes).any(|node| {
            let stream = matches!(node.hook, Hook::FinalResid | Hook::At { site: Site::ResidIn | Site::ResidMid, .. });
            stream && node.index == index
        });
    config.residual_activation_type != ResidualActivation::Identity || selected || edited
}

/// How a node's sum becomes its value.
fn notes(config: &Config, hook: Hook, sum: f64, computed: f32) -> Vec<ValueNote> {
    let Hook::At { site, .. } = hook else { return Vec::new() };
    let activation = (site == Site::MlpPostAct).then_some(match config.activation_type {
        Activation::Relu if sum <= 0.0 => ValueNote::ReluZero,
        Activation::Relu => ValueNote::Relu,
        Activation::Gelu => ValueNote::Gelu,
    });
    if activation == Some(ValueNote::ReluZero) {
        return vec![ValueNote::ReluZero];
    }
    let selection = config.top_k_at(site).map(|k| match computed {
        0.0 if sum != 0.0 => ValueNote::Dropped { k },
        _ => ValueNote::Kept { k },
    });
    activation.into_iter().chain(selection).collect()
}

/// What a node adds to each place that reads it at this token. Queries and keys add to no sum: they are multiplied.
fn outgoing(seen: &RecordedRun<'_>, node: Node, token: usize) -> Vec<Term> {
    let Hook::At { layer, site } = node.hook else { return logits(seen, node, token) };
    match site {
        Site::AttnActIn | Site::AttnY | Site::MlpActIn | Site::MlpPostAct => maps(seen.weights, layer)
            .iter()
            .filter(|map| enters(map) == site)
            .flat_map(|map| column(seen, layer, map, node, token, None))
            .collect(),
        Site::AttnV => {
            // its part in the head's output at the last token
            let head = node.index / seen.config().d_head;
            let weight = seen.attention(layer, head, seen.last()).weights[token];
            let maps = maps(seen.weights, layer);
            let map = maps.iter().find(|map| map.from == Site::AttnV).expect("values have a map");
            column(seen, layer, map, node, token, Some(weight)).collect()
        }
        Site::AttnQ | Site::AttnK => Vec::new(),
        Site::AttnResidDelta | Site::MlpResidDelta | Site::ResidIn | Site::ResidMid => {
            let mut terms: Vec<Term> = Hook::node_hooks(seen.config().n_layer)
                .into_iter()
                .filter(|hook| *hook > node.hook)
                .filter_map(|hook| match hook {
                    Hook::At { layer, site: site @ (Site::AttnActIn | Site::MlpActIn) } => {
                        let (resid, norm, _) = read_by(seen.weights, layer, site);
                        let to = Target::Node(Node::new(hook, node.index));
                        let scale = scale_at(seen, resid, norm, token, node.index, Some(to));
                        Some(Term::read(seen, node, token, to, 1.0, Some(scale.factor)).towards(to))
                    }
                    _ => None,
                })
                .collect();
            terms.extend(logits(seen, node, token));
            terms
        }
    }
}

/// The terms of `from` in every channel that a map writes; `attention` is that with which a value enters the mix.
fn column<'a>(
    seen: &'a RecordedRun<'_>,
    layer: usize,
    map: &'a Map<'a>,
    from: Node,
    token: usize,
    attention: Option<f32>,
) -> impl Iterator<Item = Term> + 'a {
    let hook = Hook::at(layer, map.to);
    (0..hook.width(seen.config())).filter_map(move |index| {
        let weight = map.weight(index, from.index);
        if weight == 0.0 {
            return None;
        }
        let to = Target::Node(Node::new(hook, index));
        let term = Term::read(seen, from, token, to, weight, None);
        let Some(attention) = attention else { return Some(term.towards(to)) };
        let mixed = Some(Mixed { token, value: term.activation, attention });
        let of_token = Term::of(from, weight, None, attention * term.activation);
        Some(Term { mixed, off: term.off, ..of_token.towards(to) })
    })
}

/// What a node of the residual stream adds to the candidates' logits. Only the last token's stream reaches the prediction.
fn logits(seen: &RecordedRun<'_>, from: Node, token: usize) -> Vec<Term> {
    if token != seen.last() {
        return Vec::new();
    }
    let term = |candidate| {
        let to = Target::Logit(candidate);
        let scale = scale_at(seen, Hook::FinalResid, &Norm::default(), token, from.index, Some(to));
        let weight = to_logit(seen.weights, seen.circuit.candidate_ids[candidate], from.index);
        Term::read(seen, from, token, to, weight, Some(scale.factor)).towards(to)
    };
    [0, 1].map(term).into()
}

/// All terms that sum, with the bias, to a candidate's raw logit. What belongs to no node is summed over the residual channels.
fn into_logit(seen: &RecordedRun<'_>, candidate: usize) -> (Vec<Term>, f32) {
    let (weights, last) = (seen.weights, seen.last());
    let id = seen.circuit.candidate_ids[candidate];
    let mut bias = weights.final_logits_bias.as_ref().map_or(0.0, |bias| bias[id as usize] as f64);
    let (mut terms, mut bundles) = (Vec::new(), Vec::<Term>::new());
    let to = Target::Logit(candidate);
    let unchanged = scale_at(seen, Hook::FinalResid, &Norm::default(), last, 0, None);
    for index in 0..seen.config().d_model {
        let weight = to_logit(weights, id, index);
        // an edge that is off changes the norm for its own channel only
        let changed = seen.edits.off_edges.iter().any(|edge| edge.to == to && edge.from.index == index);
        let own = changed.then(|| scale_at(seen, Hook::FinalResid, &Norm::default(), last, index, Some(to)));
        let scale = own.as_ref().unwrap_or(&unchanged);
        let parts = stream(seen, Node::new(Hook::FinalResid, index), last, Some(scale.factor), Some(to));
        for part in parts.into_iter().chain(scale.mean_term()) {
            if part.node().is_some() {
                terms.push(Term { off: part.off, ..Term::new(part.source, weight, part.scale, part.activation) });
                continue;
            }
            let contribution = weight as f64 * part.contribution;
            match bundles.iter_mut().find(|bundle| bundle.source == part.source) {
                Some(bundle) => bundle.contribution += contribution,
                None => bundles.push(Term::bundle(part.source, contribution)),
            }
        }
        if let Some(norm_bias) = &weights.ln_f.bias {
            bias += weights.unembedding().get(id as usize, index) as f64 * norm_bias[index] as f64;
        }
    }
    terms.extend(bundles);
    if let Some(table) = &weights.bigram_table {
        terms.push(Term::new(TermSource::Bigram, 1.0, None, table.get(seen.tokens[last] as usize, id as usize)));
    }
    (terms, bias as f32)
}

fn attention(seen: &RecordedRun<'_>, node: Node) -> Option<ChannelAttention> {
    let (layer, head, _) = head_of(seen.config(), node)?;
    let pattern = seen.attention(layer, head, seen.last());
    let is_value = matches!(node.hook, Hook::At { site: Site::AttnV, .. });
    let channel_score = (!is_value).then(|| {
        let scale = 1.0 / (seen.config().d_head as f32).sqrt();
        let query = seen.value(Hook::at(layer, Site::AttnQ), seen.last(), node.index);
        let key = |token| seen.value(Hook::at(layer, Site::AttnK), token, node.index);
        (0..seen.tokens.len()).map(|token| query * key(token) * scale).collect()
    });
    Some(ChannelAttention { head, weights: pattern.weights, sink: pattern.sink, channel_score })
}
