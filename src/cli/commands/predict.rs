//! `sparse-circuits predict`: the numbers that the page shows for a prompt.

use crate::backend::cpu::Cpu;
use crate::backend::now_or_never;
use crate::circuit::{Request, predict};
use crate::cli::shared::edits::EditArgs;
use crate::cli::shared::load::{TokenizerArgs, load_model};
use crate::cli::shared::output::{print, print_json};
use crate::cli::shared::prompt::encode;
use crate::cli::shared::task_prompts::find_task;
use crate::{Error, Result, bail};
use serde_json::json;
use std::path::PathBuf;

/// Print the probabilities of a task's two candidates after a prompt, and the five most likely tokens.
///
/// With --mode circuit the candidates' probabilities are calibrated by the circuit's scale and shift. Without --from, --patch and --flip
/// take their values from the counterfactual prompt that the task's rule makes, for example with the other opening quote.
#[derive(clap::Args)]
pub struct Args {
    /// A model file, or the folder of a published checkpoint.
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// The task that names the two candidates.
    #[arg(long, value_name = "NAME")]
    task: String,
    /// The prompt.
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    prompt: String,
    #[command(flatten)]
    edits: EditArgs,
    #[command(flatten)]
    tokenizer: TokenizerArgs,
    /// Print JSON: {"candidates": [..], "p": [..], "top": [[token, p], ..]}.
    #[arg(long)]
    json: bool,
}

pub fn run(args: Args) -> Result<()> {
    let task = find_task(&args.task)?;
    let file = load_model(&args.model)?;
    let config = &file.weights.config;
    let edits = args.edits.edits()?;
    let circuit = args.edits.circuit(&file.weights)?;
    let tokenizer = args.tokenizer.load(&args.model)?;
    let candidates = task.candidate_tokens(&tokenizer)?;
    if let Some(circuit) = &circuit {
        if circuit.task != task.name {
            bail!("the circuit is for the task {}, not {}", circuit.task, task.name);
        }
        if circuit.candidate_ids != candidates {
            bail!(
                "the circuit was found with another tokenizer (its candidates are the tokens {:?}); give that tokenizer with --tokenizer",
                circuit.candidate_ids
            );
        }
    }
    let tokens = encode(&tokenizer, config, "the prompt", &args.prompt)?;
    let from = match &args.edits.from {
        Some(text) => Some(text.clone()),
        None if args.edits.need_source() => Some(task.counterfactual(&args.prompt).map_err(|reason| {
            Error::invalid(format!(
                "the task's rule cannot make a counterfactual of this prompt ({reason}); give one with --from TEXT"
            ))
        })?),
        None => None,
    };
    let source = from.map(|text| encode(&tokenizer, config, "the second prompt", &text)).transpose()?;

    let mut cpu = Cpu::new();
    let model = file.weights.upload(&mut cpu);
    let plain = Request::new(&tokens, &edits, &file.means);
    let request = Request { source: source.as_deref(), circuit: circuit.as_ref(), ..plain };
    let (prediction, _) = now_or_never(predict(&mut cpu, &model, &request, candidates))?;
    let top: Vec<(String, f64)> = prediction.top.iter().map(|&(id, p)| (tokenizer.token_text(id), p)).collect();
    if args.json {
        return print_json(&json!({"candidates": task.candidates, "p": prediction.p, "top": top}));
    }
    let mut text = String::new();
    for (candidate, p) in task.candidates.iter().zip(prediction.p) {
        text += &format!("{p:.4}  {candidate:?}\n");
    }
    text += "most likely of all tokens:\n";
    for (token, p) in top {
        text += &format!("{p:.4}  {token:?}\n");
    }
    print(&text)
}
