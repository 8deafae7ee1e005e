//! Our model file: a `.safetensors` file that any reader of that format can open.
//!
//! **Metadata.** One entry, `sparse-circuits`: JSON text with `format_version` (1), `config` (every field of
//! [`Config`]) and `provenance` (free: where the model comes from).
//!
//! **Tensors** have the published names (`transformer.h.0.attn.c_attn.weight`, `bigram_table`, ...), row-major. A
//! norm's gain may be absent and is then all ones; what else may be absent follows from the config. `mean.HOOK`
//! (`mean.0.mlp.post_act`) is the mean of each channel at a hook over the pretraining distribution.
//!
//! **A sparse matrix `NAME`** with `rows` and `cols` as the config has them is stored in parts.
//! - Lossless, compressed sparse rows: `NAME.indptr` (i32, rows + 1), `NAME.indices` (i32, the columns of each row
//!   ascending), `NAME.values` (f32). `torch.sparse_csr_tensor` and `scipy.sparse.csr_matrix` take them as they are.
//! - Compact: `NAME.counts` (u16, or u32 for very wide matrices: entries in each row), `NAME.gaps` and `NAME.values`. A
//!   gap is an entry's column minus the column after the entry before it, rows starting at column 0; the largest code
//!   (255 where `gaps` is u8, 65535 where it is u16) skips that many columns and does not make an entry. So columns `3, 4, 300`
//!   are written `3 0 255 40`.
//!
//! **Numbers.** Lossless: f32, and reading gives back every bit. Compact: f16 (f32 for a tensor with numbers beyond
//! f16's range). A sparse `bigram_table` in a compact file has i8 values, to be multiplied by the f32 in
//! `bigram_table.scale` (one element): 45,000 entries in 1024 rows take 93 KB. Entries that round to zero are dropped.
//! A compact file that is read and written again loses nothing more.

use super::compact::{self, DeltaIndices, Integers};
use super::schema::{self, FileTensor, TensorSource};
use super::versioned;
use crate::format::Dtype;
use crate::format::number::{finite_f32s, indices};
use crate::format::tensor_file::{Parts, Precision, StoredTensor, TensorFile};
use crate::model::{Config, Hook, Weights};
use crate::tensor::{Matrix, SparseMatrix, WeightMatrix};
use crate::{Result, bail};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

const FORMAT_VERSION: u64 = 1;
/// The metadata entry.
const ENTRY: &str = "sparse-circuits";
const BIGRAM_TABLE: &str = "bigram_table";

/// A model, the means of its channels, and its origin.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelFile {
    pub weights: Weights,
    /// Mean of each channel at a hook over the pretraining distribution; empty when not measured yet.
    pub means: BTreeMap<Hook, Vec<f32>>,
    /// Where the model comes from: config of the run, seed, tokens, losses.
    pub provenance: serde_json::Value,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header<'a> {
    format_version: u64,
    config: Cow<'a, Config>,
    provenance: Cow<'a, serde_json::Value>,
}

/// The bytes of a model file; the same model gives the same bytes.
///
/// # Errors
/// When tensors do not have the shapes that the config asks for, or numbers are not finite.
pub fn write(model: &ModelFile, precision: Precision) -> Result<Vec<u8>> {
    schema::check(&model.weights)?;
    let mut parts = Parts::new(precision);
    for (name, tensor) in schema::tensors(&model.weights) {
        match tensor {
            FileTensor::Vector(vector) => parts.floats(name, vec![vector.len()], &vector),
            FileTensor::Matrix(matrix) => match &*matrix {
                WeightMatrix::Dense(dense) => parts.floats(name, vec![dense.rows, dense.cols], &dense.data),
                WeightMatrix::Sparse(sparse) => parts.sparse(&name, sparse)?,
            },
        }
    }
    for (hook, mean) in &model.means {
        check_mean(&model.weights.config, *hook, mean.len())?;
        crate::format::number::check_finite(&format!("mean.{hook}"), mean)?;
        parts.floats(format!("mean.{hook}"), vec![mean.len()], mean);
    }
    let header = Header {
        format_version: FORMAT_VERSION,
        config: Cow::Borrowed(&model.weights.config),
        provenance: Cow::Borrowed(&model.provenance),
    };
    parts.finish(ENTRY, &header)
}

/// # Errors
/// A file that is truncated, of another kind or version, or whose tensors do not fit its config.
pub fn read(bytes: &[u8]) -> Result<ModelFile> {
    let mut file = TensorFile::open(bytes)?;
    let Some(text) = file.metadata.get(ENTRY) else {
        bail!(
            "this safetensors file is not one of our model files; a published checkpoint is read with `sparse-circuits import`"
        );
    };
    let header: Header<'static> = versioned::read("model", FORMAT_VERSION, text)?;
    let config = header.config.into_owned();
    config.check()?;

    let mut means = BTreeMap::new();
    for hook in Hook::all(config.n_layer) {
        let name = format!("mean.{hook}");
        let Some(stored) = file.tensors.remove(&name) else { continue };
        check_mean(&config, hook, stored.shape.iter().product())?;
        means.insert(hook, finite_f32s(&name, stored.dtype, stored.bytes)?);
    }
    let mut source = Stored { tensors: file.tensors };
    let weights = schema::assemble(&config, true, &mut source)?;
    if let Some(name) = source.tensors.keys().min() {
        bail!("the model file holds the tensor {name}, which its config does not describe");
    }
    Ok(ModelFile { weights, means, provenance: header.provenance.into_owned() })
}

