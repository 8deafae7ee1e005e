//! The reference's parameters: every tensor as plain rows of numbers, found by its name in a checkpoint.

use super::{Rows, Scalar};
use sparse_circuits::model::{Norm, Weights};
use sparse_circuits::tensor::WeightMatrix;

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

    /// Every parameter tensor as rows, by its name in a checkpoint.
    pub fn named_mut(&mut self) -> Vec<(String, Vec<&mut Vec<T>>)> {
        let mut out: Vec<(String, Vec<&mut Vec<T>>)> = Vec::new();
        out.push(("transformer.wte.weight".into(), self.wte.iter_mut().collect()));
        out.push(("transformer.wpe.weight".into(), self.wpe.iter_mut().flatten().collect()));
        for (layer, block) in self.blocks.iter_mut().enumerate() {
            let name = |part: &str| format!("transformer.h.{layer}.{part}");
            let norms = [
                ("ln_1", Some(&mut block.ln_1)),
                ("ln_p1", block.ln_p1.as_mut()),
                ("ln_2", Some(&mut block.ln_2)),
                ("ln_p2", block.ln_p2.as_mut()),
            ];
            for (part, norm) in norms {
                if let Some(norm) = norm {
                    out.push((name(&format!("{part}.weight")), norm.gain.iter_mut().collect()));
                    out.push((name(&format!("{part}.bias")), norm.bias.iter_mut().collect()));
                }
            }
            let maps = [
                ("attn.c_attn", &mut block.c_attn),
                ("attn.c_proj", &mut block.attn_c_proj),
                ("mlp.c_fc", &mut block.c_fc),
                ("mlp.c_proj", &mut block.mlp_c_proj),
            ];
            for (part, map) in maps {
                out.push((name(&format!("{part}.weight")), map.weight.iter_mut().collect()));
                out.push((name(&format!("{part}.bias")), map.bias.iter_mut().collect()));
            }
            out.push((name("attn.attn_imp.sink_logit"), block.sink_logit.iter_mut().collect()));
        }
        out.push(("transformer.ln_f.weight".into(), self.ln_f.gain.iter_mut().collect()));
        out.push(("transformer.ln_f.bias".into(), self.ln_f.bias.iter_mut().collect()));
        out.push(("lm_head.weight".into(), self.lm_head.iter_mut().flatten().collect()));
        out.push(("bigram_table".into(), self.bigram_table.iter_mut().flatten().collect()));
        out.push(("final_logits_bias".into(), self.final_logits_bias.iter_mut().collect()));
        out.retain(|(_, rows)| !rows.is_empty());
        out
    }
}
