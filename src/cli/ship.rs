//! `sparse-circuits ship`: the folder that the page loads, with its manifest, poster and model card, from a model and its circuits.

use super::evaluate::{self, Report};
use super::files;
use super::prune::{DESCRIBED_PAIRS, labels};
use super::task_prompts::{load_tokenizer, pairs};
use super::twin::{BRIDGE, DENSE, TwinArgs};
use crate::backend::cpu::Cpu;
use crate::backend::ready;
use crate::circuit::evaluate::LossAndAccuracy;
use crate::circuit::inspect::{Ask, View, circuit_info, model_info, view};
use crate::circuit::{Circuit, Edits, Mode};
use crate::format::{ModelFile, circuit_file};
use crate::model::{Model, Node};
use crate::tasks::{Split, TASKS, Task};
use crate::tokenizer::Tokenizer;
use crate::{Error, Result, bail};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Lay out the models folder of the page: model, tokenizer, circuits, manifest, poster and MODEL_CARD.md with measured tables.
#[derive(clap::Args)]
pub struct Args {
    /// The model file with node means, as it is to be shipped (`sparse-circuits means --compact`).
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// Folder with a circuit file `TASK.json` for each task to ship.
    #[arg(long, value_name = "DIR")]
    circuits: PathBuf,
    /// Folder with reports `TASK.json` of `prune --untrained`, for the card.
    #[arg(long, value_name = "DIR")]
    controls: Option<PathBuf>,
    /// The tokenizer; else tokenizer.json beside the model.
    #[arg(long, value_name = "FILE")]
    tokenizer: Option<PathBuf>,
    #[command(flatten)]
    twin: TwinArgs,
    /// Pairs to measure on, of the test split.
    #[arg(long, default_value_t = 1024)]
    pairs: usize,
    /// The folder to write.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// Prompts offered for each task.
const PRESETS: usize = 4;
/// Tokens of the longest preset: the first screen shows it whole.
const PRESET_TOKENS: usize = 40;

struct Shipped {
    task: &'static Task,
    circuit: Circuit,
    bytes: Vec<u8>,
    report: Report,
    presets: Vec<[Prompt; 2]>,
}

struct Prompt {
    text: String,
    tokens: Vec<u32>,
}

impl Prompt {
    fn new(tokenizer: &Tokenizer, text: String) -> Prompt {
        Prompt { tokens: tokenizer.encode(&text), text }
    }

