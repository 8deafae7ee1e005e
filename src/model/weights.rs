//! The weights of a model on the host, named as the published checkpoints name them.

use super::Config;
use crate::tensor::{Matrix, SparseMatrix};

/// A weight matrix, `rows` outputs x `cols` inputs.
#[derive(Clone, Debug, PartialEq)]
pub enum WeightMatrix {
    Dense(Matrix),
    Sparse(SparseMatrix),
}

impl WeightMatrix {
    pub fn rows(&self) -> usize {
        match self {
            WeightMatrix::Dense(m) => m.rows,
            WeightMatrix::Sparse(m) => m.rows(),
        }
    }

    pub fn cols(&self) -> usize {
        match self {
            WeightMatrix::Dense(m) => m.cols,
            WeightMatrix::Sparse(m) => m.cols(),
        }
    }

    pub fn nonzeros(&self) -> usize {
        match self {
            WeightMatrix::Dense(m) => m.nonzeros(),
            WeightMatrix::Sparse(m) => m.nonzeros(),
        }
    }

    pub fn get(&self, row: usize, col: usize) -> f32 {
        match self {
            WeightMatrix::Dense(m) => m.get(row, col),
            WeightMatrix::Sparse(m) => m.get(row, col),
        }
    }

    pub fn to_dense(&self) -> Matrix {
        match self {
            WeightMatrix::Dense(m) => m.clone(),
            WeightMatrix::Sparse(m) => m.to_dense(),
        }
    }

    /// Rows `from..to` as a matrix of their own.
    pub fn slice_rows(&self, from: usize, to: usize) -> WeightMatrix {
        match self {
            WeightMatrix::Dense(m) => {
                WeightMatrix::Dense(Matrix::new(to - from, m.cols, m.data[from * m.cols..to * m.cols].to_vec()))
            }
            WeightMatrix::Sparse(m) => WeightMatrix::Sparse(m.slice_rows(from, to)),
        }
    }

    /// Dense when more than `threshold` of the entries are nonzero, sparse otherwise.
    pub fn compressed(dense: Matrix, threshold: f64) -> WeightMatrix {
        if dense.nonzeros() as f64 > threshold * (dense.rows * dense.cols) as f64 {
            WeightMatrix::Dense(dense)
        } else {
            WeightMatrix::Sparse(SparseMatrix::from_dense(&dense))
        }
    }
}

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
