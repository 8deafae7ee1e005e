//! The published names of a model's tensors, and how they are read and written: `c_attn` holds the rows of q, k and v one below the
//! other. Which tensors a model has is listed in [`Params`].

use crate::model::{Config, ParamInfo, Params, Presence, Role, Tensor, Weights};
use crate::tensor::{Matrix, SparseMatrix, WeightMatrix};
use crate::{Result, bail};
use std::borrow::Cow;

/// A mix of dense and sparse parts is stacked as a dense matrix above this share of nonzeros.
const DENSE_ABOVE: f64 = 0.5;

/// One tensor of a file.
pub enum FileTensor<'a> {
    Vector(Cow<'a, [f32]>),
    Matrix(Cow<'a, WeightMatrix>),
}

/// The source of tensors for [`assemble`]. A method returns `None` for a missing tensor. It
/// returns an error that names the tensor when its shape or content is wrong.
pub trait TensorSource {
    fn vector(&mut self, name: &str, len: usize) -> Result<Option<Vec<f32>>>;
    fn matrix(&mut self, name: &str, rows: usize, cols: usize) -> Result<Option<WeightMatrix>>;
    /// A dense matrix of `rows` rows or more.
    fn table(&mut self, name: &str, rows: usize, cols: usize) -> Result<Option<Matrix>>;
}

/// The name of a tensor in the published checkpoints and in our files.
fn published_name(info: &ParamInfo) -> String {
    let module = match info.module {
        "q" | "k" | "v" => "attn.c_attn",
        "sink" => "attn.attn_imp.sink_logit",
        "attn_c_proj" => "attn.c_proj",
        "c_fc" => "mlp.c_fc",
        "mlp_c_proj" => "mlp.c_proj",
        module => module,
    };
    let part = match (info.module, info.part) {
        ("wte" | "wpe" | "lm_head", "") => "weight",
        (_, part) => part,
    };
    let path = match (info.layer, module) {
        (Some(layer), _) => format!("transformer.h.{layer}.{module}"),
        (None, "wte" | "wpe" | "ln_f") => format!("transformer.{module}"),
        (None, _) => module.to_string(),
    };
    if part.is_empty() { path } else { format!("{path}.{part}") }
}

/// A tensor in the tree of weights.
type Part<'a> = Tensor<&'a WeightMatrix, &'a Vec<f32>>;

/// All tensors of a model under their published names, in the order of the forward pass.
pub fn tensors(weights: &Weights) -> Vec<(String, FileTensor<'_>)> {
    let mut named: Vec<(String, Vec<Part<'_>>)> = Vec::new();
    for (info, tensor) in weights.iter() {
        let name = published_name(&info);
        match named.iter_mut().rev().take(2).find(|(other, _)| *other == name) {
            Some((_, parts)) => parts.push(tensor),
            None => named.push((name, vec![tensor])),
        }
    }
    named.into_iter().map(|(name, parts)| (name, stacked(parts))).collect()
}

/// One tensor of the parts that a file stores as one, row below row.
fn stacked(parts: Vec<Part<'_>>) -> FileTensor<'_> {
    match parts[..] {
        [Tensor::Matrix(matrix)] => return FileTensor::Matrix(Cow::Borrowed(matrix)),
        [Tensor::Vector(vector)] => return FileTensor::Vector(Cow::Borrowed(vector)),
        _ => {}
    }
    let (mut matrices, mut numbers) = (Vec::new(), Vec::new());
    for part in parts {
        match part {
            Tensor::Matrix(matrix) => matrices.push(matrix),
            Tensor::Vector(vector) => numbers.extend_from_slice(vector),
        }
    }
    if matrices.is_empty() {
        FileTensor::Vector(Cow::Owned(numbers))
    } else {
        FileTensor::Matrix(Cow::Owned(stack(&matrices)))
    }
}

fn stack(parts: &[&WeightMatrix]) -> WeightMatrix {
    let (rows, cols) = (parts.iter().map(|part| part.rows()).sum(), parts[0].cols());
    if parts.iter().all(|part| matches!(part, WeightMatrix::Sparse(_))) {
        let (mut indptr, mut indices, mut values) = (vec![0], Vec::new(), Vec::new());
        for part in parts {
            let WeightMatrix::Sparse(part) = part else { continue };
            let start = indices.len() as u32;
            indptr.extend(part.indptr()[1..].iter().map(|end| start + end));
            indices.extend_from_slice(part.indices());
            values.extend_from_slice(part.values());
        }
        let matrix = SparseMatrix::new(rows, cols, indptr, indices, values);
        return WeightMatrix::Sparse(matrix.expect("rows of valid matrices of one width"));
    }
    let dense = Matrix::new(rows, cols, parts.iter().flat_map(|part| part.to_dense().data).collect());
    if parts.iter().all(|part| matches!(part, WeightMatrix::Dense(_))) {
        WeightMatrix::Dense(dense)
    } else {
        WeightMatrix::compressed(dense, DENSE_ABOVE)
    }
}

/// Builds the weights that `config` describes. With `gains_may_lack` a norm without a gain has ones (our own files);
/// published checkpoints always hold them.
///
/// # Errors
/// Names the tensor that is missing, and passes on what `source` finds wrong.
pub fn assemble(config: &Config, gains_may_lack: bool, source: &mut impl TensorSource) -> Result<Weights> {
    config.check()?;
    // `c_attn` of the layer at hand: q takes it from the file, and q, k and v each take their rows
    let (mut stacked_matrix, mut stacked_vector) = (None, None);
    Params::build(config, |info| {
        let name = published_name(info);
        let [rows, cols] = info.shape;
        let part = ["q", "k", "v"].iter().position(|module| *module == info.module);
        let tensor = match (info.tensor(()), part) {
            (Tensor::Matrix(()), _) if info.role == Role::Positions => {
                source.table(&name, rows, cols)?.map(|table| Tensor::Matrix(WeightMatrix::Dense(table)))
            }
            (Tensor::Matrix(()), None) => source.matrix(&name, rows, cols)?.map(Tensor::Matrix),
            (Tensor::Vector(()), None) => source.vector(&name, cols)?.map(Tensor::Vector),
            (Tensor::Matrix(()), Some(part)) => {
                if part == 0 {
                    stacked_matrix = source.matrix(&name, 3 * rows, cols)?;
                }
                let whole = stacked_matrix.as_ref();
                whole.map(|whole| Tensor::Matrix(whole.slice_rows(part * rows, (part + 1) * rows)))
            }
            (Tensor::Vector(()), Some(part)) => {
                if part == 0 {
                    stacked_vector = source.vector(&name, 3 * cols)?;
                }
                let whole = stacked_vector.as_ref();
                whole.map(|whole| Tensor::Vector(whole[part * cols..(part + 1) * cols].to_vec()))
            }
        };
        let required = match info.role {
            Role::Gain => !gains_may_lack,
            _ => info.presence == Presence::Required,
        };
        if required && tensor.is_none() {
            bail!("the model lacks the tensor {name}, which its config asks for");
        }
        Ok(tensor)
    })
}

/// Whether `weights` have exactly the tensors that their config describes, of the right shapes, with finite numbers.
pub fn check(weights: &Weights) -> Result<()> {
    weights.config.check()?;
    if weights.blocks.len() != weights.config.n_layer {
        bail!("the model has {} blocks, but its config says {} layers", weights.blocks.len(), weights.config.n_layer);
    }
    for (info, tensor) in weights.places() {
        let name = published_name(&info);
        let Some(tensor) = tensor else {
            if info.presence == Presence::Required {
                bail!("the model lacks the tensor {name}, which its config asks for");
            }
            continue;
        };
        if info.presence == Presence::Absent {
            bail!("the model has the tensor {name}, which its config does not describe");
        }
        let [rows, cols] = info.shape;
        let (shape, numbers) = match tensor {
            Tensor::Vector(vector) => ([1, vector.len()], vector.as_slice()),
            Tensor::Matrix(WeightMatrix::Dense(dense)) => ([dense.rows, dense.cols], dense.data.as_slice()),
            Tensor::Matrix(WeightMatrix::Sparse(sparse)) => ([sparse.rows(), sparse.cols()], sparse.values()),
        };
        let is_table = info.role == Role::Positions;
        if is_table && matches!(tensor, Tensor::Matrix(WeightMatrix::Sparse(_))) {
            bail!("the tensor {name} is stored dense, but this model holds it as a sparse matrix");
        }
        if shape[1] != cols || if is_table { shape[0] < rows } else { shape[0] != rows } {
            bail!("the tensor {name} ({info}) has the shape {shape:?}; the config asks for [{rows}, {cols}]");
        }
        crate::format::number::check_finite(&name, numbers)?;
    }
    Ok(())
}