    fn json(&self, tokenizer: &Tokenizer) -> Value {
        let tokens: Vec<Value> =
            self.tokens.iter().map(|&id| json!({"id": id, "text": tokenizer.token_text(id)})).collect();
        json!({"text": self.text, "tokens": tokens, "cut": 0})
    }
}

pub fn run(args: Args) -> Result<()> {
    let tokenizer = load_tokenizer(args.tokenizer.as_deref(), &args.model)?;
    let model_bytes = files::read(&args.model)?;
    let file = files::load_model(&args.model)?;
    let mut shipped = Vec::new();
    for task in TASKS {
        let path = args.circuits.join(format!("{}.json", task.name));
        if !path.is_file() {
            eprintln!(
                "note: no circuit for {} in {}; the page goes without this task",
                task.name,
                args.circuits.display()
            );
            continue;
        }
        let (mut loaded, _, mut workers) = evaluate::open(&file, &path)?;
        let circuit = loaded.circuit.clone();
        let report = evaluate::measure(&mut workers, task, &tokenizer, &circuit, &file, Split::Test, args.pairs)?;
        let presets = presets(&file, &circuit, task, &tokenizer)?;
        if presets.is_empty() {
            bail!(
                "no hand-written prompt of {} is answered and flipped by its circuit: there is nothing to show",
                task.name
            );
        }
        eprintln!("{}: {} nodes, {} edges, {} presets", task.name, report.nodes, report.edges, presets.len());
        // the scores that the page shows are those of the card, and names follow today's rule
        loaded.circuit.scores = Some(report.scores());
        let config = &file.weights.config;
        let train = pairs(task, Split::Train, DESCRIBED_PAIRS, &tokenizer, config.vocab_size)?;
        loaded.circuit.labels = labels(&mut workers, task, &tokenizer, &circuit.nodes, &train, config.block_size)?;
        shipped.push(Shipped { task, circuit, bytes: circuit_file::write(&loaded)?, report, presets });
    }
    let Some(first) = shipped.first() else {
        bail!("{} holds no circuit file named after a task", args.circuits.display());
    };
    let circuits: Vec<_> = shipped.iter().map(|one| (one.task, &one.circuit)).collect();
    let twin = args.twin.build(&file, &circuits, &tokenizer, args.pairs)?;

    let circuits = args.out.join("circuits");
    std::fs::create_dir_all(&circuits).map_err(|source| Error::Io {
        action: "create",
        path: circuits.clone(),
        source,
    })?;
    let tokenizer_bytes = tokenizer.to_json()?.into_bytes();
    let write = |name: &str, bytes: &[u8]| files::write_atomically(&args.out.join(name), bytes);
    write("default.safetensors", &model_bytes)?;
    write("tokenizer.json", &tokenizer_bytes)?;
    for one in &shipped {
        write(&format!("circuits/{}.json", one.task.name), &one.bytes)?;
    }
    write("poster.json", rounded(poster(&file, first, &tokenizer)?).to_string().as_bytes())?;
    let tasks: Vec<Value> = shipped.iter().map(|one| manifest_task(one, &tokenizer)).collect();
    let mut model = json!({
        "file": "default.safetensors", "default": true, "bytes": model_bytes.len(),
        "tokenizer": "tokenizer.json", "tokenizerBytes": tokenizer_bytes.len(), "tasks": tasks,
    });
    let mut card = card(&file, model_bytes.len(), &shipped, args.controls.as_deref())?;
    if let Some(twin) = &twin {
        write(DENSE, &twin.dense_bytes)?;
        write(BRIDGE, &twin.bridge_bytes)?;
        model["twin"] = twin.manifest();
        card += &twin.card;
    }
    let manifest = json!({"version": 1, "poster": "poster.json", "models": [model]});
    write("manifest.json", format!("{manifest:#}\n").as_bytes())?;
    write("MODEL_CARD.md", card.as_bytes())
}

fn manifest_task(one: &Shipped, tokenizer: &Tokenizer) -> Value {
    let Shipped { task, circuit, bytes, presets, .. } = one;
    json!({
        "name": task.name, "title": task.title, "sentence": task.sentence, "explanation": task.explanation,
        "flipLabel": task.flip_label, "candidates": task.candidates, "candidateIds": circuit.candidate_ids,
        "circuit": format!("circuits/{}.json", task.name), "bytes": bytes.len(),
        "presets": presets.iter().map(|[a, b]| json!({"a": a.json(tokenizer), "b": b.json(tokenizer)})).collect::<Vec<_>>(),
    })
}

/// Hand-written prompts that the circuit answers rightly and whose flip reverses the answer, the surest first.
fn presets(file: &ModelFile, circuit: &Circuit, task: &Task, tokenizer: &Tokenizer) -> Result<Vec<[Prompt; 2]>> {
    let mut found: Vec<(f64, [Prompt; 2])> = Vec::new();
    // as in a pair: prompt A wants the first candidate
    for one in task.handwritten().into_iter().filter(|one| one.wanted == 0) {
        let Ok(swapped) = task.counterfactual(&one.prompt) else { continue };
        let (a, b) = (Prompt::new(tokenizer, one.prompt), Prompt::new(tokenizer, swapped));
        if a.tokens.len().max(b.tokens.len()) > PRESET_TOKENS {
            continue;
        }
        let plain = shown(file, circuit, task, &a, &b, false, None)?;
        let flipped = shown(file, circuit, task, &a, &b, true, None)?;
        let (right, after) = (plain.p[one.wanted], flipped.p[one.wanted]);
        if right > 0.5 && after < 0.5 {
            found.push((right.min(1.0 - after), [a, b]));
        }
    }
    found.sort_by(|x, y| y.0.total_cmp(&x.0));
    Ok(found.into_iter().take(PRESETS).map(|(_, pair)| pair).collect())
}

/// What the page shows of a prompt in circuit mode.
fn shown(
    file: &ModelFile,
    circuit: &Circuit,
    task: &Task,
    a: &Prompt,
    b: &Prompt,
    flip: bool,
    node: Option<Node>,
) -> Result<View> {
    let mut cpu = Cpu::new();
    let model = Model::new(&mut cpu, &file.weights);
    let edits = Edits { mode: Mode::Circuit, flip, ..Edits::default() };
    let ask = Ask {
        a: &a.tokens,
        b: Some(&b.tokens),
        edits: &edits,
        circuit,
        means: &file.means,
        node,
        token: None,
        candidates: task.candidates,
    };
    ready(view(&mut cpu, &model, &file.weights, &ask))
}

/// The first screen with numbers computed now, for the moment before the engine runs.
fn poster(file: &ModelFile, first: &Shipped, tokenizer: &Tokenizer) -> Result<Value> {
    let Shipped { task, circuit, presets, .. } = first;
    let [a, b] = &presets[0];
    let there = shown(file, circuit, task, b, a, false, None)?;
    let node = start(circuit, a, b, &shown(file, circuit, task, a, b, false, None)?, &there);
    let mut view = shown(file, circuit, task, a, b, false, node)?;
    for token in &mut view.top {
        token.text = tokenizer.token_text(token.id);
    }
    let mut view = serde_json::to_value(view).map_err(|error| Error::invalid(error.to_string()))?;
    view["ms"] = json!(0);
    let mut model =
        serde_json::to_value(model_info(&file.weights)).map_err(|error| Error::invalid(error.to_string()))?;
    model["file"] = json!("default.safetensors");
    model["tasks"] = TASKS.iter().map(|task| json!({"name": task.name, "title": task.title})).collect();
    Ok(json!({
        "task": task.name, "model": model, "circuit": circuit_info(&file.weights, &file.means, circuit)?,
        "node": node, "view": view,
    }))
}

/// The node whose panel opens first, as the page finds it (`state/glance.ts`): the flip node that differs most between the prompts for its
/// size, at the last token in which they differ or at the end.
fn start(circuit: &Circuit, a: &Prompt, b: &Prompt, here: &View, there: &View) -> Option<Node> {
    let alike = a.tokens.iter().rev().zip(b.tokens.iter().rev()).take_while(|(a, b)| a == b).count();
    let back = |values: &[f32], back: usize| values.len().checked_sub(back + 1).map_or(0.0, |at| values[at]);
    let largest = |values: &[f32]| values.iter().fold(0.0f32, |most, value| most.max(value.abs()));
    let contrast = |at: usize| {
        let (here, there) = (&here.activations[at], &there.activations[at]);
        let gap = [0, alike].map(|place| back(here, place) - back(there, place));
        let reach = largest(here).max(largest(there));
        // Half as telling if A is silent.
        let silent = [0, alike].iter().all(|&place| back(here, place).abs() <= 0.02 * reach);
        if reach == 0.0 { 0.0 } else { largest(&gap) / reach * if silent { 0.5 } else { 1.0 } }
    };
    let open = |node: &Node| circuit.flip_nodes.is_empty() || circuit.flip_nodes.contains(node);
    let ranked =
        circuit.nodes.iter().enumerate().filter(|(_, node)| open(node)).map(|(at, node)| (contrast(at), *node));
    ranked.reduce(|best, one| if one.0 > best.0 + 1e-6 { one } else { best }).map(|(_, node)| node)
}

/// Six significant digits: more than the poster shows, a third of the bytes.
fn rounded(value: Value) -> Value {
    match value {
        Value::Number(number) if number.is_f64() => {
            let short = format!("{:.5e}", number.as_f64().unwrap_or_default());
            short.parse::<f64>().map_or(Value::Null, |number| json!(number))
        }
        Value::Array(items) => items.into_iter().map(rounded).collect(),
        Value::Object(fields) => fields.into_iter().map(|(key, value)| (key, rounded(value))).collect(),
        other => other,
    }
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

fn loss_and_accuracy(measured: &LossAndAccuracy) -> String {
    format!("{:.3}, {}", measured.loss, percent(measured.accuracy))
}

/// One training run, as a model's provenance tells of it.
struct Run {
    tokens: f64,
    synthetic_share: f64,
}

/// The last run and those that it went on from.
fn runs(provenance: &Value) -> Vec<Run> {
    std::iter::successors(Some(provenance), |of| of.get("start"))
        .filter_map(|of| {
            let synthetic_share = of["training"]["synthetic_share"].as_f64().unwrap_or(0.5);
            Some(Run { tokens: of["tokens"].as_f64()?, synthetic_share })
        })
        .collect()
}

/// What was measured, in words and tables. Every number comes from the files or from the evaluation just made.
fn card(file: &ModelFile, bytes: usize, shipped: &[Shipped], controls: Option<&Path>) -> Result<String> {
    let info = model_info(&file.weights);
    let provenance = &file.provenance;
    let bigram = file.weights.bigram_table.as_ref().map_or(0, |table| table.nonzeros());
    let mut text = format!(
        "# Model card\n\nWritten by `sparse-circuits ship`; every number below was measured by it or stands in the files.\n\n\
         `default.safetensors`: {} layers, {} residual channels, {} neurons a layer, heads of {}, vocabulary {}, context {}. {} nonzero weights, \
         and {bigram} entries of a bigram table. {:.0} KB.\n\n",
        info.layers,
        info.width,
        info.mlp_width,
        info.head_width,
        info.vocab_size,
        info.context_length,
        info.nonzeros,
        bytes as f64 / 1000.0,
    );
    if let Some(loss) = provenance["held_out_loss"]["mean"].as_f64() {
        let runs = runs(provenance);
        let tokens: f64 = runs.iter().map(|run| run.tokens).sum();
        let synthetic: f64 = runs.iter().map(|run| run.tokens * run.synthetic_share).sum();
        text += &format!(
            "Trained on {:.1} million tokens{}, {:.0} % of them of synthetic idioms and the others real Python; held-out cross entropy {loss:.3} nats a \
             token (real {:.3}, synthetic {:.3}), before the file was made compact. Configs, seeds and losses stand in the file's metadata.\n\n",
            tokens / 1e6,
            if runs.len() > 1 { format!(" in {} runs, one after the other", runs.len()) } else { String::new() },
            100.0 * synthetic / tokens,
            provenance["held_out_loss"]["real"].as_f64().unwrap_or(f64::NAN),
            provenance["held_out_loss"]["synthetic"].as_f64().unwrap_or(f64::NAN),
        );
    }
    text += "## Tasks\n\nLoss (nats, two candidates) and accuracy on test pairs; circuits calibrated on train pairs.\n\n\
             | task | whole model | nodes | edges | circuit alone | circuit removed | flip reverses, circuit | full |\n\
             | --- | --- | --- | --- | --- | --- | --- | --- |\n";
    for Shipped { task, report, .. } in shipped {
        text += &format!(
            "| {} | {} | {} | {} | {} | {} | {} | {} |\n",
            task.name,
            loss_and_accuracy(&report.on_pairs.full),
            report.nodes,
            report.edges,
            loss_and_accuracy(&report.on_pairs.circuit),
            loss_and_accuracy(&report.on_pairs.removed),
            percent(report.flips.circuit),
            percent(report.flips.full),
        );
    }
    let logs: f64 = shipped.iter().map(|one| (one.report.edges.max(1) as f64).ln()).sum();
    text += &format!("\nGeometric mean of the edges: {:.1}.\n", (logs / shipped.len() as f64).exp());
    text += "\nOn the hand-written prompts, loss and accuracy:\n\n| task | prompts | whole model | circuit alone | circuit removed |\n\
             | --- | --- | --- | --- | --- |\n";
    for Shipped { task, report, .. } in shipped {
        text += &format!(
            "| {} | {} | {} | {} | {} |\n",
            task.name,
            report.handwritten,
            loss_and_accuracy(&report.on_handwritten.full),
            loss_and_accuracy(&report.on_handwritten.circuit),
            loss_and_accuracy(&report.on_handwritten.removed),
        );
    }
    let redundant: Vec<&str> =
        shipped.iter().filter(|one| one.report.on_pairs.removed.accuracy > 0.65).map(|one| one.task.name).collect();
    if !redundant.is_empty() {
        text += &format!(
            "\nSufficient is not necessary: without its circuit the model still does {}: other nodes do the same work.\n",
            redundant.join(", "),
        );
    }
    let missing: Vec<&str> = TASKS
        .iter()
        .filter(|task| shipped.iter().all(|one| one.task.name != task.name))
        .map(|task| task.name)
        .collect();
    if !missing.is_empty() {
        text += &format!("\nNot shipped, because this model has no circuit for them: {}.\n", missing.join(", "));
    }
    if let Some(folder) = controls {
        text += "\n## The same search on an untrained model of the same shape\n\n| task | edges | loss |\n| --- | --- | --- |\n";
        for Shipped { task, .. } in shipped {
            let path = folder.join(format!("{}.json", task.name));
            let control: Value = serde_json::from_slice(&files::read(&path)?).map_err(|error| {
                Error::invalid(format!("{} is not a report of prune --untrained: {error}", path.display()))
            })?;
            let edges = control["edges"].as_u64().map_or("target not reached".into(), |edges| edges.to_string());
            text += &format!("| {} | {edges} | {:.3} |\n", task.name, control["loss"].as_f64().unwrap_or(f64::NAN));
        }
    }
    Ok(text)
}
