//! The parameters of a model in training, with their moments: dense on the host, rebuilt as a [`Model`] for every step.

use crate::backend::cpu::{Cpu, CpuMatrix};
use crate::model::{
    Block, BlockGradient, Config, DeviceBlock, DeviceLinear, DeviceNorm, Linear, LinearGradient, Model, Norm,
    NormGradient, ParameterGradients, Weights,
};
use crate::tensor::{Matrix, WeightMatrix};
use crate::{Result, bail};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use std::sync::Arc;

/// Above this share of nonzeros a matrix takes part in products as a dense one (measured: the dense kernel keeps six rows in
/// registers and wins from about a fifth on).
const DENSE_FROM: f64 = 0.2;

/// What a parameter is, which decides how sparse it becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A weight matrix; `Rows` or `Columns` are its neurons or attention channels, which keep at least a few nonzeros each.
    Rows,
    Columns,
    Embedding,
    Bias,
    Sink,
    Bigram,
    /// Of a bridge, which stays dense.
    Bridge,
}

/// One parameter and Adam's moments.
pub struct Parameter {
    pub name: String,
    pub kind: Kind,
    pub value: Matrix,
    pub first: Vec<f32>,
    pub second: Vec<f32>,
}

impl Parameter {
    /// With moments of zero.
    pub fn new(name: String, kind: Kind, value: Matrix) -> Self {
        let size = value.data.len();
        Parameter { name, kind, value, first: vec![0.0; size], second: vec![0.0; size] }
    }
}

/// All parameters, in the order of [`gradients_in_order`].
pub struct Parameters {
    pub config: Config,
    pub list: Vec<Parameter>,
}

/// A standard normal number (Box-Muller).
pub fn gaussian(random: &mut ChaCha8Rng) -> f32 {
    let uniform = |random: &mut ChaCha8Rng| (random.next_u32() as f64 + 1.0) / 4_294_967_297.0;
    ((-2.0 * uniform(random).ln()).sqrt() * (std::f64::consts::TAU * uniform(random)).cos()) as f32
}

impl Parameters {
    /// Gaussian weights of deviation 0.02, projections into the residual stream divided by `sqrt(2 n_layer)`, biases, sinks and
    /// the bigram table at zero. Norms have no gain: it can be folded into the next matrix.
    pub fn new(config: &Config, seed: u64) -> Parameters {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut normal = |rows: usize, cols: usize, deviation: f32| {
            Matrix::new(rows, cols, (0..rows * cols).map(|_| gaussian(&mut random) * deviation).collect())
        };
        let projection = 0.02 / (2.0 * config.n_layer as f32).sqrt();
        let (d, a, m, x) = (config.d_model, config.d_attn(), config.d_mlp, config.d_block_in());
        let mut list = vec![Parameter::new("wte".into(), Kind::Embedding, normal(config.vocab_size, d, 0.02))];
        for layer in 0..config.n_layer {
            let mut linear = |name: &str, kind, rows, cols, deviation| {
                list.push(Parameter::new(format!("{layer}.{name}.weight"), kind, normal(rows, cols, deviation)));
                if config.bias {
                    list.push(Parameter::new(format!("{layer}.{name}.bias"), Kind::Bias, Matrix::zeros(1, rows)));
                }
            };
            linear("q", Kind::Rows, a, x, 0.02);
            linear("k", Kind::Rows, a, x, 0.02);
            linear("v", Kind::Rows, a, x, 0.02);
            linear("attn_c_proj", Kind::Columns, d, a, projection);
            linear("c_fc", Kind::Rows, m, x, 0.02);
            linear("mlp_c_proj", Kind::Columns, d, m, projection);
            if config.sink {
                list.push(Parameter::new(format!("{layer}.sink"), Kind::Sink, Matrix::zeros(1, config.n_head)));
            }
        }
        if !config.tied_unembed {
            list.push(Parameter::new("lm_head".into(), Kind::Embedding, normal(config.vocab_size, d, 0.02)));
        }
        list.push(Parameter::new("final_logits_bias".into(), Kind::Bias, Matrix::zeros(1, config.vocab_size)));
        if config.enable_bigram_table {
            let table = Matrix::zeros(config.vocab_size, config.vocab_size);
            list.push(Parameter::new("bigram_table".into(), Kind::Bigram, table));
        }
        Parameters { config: config.clone(), list }
    }

    /// Takes the values of a model; the moments stay as they are.
    ///
    /// # Errors
    /// A model of another shape, or one with gains at its norms, which training does not have.
    pub fn take(&mut self, weights: &Weights) -> Result<()> {
        if weights.config != self.config {
            bail!("the model to start from has another shape than the training config's model");
        }
        let values = values_in_order(weights)?;
        let fits = values.len() == self.list.len()
            && values.iter().zip(&self.list).all(|(value, p)| value.len() == p.value.data.len());
        if !fits {
            bail!("the model to start from has other parameters than training has");
        }
        for (value, parameter) in values.into_iter().zip(&mut self.list) {
            parameter.value.data = value;
        }
        Ok(())
    }

