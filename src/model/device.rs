//! The weights of a model on a device, in the form that the forward and backward passes use.

use super::{Config, Linear, Norm, Weights};
use crate::backend::Backend;
use crate::tensor::WeightMatrix;
use crate::{Result, bail};

/// `y = W x + b` on a device.
pub struct DeviceLinear<B: Backend> {
    pub weight: B::Matrix,
    pub bias: Option<B::Vector>,
}

pub struct DeviceNorm<B: Backend> {
    pub gain: Option<B::Vector>,
    pub bias: Option<B::Vector>,
}

pub struct DeviceBlock<B: Backend> {
    pub ln_1: DeviceNorm<B>,
    pub ln_p1: Option<DeviceNorm<B>>,
    /// `c_attn` in its three parts.
    pub q: DeviceLinear<B>,
    pub k: DeviceLinear<B>,
    pub v: DeviceLinear<B>,
    pub sinks: Option<B::Vector>,
    pub attn_c_proj: DeviceLinear<B>,
    pub ln_2: DeviceNorm<B>,
    pub ln_p2: Option<DeviceNorm<B>>,
    pub c_fc: DeviceLinear<B>,
    pub mlp_c_proj: DeviceLinear<B>,
}

/// A model, uploaded.
pub struct Model<B: Backend> {
    pub config: Config,
    pub wte: B::Matrix,
    pub wpe: Option<B::Matrix>,
    pub blocks: Vec<DeviceBlock<B>>,
    pub ln_f: DeviceNorm<B>,
    /// `None` when tied to `wte`.
    pub lm_head: Option<B::Matrix>,
    pub final_logits_bias: Option<B::Vector>,
    pub bigram_table: Option<B::Matrix>,
}

impl<B: Backend> Model<B> {
    /// Uploads the weights. `weights` must fit its own config, as every importer guarantees.
    pub fn new(backend: &mut B, weights: &Weights) -> Model<B> {
        let d_attn = weights.config.d_attn();
        let blocks = weights
            .blocks
            .iter()
            .map(|block| {
                let part = |backend: &mut B, i: usize| DeviceLinear {
                    weight: backend.matrix(&block.c_attn.weight.slice_rows(i * d_attn, (i + 1) * d_attn)),
                    bias: block.c_attn.bias.as_ref().map(|bias| backend.vector(&bias[i * d_attn..(i + 1) * d_attn])),
                };
                DeviceBlock {
                    ln_1: norm(backend, &block.ln_1),
                    ln_p1: block.ln_p1.as_ref().map(|n| norm(backend, n)),
                    q: part(backend, 0),
                    k: part(backend, 1),
                    v: part(backend, 2),
                    sinks: block.sink_logit.as_ref().map(|sinks| backend.vector(sinks)),
                    attn_c_proj: linear(backend, &block.attn_c_proj),
                    ln_2: norm(backend, &block.ln_2),
                    ln_p2: block.ln_p2.as_ref().map(|n| norm(backend, n)),
                    c_fc: linear(backend, &block.c_fc),
                    mlp_c_proj: linear(backend, &block.mlp_c_proj),
                }
            })
            .collect();
        Model {
            config: weights.config.clone(),
            wte: backend.matrix(&weights.wte),
            wpe: weights.wpe.as_ref().map(|wpe| backend.matrix(&WeightMatrix::Dense(wpe.clone()))),
            blocks,
            ln_f: norm(backend, &weights.ln_f),
            lm_head: weights.lm_head.as_ref().map(|w| backend.matrix(w)),
            final_logits_bias: weights.final_logits_bias.as_ref().map(|bias| backend.vector(bias)),
            bigram_table: weights.bigram_table.as_ref().map(|table| backend.matrix(table)),
        }
    }

    /// Whether a prompt can be run; `what` names it in the error.
    ///
    /// # Errors
    /// An empty prompt, one longer than the context, tokens beyond the vocabulary.
    pub fn check_tokens(&self, what: &str, tokens: &[u32]) -> Result<()> {
        let config = &self.config;
        if tokens.is_empty() {
            bail!("{what} is empty; the model needs at least one token");
        }
        if tokens.len() > config.block_size {
            bail!("{what} has {} tokens; the model reads at most {}", tokens.len(), config.block_size);
        }
        if let Some(token) = tokens.iter().find(|&&token| token as usize >= config.vocab_size) {
            bail!("{what} has the token {token}; the model's tokens are 0 to {}", config.vocab_size - 1);
        }
        Ok(())
    }

    pub fn unembedding(&self) -> &B::Matrix {
        self.lm_head.as_ref().unwrap_or(&self.wte)
    }
}

fn linear<B: Backend>(backend: &mut B, linear: &Linear) -> DeviceLinear<B> {
    DeviceLinear { weight: backend.matrix(&linear.weight), bias: linear.bias.as_ref().map(|bias| backend.vector(bias)) }
}

fn norm<B: Backend>(backend: &mut B, norm: &Norm) -> DeviceNorm<B> {
    DeviceNorm {
        gain: norm.gain.as_ref().map(|gain| backend.vector(gain)),
        bias: norm.bias.as_ref().map(|bias| backend.vector(bias)),
    }
}
