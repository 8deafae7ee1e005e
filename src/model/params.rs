//! The parameters of a model as one tree. This file is the only place that lists a model's tensors: their names, roles and shapes,
//! and which of them a model may lack. Host weights, uploaded weights, gradients and the optimiser's state are all [`Params`].

use super::Config;
use crate::tensor::WeightMatrix;
use crate::{Result, bail};
use std::fmt;

/// What a parameter is. The role decides how training starts it, how sparse it becomes, and where its nonzeros are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// The token embedding or the unembedding: row = token.
    Embedding,
    /// The table of positions: row = position.
    Positions,
    /// A weight matrix that reads the residual stream; its rows are neurons or attention channels.
    Read,
    /// A weight matrix that writes to the residual stream; its columns are neurons or attention channels.
    Write,
    /// The bias of a linear map or of the logits.
    Bias,
    /// The gain of a norm.
    Gain,
    /// The bias of a norm.
    NormBias,
    /// A learnt logit for each head in the denominator of its softmax.
    Sink,
    /// The table from the current token to the next one.
    Bigram,
    /// A map of a bridge between two models, which stays dense.
    Bridge,
}

/// One tensor of a model. Its [`fmt::Display`] form is its name: `wte`, `0.q.weight`, `11.sink`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ParamInfo {
    pub layer: Option<usize>,
    pub module: &'static str,
    /// `weight` or `bias`; empty where the module is one tensor.
    pub part: &'static str,
    pub role: Role,
    /// Rows and columns of a matrix; a vector is one row. The table of positions may have more rows.
    pub shape: [usize; 2],
    pub presence: Presence,
    is_matrix: bool,
}

/// Whether the config requires, allows or forbids a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Presence {
    Required,
    Optional,
    Absent,
}

impl Presence {
    fn required_if(condition: bool) -> Presence {
        if condition { Presence::Required } else { Presence::Absent }
    }
}

impl ParamInfo {
    /// Every tensor that a model with this config may have, in the order of the forward pass.
    pub fn of_config(config: &Config) -> Vec<ParamInfo> {
        let mut infos = ParamInfo::places(config, config.n_layer);
        infos.retain(|info| info.presence != Presence::Absent);
        infos
    }

    /// The places of a tree with `layers` blocks, those without a tensor included.
    fn places(config: &Config, layers: usize) -> Vec<ParamInfo> {
        let mut infos = Vec::new();
        fill::<(), ()>(config, layers, &mut |info| {
            infos.push(*info);
            Ok(Some(info.tensor(())))
        })
        .expect("`fill` sets every field");
        infos
    }

    /// Wraps the value of this tensor, for a tree whose matrices and vectors have the same type.
    pub fn tensor<T>(&self, value: T) -> Tensor<T, T> {
        if self.is_matrix { Tensor::Matrix(value) } else { Tensor::Vector(value) }
    }
}

impl fmt::Display for ParamInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(layer) = self.layer {
            write!(f, "{layer}.")?;
        }
        f.write_str(self.module)?;
        if self.part.is_empty() { Ok(()) } else { write!(f, ".{}", self.part) }
    }
}

/// A tensor of a tree: a matrix or a vector.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Tensor<M, V> {
    Matrix(M),
    Vector(V),
}

impl<T> Tensor<T, T> {
    pub fn into_inner(self) -> T {
        match self {
            Tensor::Matrix(value) | Tensor::Vector(value) => value,
        }
    }
}

/// `y = W x + b`.
#[derive(Clone, Debug, PartialEq)]
pub struct Linear<M = WeightMatrix, V = Vec<f32>> {
    /// Rows are outputs, columns are inputs.
    pub weight: M,
    pub bias: Option<V>,
}

/// Gain and bias of an RMS or layer norm; the config's `rms_norm` says which of the two norms it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Norm<V = Vec<f32>> {
    /// `None` = all ones.
    pub gain: Option<V>,
    pub bias: Option<V>,
}

impl<V> Default for Norm<V> {
    fn default() -> Self {
        Norm { gain: None, bias: None }
    }
}