    /// The model as the CPU runs it; matrices go sparse when few of their entries are left.
    pub fn model(&self) -> Model<Cpu> {
        let mut next = self.list.iter();
        let mut take = || &next.next().expect("a parameter for every place of the model").value;
        let matrix = |value: &Matrix| CpuMatrix::new(WeightMatrix::compressed(value.clone(), DENSE_FROM));
        let vector = |value: &Matrix| -> Arc<[f32]> { value.data.as_slice().into() };
        let config = &self.config;
        let wte = matrix(take());
        let mut blocks = Vec::new();
        for _ in 0..config.n_layer {
            let mut linear = || DeviceLinear { weight: matrix(take()), bias: config.bias.then(|| vector(take())) };
            let (q, k, v) = (linear(), linear(), linear());
            let (attn_c_proj, c_fc, mlp_c_proj) = (linear(), linear(), linear());
            let none = || DeviceNorm { gain: None, bias: None };
            blocks.push(DeviceBlock {
                ln_1: none(),
                ln_p1: None,
                q,
                k,
                v,
                sinks: config.sink.then(|| vector(take())),
                attn_c_proj,
                ln_2: none(),
                ln_p2: None,
                c_fc,
                mlp_c_proj,
            });
        }
        let lm_head = (!config.tied_unembed).then(|| matrix(take()));
        let final_logits_bias = Some(vector(take()));
        let bigram_table = config.enable_bigram_table.then(|| matrix(take()));
        let ln_f = DeviceNorm { gain: None, bias: None };
        Model { config: config.clone(), wte, wpe: None, blocks, ln_f, lm_head, final_logits_bias, bigram_table }
    }

    /// The weights as a model file holds them, with `c_attn` in one piece.
    pub fn weights(&self) -> Weights {
        let mut next = self.list.iter();
        let mut take = || next.next().expect("a parameter for every place of the model").value.clone();
        let matrix = |value: Matrix| WeightMatrix::compressed(value, 0.5);
        let config = &self.config;
        let wte = matrix(take());
        let mut blocks = Vec::new();
        for _ in 0..config.n_layer {
            let mut stacked = Matrix::zeros(0, config.d_block_in());
            let mut bias = Vec::new();
            for _ in 0..3 {
                stacked.data.extend(take().data);
                stacked.rows += config.d_attn();
                if config.bias {
                    bias.extend(take().data);
                }
            }
            let c_attn = Linear { weight: matrix(stacked), bias: config.bias.then_some(bias) };
            let mut linear = || Linear { weight: matrix(take()), bias: config.bias.then(|| take().data) };
            let (attn_c_proj, c_fc, mlp_c_proj) = (linear(), linear(), linear());
            blocks.push(Block {
                ln_1: Norm::default(),
                ln_p1: None,
                c_attn,
                sink_logit: config.sink.then(|| take().data),
                attn_c_proj,
                ln_2: Norm::default(),
                ln_p2: None,
                c_fc,
                mlp_c_proj,
            });
        }
        let lm_head = (!config.tied_unembed).then(|| matrix(take()));
        let final_logits_bias = Some(take().data);
        let bigram_table = config.enable_bigram_table.then(|| matrix(take()));
        let ln_f = Norm::default();
        Weights { config: config.clone(), wte, wpe: None, blocks, ln_f, lm_head, bigram_table, final_logits_bias }
    }

    /// Nonzero parameters, without the bigram table.
    pub fn nonzeros(&self) -> usize {
        self.list.iter().filter(|p| p.kind != Kind::Bigram).map(|p| p.value.nonzeros()).sum()
    }
}

/// The numbers of a model in the order of [`Parameters::list`].
fn values_in_order(weights: &Weights) -> Result<Vec<Vec<f32>>> {
    let Weights { config, wte, wpe: _, blocks, ln_f, lm_head, bigram_table, final_logits_bias } = weights;
    let mut list = vec![wte.to_dense().data];
    let mut norms = vec![ln_f];
    for block in blocks {
        let Block { ln_1, ln_p1, c_attn, sink_logit, attn_c_proj, ln_2, ln_p2, c_fc, mlp_c_proj } = block;
        let attn = config.d_attn();
        let c_attn_weight = c_attn.weight.to_dense().data;
        for i in 0..3 {
            list.push(c_attn_weight[i * attn * config.d_block_in()..(i + 1) * attn * config.d_block_in()].to_vec());
            list.extend(c_attn.bias.as_ref().map(|bias| bias[i * attn..(i + 1) * attn].to_vec()));
        }
        for Linear { weight, bias } in [attn_c_proj, c_fc, mlp_c_proj] {
            list.push(weight.to_dense().data);
            list.extend(bias.clone());
        }
        list.extend(sink_logit.clone());
        norms.extend([ln_1, ln_2].into_iter().chain(ln_p1).chain(ln_p2));
    }
    if norms.iter().any(|norm| norm.gain.is_some() || norm.bias.is_some()) {
        bail!("the model to start from has norms with parameters; fold them into the next matrix first");
    }
    list.extend(lm_head.as_ref().map(|matrix| matrix.to_dense().data));
    list.extend(final_logits_bias.clone());
    list.extend(bigram_table.as_ref().map(|matrix| matrix.to_dense().data));
    Ok(list)
}

/// The gradients in the order of [`Parameters::list`].
pub fn gradients_in_order(gradients: &mut ParameterGradients<Matrix>) -> Vec<&mut Matrix> {
    let ParameterGradients { wte, wpe: _, blocks, ln_f: _, lm_head, final_logits_bias, bigram_table } = gradients;
    let mut list = vec![wte];
    for block in blocks {
        let BlockGradient { q, k, v, sinks, attn_c_proj, c_fc, mlp_c_proj, ln_1, ln_2, ln_p1: _, ln_p2: _ } = block;
        for LinearGradient { weight, bias } in [q, k, v, attn_c_proj, c_fc, mlp_c_proj] {
            list.push(weight);
            list.extend(bias);
        }
        list.extend(sinks);
        for NormGradient { gain, bias } in [ln_1, ln_2] {
            debug_assert!(gain.is_none() && bias.is_none(), "norms in training have no parameters");
        }
    }
    list.extend(lm_head);
    list.extend(final_logits_bias);
    list.extend(bigram_table);
    list
}
