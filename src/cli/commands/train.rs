//! `sparse-circuits train`: trains a dense or weight-sparse model, or a sparse model with a bridge.

use crate::files::{in_file, read};
use crate::train::{TrainConfig, train};
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
}

pub fn run(args: Args) -> Result<()> {
    let Ok(text) = String::from_utf8(read(&args.config)?) else {
        bail!("{}: the file is not text", args.config.display());
    };
    let config = TrainConfig::from_json(&text).map_err(in_file(&args.config))?;
    train(&config, &args.out, args.resume)
}
