//! Loads what a command's arguments name: models, circuits, tokenizers. Every error names the path.

use crate::files::{in_file, read};
use crate::format::{CircuitFile, ModelFile, checkpoint, circuit_file, model_file};
use crate::model::Weights;
use crate::tokenizer::Tokenizer;
use crate::{Result, bail};
use serde_json::json;
use std::path::{Path, PathBuf};

/// File names of a checkpoint's config, tried in this order.
const CONFIGS: [&str; 2] = ["beeg_config.json", "config.json"];
/// File names of a checkpoint's tensors, tried in this order.
const TENSORS: [&str; 2] = ["final_model.pt", "model.safetensors"];

/// A model: one of our files, or the folder of a published checkpoint.
///
/// # Errors
/// A file that cannot be read, or whose content is not a model.
pub fn load_model(path: &Path) -> Result<ModelFile> {
    if path.is_dir() {
        return load_checkpoint(path);
    }
    model_file::read(&read(path)?).map_err(in_file(path))
}

/// The model of a checkpoint folder: `beeg_config.json` (or Hugging Face's `config.json`) with `final_model.pt` or
/// `model.safetensors`.
///
/// # Errors
/// A file that is missing, or whose content is not a checkpoint.
pub fn load_checkpoint(folder: &Path) -> Result<ModelFile> {
    let config_path = find(folder, &CONFIGS)?;
    let tensors_path = find(folder, &TENSORS)?;
    let Ok(config) = String::from_utf8(read(&config_path)?) else {
        bail!("{}: the file is not text", config_path.display());
    };
    let mut model = checkpoint::import(&config, &read(&tensors_path)?).map_err(in_file(folder))?;
    if let (Some(fields), Some(name)) = (model.provenance.as_object_mut(), folder.file_name()) {
        fields.insert("checkpoint".into(), json!(name.to_string_lossy()));
    }
    Ok(model)
}

fn find(folder: &Path, names: &[&str]) -> Result<PathBuf> {
    match names.iter().map(|name| folder.join(name)).find(|path| path.is_file()) {
        Some(path) => Ok(path),
        None => bail!("{} is not the folder of a checkpoint: it has no {}", folder.display(), names.join(" or ")),
    }
}

/// A circuit that belongs to the model with these weights.
///
/// # Errors
/// A file that cannot be read, is not a circuit, or belongs to another model.
pub fn load_circuit(path: &Path, weights: &Weights) -> Result<CircuitFile> {
    let file = circuit_file::read(&read(path)?).map_err(in_file(path))?;
    file.check(weights).map_err(in_file(path))?;
    Ok(file)
}

/// The option `--tokenizer`, the same for every command that reads text.
#[derive(clap::Args)]
pub struct TokenizerArgs {
    /// The tokenizer: a tokenizer.json, or a folder [default: the folder of the model].
    ///
    /// In a folder the command looks for tokenizer.json first, then for encoder.json with vocab.bpe.
    #[arg(long, value_name = "PATH")]
    tokenizer: Option<PathBuf>,
}

impl TokenizerArgs {
    /// The tokenizer that the option names, or the one in the folder of the model.
    ///
    /// # Errors
    /// The folder has no tokenizer, or the file is not a tokenizer. The error names the path.
    pub fn load(&self, model: &Path) -> Result<Tokenizer> {
        match &self.tokenizer {
            Some(path) => load_tokenizer(path),
            None if model.is_dir() => load_tokenizer(model),
            None => match model.parent() {
                Some(folder) if !folder.as_os_str().is_empty() => load_tokenizer(folder),
                _ => load_tokenizer(Path::new(".")),
            },
        }
    }
}

/// A tokenizer: a `tokenizer.json`, or a folder with that file or with `encoder.json` and `vocab.bpe`.
///
/// # Errors
/// As [`TokenizerArgs::load`].
pub fn load_tokenizer(path: &Path) -> Result<Tokenizer> {
    if !path.is_dir() {
        return Tokenizer::from_json(&read(path)?).map_err(in_file(path));
    }
    let [json, encoder, merges] = ["tokenizer.json", "encoder.json", "vocab.bpe"].map(|name| path.join(name));
    if json.is_file() {
        return load_tokenizer(&json);
    }
    if !(encoder.is_file() && merges.is_file()) {
        bail!(
            "there is no tokenizer in {}: neither tokenizer.json, nor encoder.json with vocab.bpe; give one with --tokenizer PATH",
            path.display()
        );
    }
    Tokenizer::from_encoder_and_merges(&read(&encoder)?, &read(&merges)?).map_err(in_file(path))
}
