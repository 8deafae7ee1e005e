//! An independent reference model, written as simply as possible.
//!
//! It uses loops over `Vec<Vec<T>>`, a sort for AbsTopK and one token at a time. It shares only the
//! types that describe a model with the engine. `T` is f32, f64, or a dual number, so the same code
//! is a reference for gradients. Formulas: Gao et al. 2025, A.1, and the inference code published
//! with it.

#![allow(dead_code)] // each test uses a part

pub mod bridge;
pub mod gradients;
mod params;
pub mod random;
mod scalar;

pub use params::{LinearParams, NormParams, Params, named_mut, params};
pub use scalar::{Dual, Scalar};

use sparse_circuits::backend::{Activation, NormKind};
use sparse_circuits::model::{Config, Hook, Node, ResidualActivation, Site, TopKSite};
use std::collections::{BTreeMap, BTreeSet};

/// `[token][channel]`, or `[output][input]` of a weight.
pub type Rows<T> = Vec<Vec<T>>;

/// A deliberate error, to see that the oracle notices it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mistake {
    RmsEps(f64),
    UnbiasedVariance,
    TanhGelu,
    RoundedK,
    SinglePrecisionK,
    TopKPerHead,
    TopKBeforeActivation,
    TopKAfterHook,
    ResidualTopKBeforeRelu,
    SinkAbsent,
    SinkZero,
    SinkScaled,
    AttentionScaleOfModelWidth,
    InterleavedQkv,
    RawPositions,
    BigramPaddingRow,
    NoFinalBias,
}

/// A change of the activations at a hook: `positions` = `None` means all.
#[derive(Clone, Debug)]
pub struct Edit<T> {
    pub hook: Hook,
    pub positions: Option<Vec<usize>>,
    pub op: EditOp<T>,
}

#[derive(Clone, Debug)]
pub enum EditOp<T> {
    Zero(Vec<usize>),
    Set(Vec<(usize, T)>),
    Scale(Vec<usize>, T),
    /// `x -> m x + (1 - m) mean` for every channel (Gao et al. 2025, A.5).
    MeanAblate {
        mask: Vec<T>,
        mean: Vec<T>,
    },
}

impl<T: Scalar> Edit<T> {
    /// A node mask with mean ablation.
    pub fn mean_ablate(hook: Hook, mask: &[f64], mean: &[f64]) -> Self {
        let numbers = |values: &[f64]| values.iter().map(|&value| T::new(value)).collect();
        Edit { hook, positions: None, op: EditOp::MeanAblate { mask: numbers(mask), mean: numbers(mean) } }
    }

    pub fn apply(&self, x: &mut Rows<T>) {
        let all = (0..x.len()).collect();
        for &position in self.positions.as_ref().unwrap_or(&all) {
            let row = &mut x[position];
            match &self.op {
                EditOp::Zero(channels) => {
                    for &channel in channels {
                        row[channel] = T::new(0.0);
                    }
                }
                EditOp::Set(values) => {
                    for &(channel, value) in values {
                        row[channel] = value;
                    }
                }
                EditOp::Scale(channels, factor) => {
                    for &channel in channels {
                        row[channel] = row[channel] * *factor;
                    }
                }
                EditOp::MeanAblate { mask, mean } => {
                    for channel in 0..row.len() {
                        let m = mask[channel];
                        row[channel] = m * row[channel] + (T::new(1.0) - m) * mean[channel];
                    }
                }
            }
        }
    }
}

/// An edge that is off: `to` reads the mean of `from`.
#[derive(Clone, Copy, Debug)]
pub struct OffEdge {
    pub from: Node,
    pub to: EdgeTarget,
    pub mean: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum EdgeTarget {
    Node(Node),
    /// The logit of a token.
    Logit(usize),
}

pub struct Model<'a, T> {
    pub config: &'a Config,
    pub params: Params<T>,
    pub off_edges: Vec<OffEdge>,
    pub mistake: Option<Mistake>,
}