/// One layer. Heads are contiguous in the channels of q, k and v.
#[derive(Clone, Debug, PartialEq)]
pub struct Block<M = WeightMatrix, V = Vec<f32>> {
    pub ln_1: Norm<V>,
    /// Norm of the concatenated positional vector before attention; empty without `d_pos_emb`.
    pub ln_p1: Norm<V>,
    /// `[d_attn, d_block_in]`, like `k` and `v`.
    pub q: Linear<M, V>,
    pub k: Linear<M, V>,
    pub v: Linear<M, V>,
    /// `[n_head]`, with `sink` only.
    pub sinks: Option<V>,
    /// `[d_model, d_attn]`.
    pub attn_c_proj: Linear<M, V>,
    pub ln_2: Norm<V>,
    /// Norm of the concatenated positional vector before the MLP; empty without `d_pos_emb`.
    pub ln_p2: Norm<V>,
    /// `[d_mlp, d_block_in]`.
    pub c_fc: Linear<M, V>,
    /// `[d_model, d_mlp]`.
    pub mlp_c_proj: Linear<M, V>,
}

/// All parameters of a model. `M` is the type of its matrices, `V` the type of its vectors.
#[derive(Clone, Debug, PartialEq)]
pub struct Params<M, V> {
    pub config: Config,
    /// `[vocab, d_model]`: row = token.
    pub wte: M,
    /// `[block_size or more, d_pos_emb or d_model]`; `None` when the model has no positions.
    pub wpe: Option<M>,
    pub blocks: Vec<Block<M, V>>,
    pub ln_f: Norm<V>,
    /// `[vocab, d_model]`; `None` when tied to `wte`.
    pub lm_head: Option<M>,
    /// `[vocab, vocab]`: row = the current token, added to the logits.
    pub bigram_table: Option<M>,
    /// `[vocab]`.
    pub final_logits_bias: Option<V>,
}

/// What fills the places of a tree, one after the other: `None` = this tensor is absent.
type Fill<'a, M, V> = &'a mut dyn FnMut(&ParamInfo) -> Result<Option<Tensor<M, V>>>;

/// Fills the places of one module.
struct Places<'a, M, V> {
    layer: Option<usize>,
    fill: Fill<'a, M, V>,
}

impl<M, V> Places<'_, M, V> {
    fn optional_matrix(
        &mut self,
        (module, part): (&'static str, &'static str),
        role: Role,
        shape: [usize; 2],
        presence: Presence,
    ) -> Result<Option<M>> {
        let info = ParamInfo { layer: self.layer, module, part, role, shape, presence, is_matrix: true };
        match (self.fill)(&info)? {
            Some(Tensor::Matrix(matrix)) => Ok(Some(matrix)),
            Some(Tensor::Vector(_)) => unreachable!("{info} is a matrix"),
            None => Ok(None),
        }
    }

    fn matrix(&mut self, name: (&'static str, &'static str), role: Role, shape: [usize; 2]) -> Result<M> {
        match self.optional_matrix(name, role, shape, Presence::Required)? {
            Some(matrix) => Ok(matrix),
            None => bail!("the model lacks the matrix {} {}", name.0, name.1),
        }
    }

    fn vector(
        &mut self,
        (module, part): (&'static str, &'static str),
        role: Role,
        len: usize,
        presence: Presence,
    ) -> Result<Option<V>> {
        let info = ParamInfo { layer: self.layer, module, part, role, shape: [1, len], presence, is_matrix: false };
        match (self.fill)(&info)? {
            Some(Tensor::Vector(vector)) => Ok(Some(vector)),
            Some(Tensor::Matrix(_)) => unreachable!("{info} is a vector"),
            None => Ok(None),
        }
    }

    fn linear(
        &mut self,
        config: &Config,
        module: &'static str,
        role: Role,
        [rows, cols]: [usize; 2],
    ) -> Result<Linear<M, V>> {
        let weight = self.matrix((module, "weight"), role, [rows, cols])?;
        let bias = self.vector((module, "bias"), Role::Bias, rows, Presence::required_if(config.bias))?;
        Ok(Linear { weight, bias })
    }

    /// A norm over `width` channels; 0 = there is none.
    fn norm(&mut self, config: &Config, module: &'static str, width: usize) -> Result<Norm<V>> {
        let gain = if width > 0 { Presence::Optional } else { Presence::Absent };
        // RMSNorm never has a bias, whatever `ln_bias` is (Gao et al. 2025, published code).
        let bias = Presence::required_if(width > 0 && !config.rms_norm && config.ln_bias);
        Ok(Norm {
            gain: self.vector((module, "weight"), Role::Gain, width, gain)?,
            bias: self.vector((module, "bias"), Role::NormBias, width, bias)?,
        })
    }
}

