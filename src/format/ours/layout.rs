//! Which tensors a model has, under which names and of which shapes: the one place that knows the published names.

use crate::model::{Block, Config, Linear, Norm, Weights};
use crate::tensor::{Matrix, SparseMatrix, WeightMatrix};
use crate::{Result, bail};
use std::collections::BTreeMap;

/// One tensor of a model.
#[derive(Clone, Copy)]
pub enum Tensor<'a> {
    Vector(&'a [f32]),
    Matrix(&'a WeightMatrix),
    Table(&'a Matrix),
}

/// Where [`assemble`] gets its tensors. A method answers `None` when there is no such tensor, and an error that names
/// it when its shape or content is wrong.
pub trait Source {
    fn vector(&mut self, name: &str, len: usize) -> Result<Option<Vec<f32>>>;
    fn matrix(&mut self, name: &str, rows: usize, cols: usize) -> Result<Option<WeightMatrix>>;
    /// A dense matrix of `rows` rows or more.
    fn table(&mut self, name: &str, rows: usize, cols: usize) -> Result<Option<Matrix>>;
}

/// All tensors of a model under their published names, in the order of the forward pass.
pub fn tensors(weights: &Weights) -> Vec<(String, Tensor<'_>)> {
    fn vector<'a>(out: &mut Vec<(String, Tensor<'a>)>, name: String, vector: &'a Option<Vec<f32>>) {
        out.extend(vector.as_deref().map(|vector| (name, Tensor::Vector(vector))));
    }
    fn linear<'a>(out: &mut Vec<(String, Tensor<'a>)>, name: &str, linear: &'a Linear) {
        out.push((format!("{name}.weight"), Tensor::Matrix(&linear.weight)));
        vector(out, format!("{name}.bias"), &linear.bias);
    }
    fn norm<'a>(out: &mut Vec<(String, Tensor<'a>)>, name: &str, norm: &'a Norm) {
        vector(out, format!("{name}.weight"), &norm.gain);
        vector(out, format!("{name}.bias"), &norm.bias);
    }

    let mut out = vec![("transformer.wte.weight".to_string(), Tensor::Matrix(&weights.wte))];
    out.extend(weights.wpe.as_ref().map(|wpe| ("transformer.wpe.weight".to_string(), Tensor::Table(wpe))));
    for (layer, block) in weights.blocks.iter().enumerate() {
        let at = |name: &str| format!("transformer.h.{layer}.{name}");
        norm(&mut out, &at("ln_1"), &block.ln_1);
        block.ln_p1.iter().for_each(|ln| norm(&mut out, &at("ln_p1"), ln));
        linear(&mut out, &at("attn.c_attn"), &block.c_attn);
        vector(&mut out, at("attn.attn_imp.sink_logit"), &block.sink_logit);
        linear(&mut out, &at("attn.c_proj"), &block.attn_c_proj);
        norm(&mut out, &at("ln_2"), &block.ln_2);
        block.ln_p2.iter().for_each(|ln| norm(&mut out, &at("ln_p2"), ln));
        linear(&mut out, &at("mlp.c_fc"), &block.c_fc);
        linear(&mut out, &at("mlp.c_proj"), &block.mlp_c_proj);
    }
    norm(&mut out, "transformer.ln_f", &weights.ln_f);
    out.extend(weights.lm_head.as_ref().map(|head| ("lm_head.weight".to_string(), Tensor::Matrix(head))));
    out.extend(weights.bigram_table.as_ref().map(|table| ("bigram_table".to_string(), Tensor::Matrix(table))));
    vector(&mut out, "final_logits_bias".to_string(), &weights.final_logits_bias);
    out
}

/// Builds the weights that `config` describes. With `gains_may_lack` a norm without a gain has ones (our own files);
/// published checkpoints always hold them.
///
/// # Errors
/// Names the tensor that is missing, and passes on what `source` finds wrong.
pub fn assemble(config: &Config, gains_may_lack: bool, source: &mut impl Source) -> Result<Weights> {
    config.check()?;
    let mut parts = Parts { config, gains_may_lack, source };
    let (d_model, d_attn, d_in) = (config.d_model, config.d_attn(), config.d_block_in());

    let wte = parts.matrix("transformer.wte.weight", config.vocab_size, d_model)?;
    let wpe = match config.positions {
        true => {
            let name = "transformer.wpe.weight";
            let table = parts.source.table(name, config.block_size, config.d_pos_emb.unwrap_or(d_model))?;
            Some(required(name, table)?)
        }
        false => None,
    };
    let mut blocks = Vec::new();
    for layer in 0..config.n_layer {
        let at = |name: &str| format!("transformer.h.{layer}.{name}");
        blocks.push(Block {
            ln_1: parts.norm(&at("ln_1"), d_model)?,
            ln_p1: config.d_pos_emb.map(|width| parts.norm(&at("ln_p1"), width)).transpose()?,
            c_attn: parts.linear(&at("attn.c_attn"), 3 * d_attn, d_in)?,
            sink_logit: parts.vector_if(config.sink, &at("attn.attn_imp.sink_logit"), config.n_head)?,
            attn_c_proj: parts.linear(&at("attn.c_proj"), d_model, d_attn)?,
            ln_2: parts.norm(&at("ln_2"), d_model)?,
            ln_p2: config.d_pos_emb.map(|width| parts.norm(&at("ln_p2"), width)).transpose()?,
            c_fc: parts.linear(&at("mlp.c_fc"), config.d_mlp, d_in)?,
            mlp_c_proj: parts.linear(&at("mlp.c_proj"), d_model, config.d_mlp)?,
        });
    }
    let ln_f = parts.norm("transformer.ln_f", d_model)?;
    let lm_head = match config.tied_unembed {
        true => None,
        false => Some(parts.matrix("lm_head.weight", config.vocab_size, d_model)?),
    };
    let bigram_table = match config.enable_bigram_table {
        true => Some(parts.matrix("bigram_table", config.vocab_size, config.vocab_size)?),
        false => None,
    };
    let final_logits_bias = parts.source.vector("final_logits_bias", config.vocab_size)?;
    Ok(Weights { config: config.clone(), wte, wpe, blocks, ln_f, lm_head, bigram_table, final_logits_bias })
}