/// What a run gives: logits `[token][vocab]` and the activations at every hook, after the edits.
pub struct Run<T> {
    pub logits: Rows<T>,
    pub activations: BTreeMap<Hook, Rows<T>>,
}

impl<'a, T: Scalar> Model<'a, T> {
    pub fn new(config: &'a Config, params: Params<T>) -> Self {
        Model { config, params, off_edges: Vec::new(), mistake: None }
    }

    /// Runs with `edits` applied in order, and records every hook.
    pub fn run(&self, tokens: &[u32], edits: &[Edit<T>]) -> Run<T> {
        let mut activations = BTreeMap::new();
        let logits = self.forward(tokens, &mut |hook, x| {
            edits.iter().filter(|edit| edit.hook == hook).for_each(|edit| edit.apply(x));
            activations.insert(hook, x.clone());
        });
        Run { logits, activations }
    }

    /// The whole model. `hook` sees the activations at each hook and may change them.
    pub fn forward(&self, tokens: &[u32], hook: &mut dyn FnMut(Hook, &mut Rows<T>)) -> Rows<T> {
        let (config, params) = (self.config, &self.params);
        let concatenate = config.d_pos_emb.is_some();
        let mut x: Rows<T> = tokens.iter().map(|&token| params.wte[token as usize].clone()).collect();
        let positions: Option<Rows<T>> = params.wpe.as_ref().map(|wpe| wpe[..tokens.len()].to_vec());
        if let (Some(positions), false) = (&positions, concatenate) {
            x = add(&x, positions);
        }
        // what each sublayer wrote
        let mut writes: BTreeMap<Hook, Rows<T>> = BTreeMap::new();
        for (layer, block) in params.blocks.iter().enumerate() {
            let place = |site| Hook::at(layer, site);
            let mut at = |site, x: &mut Rows<T>| hook(Hook::at(layer, site), x);
            at(Site::ResidIn, &mut x);

            let mut input = self.block_input(&x, &positions, &block.ln_1, &block.ln_p1);
            self.read_means(&x, &block.ln_1, &writes, place(Site::AttnActIn), &mut input);
            let input = self.sparse_hook(Site::AttnActIn, Some(TopKSite::AttnIn), input, &mut at);
            let [q, k, v] = [(Site::AttnQ, &block.q), (Site::AttnK, &block.k), (Site::AttnV, &block.v)]
                .map(|(site, map)| self.linear_with_means(&input, map, place(site)));
            let (q, k, v) = self.qkv([q, k, v]);
            let k = self.sparse_hook(Site::AttnK, Some(TopKSite::AttnK), k, &mut at);
            let q = self.sparse_hook(Site::AttnQ, Some(TopKSite::AttnQ), q, &mut at);
            let v = self.sparse_hook(Site::AttnV, Some(TopKSite::AttnV), v, &mut at);
            // each target of an edge that is off has its own attention
            let mut own: Vec<(usize, Rows<T>)> = Vec::new();
            for to in self.off_targets(place(Site::AttnResidDelta)) {
                let v = v.iter().map(|row| self.with_means(row, EdgeTarget::Node(to))).collect();
                let y = self.attention(&q, &k, &v, block.sinks.as_deref());
                let y = self.sparse_hook(Site::AttnY, None, y, &mut at);
                own.push((to.index, linear(&y, &block.attn_c_proj)));
            }
            let y = self.attention(&q, &k, &v, block.sinks.as_deref());
            let y = self.sparse_hook(Site::AttnY, None, y, &mut at);
            let mut delta = linear(&y, &block.attn_c_proj);
            for (index, own) in own {
                (0..tokens.len()).for_each(|token| delta[token][index] = own[token][index]);
            }
            let delta = self.sparse_hook(Site::AttnResidDelta, Some(TopKSite::AttnOut), delta, &mut at);
            writes.insert(Hook::at(layer, Site::AttnResidDelta), delta.clone());
            x = self.residual(add(&x, &delta), TopKSite::ResidPostAttn);

            at(Site::ResidMid, &mut x);
            let mut input = self.block_input(&x, &positions, &block.ln_2, &block.ln_p2);
            self.read_means(&x, &block.ln_2, &writes, place(Site::MlpActIn), &mut input);
            let input = self.sparse_hook(Site::MlpActIn, Some(TopKSite::MlpIn), input, &mut at);
            let mut hidden = self.linear_with_means(&input, &block.c_fc, place(Site::MlpPostAct));
            if self.mistake == Some(Mistake::TopKBeforeActivation) {
                hidden = self.abs_top_k(TopKSite::MlpNeuron, hidden);
            }
            let hidden = hidden.iter().map(|row| row.iter().map(|&z| self.activation(z)).collect()).collect();
            let hidden = self.sparse_hook(Site::MlpPostAct, Some(TopKSite::MlpNeuron), hidden, &mut at);
            let delta = self.linear_with_means(&hidden, &block.mlp_c_proj, place(Site::MlpResidDelta));
            let delta = self.sparse_hook(Site::MlpResidDelta, Some(TopKSite::MlpOut), delta, &mut at);
            writes.insert(Hook::at(layer, Site::MlpResidDelta), delta.clone());
            x = self.residual(add(&x, &delta), TopKSite::ResidPostMlp);
        }
        hook(Hook::FinalResid, &mut x);
        let normed = self.norm(&x, &params.ln_f);
        let unembedding = params.lm_head.as_ref().unwrap_or(&params.wte);
        let mut logits = linear(&normed, &LinearParams { weight: unembedding.clone(), bias: None });
        for id in 0..config.vocab_size {
            let mut read = normed.clone();
            for edge in self.off_edges.iter().filter(|edge| edge.to == EdgeTarget::Logit(id)) {
                let channel = edge.from.index;
                let own = self.norm(&self.stream_with_means(&x, &writes, edge.to, channel), &params.ln_f);
                (0..tokens.len()).for_each(|token| read[token][channel] = own[token][channel]);
            }
            (0..tokens.len()).for_each(|token| logits[token][id] = dot(&unembedding[id], &read[token]));
        }
        if let Some(table) = &params.bigram_table {
            let last = table.len() - 1;
            for (row, &token) in logits.iter_mut().zip(tokens) {
                if self.mistake != Some(Mistake::BigramPaddingRow) || token as usize != last {
                    *row = sum(row, &table[token as usize]);
                }
            }
        }
        if let (Some(bias), true) = (&params.final_logits_bias, self.mistake != Some(Mistake::NoFinalBias)) {
            logits = logits.iter().map(|row| sum(row, bias)).collect();
        }
        logits
    }