/// Visits every place of a tree with `layers` blocks in the order of the forward pass, absent ones included.
fn fill<M, V>(config: &Config, layers: usize, fill: Fill<'_, M, V>) -> Result<Params<M, V>> {
    let (vocab, d_model, d_attn, d_in) = (config.vocab_size, config.d_model, config.d_attn(), config.d_block_in());
    let d_pos = config.d_pos_emb.unwrap_or(0);
    let mut at = Places { layer: None, fill };
    let wte = at.matrix(("wte", ""), Role::Embedding, [vocab, d_model])?;
    let shape = [config.block_size, config.d_pos_emb.unwrap_or(d_model)];
    let wpe = at.optional_matrix(("wpe", ""), Role::Positions, shape, Presence::required_if(config.positions))?;
    let mut blocks = Vec::new();
    for layer in 0..layers {
        let mut at = Places { layer: Some(layer), fill: &mut *at.fill };
        blocks.push(Block {
            ln_1: at.norm(config, "ln_1", d_model)?,
            ln_p1: at.norm(config, "ln_p1", d_pos)?,
            q: at.linear(config, "q", Role::Read, [d_attn, d_in])?,
            k: at.linear(config, "k", Role::Read, [d_attn, d_in])?,
            v: at.linear(config, "v", Role::Read, [d_attn, d_in])?,
            sinks: at.vector(("sink", ""), Role::Sink, config.n_head, Presence::required_if(config.sink))?,
            attn_c_proj: at.linear(config, "attn_c_proj", Role::Write, [d_model, d_attn])?,
            ln_2: at.norm(config, "ln_2", d_model)?,
            ln_p2: at.norm(config, "ln_p2", d_pos)?,
            c_fc: at.linear(config, "c_fc", Role::Read, [config.d_mlp, d_in])?,
            mlp_c_proj: at.linear(config, "mlp_c_proj", Role::Write, [d_model, config.d_mlp])?,
        });
    }
    let ln_f = at.norm(config, "ln_f", d_model)?;
    let untied = Presence::required_if(!config.tied_unembed);
    let lm_head = at.optional_matrix(("lm_head", ""), Role::Embedding, [vocab, d_model], untied)?;
    let bigram = Presence::required_if(config.enable_bigram_table);
    let bigram_table = at.optional_matrix(("bigram_table", ""), Role::Bigram, [vocab, vocab], bigram)?;
    let final_logits_bias = at.vector(("final_logits_bias", ""), Role::Bias, vocab, Presence::Optional)?;
    Ok(Params { config: config.clone(), wte, wpe, blocks, ln_f, lm_head, bigram_table, final_logits_bias })
}

/// The places of a tree in the order of [`fill`]; `$as_ref` is `as_ref` for `&Params` and `as_mut` for `&mut Params`.
macro_rules! places {
    ($params:expr, $as_ref:ident) => {{
        let Params { config: _, wte, wpe, blocks, ln_f, lm_head, bigram_table, final_logits_bias } = $params;
        let mut places = vec![Some(Tensor::Matrix(wte)), wpe.$as_ref().map(Tensor::Matrix)];
        for Block { ln_1, ln_p1, q, k, v, sinks, attn_c_proj, ln_2, ln_p2, c_fc, mlp_c_proj } in blocks {
            for Norm { gain, bias } in [ln_1, ln_p1] {
                places.extend([gain, bias].map(|vector| vector.$as_ref().map(Tensor::Vector)));
            }
            for Linear { weight, bias } in [q, k, v] {
                places.extend([Some(Tensor::Matrix(weight)), bias.$as_ref().map(Tensor::Vector)]);
            }
            places.push(sinks.$as_ref().map(Tensor::Vector));
            let Linear { weight, bias } = attn_c_proj;
            places.extend([Some(Tensor::Matrix(weight)), bias.$as_ref().map(Tensor::Vector)]);
            for Norm { gain, bias } in [ln_2, ln_p2] {
                places.extend([gain, bias].map(|vector| vector.$as_ref().map(Tensor::Vector)));
            }
            for Linear { weight, bias } in [c_fc, mlp_c_proj] {
                places.extend([Some(Tensor::Matrix(weight)), bias.$as_ref().map(Tensor::Vector)]);
            }
        }
        let Norm { gain, bias } = ln_f;
        places.extend([gain, bias].map(|vector| vector.$as_ref().map(Tensor::Vector)));
        places.extend([lm_head, bigram_table].map(|matrix| matrix.$as_ref().map(Tensor::Matrix)));
        places.push(final_logits_bias.$as_ref().map(Tensor::Vector));
        places
    }};
}

