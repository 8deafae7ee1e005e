//! One node at one token: what goes in, what it gives on. Parts visibly sum to the whole.

use super::graph::to_logit;
use super::inspect::{attention_from, channel, head_of};
use crate::backend::{Activation, NormKind};
use crate::circuit::definition::{Circuit, Map, maps};
use crate::circuit::intervene::{Edits, Means, Values};
use crate::model::{Config, Hook, Node, Norm, ResidualActivation, Site, TopKSite, Weights};
use serde::Serialize;

/// How many terms from outside the circuit are listed one by one.
const OTHERS: usize = 10;

/// One term of a sum: `contribution = weight * activation`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Term {
    /// A node, or `None` for something else, which `label` names. A value node's activation is its attention-weighted sum over the tokens.
    pub node: Option<Node>,
    pub label: String,
    pub weight: f32,
    pub activation: f32,
    pub contribution: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NodeDetail {
    pub node: Node,
    pub token: usize,
    /// After edits.
    pub value: f32,
    /// `None` where the model's file has no mean for this hook.
    pub mean: Option<f32>,
    /// Its value at each token, after edits.
    pub values: Vec<f32>,
    /// Its value before any change at this node (mode and edits).
    pub computed: f32,
    /// Terms from circuit nodes first, then the largest of the rest, then one bundle of all others.
    pub incoming: Vec<Term>,
    pub bias: f32,
    /// All of `incoming` + `bias`.
    pub sum: f64,
    /// How `sum` becomes `computed`, in words.
    pub step: String,
    /// What it adds to each: circuit nodes first, then the largest of the rest.
    pub outgoing: Vec<Term>,
    pub attention: Option<ChannelAttention>,
}

/// Of a q, k or v node: its head's attention from the last token; of a q or k node also this channel's `q k / sqrt(d_head)` a token.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChannelAttention {
    pub head: usize,
    pub weights: Vec<f32>,
    pub sink: f32,
    pub channel_score: Option<Vec<f32>>,
}

/// A run whose every hook was recorded.
pub struct Seen<'a> {
    pub weights: &'a Weights,
    pub run: &'a Values,
    pub tokens: &'a [u32],
    pub edits: &'a Edits,
    pub circuit: &'a Circuit,
    pub candidates: [&'a str; 2],
}

impl Seen<'_> {
    /// The value after edits.
    fn at(&self, layer: usize, site: Site, token: usize, index: usize) -> f32 {
        self.run.values[&Hook::at(layer, site)].get(token, index)
    }

    fn config(&self) -> &Config {
        &self.weights.config
    }

    fn last(&self) -> usize {
        self.tokens.len() - 1
    }
}

/// What the embedding (and an added position) writes to a residual channel at a token.
pub fn embedding(seen: &Seen<'_>, token: usize, channel: usize) -> f32 {
    seen.weights.wte.get(seen.tokens[token] as usize, channel) + position(seen, token, channel)
}

/// What an added (not concatenated) positional table writes.
fn position(seen: &Seen<'_>, token: usize, channel: usize) -> f32 {
    match (&seen.weights.wpe, seen.config().d_pos_emb) {
        (Some(wpe), None) => wpe.get(token, channel),
        _ => 0.0,
    }
}

impl NodeDetail {
    /// `node` and `token` must exist, and every hook must have been recorded, `node.hook` also as computed.
    pub fn new(seen: &Seen<'_>, means: &Means, node: Node, token: usize) -> NodeDetail {
        let (terms, bias) = incoming(seen, node, token);
        let sum = terms.iter().map(|term| term.contribution).sum::<f64>() + bias as f64;
        let computed = seen.run.computed[&node.hook].get(token, node.index);
        let values = channel(&seen.run.values[&node.hook], node.index, seen.tokens.len());
        let (mut shown, rest) = ranked(seen.circuit, terms);
        if !rest.is_empty() {
            shown.push(Term {
                node: None,
                label: format!("{} others", rest.len()),
                weight: 0.0,
                activation: 0.0,
                contribution: rest.iter().map(|term| term.contribution).sum(),
            });
        }
        NodeDetail {
            node,
            token,
            value: values[token],
            mean: means.get(&node.hook).map(|mean| mean[node.index]),
            values,
            computed,
            incoming: shown,
            bias,
            sum,
            step: step(seen.config(), node.hook, sum, computed),
            outgoing: ranked(seen.circuit, outgoing(seen, node, token)).0,
            attention: attention(seen, node),
        }
    }
}

/// Terms that are not zero: what belongs to no node and circuit nodes first, then the largest [`OTHERS`]; and what is left.
fn ranked(circuit: &Circuit, terms: Vec<Term>) -> (Vec<Term>, Vec<Term>) {
    let nonzero = terms.into_iter().filter(|term| term.contribution != 0.0);
    let (mut first, mut others): (Vec<Term>, Vec<Term>) =
        nonzero.partition(|term| term.node.is_none_or(|node| circuit.nodes.contains(&node)));
    let by_size = |a: &Term, b: &Term| b.contribution.abs().total_cmp(&a.contribution.abs());
    first.sort_by(by_size);
    others.sort_by(by_size);
    let rest = others.split_off(others.len().min(OTHERS));
    first.extend(others);
    (first, rest)
}

