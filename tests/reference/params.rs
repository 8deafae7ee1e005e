//! The reference's parameters: every tensor as plain rows of numbers, found by its name in a checkpoint.

use super::{Rows, Scalar};
use sparse_circuits::model::{Norm, WeightMatrix, Weights};

#[derive(Clone)]
pub struct LinearParams<T> {
    pub weight: Rows<T>,
    pub bias: Option<Vec<T>>,
}

#[derive(Clone)]
pub struct NormParams<T> {
    pub gain: Option<Vec<T>>,
    pub bias: Option<Vec<T>>,
}

#[derive(Clone)]
pub struct BlockParams<T> {
    pub ln_1: NormParams<T>,
    pub ln_p1: Option<NormParams<T>>,
    pub c_attn: LinearParams<T>,
    pub sink_logit: Option<Vec<T>>,
    pub attn_c_proj: LinearParams<T>,
    pub ln_2: NormParams<T>,
    pub ln_p2: Option<NormParams<T>>,
    pub c_fc: LinearParams<T>,
    pub mlp_c_proj: LinearParams<T>,
}

#[derive(Clone)]
pub struct Params<T> {
    pub wte: Rows<T>,
    pub wpe: Option<Rows<T>>,
    pub blocks: Vec<BlockParams<T>>,
    pub ln_f: NormParams<T>,
    pub lm_head: Option<Rows<T>>,
    pub bigram_table: Option<Rows<T>>,
    pub final_logits_bias: Option<Vec<T>>,
}

fn vector<T: Scalar>(values: &[f32]) -> Vec<T> {
    values.iter().map(|&value| T::new(value as f64)).collect()
}

fn matrix<T: Scalar>(weight: &WeightMatrix) -> Rows<T> {
    (0..weight.rows()).map(|row| (0..weight.cols()).map(|col| T::new(weight.get(row, col) as f64)).collect()).collect()
}

fn norm<T: Scalar>(norm: &Norm) -> NormParams<T> {
    NormParams { gain: norm.gain.as_deref().map(vector), bias: norm.bias.as_deref().map(vector) }
}

impl<T: Scalar> Params<T> {
    pub fn new(weights: &Weights) -> Params<T> {
        let linear = |weight: &WeightMatrix, bias: &Option<Vec<f32>>| LinearParams {
            weight: matrix(weight),
            bias: bias.as_deref().map(vector),
        };
        Params {
            wte: matrix(&weights.wte),
            wpe: weights.wpe.as_ref().map(|wpe| (0..wpe.rows).map(|row| vector(wpe.row(row))).collect()),
            blocks: weights
                .blocks
                .iter()
                .map(|block| BlockParams {
                    ln_1: norm(&block.ln_1),
                    ln_p1: block.ln_p1.as_ref().map(norm),
                    c_attn: linear(&block.c_attn.weight, &block.c_attn.bias),
                    sink_logit: block.sink_logit.as_deref().map(vector),
                    attn_c_proj: linear(&block.attn_c_proj.weight, &block.attn_c_proj.bias),
                    ln_2: norm(&block.ln_2),
                    ln_p2: block.ln_p2.as_ref().map(norm),
                    c_fc: linear(&block.c_fc.weight, &block.c_fc.bias),
                    mlp_c_proj: linear(&block.mlp_c_proj.weight, &block.mlp_c_proj.bias),
                })
                .collect(),
            ln_f: norm(&weights.ln_f),
            lm_head: weights.lm_head.as_ref().map(matrix),
            bigram_table: weights.bigram_table.as_ref().map(matrix),
            final_logits_bias: weights.final_logits_bias.as_deref().map(vector),
        }
    }
}
