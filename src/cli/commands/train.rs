//! `sparse-circuits train`: trains a dense or weight-sparse model, or a sparse model with a bridge.

use crate::cli::shared::backend::{BackendName, webgpu};
use crate::files::{in_file, read};
use crate::train::{TrainConfig, train, train_on};
use crate::{Result, bail};
use std::path::PathBuf;

/// Train a model. Progress goes to standard error and OUT/log.jsonl, checkpoints go to OUT.
#[derive(clap::Args)]
pub struct Args {
    /// The config of the run (JSON).
    #[arg(long)]
    config: PathBuf,
    /// The folder to write; it is created if it is missing.
    #[arg(long)]
    out: PathBuf,
    /// Continue from the checkpoint in OUT.
    #[arg(long)]
    resume: bool,
    /// The backend that computes the gradients. `webgpu` needs a build with `--features webgpu`. It rounds differently,
    /// so the model differs. It cannot train a bridge.
    #[arg(long, value_enum, default_value_t = BackendName::Cpu)]
    backend: BackendName,
}

pub fn run(args: Args) -> Result<()> {
    let Ok(text) = String::from_utf8(read(&args.config)?) else {
        bail!("{}: the file is not text", args.config.display());
    };
    let config = TrainConfig::from_json(&text).map_err(in_file(&args.config))?;
    match args.backend {
        BackendName::Cpu => train(&config, &args.out, args.resume),
        BackendName::Webgpu => train_on(webgpu()?, &config, &args.out, args.resume),
    }
}
