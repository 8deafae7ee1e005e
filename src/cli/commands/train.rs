//! `sparse-circuits train`: a dense or weight-sparse model from a config and a corpus.

use crate::train::{TrainConfig, train};
use crate::{Error, Result};
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
    let text = std::fs::read_to_string(&args.config).map_err(|source| Error::Io {
        action: "read",
        path: args.config.clone(),
        source,
    })?;
    train(&TrainConfig::from_json(&text)?, &args.out, args.resume)
}
