//! `sparse-circuits corpus`: downloads and generates training text, and tokenizes it.

use std::path::PathBuf;
use std::time::Instant;

use crate::cli::shared::load::load_tokenizer;
use crate::cli::shared::output::note;
use crate::train::corpus::{Recipe, build};
use crate::{Result, bail};

/// Download the pinned Python packages, write synthetic Python, train a tokenizer, and tokenize both.
#[derive(clap::Args)]
pub struct Args {
    /// The folder to write; it is created if it is missing.
    #[arg(long)]
    out: PathBuf,
    /// The folder of the packages; missing ones are downloaded into it [default: OUT/packages].
    #[arg(long)]
    packages: Option<PathBuf>,
    /// Megabytes of synthetic text.
    #[arg(long, default_value_t = 60.0)]
    synthetic_mb: f64,
    /// Number of tokens in the vocabulary.
    #[arg(long, default_value_t = 1024)]
    vocab: usize,
    /// Use this tokenizer (a tokenizer.json, or a folder) instead of training one, to continue from a model.
    #[arg(long, value_name = "PATH", conflicts_with = "vocab")]
    tokenizer: Option<PathBuf>,
    /// Megabytes of each source that the tokenizer is trained on.
    #[arg(long, default_value_t = 10.0)]
    sample_mb: f64,
}

pub fn run(args: Args) -> Result<()> {
    for (name, value) in [("--synthetic-mb", args.synthetic_mb), ("--sample-mb", args.sample_mb)] {
        if !(value > 0.0 && value <= 10_000.0) {
            bail!("{name} must be above 0 and at most 10000, not {value}");
        }
    }
    let start = Instant::now();
    let recipe = Recipe {
        packages: args.packages.unwrap_or_else(|| args.out.join("packages")),
        out: args.out,
        synthetic_bytes: (args.synthetic_mb * 1e6) as usize,
        vocab: args.vocab,
        tokenizer: args.tokenizer.map(|path| load_tokenizer(&path)).transpose()?,
        sample_bytes: (args.sample_mb * 1e6) as usize,
    };
    build(&recipe, &|line| note(&format!("{:7.1} s  {line}", start.elapsed().as_secs_f64())))
}
