//! `sparse-circuits import`: a published checkpoint becomes one of our model files.

use crate::Result;
use crate::cli::shared::load::load_checkpoint;
use crate::cli::shared::output::write_out;
use crate::format::{Precision, model_file};
use std::path::PathBuf;

/// Turn the folder of a published checkpoint into a model file.
///
/// The folder holds beeg_config.json (or Hugging Face's config.json) and final_model.pt or model.safetensors.
#[derive(clap::Args)]
pub struct Args {
    /// The checkpoint's folder.
    checkpoint_dir: PathBuf,
    /// The model file to write.
    #[arg(long)]
    out: PathBuf,
    /// Half-precision numbers and packed columns: a fraction of the size, no longer bit for bit.
    #[arg(long)]
    compact: bool,
}

pub fn run(args: Args) -> Result<()> {
    let model = load_checkpoint(&args.checkpoint_dir)?;
    let precision = if args.compact { Precision::Compact } else { Precision::Lossless };
    let bytes = model_file::write(&model, precision)?;
    let config = &model.weights.config;
    let line = format!(
        "{}: {} layers, {} channels, {} weights other than zero, {} bytes",
        args.out.display(),
        config.n_layer,
        config.d_model,
        model.weights.nonzeros().without_bigram_table(),
        bytes.len()
    );
    write_out(&args.out, &bytes, &line)
}
