//! `sparse-circuits steer`: steers the dense model along one sparse channel, over a bridge.

use crate::backend::now_or_never;
use crate::bridge::steer::{probabilities, steered_logits, steering_vectors};
use crate::cli::shared::bridge::{BridgeArgs, Loaded};
use crate::cli::shared::load::{TokenizerArgs, load_model};
use crate::cli::shared::output::{print, print_json};
use crate::cli::shared::prompt::encode;
use crate::cli::shared::task_prompts::find_task;
use crate::model::Node;
use crate::tasks::{self, Task};
use crate::{Result, bail};
use serde_json::json;
use std::path::PathBuf;

/// Steer the dense model along one sparse channel, and print the probabilities of the candidates before and after.
#[derive(clap::Args)]
pub struct Args {
    /// The sparse model file.
    #[arg(long, value_name = "FILE")]
    sparse: PathBuf,
    #[command(flatten)]
    bridge: BridgeArgs,
    /// The sparse channel: a read of the residual stream, such as 1.attn.act_in.17 [default: the channel that the
    /// bridge file names for the task].
    #[arg(long, value_name = "NODE")]
    node: Option<Node>,
    /// The prompt.
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    prompt: String,
    /// The counterfactual prompt, which gives the target value of the channel [default: made by the task's rule].
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    counterfactual: Option<String>,
    /// Strength of the steering: 0 changes nothing, 1 adds the full change of the channel.
    #[arg(long, default_value_t = 1.0, allow_negative_numbers = true)]
    strength: f32,
    /// The task of the two candidates [default: the task whose rule makes --counterfactual of --prompt].
    #[arg(long, value_name = "NAME")]
    task: Option<String>,
    /// Number of random directions of equal norm to compare with.
    #[arg(long, default_value_t = 0)]
    random: usize,
    #[command(flatten)]
    tokenizer: TokenizerArgs,
    /// Print JSON: {"candidates": [..], "before": [..], "p": [..], ...}.
    #[arg(long)]
    json: bool,
}

const MAX_RANDOM: usize = 10_000;

fn task(args: &Args) -> Result<&'static Task> {
    if let Some(name) = &args.task {
        return find_task(name);
    }
    let Some(counterfactual) = &args.counterfactual else {
        bail!("give --task, --counterfactual or both; they decide which task's candidates are used");
    };
    let makes = |task: &&Task| task.counterfactual(&args.prompt).is_ok_and(|text| text == *counterfactual);
    match tasks::TASKS.iter().find(makes) {
        Some(task) => Ok(task),
        None => bail!("no task's rule makes this counterfactual of this prompt; give the task with --task"),
    }
}

pub fn run(args: Args) -> Result<()> {
    if !(0.0..=1.0).contains(&args.strength) {
        bail!("--strength must be between 0 and 1; it is {}", args.strength);
    }
    if args.random > MAX_RANDOM {
        bail!("--random must be at most {MAX_RANDOM}; it is {}", args.random);
    }
    let task = task(&args)?;
    let counterfactual = match &args.counterfactual {
        Some(text) => text.clone(),
        None => match task.counterfactual(&args.prompt) {
            Ok(text) => text,
            Err(reason) => {
                bail!(
                    "the task's rule makes no counterfactual of this prompt: {reason}; give one with --counterfactual"
                )
            }
        },
    };
    let sparse = load_model(&args.sparse)?;
    let Loaded { mut cpu, sparse: model, dense, file } = args.bridge.load(&sparse)?;
    let Some(node) = args.node.or(file.bridge.channels.get(task.name).copied()) else {
        bail!("the bridge file names no channel for {}; give one with --node", task.name);
    };
    let tokenizer = args.tokenizer.load(&args.sparse)?;
    let candidate_texts = task.candidates_after(&args.prompt);
    let candidates = task.candidate_tokens_after(&tokenizer, &args.prompt)?;
    // the shorter context of the two
    let config = if dense.config.block_size < model.config.block_size { &dense.config } else { &model.config };
    let a = encode(&tokenizer, config, "the prompt", &args.prompt)?;
    let b = encode(&tokenizer, config, "the counterfactual", &counterfactual)?;
    let vector = now_or_never(steering_vectors(&mut cpu, &model, &file.bridge, [&a, &b], &[node]))?
        .remove(0)
        .scaled(args.strength);
    let mut all = vec![vector.scaled(0.0), vector.clone()];
    all.extend((0..args.random).map(|seed| vector.random(seed as u64)));
    let p: Vec<[f64; 2]> =
        now_or_never(steered_logits(&mut cpu, &dense, &a, &all, candidates))?.into_iter().map(probabilities).collect();
    if args.json {
        let mut out = json!({
            "task": task.name, "node": node, "strength": args.strength, "candidates": candidate_texts,
            "before": p[0], "p": p[1],
        });
        if args.random > 0 {
            out["random"] = json!(p[2..]);
        }
        return print_json(&out);
    }
    let mut text = format!("{node} at strength {}:\n", args.strength);
    for (i, candidate) in candidate_texts.iter().enumerate() {
        text += &format!("  {candidate:?}  {:.4} -> {:.4}\n", p[0][i], p[1][i]);
    }
    if args.random > 0 {
        let [min, max] = [f64::min, f64::max].map(|pick| p[2..].iter().map(|p| p[1]).reduce(pick).unwrap_or(f64::NAN));
        text += &format!(
            "  with {} random directions of equal norm, the probability of {:?} is between {min:.4} and {max:.4}\n",
            args.random, candidate_texts[1]
        );
    }
    print(&text)
}
