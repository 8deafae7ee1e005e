//! `sparse-circuits run`: a forward pass whose logits and hooks are written to a file.

use crate::backend::cpu::Cpu;
use crate::backend::now_or_never;
use crate::circuit::{Request, run as run_model};
use crate::cli::shared::edits::EditArgs;
use crate::cli::shared::load::{TokenizerArgs, load_model};
use crate::cli::shared::output::write_out;
use crate::cli::shared::prompt::{encode, fit};
use crate::model::{Hook, LogitsAt};
use crate::tensor::Activations;
use crate::{Result, bail};
use std::borrow::Cow;
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
    let request = Request {
        tokens: &tokens,
        source: source.as_deref(),
        edits: &edits,
        circuit: circuit.as_ref(),
        means: &file.means,
        logits_at: LogitsAt::Every,
        hooks: &hooks,
        computed: &BTreeSet::new(),
    };
    let outcome = run_model(&mut cpu, &model, &request)?;
    let values = now_or_never(outcome.read(&mut cpu))?;

    let mut tensors = vec![("logits".to_string(), Table::new(&values.logits, tokens.len()))];
    tensors.extend(values.values.iter().map(|(hook, values)| (hook.to_string(), Table::new(values, tokens.len()))));
    let shapes: Vec<String> = tensors.iter().map(|(name, table)| format!("{name} {:?}", table.shape)).collect();
    let bytes = match safetensors::serialize(tensors, None) {
        Ok(bytes) => bytes,
        Err(error) => bail!("the result cannot be written: {error}"),
    };
    write_out(&args.out, &bytes, &format!("{}: {}", args.out.display(), shapes.join(", ")))
}

/// `[tokens, channels]`, f32, little-endian.
struct Table {
    shape: [usize; 2],
    bytes: Vec<u8>,
}

impl Table {
    fn new(values: &Activations, tokens: usize) -> Table {
        let channels = values.channels();
        let bytes = values.to_rows()[..tokens * channels].iter().flat_map(|value| value.to_le_bytes()).collect();
        Table { shape: [tokens, channels], bytes }
    }
}

impl safetensors::View for Table {
    fn dtype(&self) -> safetensors::Dtype {
        safetensors::Dtype::F32
    }
    fn shape(&self) -> &[usize] {
        &self.shape
    }
    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.bytes)
    }
    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}
