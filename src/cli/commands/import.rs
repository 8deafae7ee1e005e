//! `sparse-circuits import`: converts a published checkpoint into a model file.

use crate::Result;
use crate::cli::shared::load::load_checkpoint;
use crate::cli::shared::output::write_out;
use crate::format::{Precision, model_file};
use std::path::PathBuf;

/// Convert the folder of a published checkpoint into a model file.
///
/// The folder contains beeg_config.json (or Hugging Face's config.json) and final_model.pt or model.safetensors.
#[derive(clap::Args)]
pub struct Args {
    /// The checkpoint's folder.
    checkpoint_dir: PathBuf,
    /// The model file to write; - is standard output.
    #[arg(long)]
    out: PathBuf,
    /// Store half-precision numbers and packed column indices: a much smaller file, but not bit for bit the same model.
    #[arg(long)]
    compact: bool,
}

pub fn run(args: Args) -> Result<()> {
    let model = load_checkpoint(&args.checkpoint_dir)?;
    let precision = if args.compact { Precision::Compact } else { Precision::Lossless };
    let bytes = model_file::write(&model, precision)?;
    let config = &model.weights.config;
    let line = format!(
        "{}: {} layers, {} channels, {} nonzero weights, {} bytes",
        args.out.display(),
        config.n_layer,
        config.d_model,
        model.weights.nonzeros().without_bigram_table(),
        bytes.len()
    );
    write_out(&args.out, &bytes, &line)
}