    /// The channels of `hook` into which an edge is off.
    fn off_targets(&self, hook: Hook) -> BTreeSet<Node> {
        let node = |edge: &OffEdge| match edge.to {
            EdgeTarget::Node(node) => Some(node).filter(|node| node.hook == hook),
            EdgeTarget::Logit(_) => None,
        };
        self.off_edges.iter().filter_map(node).collect()
    }

    /// What `to` reads of a row of values.
    fn with_means(&self, row: &[T], to: EdgeTarget) -> Vec<T> {
        let mut row = row.to_vec();
        for edge in self.off_edges.iter().filter(|edge| edge.to == to) {
            row[edge.from.index] = T::new(edge.mean);
        }
        row
    }

    /// `W x + b` with the means that the channels of `to` read.
    fn linear_with_means(&self, x: &Rows<T>, map: &LinearParams<T>, to: Hook) -> Rows<T> {
        let mut out = linear(x, map);
        for node in self.off_targets(to) {
            let read = x.iter().map(|row| self.with_means(row, EdgeTarget::Node(node))).collect();
            let own = linear(&read, map);
            (0..x.len()).for_each(|token| out[token][node.index] = own[token][node.index]);
        }
        out
    }

    /// The stream that `to` reads at `channel`: each write of an edge that is off is at its mean.
    fn stream_with_means(
        &self,
        x: &Rows<T>,
        writes: &BTreeMap<Hook, Rows<T>>,
        to: EdgeTarget,
        channel: usize,
    ) -> Rows<T> {
        let mut x = x.clone();
        for edge in self.off_edges.iter().filter(|edge| edge.to == to && edge.from.index == channel) {
            for (row, write) in x.iter_mut().zip(&writes[&edge.from.hook]) {
                row[channel] += T::new(edge.mean) - write[channel];
            }
        }
        x
    }

