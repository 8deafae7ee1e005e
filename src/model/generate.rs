//! Text one token at a time: keys and values of earlier tokens are kept, and a product costs only the inputs that are not zero.
//!
//! The same model as [`super::forward()`] with a batch of one token; nothing here is recorded or edited.

use super::{Block, Config, Linear, Norm, ResidualActivation, TopKSite, Weights};
use crate::backend::cpu::Cpu;
use crate::backend::{Activation, Backend, NormKind};
use crate::tensor::{Activations, Matrix, WeightMatrix};
use crate::{Result, bail};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// A model that reads one token after another.
pub struct Generator<'a> {
    weights: &'a Weights,
    cpu: Cpu,
    blocks: Vec<Columns>,
    unembedding: WeightMatrix,
    /// Tokens in the cache.
    tokens: Vec<u32>,
    caches: Vec<Cache>,
}

/// The transposed weights of a block: row = input.
struct Columns {
    c_attn: WeightMatrix,
    attn_c_proj: WeightMatrix,
    c_fc: WeightMatrix,
    mlp_c_proj: WeightMatrix,
}

/// Keys and values of one layer, `[token][d_attn]`.
#[derive(Default)]
struct Cache {
    keys: Vec<f32>,
    values: Vec<f32>,
}

impl<'a> Generator<'a> {
    pub fn new(weights: &'a Weights) -> Generator<'a> {
        let columns = |block: &Block| Columns {
            c_attn: transposed(&block.c_attn.weight),
            attn_c_proj: transposed(&block.attn_c_proj.weight),
            c_fc: transposed(&block.c_fc.weight),
            mlp_c_proj: transposed(&block.mlp_c_proj.weight),
        };
        Generator {
            weights,
            cpu: Cpu::new(),
            blocks: weights.blocks.iter().map(columns).collect(),
            unembedding: transposed(weights.unembedding()),
            tokens: Vec::new(),
            caches: weights.blocks.iter().map(|_| Cache::default()).collect(),
        }
    }

    /// Reads a token and gives the logits of the next one. Beyond the context length the oldest token is dropped and the rest read anew, since
    /// every later key and value has seen it.
    ///
    /// # Errors
    /// A token beyond the vocabulary.
    pub fn push(&mut self, token: u32) -> Result<Vec<f32>> {
        let config = &self.weights.config;
        if token as usize >= config.vocab_size {
            bail!("the model's tokens are 0 to {}, not {token}", config.vocab_size - 1);
        }
        if self.tokens.len() == config.block_size {
            let kept = self.tokens.split_off(1);
            self.tokens.clear();
            self.caches.iter_mut().for_each(|cache| *cache = Cache::default());
            for earlier in kept {
                self.stream(earlier);
            }
        }
        let resid = self.stream(token);
        Ok(self.logits(token, &resid))
    }

    /// The residual stream after the last block at a new token, which joins the cache.
    fn stream(&mut self, token: u32) -> Activations {
        let weights = self.weights;
        let config = &weights.config;
        let position = self.tokens.len();
        self.tokens.push(token);
        let mut resid = zeros(config.d_model);
        add_row(&weights.wte, token as usize, &mut resid);
        let mut positional = None;
        match (&weights.wpe, config.d_pos_emb) {
            (Some(wpe), None) => add(wpe.row(position), &mut resid),
            (Some(wpe), Some(_)) => positional = Some(Activations::from_rows(wpe.row(position), wpe.cols)),
            (None, _) => {}
        }
        for layer in 0..config.n_layer {
            let block = &weights.blocks[layer];
            let x = self.block_input(&block.ln_1, block.ln_p1.as_ref(), &resid, positional.as_ref(), TopKSite::AttnIn);
            let qkv = product(&self.blocks[layer].c_attn, &block.c_attn, &x);
            let y = self.attend(layer, &qkv);
            let mut delta = product(&self.blocks[layer].attn_c_proj, &block.attn_c_proj, &y);
            self.select(TopKSite::AttnOut, &mut delta);
            self.write(&delta, TopKSite::ResidPostAttn, &mut resid);

            let x = self.block_input(&block.ln_2, block.ln_p2.as_ref(), &resid, positional.as_ref(), TopKSite::MlpIn);
            let before = product(&self.blocks[layer].c_fc, &block.c_fc, &x);
            let mut neurons = zeros(config.d_mlp);
            self.cpu.activate(config.activation_type, &before, &mut neurons);
            self.select(TopKSite::MlpNeuron, &mut neurons);
            let mut delta = product(&self.blocks[layer].mlp_c_proj, &block.mlp_c_proj, &neurons);
            self.select(TopKSite::MlpOut, &mut delta);
            self.write(&delta, TopKSite::ResidPostMlp, &mut resid);
        }
        resid
    }

    fn logits(&mut self, token: u32, resid: &Activations) -> Vec<f32> {
        let weights = self.weights;
        let x = self.norm(&weights.ln_f, resid);
        let mut logits = columns_times(&self.unembedding, weights.config.vocab_size, &x);
        if let Some(bias) = &weights.final_logits_bias {
            add(bias, &mut logits);
        }
        if let Some(table) = &weights.bigram_table {
            add_row(table, token as usize, &mut logits);
        }
        logits.to_rows()
    }

    fn norm(&mut self, norm: &Norm, x: &Activations) -> Activations {
        let kind = if self.weights.config.rms_norm { NormKind::Rms } else { NormKind::Layer };
        let (gain, bias) = (norm.gain.as_deref(), norm.bias.as_deref());
        let (gain, bias) = (gain.map(|v| self.cpu.vector(v)), bias.map(|v| self.cpu.vector(v)));
        let mut y = zeros(x.channels());
        self.cpu.norm(kind, x, gain.as_ref(), bias.as_ref(), &mut y);
        y
    }

    fn block_input(
        &mut self,
        ln: &Norm,
        ln_p: Option<&Norm>,
        resid: &Activations,
        positional: Option<&Activations>,
        site: TopKSite,
    ) -> Activations {
        let mut x = self.norm(ln, resid);
        if let (Some(positional), Some(ln_p)) = (positional, ln_p) {
            let p = self.norm(ln_p, positional);
            let mut both = zeros(x.channels() + p.channels());
            self.cpu.concat(&x, &p, &mut both);
            x = both;
        }
        self.select(site, &mut x);
        x
    }

    /// AbsTopK where the config has it.
    fn select(&mut self, site: TopKSite, x: &mut Activations) {
        if let Some(k) = self.weights.config.top_k(site, x.channels()) {
            self.cpu.abs_top_k(k, x);
        }
    }

    /// Adds to the residual stream, then its own ReLU and AbsTopK where the config has them.
    fn write(&mut self, delta: &Activations, site: TopKSite, resid: &mut Activations) {
        self.cpu.add(delta, resid);
        if self.weights.config.residual_activation_type == ResidualActivation::Relu {
            let mut active = zeros(resid.channels());
            self.cpu.activate(Activation::Relu, resid, &mut active);
            *resid = active;
        }
        self.select(site, resid);
    }

    /// Attention of the newest token over the cache, which its key and value join first.
    fn attend(&mut self, layer: usize, qkv: &Activations) -> Activations {
        let config = &self.weights.config;
        let d_attn = config.d_attn();
        let part = |i: usize| {
            let values: Vec<f32> = (i * d_attn..(i + 1) * d_attn).map(|channel| qkv.get(0, channel)).collect();
            Activations::from_rows(&values, d_attn)
        };
        let (mut q, mut k, mut v) = (part(0), part(1), part(2));
        self.select(TopKSite::AttnQ, &mut q);
        self.select(TopKSite::AttnK, &mut k);
        self.select(TopKSite::AttnV, &mut v);
        let cache = &mut self.caches[layer];
        cache.keys.extend(k.to_rows());
        cache.values.extend(v.to_rows());
        attention(config, self.weights.blocks[layer].sink_logit.as_deref(), &q.to_rows(), cache)
    }
}

/// Scale `1 / sqrt(d_head)`, a sink's logit in the denominator (Gao et al. 2025, A.1).
fn attention(config: &Config, sinks: Option<&[f32]>, q: &[f32], cache: &Cache) -> Activations {
    let (d_attn, d_head) = (config.d_attn(), config.d_head);
    let scale = 1.0 / (d_head as f32).sqrt();
    let mut y = vec![0.0; d_attn];
    let mut scores = Vec::new();
    for (head, out) in y.chunks_exact_mut(d_head).enumerate() {
        let channels = head * d_head..(head + 1) * d_head;
        let query: Vec<(usize, f32)> = channels.clone().map(|c| (c, q[c])).filter(|(_, q)| *q != 0.0).collect();
        scores.clear();
        scores.extend(
            cache.keys.chunks_exact(d_attn).map(|key| scale * query.iter().map(|&(c, q)| q * key[c]).sum::<f32>()),
        );
        let sink = sinks.map(|sinks| sinks[head]);
        let largest = scores.iter().copied().chain(sink).fold(f32::NEG_INFINITY, f32::max);
        scores.iter_mut().for_each(|score| *score = (*score - largest).exp());
        let sum = scores.iter().sum::<f32>() + sink.map_or(0.0, |sink| (sink - largest).exp());
        for (weight, value) in scores.iter().zip(cache.values.chunks_exact(d_attn)) {
            let weight = weight / sum;
            out.iter_mut().zip(&value[channels.clone()]).for_each(|(out, value)| *out += weight * value);
        }
    }
    Activations::from_rows(&y, d_attn)
}

fn zeros(channels: usize) -> Activations {
    Activations::zeros(channels, 1)
}

fn transposed(weights: &WeightMatrix) -> WeightMatrix {
    match weights {
        WeightMatrix::Sparse(w) => WeightMatrix::Sparse(w.transpose()),
        WeightMatrix::Dense(w) => {
            let mut out = Matrix::zeros(w.cols, w.rows);
            for row in 0..w.rows {
                for (col, value) in w.row(row).iter().enumerate() {
                    out.data[col * w.rows + row] = *value;
                }
            }
            WeightMatrix::Dense(out)
        }
    }
}

fn add(values: &[f32], x: &mut Activations) {
    for (channel, value) in values.iter().enumerate() {
        x.set(0, channel, x.get(0, channel) + value);
    }
}

fn add_row(table: &WeightMatrix, row: usize, x: &mut Activations) {
    match table {
        WeightMatrix::Dense(table) => add(table.row(row), x),
        WeightMatrix::Sparse(table) => {
            for (channel, value) in table.row(row) {
                x.set(0, channel, x.get(0, channel) + value);
            }
        }
    }
}

/// `y = W x + b`, `columns` = the transposed weights.
fn product(columns: &WeightMatrix, linear: &Linear, x: &Activations) -> Activations {
    let mut y = columns_times(columns, linear.weight.rows(), x);
    if let Some(bias) = &linear.bias {
        add(bias, &mut y);
    }
    y
}

/// `y = sum over the inputs that are not zero of x[i] * column i`.
fn columns_times(columns: &WeightMatrix, outputs: usize, x: &Activations) -> Activations {
    let mut y = vec![0.0; outputs];
    for input in 0..x.channels() {
        let value = x.get(0, input);
        if value == 0.0 {
            continue;
        }
        match columns {
            WeightMatrix::Dense(columns) => {
                y.iter_mut().zip(columns.row(input)).for_each(|(y, weight)| *y += weight * value);
            }
            WeightMatrix::Sparse(columns) => {
                for (output, weight) in columns.row(input) {
                    y[output] += weight * value;
                }
            }
        }
    }
    Activations::from_rows(&y, outputs)
}

/// Chooses the next token from its logits.
pub struct Sampler {
    temperature: f64,
    top_p: f64,
    random: ChaCha8Rng,
}

impl Sampler {
    /// Temperature 0 takes the likeliest token (the lower id of equals); otherwise one is drawn from the smallest set of likeliest tokens that
    /// together have a probability of at least `top_p`. The same seed draws the same tokens on every machine.
    ///
    /// # Errors
    /// A temperature below 0, a `top_p` outside (0, 1].
    pub fn new(temperature: f64, top_p: f64, seed: u64) -> Result<Sampler> {
        if !(temperature.is_finite() && temperature >= 0.0) {
            bail!("the temperature must be 0 or more, not {temperature}");
        }
        if !(top_p > 0.0 && top_p <= 1.0) {
            bail!("top-p must be above 0 and at most 1, not {top_p}");
        }
        Ok(Sampler { temperature, top_p, random: ChaCha8Rng::seed_from_u64(seed) })
    }

    /// `logits` must hold at least one number and nothing else than finite ones.
    pub fn next(&mut self, logits: &[f32]) -> u32 {
        let mut ids: Vec<u32> = (0..logits.len() as u32).collect();
        ids.sort_by(|&a, &b| logits[b as usize].total_cmp(&logits[a as usize]));
        if self.temperature == 0.0 {
            return ids[0];
        }
        let largest = f64::from(logits[ids[0] as usize]);
        let weights: Vec<f64> =
            ids.iter().map(|&id| ((f64::from(logits[id as usize]) - largest) / self.temperature).exp()).collect();
        let total: f64 = weights.iter().sum();
        let mut kept = 0.0;
        let mut count = 0;
        while count < ids.len() && (count == 0 || kept < self.top_p * total) {
            kept += weights[count];
            count += 1;
        }
        // 53 random bits: uniform in [0, 1).
        let mut left = (self.random.next_u64() >> 11) as f64 / (1u64 << 53) as f64 * kept;
        for (&id, weight) in ids.iter().zip(&weights[..count]) {
            if left < *weight {
                return id;
            }
            left -= weight;
        }
        ids[count - 1]
    }
}