fn term(node: Option<Node>, label: &str, weight: f32, activation: f32) -> Term {
    Term { node, label: label.into(), weight, activation, contribution: weight as f64 * activation as f64 }
}

/// All terms that sum, with the bias, to what the node's own step starts from.
fn incoming(seen: &Seen<'_>, node: Node, token: usize) -> (Vec<Term>, f32) {
    let Hook::At { layer, site } = node.hook else {
        return (stream(seen, node.hook, token, node.index, 1.0, true), 0.0);
    };
    match site {
        Site::AttnQ | Site::AttnK | Site::AttnV | Site::AttnResidDelta | Site::MlpPostAct | Site::MlpResidDelta => {
            let map =
                maps(seen.weights, layer).into_iter().find(|map| map.to == site).expect("every such site has a map");
            let terms = map.row(node.index).into_iter().map(|(from, weight)| {
                let activation = seen.at(layer, enters(&map), token, from);
                term(Some(Node::new(Hook::at(layer, map.from), from)), "", weight, activation)
            });
            (terms.collect(), map.bias(node.index))
        }
        Site::AttnActIn | Site::MlpActIn => normed(seen, layer, site, token, node.index),
        Site::AttnY => {
            let head = node.index / seen.config().d_head;
            let (q, k) =
                (&seen.run.values[&Hook::at(layer, Site::AttnQ)], &seen.run.values[&Hook::at(layer, Site::AttnK)]);
            let (weights, _) = attention_from(seen.weights, layer, head, q, k, token);
            let terms = weights.iter().enumerate().map(|(key, &weight)| {
                term(None, &format!("token {}", key + 1), weight, seen.at(layer, Site::AttnV, key, node.index))
            });
            (terms.collect(), 0.0)
        }
        Site::ResidIn | Site::ResidMid => (stream(seen, node.hook, token, node.index, 1.0, true), 0.0),
    }
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
fn normed(seen: &Seen<'_>, layer: usize, site: Site, token: usize, index: usize) -> (Vec<Term>, f32) {
    let config = seen.config();
    let (resid, norm, positional) = read_by(seen.weights, layer, site);
    if index >= config.d_model {
        let (Some(width), Some(wpe)) = (config.d_pos_emb, &seen.weights.wpe) else { return (Vec::new(), 0.0) };
        let at = index - config.d_model;
        let scale = Scale::of(config, positional, at, (0..width).map(|channel| wpe.get(token, channel)));
        let mut terms = vec![term(None, "position", scale.weight, wpe.get(token, at))];
        terms.extend(scale.mean_term());
        return (terms, scale.bias);
    }
    let scale = scale_at(seen, resid, norm, token, index);
    let mut terms = stream(seen, resid, token, index, scale.weight, false);
    terms.extend(scale.mean_term());
    (terms, scale.bias)
}

/// What a norm does to one channel: `weight * (x - mean) + bias`.
struct Scale {
    weight: f32,
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
            weight: (gain / (square + epsilon).sqrt()) as f32,
            mean: (!config.rms_norm).then_some(mean as f32),
            bias: norm.bias.as_ref().map_or(0.0, |bias| bias[index]),
        }
    }

    fn mean_term(&self) -> Option<Term> {
        self.mean.map(|mean| term(None, "mean over the channels", -self.weight, mean))
    }
}

fn scale_at(seen: &Seen<'_>, resid: Hook, norm: &Norm, token: usize, index: usize) -> Scale {
    let values = &seen.run.values[&resid];
    Scale::of(seen.config(), norm, index, (0..seen.config().d_model).map(|channel| values.get(token, channel)))
}

/// The writes that make up a residual channel at `hook`, each times `weight`. `computed` = without what is edited at `hook` itself.
fn stream(seen: &Seen<'_>, hook: Hook, token: usize, index: usize, weight: f32, computed: bool) -> Vec<Term> {
    let config = seen.config();
    let mut terms =
        vec![term(None, "token embedding", weight, seen.weights.wte.get(seen.tokens[token] as usize, index))];
    let position = position(seen, token, index);
    if position != 0.0 {
        terms.push(term(None, "position", weight, position));
    }
    let mut sum = terms.iter().map(|term| term.activation as f64).sum::<f64>();
    for layer in 0..config.n_layer {
        for site in [Site::AttnResidDelta, Site::MlpResidDelta] {
            if Hook::at(layer, site) < hook {
                let activation = seen.at(layer, site, token, index);
                sum += activation as f64;
                terms.push(term(Some(Node::new(Hook::at(layer, site), index)), "", weight, activation));
            }
        }
    }
    if changed_on_the_way(seen, index) {
        let values = if computed { &seen.run.computed[&hook] } else { &seen.run.values[&hook] };
        let rest = (values.get(token, index) as f64 - sum) as f32;
        terms.push(term(None, "changes inside the stream", weight, rest));
    }
    terms
}