    /// Puts what the reads of `hook` read where an edge into them is off.
    fn read_means(
        &self,
        x: &Rows<T>,
        norm: &NormParams<T>,
        writes: &BTreeMap<Hook, Rows<T>>,
        hook: Hook,
        input: &mut Rows<T>,
    ) {
        for node in self.off_targets(hook) {
            let own = self.norm(&self.stream_with_means(x, writes, EdgeTarget::Node(node), node.index), norm);
            (0..x.len()).for_each(|token| input[token][node.index] = own[token][node.index]);
        }
    }

    /// AbsTopK, then the hook.
    fn sparse_hook(
        &self,
        site: Site,
        top_k: Option<TopKSite>,
        mut x: Rows<T>,
        hook: &mut dyn FnMut(Site, &mut Rows<T>),
    ) -> Rows<T> {
        let late = self.mistake == Some(Mistake::TopKAfterHook);
        if let (Some(top_k), false) = (top_k, late) {
            x = self.abs_top_k(top_k, x);
        }
        hook(site, &mut x);
        if let (Some(top_k), true) = (top_k, late) {
            x = self.abs_top_k(top_k, x);
        }
        x
    }

    /// The normed residual stream, concatenated with the normed positional vector if the config
    /// concatenates positions.
    fn block_input(
        &self,
        x: &Rows<T>,
        positions: &Option<Rows<T>>,
        norm: &NormParams<T>,
        positional_norm: &NormParams<T>,
    ) -> Rows<T> {
        let mut input = self.norm(x, norm);
        if let (Some(positions), true) = (positions, self.config.d_pos_emb.is_some()) {
            let normed = match self.mistake {
                Some(Mistake::RawPositions) => positions.clone(),
                _ => self.norm(positions, positional_norm),
            };
            for (row, position) in input.iter_mut().zip(normed) {
                row.extend(position);
            }
        }
        input
    }

    /// RMS norm `x / sqrt(mean(x^2) + eps)` or layer norm `(x - mean) / sqrt(var + eps)` (biased variance), then gain, bias.
    fn norm(&self, x: &Rows<T>, norm: &NormParams<T>) -> Rows<T> {
        let rms_eps = match self.mistake {
            Some(Mistake::RmsEps(eps)) => eps,
            _ => NormKind::Rms.eps(),
        };
        x.iter()
            .map(|row| {
                let n = T::new(row.len() as f64);
                let mut centred = row.clone();
                let mut divisor = n;
                let mut eps = rms_eps;
                if !self.config.rms_norm {
                    let mean = total(row) / n;
                    centred = row.iter().map(|&v| v - mean).collect();
                    eps = NormKind::Layer.eps();
                    if self.mistake == Some(Mistake::UnbiasedVariance) {
                        divisor = T::new(row.len() as f64 - 1.0);
                    }
                }
                let squares: Vec<T> = centred.iter().map(|&v| v * v).collect();
                let scale = (total(&squares) / divisor + T::new(eps)).sqrt();
                let mut out: Vec<T> = centred.iter().map(|&v| v / scale).collect();
                if let Some(gain) = &norm.gain {
                    out = out.iter().zip(gain).map(|(&v, &g)| v * g).collect();
                }
                if let Some(bias) = &norm.bias {
                    out = sum(&out, bias);
                }
                out
            })
            .collect()
    }

