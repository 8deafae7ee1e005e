//! Checkpoints on disk: the model so far, and a run's whole state to resume it.

use super::config::TrainConfig;
use super::parameters::Parameters;
use crate::format::model_file::{self, ModelFile, Precision};
use crate::{Error, Result, bail};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

const MODEL: &str = "model.safetensors";
const STATE: &str = "state.safetensors";

fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let path: PathBuf = path.into();
    move |source| Error::Io { action, path, source }
}

fn bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

/// The model that a run goes on from, if its config names one.
///
/// # Errors
/// A missing or damaged file.
pub fn start(config: &TrainConfig) -> Result<Option<ModelFile>> {
    let Some(path) = config.start.as_ref().map(Path::new) else { return Ok(None) };
    let data = std::fs::read(path).map_err(io("read", path))?;
    let model = model_file::read(&data).map_err(|error| Error::invalid(format!("{}: {error}", path.display())))?;
    Ok(Some(model))
}

/// Writes the model and the state after `step` steps, each first under a temporary name. `start` is the model that the run
/// went on from: its provenance goes into this one's.
pub fn save(
    out: &Path,
    config: &TrainConfig,
    parameters: &Parameters,
    step: u64,
    held_out: &serde_json::Value,
    start: Option<&ModelFile>,
) -> Result<()> {
    let mut provenance = serde_json::json!({
        "training": config, "steps_done": step, "tokens": step as usize * config.batch * config.context,
        "held_out_loss": held_out, "nonzeros_without_bigram": parameters.nonzeros(),
    });
    if let Some(start) = start {
        provenance["start"] = start.provenance.clone();
    }
    let model = ModelFile { weights: parameters.weights(), means: Default::default(), provenance };
    write(&out.join(MODEL), &model_file::write(&model, Precision::Lossless)?)?;

    let mut tensors: Vec<(String, Vec<usize>, Vec<u8>)> = Vec::new();
    for p in &parameters.list {
        let shape = vec![p.value.rows, p.value.cols];
        tensors.push((p.name.clone(), shape.clone(), bytes(&p.value.data)));
        tensors.push((format!("{}.first", p.name), shape.clone(), bytes(&p.first)));
        tensors.push((format!("{}.second", p.name), shape, bytes(&p.second)));
    }
    let views = tensors.iter().map(|(name, shape, data)| {
        (name.as_str(), TensorView::new(Dtype::F32, shape.clone(), data).expect("four bytes a number"))
    });
    let metadata = HashMap::from([
        ("step".to_string(), step.to_string()),
        ("config".to_string(), config.to_json()),
        ("held_out".to_string(), held_out.to_string()),
    ]);
    let data = safetensors::serialize(views, Some(metadata))
        .map_err(|error| Error::invalid(format!("the checkpoint cannot be written: {error}")))?;
    write(&out.join(STATE), &data)
}

fn write(path: &Path, data: &[u8]) -> Result<()> {
    let temporary = path.with_extension("part");
    std::fs::write(&temporary, data).map_err(io("write", &temporary))?;
    std::fs::rename(&temporary, path).map_err(io("write", path))
}

/// Fills `parameters` from the checkpoint in `out` and returns the number of steps done.
///
/// # Errors
/// No checkpoint, one of another config, or a damaged one.
pub fn resume(out: &Path, config: &TrainConfig, parameters: &mut Parameters) -> Result<u64> {
    let path = out.join(STATE);
    let data = std::fs::read(&path).map_err(io("read", &path))?;
    let damaged = |error: &dyn std::fmt::Display| Error::invalid(format!("{} is damaged: {error}", path.display()));
    let (_, header) = SafeTensors::read_metadata(&data).map_err(|e| damaged(&e))?;
    let metadata = header.metadata().clone().unwrap_or_default();
    if metadata.get("config") != Some(&config.to_json()) {
        bail!(
            "{} belongs to a run with another config; train into another folder, or without --resume",
            path.display()
        );
    }
    let step = metadata.get("step").and_then(|s| s.parse().ok()).ok_or_else(|| damaged(&"no step"))?;
    let tensors = SafeTensors::deserialize(&data).map_err(|e| damaged(&e))?;
    for p in &mut parameters.list {
        for (suffix, values) in [("", &mut p.value.data), (".first", &mut p.first), (".second", &mut p.second)] {
            let tensor = tensors.tensor(&format!("{}{suffix}", p.name)).map_err(|e| damaged(&e))?;
            if tensor.dtype() != Dtype::F32 || tensor.data().len() != values.len() * 4 {
                return Err(damaged(&format!("{}{suffix} has another shape", p.name)));
            }
            for (value, b) in values.iter_mut().zip(tensor.data().chunks_exact(4)) {
                *value = f32::from_le_bytes([b[0], b[1], b[2], b[3]]);
            }
        }
    }
    Ok(step)
}
