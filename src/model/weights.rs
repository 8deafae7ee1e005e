//! The weights of a model on the host, named as the published checkpoints name them.

use super::Config;
use crate::tensor::{Matrix, WeightMatrix};

/// `y = W x + b`.
#[derive(Clone, Debug, PartialEq)]
pub struct Linear {
    pub weight: WeightMatrix,
    pub bias: Option<Vec<f32>>,
}

/// Gain and bias of an RMS or layer norm; which of the two is the config's `rms_norm`.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Norm {
    /// `None` = all ones.
    pub gain: Option<Vec<f32>>,
    pub bias: Option<Vec<f32>>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    pub ln_1: Norm,
    /// Norm of the concatenated positional vector before attention; with `d_pos_emb` only.
    pub ln_p1: Option<Norm>,
    /// `[3 * d_attn, d_block_in]`: all q rows, all k rows, all v rows; heads contiguous inside each.
    pub c_attn: Linear,
    /// `[n_head]`, with `sink` only.
    pub sink_logit: Option<Vec<f32>>,
    /// `[d_model, d_attn]`.
    pub attn_c_proj: Linear,
    pub ln_2: Norm,
    pub ln_p2: Option<Norm>,
    /// `[d_mlp, d_block_in]`.
    pub c_fc: Linear,
    /// `[d_model, d_mlp]`.
    pub mlp_c_proj: Linear,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Weights {
    pub config: Config,
    /// `[vocab, d_model]`: row = token.
    pub wte: WeightMatrix,
    /// `[block_size or more, d_pos_emb or d_model]`; `None` when the model has no positions.
    pub wpe: Option<Matrix>,
    pub blocks: Vec<Block>,
    pub ln_f: Norm,
    /// `[vocab, d_model]`; `None` when tied to `wte`.
    pub lm_head: Option<WeightMatrix>,
    /// `[vocab, vocab]`: row = the current token, added to the logits.
    pub bigram_table: Option<WeightMatrix>,
    /// `[vocab]`.
    pub final_logits_bias: Option<Vec<f32>>,
}

impl Weights {
    pub fn unembedding(&self) -> &WeightMatrix {
        self.lm_head.as_ref().unwrap_or(&self.wte)
    }
}
