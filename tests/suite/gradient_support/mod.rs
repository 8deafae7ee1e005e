//! The engine's gradients under the names that the reference uses, and how near they must be.

#![allow(dead_code)] // each test uses a part

use sparse_circuits::model::{LinearGradient, NormGradient, ParameterGradients};
use sparse_circuits::tensor::Matrix;
use std::collections::BTreeMap;

/// Largest error over the largest gradient of the tensor.
const TOLERANCE: f64 = 1e-5;

/// Gradients by name; `c_attn` has three parts.
pub fn names<G>(gradients: ParameterGradients<G>) -> Vec<(String, Vec<G>)> {
    let mut out: Vec<(String, Vec<G>)> = Vec::new();
    let mut put = |name: &str, parts: Vec<Option<G>>| {
        let parts: Vec<G> = parts.into_iter().flatten().collect();
        if !parts.is_empty() {
            out.push((name.to_string(), parts));
        }
    };
    put("transformer.wte.weight", vec![Some(gradients.wte)]);
    put("transformer.wpe.weight", vec![gradients.wpe]);
    put("transformer.ln_f.weight", vec![gradients.ln_f.gain]);
    put("transformer.ln_f.bias", vec![gradients.ln_f.bias]);
    put("lm_head.weight", vec![gradients.lm_head]);
    put("final_logits_bias", vec![gradients.final_logits_bias]);
    put("bigram_table", vec![gradients.bigram_table]);
    for (layer, block) in gradients.blocks.into_iter().enumerate() {
        let mut norm = |part: &str, norm: NormGradient<G>| {
            put(&format!("transformer.h.{layer}.{part}.weight"), vec![norm.gain]);
            put(&format!("transformer.h.{layer}.{part}.bias"), vec![norm.bias]);
        };
        norm("ln_1", block.ln_1);
        norm("ln_2", block.ln_2);
        block.ln_p1.into_iter().for_each(|p| norm("ln_p1", p));
        block.ln_p2.into_iter().for_each(|p| norm("ln_p2", p));
        let mut linear = |part: &str, parts: Vec<LinearGradient<G>>| {
            let (weights, biases) = parts.into_iter().map(|part| (Some(part.weight), part.bias)).unzip();
            put(&format!("transformer.h.{layer}.{part}.weight"), weights);
            put(&format!("transformer.h.{layer}.{part}.bias"), biases);
        };
        linear("attn.c_attn", vec![block.q, block.k, block.v]);
        linear("attn.c_proj", vec![block.attn_c_proj]);
        linear("mlp.c_fc", vec![block.c_fc]);
        linear("mlp.c_proj", vec![block.mlp_c_proj]);
        put(&format!("transformer.h.{layer}.attn.attn_imp.sink_logit"), vec![block.sinks]);
    }
    out
}

/// Every parameter's gradient under its name in a checkpoint.
pub fn named<G>(gradients: ParameterGradients<G>, mut read: impl FnMut(G) -> Matrix) -> BTreeMap<String, Matrix> {
    let mut named = BTreeMap::new();
    for (name, gradient) in names(gradients) {
        let parts: Vec<Matrix> = gradient.into_iter().map(&mut read).collect();
        let data: Vec<f32> = parts.iter().flat_map(|part| part.data.clone()).collect();
        // the three parts of c_attn's bias are one row, those of its weight are rows one below the other
        let cols = if name.ends_with("bias") { data.len() } else { parts[0].cols };
        named.insert(name, Matrix::new(data.len() / cols, cols, data));
    }
    named
}

/// Entry by entry, against the largest of the tensor.
#[track_caller]
pub fn close(at: &str, got: &[f64], want: &[f64]) {
    assert_eq!(got.len(), want.len(), "{at}");
    let largest = want.iter().fold(0f64, |most, v| most.max(v.abs()));
    assert!(largest > 1e-4, "{at}: a gradient of next to nothing tests nothing");
    for (i, (got, want)) in got.iter().zip(want).enumerate() {
        let error = (got - want).abs() / largest;
        assert!(error <= TOLERANCE, "{at}, entry {i}: got {got}, want {want}, error {error:.1e} of the largest");
    }
}
