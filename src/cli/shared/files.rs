//! Files of the command line: models are found and loaded here, results written whole or not at all.

use crate::format::{ModelFile, checkpoint, model_file};
use crate::{Error, Result, bail};
use serde_json::json;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The config and the tensors of a checkpoint folder, in the order in which they are looked for.
const CONFIGS: [&str; 2] = ["beeg_config.json", "config.json"];
const TENSORS: [&str; 2] = ["final_model.pt", "model.safetensors"];

/// A model: one of our files, or the folder of a published checkpoint.
///
/// # Errors
/// Names the path and what is wrong with it.
pub fn load_model(path: &Path) -> Result<ModelFile> {
    if path.is_dir() {
        return load_checkpoint(path);
    }
    model_file::read(&read(path)?).map_err(in_file(path))
}

/// The model of a checkpoint folder: `beeg_config.json` (or Hugging Face's `config.json`) with `final_model.pt` or
/// `model.safetensors`.
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

/// A whole file.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|source| Error::Io { action: "read", path: path.into(), source })
}

/// Puts the path before an error about a file's content.
pub fn in_file(path: &Path) -> impl Fn(Error) -> Error + '_ {
    move |error| Error::invalid(format!("{}: {error}", path.display()))
}

/// Writes a file under a temporary name in the same folder and renames it when all of it is on the disk, so that no
/// reader ever sees half a file and a failure leaves what was there.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    let Some(name) = path.file_name() else {
        bail!("{} is not the name of a file to write", path.display());
    };
    let temporary = path.with_file_name(format!(".{}.{}.part", name.to_string_lossy(), std::process::id()));
    let written = fs::File::create(&temporary).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    written.and_then(|()| fs::rename(&temporary, path)).map_err(|source| {
        let _ = fs::remove_file(&temporary);
        Error::Io { action: "write", path: path.into(), source }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_nothing_else_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.bin");
        write_atomically(&path, b"first").unwrap();
        write_atomically(&path, b"second").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    }

    #[test]
    fn what_cannot_be_written_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("taken")).unwrap();
        fs::write(folder.path().join("taken/file"), b"").unwrap();
        assert!(write_atomically(&folder.path().join("taken"), b"x").is_err());
        assert!(write_atomically(&folder.path().join("missing/out"), b"x").is_err());
        assert!(write_atomically(Path::new("/"), b"x").is_err());
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    }
}
