//! `sparse-circuits predict`: the numbers that the page shows for a prompt.

use crate::backend::cpu::Cpu;
use crate::backend::now_or_never;
use crate::circuit::{Edits, Request, predict};
use crate::cli::shared::edits::EditArgs;
use crate::cli::shared::load::{TokenizerArgs, load_model};
use crate::cli::shared::output::{print, print_json};
use crate::cli::shared::prompt::encode;
use crate::cli::shared::task_prompts::find_task;
use crate::{Result, bail};
use serde_json::json;
use std::path::PathBuf;

/// Print the probabilities of a task's two candidates after a prompt, what to compare them with, and the five most likely tokens.
///
/// The probability of the first candidate is the sigmoid of the score: the difference of the two logits, in --mode circuit calibrated by
/// the circuit's std, scale and shift. The baseline is circuit mode with every node at its mean. The right answer is that of the task's rule. Without --from, --patch and --flip
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
    /// Print JSON: {"candidates": [..], "p": [..], "score": s, "full": [..], "baseline": [..], "answer": 0, "top": [[token, p], ..]}. `full` is
    /// the full model without edits; `baseline` is null without --circuit; `answer` is the index of the right candidate, or null.
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
    let candidate_texts = task.candidates_after(&args.prompt);
    let candidates = task.candidate_tokens_after(&tokenizer, &args.prompt)?;
    if let Some(circuit) = &circuit {
        if circuit.task != task.name {
            bail!("the circuit is for the task {}, not {}", circuit.task, task.name);
        }
        if circuit.candidate_ids != task.candidate_tokens(&tokenizer)? {
            bail!(
                "the circuit was found with another tokenizer (its candidates are the tokens {:?}); give that tokenizer with --tokenizer",
                circuit.candidate_ids
            );
        }
    }
    let tokens = encode(&tokenizer, config, "the prompt", &args.prompt)?;
    let ruling = task.ruling(&tokenizer, &args.prompt, config.block_size);
    let from = match (&args.edits.from, args.edits.need_source()) {
        (Some(text), _) => Some(text.clone()),
        (None, false) => None,
        (None, true) => match (ruling.b, ruling.reason) {
            (Some(text), _) => Some(text),
            (None, reason) => bail!(
                "the task's rule cannot make a counterfactual of this prompt ({}); give one with --from TEXT",
                reason.map_or(String::new(), |reason| reason.to_string())
            ),
        },
    };
    let source = from.map(|text| encode(&tokenizer, config, "the second prompt", &text)).transpose()?;

    let mut cpu = Cpu::new();
    let model = file.weights.upload(&mut cpu);
    let plain = Request::new(&tokens, &edits, &file.means);
    let request = Request { source: source.as_deref(), circuit: circuit.as_ref(), ..plain };
    let (prediction, _) = now_or_never(predict(&mut cpu, &model, &request, candidates))?;
    let top: Vec<(String, f64)> = prediction.top.iter().map(|&(id, p)| (tokenizer.token_text(id), p)).collect();
    let mut unedited = |edits: &Edits| -> Result<[f64; 2]> {
        let request = Request { circuit: circuit.as_ref(), ..Request::new(&tokens, edits, &file.means) };
        Ok(now_or_never(predict(&mut cpu, &model, &request, candidates))?.0.p)
    };
    let full = unedited(&Edits::default())?;
    let baseline = circuit.as_ref().map(|circuit| unedited(&Edits::all_at_means(circuit))).transpose()?;
    let answer = ruling.answer;
    if args.json {
        return print_json(&json!({
            "candidates": candidate_texts, "p": prediction.p, "score": prediction.score, "full": full, "baseline": baseline,
            "answer": answer, "top": top,
        }));
    }
    let mut text = String::new();
    for (index, candidate) in candidate_texts.iter().enumerate() {
        text += &format!("{:.4}  {candidate:?}  (full model {:.4}", prediction.p[index], full[index]);
        text += &baseline.map_or(String::new(), |p| format!(", baseline {:.4}", p[index]));
        text += if answer == Some(index) { ", right by the task's rule)\n" } else { ")\n" };
    }
    text += &format!("score {:.4}\n", prediction.score);
    text += "most likely of all tokens:\n";
    for (token, p) in top {
        text += &format!("{p:.4}  {token:?}\n");
    }
    print(&text)
}