    /// The published checkpoint stacks q, k and v in this order; the deliberate mistake interleaves
    /// its rows.
    fn qkv(&self, [q, k, v]: [Rows<T>; 3]) -> (Rows<T>, Rows<T>, Rows<T>) {
        if self.mistake != Some(Mistake::InterleavedQkv) {
            return (q, k, v);
        }
        let d_attn = self.config.n_head * self.config.d_head;
        let part = |which: usize| -> Rows<T> {
            let stacked = q.iter().zip(&k).zip(&v).map(|((q, k), v)| [q.as_slice(), k, v].concat());
            stacked.map(|row| (0..d_attn).map(|channel| row[3 * channel + which]).collect()).collect()
        };
        (part(0), part(1), part(2))
    }

    /// Causal attention, per head `softmax(q k / sqrt(d_head)) v`; a sink adds `exp(logit)` to the denominator.
    fn attention(&self, q: &Rows<T>, k: &Rows<T>, v: &Rows<T>, sinks: Option<&[T]>) -> Rows<T> {
        let (n_head, d_head) = (self.config.n_head, self.config.d_head);
        let width = match self.mistake {
            Some(Mistake::AttentionScaleOfModelWidth) => self.config.d_model / n_head,
            _ => d_head,
        };
        let scale = T::new(1.0 / (width as f64).sqrt());
        let mut y = vec![vec![T::new(0.0); n_head * d_head]; q.len()];
        for head in 0..n_head {
            let channels = head * d_head..(head + 1) * d_head;
            for query in 0..q.len() {
                let scores: Vec<T> = (0..=query)
                    .map(|key| dot(&q[query][channels.clone()], &k[key][channels.clone()]) * scale)
                    .collect();
                let sink = sinks.and_then(|sinks| match self.mistake {
                    Some(Mistake::SinkAbsent) => None,
                    Some(Mistake::SinkZero) => Some(T::new(0.0)),
                    Some(Mistake::SinkScaled) => Some(sinks[head] * scale),
                    _ => Some(sinks[head]),
                });
                let most = scores.iter().chain(&sink).map(|score| score.value()).fold(f64::NEG_INFINITY, f64::max);
                let powers: Vec<T> = scores.iter().map(|&score| (score - T::new(most)).exp()).collect();
                let mut denominator = total(&powers);
                if let Some(sink) = sink {
                    denominator += (sink - T::new(most)).exp();
                }
                for (key, &power) in powers.iter().enumerate() {
                    let weight = power / denominator;
                    for channel in channels.clone() {
                        y[query][channel] += weight * v[key][channel];
                    }
                }
            }
        }
        y
    }

    /// The exact GELU `x/2 (1 + erf(x / sqrt 2))`, or ReLU.
    fn activation(&self, x: T) -> T {
        let half_x = T::new(0.5) * x;
        match self.config.activation_type {
            Activation::Relu => relu(x),
            Activation::Gelu if self.mistake == Some(Mistake::TanhGelu) => {
                let inner = T::new((2.0 / std::f64::consts::PI).sqrt()) * (x + T::new(0.044715) * x * x * x);
                half_x * (T::new(1.0) + inner.tanh())
            }
            Activation::Gelu => half_x * (T::new(1.0) + (x * T::new(std::f64::consts::FRAC_1_SQRT_2)).erf()),
        }
    }

    /// ReLU on the residual stream where the config asks for it, then its AbsTopK.
    fn residual(&self, mut x: Rows<T>, site: TopKSite) -> Rows<T> {
        let top_k_first = self.mistake == Some(Mistake::ResidualTopKBeforeRelu);
        if top_k_first {
            x = self.abs_top_k(site, x);
        }
        if self.config.residual_activation_type == ResidualActivation::Relu {
            x = x.iter().map(|row| row.iter().map(|&v| relu(v)).collect()).collect();
        }
        if top_k_first { x } else { self.abs_top_k(site, x) }
    }

