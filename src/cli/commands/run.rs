//! `sparse-circuits run`: a forward pass whose logits and hooks are written to a file.

use crate::backend::cpu::Cpu;
use crate::backend::now_or_never;
use crate::circuit::{Request, run as run_model};
use crate::cli::shared::edits::EditArgs;
use crate::cli::shared::load::{TokenizerArgs, load_model};
use crate::cli::shared::output::write_out;
use crate::cli::shared::prompt::{encode, fit};
use crate::format::write_floats;
use crate::model::{Hook, LogitsAt};
use crate::{Result, bail};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Run a model on a prompt and write logits [tokens, vocab] and hooks [tokens, channels] to a safetensors file (f32).
#[derive(clap::Args)]
pub struct Args {
    /// A model file, or the folder of a published checkpoint.
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// The prompt as token ids.
    #[arg(
        long,
        value_delimiter = ',',
        required_unless_present = "prompt",
        conflicts_with = "prompt",
        value_name = "1,2,3"
    )]
    tokens: Option<Vec<u32>>,
    /// The prompt as text.
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    prompt: Option<String>,
    /// The second prompt as token ids, instead of --from.
    #[arg(long, value_delimiter = ',', conflicts_with = "from", value_name = "1,2,3")]
    from_tokens: Option<Vec<u32>>,
    /// A hook to write, such as 0.mlp.post_act or final_resid; may be repeated.
    #[arg(long, value_name = "NAME")]
    hook: Vec<Hook>,
    #[command(flatten)]
    edits: EditArgs,
    #[command(flatten)]
    tokenizer: TokenizerArgs,
    /// The file to write; - is standard output.
    #[arg(long, value_name = "FILE.safetensors")]
    out: PathBuf,
}

pub fn run(args: Args) -> Result<()> {
    let file = load_model(&args.model)?;
    let config = &file.weights.config;
    let hooks: BTreeSet<Hook> = args.hook.iter().copied().collect();
    if let Some(hook) = hooks.iter().find(|hook| !hook.exists(config)) {
        bail!("hook {hook}: the model has only {} layers", config.n_layer);
    }
    let edits = args.edits.edits()?;
    let circuit = args.edits.circuit(&file.weights)?;
    let texts = args.prompt.is_some() || args.edits.from.is_some();
    let tokenizer = if texts { Some(args.tokenizer.load(&args.model)?) } else { None };
    let read = |what: &str, tokens: &Option<Vec<u32>>, text: &Option<String>| match (tokens, text, &tokenizer) {
        (Some(tokens), _, _) => Ok(Some(fit(config, what, tokens.clone()))),
        (None, Some(text), Some(tokenizer)) => encode(tokenizer, config, what, text).map(Some),
        _ => Ok(None),
    };
    let Some(tokens) = read("the prompt", &args.tokens, &args.prompt)? else {
        bail!("there is no prompt; give one with --prompt TEXT or --tokens 1,2,3");
    };
    let source = read("the prompt of --from", &args.from_tokens, &args.edits.from)?;

    let mut cpu = Cpu::new();
    let model = file.weights.upload(&mut cpu);
    let plain = Request::new(&tokens, &edits, &file.means);
    let (source, circuit) = (source.as_deref(), circuit.as_ref());
    let request = Request { source, circuit, logits_at: LogitsAt::Every, hooks: &hooks, ..plain };
    let outcome = run_model(&mut cpu, &model, &request)?;
    let values = now_or_never(outcome.read(&mut cpu))?;

    let named = values.values.iter().map(|(hook, values)| (hook.to_string(), values));
    let tables: Vec<(String, [usize; 2], Vec<f32>)> = std::iter::once(("logits".to_string(), &values.logits))
        .chain(named)
        .map(|(name, values)| {
            let shape = [tokens.len(), values.channels()];
            (name, shape, values.to_rows()[..shape[0] * shape[1]].to_vec())
        })
        .collect();
    let shapes: Vec<String> = tables.iter().map(|(name, shape, _)| format!("{name} {shape:?}")).collect();
    let bytes = write_floats(tables.iter().map(|(name, shape, rows)| (name.clone(), *shape, rows.as_slice())), None)?;
    write_out(&args.out, &bytes, &format!("{}: {}", args.out.display(), shapes.join(", ")))
}