/// A short name for the weights themselves (their config and every number, not means or provenance): 16 hex digits of
/// an FNV-1a hash over 32-bit words. It catches a mix-up of models; it does not protect against forgery.
pub fn fingerprint(weights: &Weights) -> String {
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    let mut add = |word: u32| {
        hash = (hash ^ word as u64).wrapping_mul(0x0000_0100_0000_01b3);
    };
    let config = serde_json::to_string(&weights.config).expect("a config is plain data");
    config.bytes().for_each(|byte| add(byte as u32));
    for (name, tensor) in schema::tensors(weights) {
        name.bytes().for_each(|byte| add(byte as u32));
        // Dense or sparse, the same matrix has the same fingerprint: only nonzero entries count.
        let mut dense = |numbers: &[f32]| {
            for (at, number) in numbers.iter().enumerate().filter(|(_, number)| **number != 0.0) {
                add(at as u32);
                add(number.to_bits());
            }
        };
        match tensor {
            FileTensor::Vector(vector) => dense(&vector),
            FileTensor::Matrix(matrix) => match &*matrix {
                WeightMatrix::Dense(matrix) => dense(&matrix.data),
                WeightMatrix::Sparse(matrix) => {
                    for row in 0..matrix.rows() {
                        for (col, number) in matrix.row(row).filter(|(_, number)| *number != 0.0) {
                            // The hash takes 32 bits of the place.
                            add((row as u64 * matrix.cols() as u64 + col as u64) as u32);
                            add(number.to_bits());
                        }
                    }
                }
            },
        }
    }
    format!("{hash:016x}")
}

fn check_mean(config: &Config, hook: Hook, width: usize) -> Result<()> {
    if !hook.exists(config) {
        bail!("mean.{hook}: the model has only {} layers", config.n_layer);
    }
    if hook.width(config) != width {
        bail!("mean.{hook} has {width} channels; the model has {} there", hook.width(config));
    }
    Ok(())
}

impl Parts {
    fn sparse(&mut self, name: &str, matrix: &SparseMatrix) -> Result<()> {
        if matrix.nonzeros() > i32::MAX as usize || matrix.cols() > i32::MAX as usize {
            bail!("the matrix {name} is too large to be written");
        }
        match self.precision {
            Precision::Lossless => {
                let ints = |numbers: &[u32]| numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
                self.add(format!("{name}.indptr"), Dtype::I32, vec![matrix.rows() + 1], ints(matrix.indptr()));
                self.add(format!("{name}.indices"), Dtype::I32, vec![matrix.nonzeros()], ints(matrix.indices()));
                self.floats(format!("{name}.values"), vec![matrix.nonzeros()], matrix.values());
            }
            Precision::Compact if name == BIGRAM_TABLE => {
                let rounded = Integers::quantize(matrix.values());
                let kept = keep_nonzero(matrix, &rounded.numbers())?;
                let bytes =
                    rounded.integers.iter().filter(|integer| **integer != 0).map(|integer| *integer as u8).collect();
                self.gaps(name, &kept);
                self.add(format!("{name}.values"), Dtype::I8, vec![kept.nonzeros()], bytes);
                self.add(format!("{name}.scale"), Dtype::F32, vec![1], rounded.scale.to_le_bytes().to_vec());
            }
            Precision::Compact => {
                let kept = keep_nonzero(matrix, &compact::rounded(matrix.values()))?;
                self.gaps(name, &kept);
                self.floats(format!("{name}.values"), vec![kept.nonzeros()], kept.values());
            }
        }
        Ok(())
    }

    fn gaps(&mut self, name: &str, matrix: &SparseMatrix) {
        let DeltaIndices { counts, gaps, dtype } = DeltaIndices::encode(matrix);
        let (len, rows) = (gaps.len(), counts.len());
        let (counts_dtype, bytes) = if matrix.cols() <= u16::MAX as usize {
            (Dtype::U16, counts.iter().flat_map(|&count| (count as u16).to_le_bytes()).collect())
        } else {
            (Dtype::U32, counts.iter().flat_map(|count| count.to_le_bytes()).collect())
        };
        self.add(format!("{name}.counts"), counts_dtype, vec![rows], bytes);
        let bytes = match dtype {
            Dtype::U8 => gaps.iter().map(|&gap| gap as u8).collect(),
            _ => gaps.iter().flat_map(|gap| gap.to_le_bytes()).collect(),
        };
        self.add(format!("{name}.gaps"), dtype, vec![len], bytes);
    }
}

