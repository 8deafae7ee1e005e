//! `sparse-circuits generate`: generates text with a model.

use crate::cli::shared::load::{TokenizerArgs, load_model};
use crate::cli::shared::output::print;
use crate::cli::shared::prompt::encode;
use crate::model::{Generator, Sampler};
use crate::{Result, bail};
use std::path::PathBuf;

/// Print a prompt and the text that the model generates after it, up to the end of the document.
#[derive(clap::Args)]
pub struct Args {
    /// A model file, or the folder of a published checkpoint.
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// The prompt.
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    prompt: String,
    /// Generate at most this many tokens.
    #[arg(long, value_name = "N", default_value_t = 64, allow_negative_numbers = true)]
    max_new_tokens: usize,
    /// Sampling temperature: 0 always takes the most likely token, 1 samples from the model's own probabilities.
    #[arg(long, value_name = "T", default_value_t = 1.0, allow_negative_numbers = true)]
    temperature: f64,
    /// Sample only from the most likely tokens whose total probability reaches P.
    #[arg(long, value_name = "P", default_value_t = 1.0, allow_negative_numbers = true)]
    top_p: f64,
    /// Seed of the sampling; the same seed gives the same text.
    #[arg(long, value_name = "S", default_value_t = 0, allow_negative_numbers = true)]
    seed: u64,
    #[command(flatten)]
    tokenizer: TokenizerArgs,
}

pub fn run(args: Args) -> Result<()> {
    let mut sampler = Sampler::new(args.temperature, args.top_p, args.seed)?;
    let file = load_model(&args.model)?;
    let tokenizer = args.tokenizer.load(&args.model)?;
    let tokens = encode(&tokenizer, &file.weights.config, "the prompt", &args.prompt)?;
    let mut generator = Generator::new(&file.weights);
    let mut logits = Vec::new();
    for token in tokens {
        logits = generator.push(token)?;
    }
    let mut out = Vec::new();
    while out.len() < args.max_new_tokens {
        if logits.iter().any(|logit| !logit.is_finite()) {
            bail!("the model's logits are not finite; the model file may be damaged");
        }
        let next = sampler.next(&logits);
        if Some(next) == tokenizer.end_of_text() {
            break;
        }
        out.push(next);
        if out.len() < args.max_new_tokens {
            logits = generator.push(next)?;
        }
    }
    print(&format!("{}{}\n", args.prompt, tokenizer.decode(&out)))
}