/// Whether `weights` have exactly the tensors that their config describes, of the right shapes, with finite numbers.
pub fn check(weights: &Weights) -> Result<()> {
    if weights.blocks.len() != weights.config.n_layer {
        bail!("the model has {} blocks, but its config says {} layers", weights.blocks.len(), weights.config.n_layer);
    }
    let mut shapes = Shapes { left: tensors(weights).into_iter().collect() };
    assemble(&weights.config, true, &mut shapes)?;
    match shapes.left.keys().next() {
        Some(name) => bail!("the model has the tensor {name}, which its config does not describe"),
        None => Ok(()),
    }
}

fn required<T>(name: &str, tensor: Option<T>) -> Result<T> {
    match tensor {
        Some(tensor) => Ok(tensor),
        None => bail!("the model lacks the tensor {name}, which its config asks for"),
    }
}

struct Parts<'a, S> {
    config: &'a Config,
    gains_may_lack: bool,
    source: &'a mut S,
}

impl<S: Source> Parts<'_, S> {
    fn matrix(&mut self, name: &str, rows: usize, cols: usize) -> Result<WeightMatrix> {
        required(name, self.source.matrix(name, rows, cols)?)
    }

    fn vector_if(&mut self, wanted: bool, name: &str, len: usize) -> Result<Option<Vec<f32>>> {
        match wanted {
            true => Ok(Some(required(name, self.source.vector(name, len)?)?)),
            false => Ok(None),
        }
    }

    fn linear(&mut self, name: &str, rows: usize, cols: usize) -> Result<Linear> {
        let weight = self.matrix(&format!("{name}.weight"), rows, cols)?;
        let bias = self.vector_if(self.config.bias, &format!("{name}.bias"), rows)?;
        Ok(Linear { weight, bias })
    }

    fn norm(&mut self, name: &str, width: usize) -> Result<Norm> {
        let gain_name = format!("{name}.weight");
        let gain = self.source.vector(&gain_name, width)?;
        if gain.is_none() && !self.gains_may_lack {
            required(&gain_name, gain.as_ref())?;
        }
        // RMSNorm never has a bias, whatever `ln_bias` says (Gao et al. 2025, published code).
        let bias = self.vector_if(!self.config.rms_norm && self.config.ln_bias, &format!("{name}.bias"), width)?;
        Ok(Norm { gain, bias })
    }
}

/// A source that only compares shapes: it hands out empty tensors.
struct Shapes<'a> {
    left: BTreeMap<String, Tensor<'a>>,
}

impl Source for Shapes<'_> {
    fn vector(&mut self, name: &str, len: usize) -> Result<Option<Vec<f32>>> {
        match self.left.remove(name) {
            None => Ok(None),
            Some(Tensor::Vector(vector)) if vector.len() == len => {
                crate::format::number::check_finite(name, vector)?;
                Ok(Some(Vec::new()))
            }
            Some(_) => bail!("the tensor {name} does not have the shape [{len}] that the config asks for"),
        }
    }

    fn matrix(&mut self, name: &str, rows: usize, cols: usize) -> Result<Option<WeightMatrix>> {
        match self.left.remove(name) {
            None => Ok(None),
            Some(Tensor::Matrix(matrix)) if (matrix.rows(), matrix.cols()) == (rows, cols) => {
                crate::format::number::check_finite(
                    name,
                    match matrix {
                        WeightMatrix::Dense(dense) => &dense.data,
                        WeightMatrix::Sparse(sparse) => sparse.values(),
                    },
                )?;
                Ok(Some(WeightMatrix::Sparse(SparseMatrix::new(0, 0, vec![0], Vec::new(), Vec::new())?)))
            }
            Some(_) => bail!("the tensor {name} does not have the shape [{rows}, {cols}] that the config asks for"),
        }
    }

    fn table(&mut self, name: &str, rows: usize, cols: usize) -> Result<Option<Matrix>> {
        match self.left.remove(name) {
            None => Ok(None),
            Some(Tensor::Table(table)) if table.rows >= rows && table.cols == cols => {
                crate::format::number::check_finite(name, &table.data)?;
                Ok(Some(Matrix::zeros(0, 0)))
            }
            Some(_) => {
                bail!("the tensor {name} does not have the shape [{rows} or more, {cols}] that the config asks for")
            }
        }
    }
}
