//! `sparse-circuits corpus`: from nothing to tokenized training text.

use std::path::PathBuf;

use crate::{Result, bail};

/// Fetch the pinned Python packages, write synthetic idioms, train the tokenizer, tokenize both.
#[derive(clap::Args)]
pub struct Args {
    /// Folder to write; made when it is not there.
    #[arg(long)]
    out: PathBuf,
}

pub fn run(args: Args) -> Result<()> {
    bail!("the corpus recipe is not there yet, nothing was written to {}", args.out.display())
}
