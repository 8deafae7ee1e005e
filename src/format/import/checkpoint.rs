//! Published checkpoints: a config and a state dict, from `torch.save` or as safetensors.

use super::pickle::Value;
use super::torch_zip;
use crate::format::number::finite_f32s;
use crate::format::ours::schema::{self, TensorSource};
use crate::format::tensor_file::TensorFile;
use crate::format::{Dtype, ModelFile};
use crate::model::Config;
use crate::tensor::{Matrix, WeightMatrix};
use crate::{Result, bail};
use serde_json::json;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// A matrix with a larger share of nonzeros is kept dense.
pub const DENSE_ABOVE: f64 = 0.25;

/// What Hugging Face's wrapper puts before every name.
const WRAPPER: &str = "circuit_model.";

/// Reads a checkpoint: the text of `beeg_config.json` or of Hugging Face's `config.json`, and the bytes of
/// `final_model.pt` or `model.safetensors`.
///
/// Causal-mask buffers (`attn.bias` of four dimensions) are ignored, a tied checkpoint may list `lm_head.weight` or
/// not, an absent `final_logits_bias` is none, and a position table of zeros that would be added to the embedding is
/// left out. Weights become f32.
///
/// # Errors
/// Names any other tensor that is missing, unknown, of another shape than the config asks for, or not finite.
pub fn import(config: &str, tensors: &[u8]) -> Result<ModelFile> {
    let config = Config::from_beeg_json(config)?;
    let (kind, tensors) = if torch_zip::is_zip(tensors) {
        ("torch.save", from_torch(tensors)?)
    } else {
        ("safetensors", from_safetensors(tensors)?)
    };
    let mut checkpoint = Checkpoint { tensors: unwrap_names(tensors)? };
    checkpoint.drop_causal_masks(&config);
    let head = match config.tied_unembed {
        true => checkpoint.matrix("lm_head.weight", config.vocab_size, config.d_model)?,
        false => None,
    };
    let mut weights = schema::assemble(&config, false, &mut checkpoint)?;
    if let Some(name) = checkpoint.tensors.keys().next() {
        bail!("the checkpoint holds the tensor {name}, which its config does not describe");
    }
    if head.is_some_and(|head| head != weights.wte) {
        bail!("the checkpoint's config ties lm_head.weight to transformer.wte.weight, but the two differ");
    }
    if config.d_pos_emb.is_none() && weights.wpe.as_ref().is_some_and(|wpe| wpe.nonzeros() == 0) {
        weights.config.positions = false;
        weights.wpe = None;
    }
    let provenance = json!({ "imported_from": kind });
    Ok(ModelFile { weights, means: BTreeMap::new(), provenance })
}

/// A tensor of a state dict, row-major.
struct StateTensor<'a> {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Bytes<'a>,
}

/// Strided tensors are gathered when they are used, one at a time.
enum Bytes<'a> {
    Plain(&'a [u8]),
    Torch(std::rc::Rc<super::pickle::Tensor<'a>>),
}

fn from_safetensors(bytes: &[u8]) -> Result<BTreeMap<String, StateTensor<'_>>> {
    let file = TensorFile::open(bytes)?;
    if file.metadata.contains_key("sparse-circuits") {
        bail!("this is already a model file of this program; use it without import");
    }
    let tensors = file.tensors.into_iter().map(|(name, tensor)| {
        (name, StateTensor { dtype: tensor.dtype, shape: tensor.shape, bytes: Bytes::Plain(tensor.bytes) })
    });
    Ok(tensors.collect())
}

fn from_torch(bytes: &[u8]) -> Result<BTreeMap<String, StateTensor<'_>>> {
    let Value::Dict(items) = torch_zip::read(bytes)? else {
        bail!("the .pt file does not hold a state dict");
    };
    let mut tensors = BTreeMap::new();
    for item in items {
        match item {
            (Value::Str(name), Value::Tensor(tensor)) => {
                let state =
                    StateTensor { dtype: tensor.dtype, shape: tensor.shape.clone(), bytes: Bytes::Torch(tensor) };
                tensors.insert(name.to_string(), state);
            }
            (Value::Str(name), _) => bail!("the entry {name} of the .pt file's state dict is not a tensor"),
            _ => bail!("the .pt file's state dict has a key that is not a name"),
        }
    }
    Ok(tensors)
}

/// The names without the wrapper's prefix, which all of them have or none.
fn unwrap_names(tensors: BTreeMap<String, StateTensor<'_>>) -> Result<BTreeMap<String, StateTensor<'_>>> {
    if !tensors.keys().any(|name| name.starts_with(WRAPPER)) {
        return Ok(tensors);
    }
    let mut unwrapped = BTreeMap::new();
    for (name, tensor) in tensors {
        match name.strip_prefix(WRAPPER) {
            Some(name) => drop(unwrapped.insert(name.to_string(), tensor)),
            None => {
                bail!("the checkpoint holds the tensor {name} without the prefix {WRAPPER} that other tensors have")
            }
        }
    }
    Ok(unwrapped)
}

struct Checkpoint<'a> {
    tensors: BTreeMap<String, StateTensor<'a>>,
}

impl Checkpoint<'_> {
    /// Models saved with the plain attention hold `transformer.h.N.attn.bias`, a lower triangle of ones [1, 1, block,
    /// block].
    fn drop_causal_masks(&mut self, config: &Config) {
        for layer in 0..config.n_layer {
            let name = format!("transformer.h.{layer}.attn.bias");
            if self.tensors.get(&name).is_some_and(|tensor| tensor.shape.len() == 4) {
                self.tensors.remove(&name);
            }
        }
    }

    fn floats(
        &mut self,
        name: &str,
        fits: impl Fn(&[usize]) -> bool,
        wanted: &str,
    ) -> Result<Option<(Vec<usize>, Vec<f32>)>> {
        let Some(tensor) = self.tensors.remove(name) else { return Ok(None) };
        if !fits(&tensor.shape) {
            bail!("the tensor {name} has the shape {:?}; the config asks for {wanted}", tensor.shape);
        }
        let bytes = match &tensor.bytes {
            Bytes::Plain(bytes) => Cow::Borrowed(*bytes),
            Bytes::Torch(tensor) => tensor.to_bytes(),
        };
        let numbers = finite_f32s(name, tensor.dtype, &bytes)?;
        Ok(Some((tensor.shape, numbers)))
    }
}

impl TensorSource for Checkpoint<'_> {
    fn vector(&mut self, name: &str, len: usize) -> Result<Option<Vec<f32>>> {
        Ok(self.floats(name, |shape| shape == [len], &format!("[{len}]"))?.map(|(_, numbers)| numbers))
    }

    fn matrix(&mut self, name: &str, rows: usize, cols: usize) -> Result<Option<WeightMatrix>> {
        let found = self.floats(name, |shape| shape == [rows, cols], &format!("[{rows}, {cols}]"))?;
        Ok(found.map(|(_, numbers)| WeightMatrix::compressed(Matrix::new(rows, cols, numbers), DENSE_ABOVE)))
    }

    fn table(&mut self, name: &str, rows: usize, cols: usize) -> Result<Option<Matrix>> {
        let fits = |shape: &[usize]| matches!(shape, [stored, width] if *stored >= rows && *width == cols);
        let found = self.floats(name, fits, &format!("[{rows} or more, {cols}]"))?;
        Ok(found.map(|(shape, numbers)| Matrix::new(shape[0], cols, numbers)))
    }
}
