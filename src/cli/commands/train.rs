//! `sparse-circuits train`: a dense or weight-sparse model from a config and a corpus.

use crate::files::{in_file, read};
use crate::train::{TrainConfig, train};
use crate::{Result, bail};
use std::path::PathBuf;

/// Train a model; progress goes to stderr and OUT/log.jsonl, checkpoints to OUT.
#[derive(clap::Args)]
pub struct Args {
    /// The run's config (JSON).
    #[arg(long)]
    config: PathBuf,
    /// Folder to write; made when it is not there.
    #[arg(long)]
    out: PathBuf,
    /// Go on from the checkpoint in OUT.
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
