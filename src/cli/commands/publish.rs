//! `sparse-circuits publish`: writes the folder that the page loads.

use crate::circuit::evaluate::EXAMPLES_RULE;
use crate::cli::publish::bundle::{Bundle, placeholder, rounded};
use crate::cli::publish::model_card;
use crate::cli::publish::twin::{BRIDGE, DENSE, TwinArgs};
use crate::cli::shared::load::TokenizerArgs;
use crate::{Result, files};
use serde_json::json;
use std::path::PathBuf;

/// Write the models folder of the page: model, tokenizer, circuits, manifest, the numbers of the first screen, and
/// MODEL_CARD.md.
#[derive(clap::Args)]
#[command(after_long_help = EXAMPLES_RULE)]
pub struct Args {
    /// The model file with node means to publish (see `sparse-circuits means --compact`).
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// The folder with a circuit file TASK.json for each task to publish.
    #[arg(long, value_name = "DIR")]
    circuits: PathBuf,
    /// Folder with a report TASK.json of `prune --untrained` for each task, for the model card.
    #[arg(long, alias = "controls", value_name = "DIR")]
    untrained_baselines: Option<PathBuf>,
    #[command(flatten)]
    tokenizer: TokenizerArgs,
    #[command(flatten)]
    twin: TwinArgs,
    /// Number of test pairs to measure on.
    #[arg(long, default_value_t = 1024)]
    pairs: usize,
    /// The folder to write.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

pub fn run(args: Args) -> Result<()> {
    let tokenizer = args.tokenizer.load(&args.model)?;
    let mut models = vec![Bundle::measure("default", &args.model, &args.circuits, &tokenizer, args.pairs)?];
    let second = args.twin.twin_model.as_ref().zip(args.twin.twin_circuits.as_ref());
    if let Some((model, circuits)) = second {
        models.push(Bundle::measure("bridged", model, circuits, &tokenizer, args.pairs)?);
    }
    let sparse = models.last().expect("there is always the default model");
    let twin = args.twin.build(&sparse.file, &sparse.circuits(), &tokenizer, args.pairs)?;

    let mut card = format!(
        "# Model card\n\n`sparse-circuits publish` writes this file. \
         Every number was measured by it or read from its input files.\n\n{}",
        model_card::card(&models[0])
    );
    if let Some(folder) = &args.untrained_baselines {
        card += &model_card::untrained_baselines(folder, &models[0].tasks)?;
    }
    if let [_, bridged] = &models[..] {
        card += &format!("\n## The sparse model of the dense twin\n\n{}", model_card::card(bridged));
    }
    card += twin.as_ref().map_or("", |twin| &twin.card);

    let write = |name: &str, bytes: &[u8]| {
        let path = args.out.join(name);
        let folder = path.parent().expect("a name in the folder").to_path_buf();
        files::create_folder(&folder)?;
        files::write(&path, bytes)
    };
    let tokenizer_bytes = tokenizer.to_json()?.into_bytes();
    write("tokenizer.json", &tokenizer_bytes)?;
    let mut listed = Vec::new();
    for model in &models {
        write(&model.model_file(), &model.bytes)?;
        for one in &model.tasks {
            write(&model.circuit_file(one.task), &one.bytes)?;
        }
        listed.push(json!({
            "file": model.model_file(), "default": listed.is_empty(), "bytes": model.bytes.len(),
            "tokenizer": "tokenizer.json", "tokenizerBytes": tokenizer_bytes.len(),
            "tasks": model.tasks.iter().map(|one| model.manifest_task(one, &tokenizer)).collect::<Vec<_>>(),
        }));
    }
    if let Some(twin) = &twin {
        write(DENSE, &twin.dense_bytes)?;
        write(BRIDGE, &twin.bridge_bytes)?;
        listed.last_mut().expect("there is always the default model")["twin"] = twin.manifest();
    }
    write("poster.json", rounded(placeholder(&models[0], &tokenizer)?).to_string().as_bytes())?;
    let manifest = json!({"version": 1, "poster": "poster.json", "models": listed});
    write("manifest.json", format!("{manifest:#}\n").as_bytes())?;
    write("MODEL_CARD.md", card.as_bytes())
}
