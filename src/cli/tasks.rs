//! `sparse-circuits tasks`: the tasks and their pairs of prompts.

use crate::{Result, bail};

/// List the tasks, or print pairs of prompts of one.
#[derive(clap::Args)]
pub struct Args {
    /// Print JSON (the only form there is).
    #[arg(long)]
    json: bool,
}

pub fn run(args: Args) -> Result<()> {
    let _ = args.json;
    bail!("no task is there yet")
}
