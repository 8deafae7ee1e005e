//! The weights of a case, read from its `model.safetensors` by their names.

use super::vectors::Case;
use half::{bf16, f16};
use safetensors::{Dtype, SafeTensors};
use sparse_circuits::model::{Block, Linear, Norm, WeightMatrix, Weights};
use sparse_circuits::tensor::Matrix;

struct Tensors<'a>(SafeTensors<'a>);

impl Tensors<'_> {
    fn matrix(&self, name: &str) -> Option<Matrix> {
        let view = self.0.tensor(name).ok()?;
        let pairs = || view.data().chunks_exact(2).map(|b| [b[0], b[1]]);
        let data: Vec<f32> = match view.dtype() {
            Dtype::F32 => view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect(),
            Dtype::F16 => pairs().map(|b| f16::from_le_bytes(b).to_f32()).collect(),
            Dtype::BF16 => pairs().map(|b| bf16::from_le_bytes(b).to_f32()).collect(),
            other => panic!("{name} holds {other:?}"),
        };
        let cols = *view.shape().last()?;
        Some(Matrix::new(data.len() / cols, cols, data))
    }

    fn vector(&self, name: &str) -> Option<Vec<f32>> {
        self.matrix(name).map(|matrix| matrix.data)
    }

    fn weight(&self, name: &str) -> Option<WeightMatrix> {
        self.matrix(name).map(|matrix| WeightMatrix::compressed(matrix, 0.5))
    }

    fn linear(&self, name: &str) -> Linear {
        let weight = self.weight(&format!("{name}.weight")).unwrap_or_else(|| panic!("{name} is missing"));
        Linear { weight, bias: self.vector(&format!("{name}.bias")) }
    }

    fn norm(&self, name: &str) -> Option<Norm> {
        let gain = self.vector(&format!("{name}.weight"))?;
        Some(Norm { gain: Some(gain), bias: self.vector(&format!("{name}.bias")) })
    }
}

/// Panics where a tensor is missing.
pub fn weights(case: &Case) -> Weights {
    let config = case.config();
    let file = Tensors(SafeTensors::deserialize(case.model).expect("a readable model"));
    let blocks = (0..config.n_layer)
        .map(|layer| {
            let name = |part: &str| format!("transformer.h.{layer}.{part}");
            Block {
                ln_1: file.norm(&name("ln_1")).expect("ln_1"),
                ln_p1: file.norm(&name("ln_p1")),
                c_attn: file.linear(&name("attn.c_attn")),
                sink_logit: file.vector(&name("attn.attn_imp.sink_logit")),
                attn_c_proj: file.linear(&name("attn.c_proj")),
                ln_2: file.norm(&name("ln_2")).expect("ln_2"),
                ln_p2: file.norm(&name("ln_p2")),
                c_fc: file.linear(&name("mlp.c_fc")),
                mlp_c_proj: file.linear(&name("mlp.c_proj")),
            }
        })
        .collect();
    Weights {
        wte: file.weight("transformer.wte.weight").expect("wte"),
        wpe: file.matrix("transformer.wpe.weight"),
        blocks,
        ln_f: file.norm("transformer.ln_f").expect("ln_f"),
        lm_head: if config.tied_unembed { None } else { file.weight("lm_head.weight") },
        bigram_table: if config.enable_bigram_table { file.weight("bigram_table") } else { None },
        final_logits_bias: file.vector("final_logits_bias"),
        config,
    }
}