    /// Keeps the k entries of largest magnitude in each row; among equals those of the lowest channels. `k` is
    /// `int(afrac * width)` in double precision.
    fn abs_top_k(&self, site: TopKSite, x: Rows<T>) -> Rows<T> {
        let Some(afrac) = self.config.afrac.filter(|_| self.config.afrac_loctypes.contains(&site)) else {
            return x;
        };
        let per_head = self.mistake == Some(Mistake::TopKPerHead)
            && matches!(site, TopKSite::AttnQ | TopKSite::AttnK | TopKSite::AttnV);
        let keep = |row: &[T]| {
            let k = match self.mistake {
                Some(Mistake::RoundedK) => (afrac * row.len() as f64).round() as usize,
                Some(Mistake::SinglePrecisionK) => (afrac as f32 * row.len() as f32) as usize,
                _ => (afrac * row.len() as f64) as usize,
            };
            let mut channels: Vec<usize> = (0..row.len()).collect();
            // A stable sort: equal magnitudes stay in the order of their channels.
            channels.sort_by(|&a, &b| row[b].value().abs().total_cmp(&row[a].value().abs()));
            let mut kept = vec![T::new(0.0); row.len()];
            for &channel in &channels[..k] {
                kept[channel] = row[channel];
            }
            kept
        };
        x.iter()
            .map(|row| if per_head { row.chunks(self.config.d_head).flat_map(keep).collect() } else { keep(row) })
            .collect()
    }
}

fn relu<T: Scalar>(x: T) -> T {
    if x.value() > 0.0 { x } else { T::new(0.0) }
}

pub fn total<T: Scalar>(values: &[T]) -> T {
    values.iter().fold(T::new(0.0), |sum, &value| sum + value)
}

fn sum<T: Scalar>(a: &[T], b: &[T]) -> Vec<T> {
    a.iter().zip(b).map(|(&a, &b)| a + b).collect()
}

fn add<T: Scalar>(a: &Rows<T>, b: &Rows<T>) -> Rows<T> {
    a.iter().zip(b).map(|(a, b)| sum(a, b)).collect()
}

/// Products with an exact zero are left out: most weights are zero, and so is what AbsTopK drops.
fn dot<T: Scalar>(a: &[T], b: &[T]) -> T {
    let mut out = T::new(0.0);
    for (&a, &b) in a.iter().zip(b) {
        if !a.is_zero() && !b.is_zero() {
            out += a * b;
        }
    }
    out
}

/// `W x + b` for every token.
pub fn linear<T: Scalar>(x: &Rows<T>, map: &LinearParams<T>) -> Rows<T> {
    x.iter()
        .map(|row| {
            let out: Vec<T> = map.weight.iter().map(|weights| dot(weights, row)).collect();
            match &map.bias {
                Some(bias) => sum(&out, bias),
                None => out,
            }
        })
        .collect()
}

/// `-log softmax(logits)[target]`.
pub fn cross_entropy<T: Scalar>(logits: &[T], target: usize) -> T {
    let most = logits.iter().map(|logit| logit.value()).fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<T> = logits.iter().map(|&logit| (logit - T::new(most)).exp()).collect();
    total(&powers).ln() + T::new(most) - logits[target]
}

/// Mean next-token cross entropy; a target of `None` is ignored.
pub fn mean_cross_entropy<T: Scalar>(logits: &Rows<T>, targets: &[Option<usize>]) -> T {
    let losses: Vec<T> = (logits.iter().zip(targets))
        .filter_map(|(row, target)| target.map(|target| cross_entropy(row, target)))
        .collect();
    total(&losses) / T::new(losses.len() as f64)
}

/// The task loss of one sequence: cross entropy of the softmax over two candidates at the last position.
pub fn task_loss<T: Scalar>(logits: &Rows<T>, target: usize, alternative: usize) -> T {
    let last = logits.last().expect("a sequence has a token");
    cross_entropy(&[last[target], last[alternative]], 0)
}
