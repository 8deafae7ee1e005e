//! Checkpoints on disk: the current model, and the full state of a run to resume it.

use super::config::TrainConfig;
use super::parameters::{Parameter, Parameters};
use crate::bridge::Bridge;
use crate::files::{in_file, read, write};
use crate::format::{BridgeFile, ModelFile, Precision, bridge_file, model_file, write_floats};
use crate::model::Config;
use crate::{Error, Result, bail};
use safetensors::tensor::{Dtype, SafeTensors};
use std::collections::HashMap;
use std::path::Path;

const MODEL: &str = "model.safetensors";
const BRIDGE: &str = "bridge.safetensors";
const STATE: &str = "state.safetensors";

/// Loads a model that a run's config names: its start model, or the dense model of its bridge.
///
/// # Errors
/// A missing or damaged file.
pub fn named_model(path: Option<&String>) -> Result<Option<ModelFile>> {
    let Some(path) = path.map(Path::new) else { return Ok(None) };
    Ok(Some(model_file::read(&read(path)?).map_err(in_file(path))?))
}

/// Loads the bridge that a run's config starts from.
///
/// # Errors
/// A missing or damaged file, or a bridge between other models. The arguments are config and
/// fingerprint of the sparse and of the dense model.
pub fn named_bridge(path: Option<&String>, [sparse, dense]: [(&Config, &str); 2]) -> Result<Option<Bridge>> {
    let Some(path) = path.map(Path::new) else { return Ok(None) };
    let file = bridge_file::read(&read(path)?).map_err(in_file(path))?;
    if file.models != [sparse.1, dense.1] {
        bail!("{} is a bridge between other models than the run's", path.display());
    }
    file.bridge.check(sparse.0, dense.0).map_err(in_file(path))?;
    Ok(Some(file.bridge))
}

/// What a checkpoint stores.
pub struct Snapshot<'a> {
    pub config: &'a TrainConfig,
    pub parameters: &'a Parameters,
    /// The start model of the run. Its provenance becomes part of the new model's.
    pub start: Option<&'a ModelFile>,
    /// The bridge so far, its parameters and the dense model's fingerprint.
    pub bridge: Option<(Bridge, &'a [Parameter], String)>,
    /// The backend that computed the gradients, if it was not the CPU.
    pub backend: Option<&'static str>,
    pub steps_done: u64,
    pub held_out: &'a serde_json::Value,
}

/// Writes the model, the bridge where there is one, and the state. Each file is replaced as a whole.
///
/// # Errors
/// A file that cannot be written; the old one stays.
pub fn save(out: &Path, snapshot: Snapshot<'_>) -> Result<()> {
    let Snapshot { config, parameters, start, bridge, backend, steps_done, held_out } = snapshot;
    let mut provenance = serde_json::json!({
        "training": config, "steps_done": steps_done, "tokens": steps_done as usize * config.batch * config.context,
        "held_out_loss": held_out, "nonzeros_without_bigram": parameters.nonzeros(),
    });
    if let Some(start) = start {
        provenance["start"] = start.provenance.clone();
    }
    if let Some(backend) = backend {
        provenance["backend"] = backend.into();
    }
    let model = ModelFile { weights: parameters.weights(), means: Default::default(), provenance: provenance.clone() };
    write(&out.join(MODEL), &model_file::write(&model, Precision::Lossless)?)?;
    let mut list: Vec<&Parameter> = parameters.list().collect();
    if let Some((bridge, bridge_parameters, dense)) = bridge {
        let models = [model_file::fingerprint(&model.weights), dense];
        let file = BridgeFile { bridge, models, provenance };
        write(&out.join(BRIDGE), &bridge_file::write(&file, Precision::Lossless)?)?;
        list.extend(bridge_parameters);
    }

    let tensors = list.into_iter().flat_map(|p| {
        [("", &p.value.data), (".first", &p.first_moment), (".second", &p.second_moment)]
            .map(|(suffix, numbers)| (format!("{}{suffix}", p.name), [p.value.rows, p.value.cols], numbers.as_slice()))
    });
    let metadata = HashMap::from([
        ("step".to_string(), steps_done.to_string()),
        ("config".to_string(), config.to_json()),
        ("held_out".to_string(), held_out.to_string()),
    ]);
    write(&out.join(STATE), &write_floats(tensors, Some(metadata))?)
}

/// Fills `parameters` from the checkpoint in `out` and returns the number of steps done.
///
/// # Errors
/// No checkpoint, one of another config, or a damaged one.
pub fn resume<'a>(
    out: &Path,
    config: &TrainConfig,
    parameters: impl Iterator<Item = &'a mut Parameter>,
) -> Result<u64> {
    let path = out.join(STATE);
    let data = read(&path)?;
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
    for p in parameters {
        for (suffix, values) in
            [("", &mut p.value.data), (".first", &mut p.first_moment), (".second", &mut p.second_moment)]
        {
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