/// `matrix` with the given values, without those that are zero.
fn keep_nonzero(matrix: &SparseMatrix, values: &[f32]) -> Result<SparseMatrix> {
    let mut indptr = vec![0];
    let (mut indices, mut kept) = (Vec::with_capacity(values.len()), Vec::with_capacity(values.len()));
    for row in matrix.indptr().windows(2) {
        for at in (row[0] as usize..row[1] as usize).filter(|&at| values[at] != 0.0) {
            indices.push(matrix.indices()[at]);
            kept.push(values[at]);
        }
        indptr.push(indices.len() as u32);
    }
    SparseMatrix::new(matrix.rows(), matrix.cols(), indptr, indices, kept)
}

/// The tensors of a file that is being read. What remains at the end is unknown to the config.
struct Stored<'a> {
    tensors: HashMap<String, StoredTensor<'a>>,
}

impl Stored<'_> {
    fn floats(&mut self, name: &str, shape: &[usize]) -> Result<Option<Vec<f32>>> {
        let Some(stored) = self.tensors.remove(name) else { return Ok(None) };
        if stored.shape != shape {
            bail!("the tensor {name} has the shape {:?}; the model's config asks for {shape:?}", stored.shape);
        }
        finite_f32s(name, stored.dtype, stored.bytes).map(Some)
    }

    /// A part of a sparse matrix, a vector of unknown length.
    fn part(&mut self, name: &str, part: &str) -> Result<(String, StoredTensor<'_>)> {
        let name = format!("{name}.{part}");
        match self.tensors.remove(&name) {
            Some(stored) if stored.shape.len() == 1 => Ok((name, stored)),
            Some(_) => bail!("the tensor {name} of the model file is not a vector"),
            None => bail!("the model file lacks the tensor {name}"),
        }
    }

    fn indices(&mut self, name: &str, part: &str) -> Result<Vec<u32>> {
        let (name, stored) = self.part(name, part)?;
        indices(&name, stored.dtype, stored.bytes)
    }

    fn values(&mut self, name: &str) -> Result<Vec<f32>> {
        let (part, stored) = self.part(name, "values")?;
        if stored.dtype != Dtype::I8 {
            return finite_f32s(&part, stored.dtype, stored.bytes);
        }
        let integers = stored.bytes.iter().map(|&byte| byte as i8).collect();
        match self.floats(&format!("{name}.scale"), &[1])?.as_deref() {
            Some(&[scale]) => {
                let numbers = Integers { integers, scale }.numbers();
                crate::format::number::check_finite(&part, &numbers)?;
                Ok(numbers)
            }
            _ => bail!("the model file lacks the tensor {name}.scale"),
        }
    }
}

impl TensorSource for Stored<'_> {
    fn vector(&mut self, name: &str, len: usize) -> Result<Option<Vec<f32>>> {
        self.floats(name, &[len])
    }

    fn matrix(&mut self, name: &str, rows: usize, cols: usize) -> Result<Option<WeightMatrix>> {
        if let Some(data) = self.floats(name, &[rows, cols])? {
            return Ok(Some(WeightMatrix::Dense(Matrix::new(rows, cols, data))));
        }
        if self.tensors.contains_key(&format!("{name}.indptr")) {
            let (indptr, columns) = (self.indices(name, "indptr")?, self.indices(name, "indices")?);
            let values = self.values(name)?;
            return match SparseMatrix::new(rows, cols, indptr, columns, values) {
                Ok(matrix) => Ok(Some(WeightMatrix::Sparse(matrix))),
                Err(error) => bail!("the matrix {name}: {error}"),
            };
        }
        if self.tensors.contains_key(&format!("{name}.counts")) {
            let counts = self.indices(name, "counts")?;
            if counts.len() != rows {
                bail!("the matrix {name} has {} rows; the model's config asks for {rows}", counts.len());
            }
            let (part, stored) = self.part(name, "gaps")?;
            let dtype = stored.dtype;
            if !matches!(dtype, Dtype::U8 | Dtype::U16) {
                bail!("the tensor {part} holds {} numbers; gaps are uint8 or uint16", dtype.name());
            }
            let gaps = indices(&part, dtype, stored.bytes)?.into_iter().map(|gap| gap as u16).collect();
            let values = self.values(name)?;
            return Ok(Some(WeightMatrix::Sparse(DeltaIndices { counts, gaps, dtype }.decode(name, cols, values)?)));
        }
        Ok(None)
    }

    fn table(&mut self, name: &str, rows: usize, cols: usize) -> Result<Option<Matrix>> {
        let Some(stored) = self.tensors.get(name) else { return Ok(None) };
        match stored.shape[..] {
            [stored_rows, stored_cols] if stored_rows >= rows && stored_cols == cols => {
                Ok(self.floats(name, &[stored_rows, cols])?.map(|data| Matrix::new(stored_rows, cols, data)))
            }
            _ => bail!(
                "the tensor {name} has the shape {:?}; the model's config asks for [{rows} or more, {cols}]",
                stored.shape
            ),
        }
    }
}
