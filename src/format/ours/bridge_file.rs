//! Bridge files: the maps between a sparse model and a dense one, as `.safetensors`.
//!
//! **Metadata.** One entry, `sparse-circuits-bridge`: JSON text with `format_version` (1), `kept` (channels that AbsTopK keeps behind each
//! encoder), `rms_ratios` (one a site), `channels` (by task, the channel chosen for steering), `sparse` and `dense` (fingerprints of the two
//! models) and `provenance` (free).
//!
//! **Tensors**, f32 or, compact, f16: for each boundary `I` `site.I.encoder.weight` `[d_sparse, d_dense]`, `site.I.encoder.bias`,
//! `site.I.decoder.weight` `[d_dense, d_sparse]`, `site.I.decoder.bias`.

use super::model_file::fingerprint;
use super::versioned;
use crate::bridge::{Bridge, BridgeSite};
use crate::format::number::finite_f32s;
use crate::format::tensor_file::{Parts, Precision, TensorFile};
use crate::model::{Linear, Node, Weights};
use crate::tensor::{Matrix, WeightMatrix};
use crate::{Result, bail};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const FORMAT_VERSION: u64 = 1;
const ENTRY: &str = "sparse-circuits-bridge";
/// Boundaries of the deepest model that makes sense; a file that claims more is not read further.
const MAX_SITES: usize = 1025;

/// A bridge, the models it belongs to, and its origin.
#[derive(Clone, Debug, PartialEq)]
pub struct BridgeFile {
    pub bridge: Bridge,
    /// Fingerprints of the sparse and the dense model, see [`fingerprint`].
    pub models: [String; 2],
    /// Where the bridge comes from: config of the run, tokens, losses.
    pub provenance: serde_json::Value,
}

impl BridgeFile {
    /// Whether the bridge was trained between these two models.
    ///
    /// # Errors
    /// The sparse or the dense model is another one. The error says which.
    pub fn check(&self, sparse: &Weights, dense: &Weights) -> Result<()> {
        self.bridge.check(&sparse.config, &dense.config)?;
        for (what, weights, wanted) in [("sparse", sparse, &self.models[0]), ("dense", dense, &self.models[1])] {
            let found = fingerprint(weights);
            if found != *wanted {
                bail!("the bridge was trained with the {what} model {wanted}, but this one is {found}");
            }
        }
        Ok(())
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    format_version: u64,
    kept: usize,
    rms_ratios: Vec<f32>,
    channels: BTreeMap<String, Node>,
    sparse: String,
    dense: String,
    provenance: serde_json::Value,
}

/// The bytes of a bridge file; the same bridge gives the same bytes.
///
/// # Errors
/// When numbers are not finite.
pub fn write(file: &BridgeFile, precision: Precision) -> Result<Vec<u8>> {
    let mut parts = Parts::new(precision);
    for (boundary, site) in file.bridge.sites.iter().enumerate() {
        for (name, linear) in [("encoder", &site.encoder), ("decoder", &site.decoder)] {
            let weight = linear.weight.to_dense();
            let bias = linear.bias.as_deref().unwrap_or_default();
            for (part, shape, numbers) in
                [("weight", vec![weight.rows, weight.cols], weight.data.as_slice()), ("bias", vec![bias.len()], bias)]
            {
                let name = format!("site.{boundary}.{name}.{part}");
                crate::format::number::check_finite(&name, numbers)?;
                parts.floats(name, shape, numbers);
            }
        }
    }
    let rms_ratios: Vec<f32> = file.bridge.sites.iter().map(|site| site.rms_ratio).collect();
    crate::format::number::check_finite("rms_ratios", &rms_ratios)?;
    let header = Header {
        format_version: FORMAT_VERSION,
        kept: file.bridge.kept,
        rms_ratios,
        channels: file.bridge.channels.clone(),
        sparse: file.models[0].clone(),
        dense: file.models[1].clone(),
        provenance: file.provenance.clone(),
    };
    parts.finish(ENTRY, &header)
}

/// # Errors
/// A file that is truncated, of another kind or version, or whose parts do not fit each other.
pub fn read(bytes: &[u8]) -> Result<BridgeFile> {
    let mut file = TensorFile::open(bytes)?;
    let Some(text) = file.metadata.get(ENTRY) else {
        bail!("this safetensors file is not one of our bridge files");
    };
    let header: Header = versioned::read("bridge", FORMAT_VERSION, text)?;
    let sites = header.rms_ratios.len();
    if sites == 0 || sites > MAX_SITES {
        bail!("the bridge file has {sites} sites; 1 to {MAX_SITES} are read");
    }
    if header.kept == 0 {
        bail!("the bridge file's encoders keep no channel");
    }
    if let Some(ratio) = header.rms_ratios.iter().find(|ratio| !(ratio.is_finite() && **ratio > 0.0)) {
        bail!("the bridge file has the ratio {ratio} of two root mean squares; it must be above 0");
    }
    let mut take = |name: String, shape: Option<(usize, usize)>| -> Result<Matrix> {
        let Some(stored) = file.tensors.remove(&name) else {
            bail!("the bridge file lacks the tensor {name}");
        };
        let (rows, cols) = match stored.shape[..] {
            [cols] => (1, cols),
            [rows, cols] => (rows, cols),
            _ => bail!("the tensor {name} of the bridge file has the shape {:?}", stored.shape),
        };
        if rows == 0 || cols == 0 || shape.is_some_and(|shape| shape != (rows, cols)) {
            bail!(
                "the tensor {name} of the bridge file has the shape {:?}, which does not fit the others",
                stored.shape
            );
        }
        Ok(Matrix::new(rows, cols, finite_f32s(&name, stored.dtype, stored.bytes)?))
    };
    let mut shape = None;
    let mut read = Vec::new();
    for (boundary, rms_ratio) in header.rms_ratios.iter().enumerate() {
        let at = |part: &str| format!("site.{boundary}.{part}");
        let encoder = take(at("encoder.weight"), shape)?;
        let (sparse, dense) = (encoder.rows, encoder.cols);
        shape = Some((sparse, dense));
        let decoder = take(at("decoder.weight"), Some((dense, sparse)))?;
        let mut linear = |name: &str, weight: Matrix| -> Result<Linear> {
            let bias = take(at(name), Some((1, weight.rows)))?.data;
            Ok(Linear { weight: WeightMatrix::Dense(weight), bias: Some(bias) })
        };
        let encoder = linear("encoder.bias", encoder)?;
        let decoder = linear("decoder.bias", decoder)?;
        read.push(BridgeSite { encoder, decoder, rms_ratio: *rms_ratio });
    }
    if let Some(name) = file.tensors.keys().min() {
        bail!("the bridge file holds the tensor {name}, which belongs to no site");
    }
    if shape.is_some_and(|(sparse, _)| header.kept > sparse) {
        bail!("the bridge file's encoders keep {} channels, more than there are", header.kept);
    }
    Ok(BridgeFile {
        bridge: Bridge { sites: read, kept: header.kept, channels: header.channels },
        models: [header.sparse, header.dense],
        provenance: header.provenance,
    })
}