/// Whether a residual channel is more than the sum of what is written to it: its own activation, a selection, or edits of the stream itself.
fn changed_on_the_way(seen: &Seen<'_>, index: usize) -> bool {
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

/// How a node's sum becomes its value, in words.
fn step(config: &Config, hook: Hook, sum: f64, computed: f32) -> String {
    let Hook::At { site, .. } = hook else { return "as it is".into() };
    let kept = config.top_k_at(site);
    let activation = (site == Site::MlpPostAct).then_some(config.activation_type);
    let first = match activation {
        Some(Activation::Relu) if sum <= 0.0 => return "after ReLU, which makes what is not above zero 0".into(),
        Some(Activation::Relu) => "after ReLU",
        Some(Activation::Gelu) => "after GELU",
        None => "",
    };
    let second = match kept {
        Some(k) if computed == 0.0 && sum != 0.0 => format!("not among the {k} largest, so 0"),
        Some(k) => format!("among the {k} largest, so kept"),
        None if activation.is_none() => "as it is".into(),
        None => String::new(),
    };
    [first, &second].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

/// What a node adds to each place that reads it at this token. Queries and keys add to no sum: they are multiplied.
fn outgoing(seen: &Seen<'_>, node: Node, token: usize) -> Vec<Term> {
    let value = seen.run.values[&node.hook].get(token, node.index);
    let Hook::At { layer, site } = node.hook else { return logits(seen, node.index, token, value) };
    match site {
        Site::AttnActIn | Site::AttnY | Site::MlpActIn | Site::MlpPostAct => maps(seen.weights, layer)
            .iter()
            .filter(|map| enters(map) == site)
            .flat_map(|map| column(seen, layer, map, node.index, value))
            .collect(),
        Site::AttnV => {
            // Its part in the head's output at the last token.
            let head = node.index / seen.config().d_head;
            let (q, k) =
                (&seen.run.values[&Hook::at(layer, Site::AttnQ)], &seen.run.values[&Hook::at(layer, Site::AttnK)]);
            let (weights, _) = attention_from(seen.weights, layer, head, q, k, seen.last());
            let maps = maps(seen.weights, layer);
            let map = maps.iter().find(|map| map.from == Site::AttnV).expect("values have a map");
            column(seen, layer, map, node.index, weights[token] * value).collect()
        }
        Site::AttnQ | Site::AttnK => Vec::new(),
        Site::AttnResidDelta | Site::MlpResidDelta | Site::ResidIn | Site::ResidMid => {
            let mut terms: Vec<Term> = Hook::node_hooks(seen.config().n_layer)
                .into_iter()
                .filter(|hook| *hook > node.hook)
                .filter_map(|hook| match hook {
                    Hook::At { layer, site: site @ (Site::AttnActIn | Site::MlpActIn) } => {
                        let (resid, norm, _) = read_by(seen.weights, layer, site);
                        let scale = scale_at(seen, resid, norm, token, node.index);
                        Some(term(Some(Node::new(hook, node.index)), "", scale.weight, value))
                    }
                    _ => None,
                })
                .collect();
            terms.extend(logits(seen, node.index, token, value));
            terms
        }
    }
}

/// The terms of `value` at channel `from` in every channel that a map writes.
fn column<'a>(
    seen: &'a Seen<'_>,
    layer: usize,
    map: &'a Map<'a>,
    from: usize,
    value: f32,
) -> impl Iterator<Item = Term> + 'a {
    let to = Hook::at(layer, map.to);
    (0..to.width(seen.config())).filter_map(move |index| {
        let weight = map.weight(index, from);
        (weight != 0.0).then(|| term(Some(Node::new(to, index)), "", weight, value))
    })
}

/// What a residual channel adds to the candidates' logits; only the last token's stream reaches the prediction.
fn logits(seen: &Seen<'_>, index: usize, token: usize, value: f32) -> Vec<Term> {
    if token != seen.last() {
        return Vec::new();
    }
    let scale = scale_at(seen, Hook::FinalResid, &Norm::default(), token, index);
    let ids = seen.circuit.candidate_ids.into_iter().zip(seen.candidates);
    ids.map(|(id, text)| {
        term(None, &format!("logit of {text}"), scale.weight * to_logit(seen.weights, id, index), value)
    })
    .collect()
}

fn attention(seen: &Seen<'_>, node: Node) -> Option<ChannelAttention> {
    let (head, _) = head_of(seen.weights, node)?;
    let Hook::At { layer, site } = node.hook else { return None };
    let (q, k) = (&seen.run.values[&Hook::at(layer, Site::AttnQ)], &seen.run.values[&Hook::at(layer, Site::AttnK)]);
    let (weights, sink) = attention_from(seen.weights, layer, head, q, k, seen.last());
    let scale = 1.0 / (seen.config().d_head as f32).sqrt();
    let query = q.get(seen.last(), node.index);
    let channel_score = (site != Site::AttnV)
        .then(|| (0..seen.tokens.len()).map(|token| query * k.get(token, node.index) * scale).collect());
    Some(ChannelAttention { head, weights, sink, channel_score })
}