impl<M, V> Params<M, V> {
    /// Builds a tree in the order of the forward pass. `slot` gives each tensor that the config allows, or `None` where it has none.
    ///
    /// # Errors
    /// What `slot` returns; a required tensor that is missing.
    pub fn build(
        config: &Config,
        mut slot: impl FnMut(&ParamInfo) -> Result<Option<Tensor<M, V>>>,
    ) -> Result<Params<M, V>> {
        fill(config, config.n_layer, &mut |info| {
            if info.presence == Presence::Absent {
                return Ok(None);
            }
            match slot(info)? {
                None if info.presence == Presence::Required => bail!("the model lacks the tensor {info}"),
                tensor => Ok(tensor),
            }
        })
    }

    /// Every tensor that a model may have, in the order of the forward pass; `None` where this one has none.
    pub fn places(&self) -> impl Iterator<Item = (ParamInfo, Option<Tensor<&M, &V>>)> {
        ParamInfo::places(&self.config, self.blocks.len()).into_iter().zip(places!(self, as_ref))
    }

    /// The tensors that the tree holds, in the order of the forward pass.
    pub fn iter(&self) -> impl Iterator<Item = (ParamInfo, Tensor<&M, &V>)> {
        self.places().filter_map(|(info, tensor)| Some((info, tensor?)))
    }

    /// As [`Params::iter`].
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (ParamInfo, Tensor<&mut M, &mut V>)> {
        let infos = ParamInfo::places(&self.config, self.blocks.len());
        infos.into_iter().zip(places!(self, as_mut)).filter_map(|(info, tensor)| Some((info, tensor?)))
    }

    /// A tree of the same shape, made tensor by tensor.
    pub fn map<M2, V2>(&self, mut f: impl FnMut(&ParamInfo, Tensor<&M, &V>) -> Tensor<M2, V2>) -> Params<M2, V2> {
        let mut places = places!(self, as_ref).into_iter();
        fill(&self.config, self.blocks.len(), &mut |info| Ok(places.next().flatten().map(|tensor| f(info, tensor))))
            .expect("the tree holds every tensor that it must")
    }

    /// The matrix from the final residual stream to the logits: `wte` where the two are tied.
    pub fn unembedding(&self) -> &M {
        self.lm_head.as_ref().unwrap_or(&self.wte)
    }

    /// As [`Params::unembedding`].
    pub fn unembedding_mut(&mut self) -> &mut M {
        self.lm_head.as_mut().unwrap_or(&mut self.wte)
    }

    /// Nonzero entries by what they belong to; `count` counts those of one tensor.
    pub fn nonzeros_by(&self, mut count: impl FnMut(Tensor<&M, &V>) -> usize) -> Nonzeros {
        let mut sum = Nonzeros::default();
        for (info, tensor) in self.iter() {
            let part = match info.role {
                Role::Embedding | Role::Read | Role::Write | Role::Bridge => &mut sum.matrices,
                Role::Bias | Role::Gain | Role::NormBias | Role::Sink => &mut sum.vectors,
                Role::Positions => &mut sum.positions,
                Role::Bigram => &mut sum.bigram_table,
            };
            *part += count(tensor);
        }
        sum
    }
}

/// How many entries of a model's tensors are not zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Nonzeros {
    /// Embedding, unembedding and the weight matrices of the layers: the weights that a pass multiplies with.
    pub matrices: usize,
    /// Biases, sinks, gains and biases of norms.
    pub vectors: usize,
    pub positions: usize,
    pub bigram_table: usize,
}

impl Nonzeros {
    /// All but the bigram table, which the field does not count (Gao et al. 2025, A.2).
    pub fn without_bigram_table(&self) -> usize {
        self.matrices + self.vectors + self.positions
    }
}
