//! `sparse-circuits evaluate`: scores of a circuit (alone and removed) and its flip rates; of the model on all tasks; or of a bridge.

use crate::backend::now_or_never;
use crate::circuit::evaluate::{CircuitReport, Controls, LossAndAccuracy, RandomSubsets, SUBSETS, full, modes};
use crate::circuit::{Circuit, CpuPool, EvaluatorPool, Prompts, TaskModel};
use crate::cli::shared::bridge;
use crate::cli::shared::load::{TokenizerArgs, load_circuit, load_model};
use crate::cli::shared::output::{print, print_json};
use crate::cli::shared::task_prompts::{SplitName, find_task, handwritten, natural, pairs, task_model};
use crate::format::{CircuitFile, ModelFile};
use crate::model::Node;
use crate::tasks::{Split, TASKS, Task};
use crate::tokenizer::Tokenizer;
use crate::train::batches::read_tokens;
use crate::{Result, bail};
use serde_json::{Value, json};
use std::path::PathBuf;

/// Measure a circuit, the full model on its tasks, or a bridge.
///
/// A circuit is measured on test pairs of its task and on the hand-written prompts. Without --circuit and --bridge the full model is
/// measured on them, for each task or for --task.
#[derive(clap::Args)]
pub struct Args {
    /// The model file, or the sparse model of the bridge.
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// The circuit file.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["bridge", "task"])]
    circuit: Option<PathBuf>,
    /// Measure the nested circuit with this number of nodes.
    #[arg(long, value_name = "NODES", requires = "circuit")]
    size: Option<usize>,
    /// Also measure on prompts from real code: a folder that `sparse-circuits corpus` wrote, of which the held-out part is used.
    #[arg(long, value_name = "DIR", conflicts_with = "bridge")]
    natural: Option<PathBuf>,
    /// Also measure controls of the circuit on the pairs: its logit differences read without the calibration, and random subsets of the
    /// other nodes held at their means.
    #[arg(long, requires = "circuit")]
    controls: bool,
    /// A bridge file, to measure a bridge instead of a circuit. Needs --dense.
    #[arg(long, value_name = "FILE", requires = "dense")]
    bridge: Option<PathBuf>,
    /// The dense model file of the bridge.
    #[arg(long, value_name = "FILE", requires = "bridge")]
    dense: Option<PathBuf>,
    /// For a bridge: measure its sites on the held-out part of this corpus.
    #[arg(long, value_name = "DIR", requires = "bridge")]
    corpus: Option<PathBuf>,
    /// For a bridge: steer along this channel, for --task [default: the channels that the bridge file names].
    #[arg(long, value_name = "NODE", requires_all = ["bridge", "task"])]
    node: Option<Node>,
    /// The task of --node; or the one task on which the full model is measured.
    #[arg(long, value_name = "NAME")]
    task: Option<String>,
    /// For a bridge: number of random directions of equal norm per prompt.
    #[arg(long, default_value_t = 10, requires = "bridge")]
    directions: usize,
    /// The split to measure on.
    #[arg(long, value_enum, default_value_t = SplitName::Test)]
    split: SplitName,
    /// Number of pairs.
    #[arg(long, default_value_t = 1024)]
    pairs: usize,
    #[command(flatten)]
    tokenizer: TokenizerArgs,
    /// Print JSON instead of text.
    #[arg(long)]
    json: bool,
}

/// Seed of the random subsets.
const CONTROL_SEED: u64 = 1;

/// A circuit's report as JSON, for `--json` and for the provenance of circuit files.
pub fn report_json(task: &Task, split: Split, report: &CircuitReport) -> Value {
    let CircuitReport { nodes, edges, pairs, on_pairs, handwritten, on_handwritten, flips, half_outside } = report;
    json!({
        "task": task.name, "split": split.name(), "pairs": pairs, "nodes": nodes, "edges": edges,
        "full": on_pairs.full, "circuit": on_pairs.circuit, "removed": on_pairs.removed,
        "handwritten": {
            "prompts": handwritten, "full": on_handwritten.full,
            "circuit": on_handwritten.circuit, "removed": on_handwritten.removed,
        },
        "flip": flips, "half_outside_held": half_outside,
    })
}

/// Measures a circuit on `count` pairs of a split and on the hand-written prompts. The pool has the circuit's model and task.
///
/// # Errors
/// When the circuit, the tokenizer and the model do not fit together.
pub fn measure(
    pool: &mut impl EvaluatorPool,
    task: &Task,
    tokenizer: &Tokenizer,
    circuit: &Circuit,
    file: &ModelFile,
    split: Split,
    count: usize,
) -> Result<CircuitReport> {
    let config = &file.weights.config;
    let pairs = pairs(task, split, count, tokenizer, config.vocab_size)?;
    let handwritten = handwritten(task, tokenizer, config.block_size);
    now_or_never(CircuitReport::measure(pool, circuit, &pairs, &handwritten))
}

/// Loads a circuit and checks it against the model; the task's pool for `count` pairs with it.
///
/// # Errors
/// When the files do not fit together.
pub fn open(
    file: &ModelFile,
    circuit: &std::path::Path,
    tokenizer: &Tokenizer,
    count: usize,
) -> Result<(CircuitFile, &'static Task, CpuPool)> {
    let loaded = load_circuit(circuit, &file.weights)?;
    let task = find_task(&loaded.circuit.task)?;
    let cores = std::thread::available_parallelism().map_or(1, |n| n.get());
    let model = if task.has_own_candidates() {
        task_model(task, tokenizer, file, count)?
    } else {
        TaskModel::new(&file.weights, &file.means, loaded.circuit.candidate_ids)?
    };
    Ok((loaded, task, CpuPool::new(model, cores)))
}

/// Measures the full model on `count` pairs of a split and on the hand-written prompts.
///
/// # Errors
/// When the tokenizer and the model do not fit together.
fn measure_full(
    task: &Task,
    tokenizer: &Tokenizer,
    file: &ModelFile,
    split: Split,
    count: usize,
    real: Option<&[u16]>,
) -> Result<FullScores> {
    let cores = std::thread::available_parallelism().map_or(1, |n| n.get());
    let mut pool = CpuPool::new(task_model(task, tokenizer, file, count)?, cores);
    let config = &file.weights.config;
    let pairs = Prompts::new(&pairs(task, split, count, tokenizer, config.vocab_size)?, config.block_size);
    let handwritten = handwritten(task, tokenizer, config.block_size);
    let natural = match real {
        Some(tokens) if !task.has_own_candidates() => natural(task, tokenizer, tokens, config.block_size, 2 * count)?,
        _ => Vec::new(),
    };
    let natural = Prompts::single(&natural, config.block_size);
    Ok(FullScores {
        on_pairs: now_or_never(full(&mut pool, &pairs))?,
        on_handwritten: now_or_never(full(&mut pool, &handwritten))?,
        on_natural: match natural.first.len() {
            0 => None,
            prompts => Some((prompts, now_or_never(full(&mut pool, &natural))?)),
        },
    })
}

struct FullScores {
    on_pairs: LossAndAccuracy,
    on_handwritten: LossAndAccuracy,
    /// With the number of prompts.
    on_natural: Option<(usize, LossAndAccuracy)>,
}

/// The held-out real code of a corpus.
fn real_code(corpus: Option<&std::path::Path>, vocab_size: usize) -> Result<Option<Vec<u16>>> {
    corpus.map(|folder| read_tokens(&folder.join("real.valid.bin"), vocab_size)).transpose()
}

/// Prints the full model's scores on each of `tasks`, one line each. A task whose candidates are not tokens of the model gets its reason
/// in place of the scores.
fn print_full(args: &Args, tasks: &[&'static Task], tokenizer: &Tokenizer, file: &ModelFile) -> Result<()> {
    let split = Split::from(args.split);
    let shown =
        |measured: LossAndAccuracy| format!("loss {:.3}, accuracy {:5.1} %", measured.loss, 100.0 * measured.accuracy);
    let real = real_code(args.natural.as_deref(), file.weights.config.vocab_size)?;
    let mut rows = Vec::new();
    for task in tasks {
        let name = task.name;
        let (row, line) = match measure_full(task, tokenizer, file, split, args.pairs, real.as_deref()) {
            Ok(FullScores { on_pairs, on_handwritten, on_natural }) => {
                let mut row = json!({
                    "task": name, "split": split.name(), "pairs": args.pairs, "full": on_pairs,
                    "handwritten": { "prompts": task.handwritten().len(), "full": on_handwritten },
                });
                let mut line = format!("{}   hand-written: {}", shown(on_pairs), shown(on_handwritten));
                if let Some((prompts, measured)) = on_natural {
                    row["natural"] = json!({ "prompts": prompts, "full": measured });
                    line += &format!("   {prompts} from real code: {}", shown(measured));
                }
                (row, line)
            }
            Err(error) if tasks.len() > 1 => (json!({ "task": name, "error": error.to_string() }), error.to_string()),
            Err(error) => return Err(error),
        };
        if args.json {
            rows.push(row);
        } else {
            print(&format!("{name:27} {line}\n"))?;
        }
    }
    if args.json { print_json(&rows.into()) } else { Ok(()) }
}

pub fn run(args: Args) -> Result<()> {
    if args.pairs == 0 || args.pairs > 100_000 {
        bail!("--pairs must be between 1 and 100000; it is {}", args.pairs);
    }
    let split = Split::from(args.split);
    let tokenizer = args.tokenizer.load(&args.model)?;
    let file = load_model(&args.model)?;
    if let (Some(bridge), Some(dense)) = (args.bridge.clone(), args.dense.clone()) {
        let mut loaded = bridge::BridgeArgs { dense, bridge }.load(&file)?;
        let channel =
            args.node.zip(args.task.as_deref()).map(|(node, task)| Ok((find_task(task)?, node))).transpose()?;
        let ask = bridge::BridgeRequest {
            tokenizer: &tokenizer,
            corpus: args.corpus.as_deref(),
            channels: channel.into_iter().collect(),
            split,
            pairs: args.pairs,
            directions: args.directions,
        };
        return bridge::print_report(&bridge::measure(&mut loaded, &ask)?, args.json);
    }
    let Some(circuit) = &args.circuit else {
        return match &args.task {
            Some(name) => print_full(&args, &[find_task(name)?], &tokenizer, &file),
            None => print_full(&args, &TASKS.iter().collect::<Vec<_>>(), &tokenizer, &file),
        };
    };
    let (loaded, task, mut pool) = open(&file, circuit, &tokenizer, args.pairs)?;
    let circuit = match args.size {
        Some(nodes) => loaded.circuit.of_size(nodes)?,
        None => loaded.circuit,
    };
    let report = measure(&mut pool, task, &tokenizer, &circuit, &file, split, args.pairs)?;
    let controls = match args.controls {
        true => {
            let config = &file.weights.config;
            let pairs = pairs(task, split, args.pairs, &tokenizer, config.vocab_size)?;
            let prompts = Prompts::new(&pairs, config.block_size);
            let nodes = pool.task().space.set(&circuit.nodes)?;
            let measured = Controls::measure(&mut pool, &prompts, &nodes, &circuit.calibration, SUBSETS, CONTROL_SEED);
            Some(now_or_never(measured)?)
        }
        false => None,
    };
    let natural = match real_code(args.natural.as_deref(), file.weights.config.vocab_size)? {
        Some(tokens) => {
            let context = file.weights.config.block_size;
            let prompts = natural(task, &tokenizer, &tokens, context, 2 * args.pairs)?;
            if prompts.is_empty() {
                bail!("the held-out real code has no place where the rule of {} gives each candidate", task.name);
            }
            let prompts = Prompts::single(&prompts, context);
            let nodes = pool.task().space.set(&circuit.nodes)?;
            let measured = now_or_never(modes(&mut pool, &prompts, &nodes, &circuit.calibration))?;
            Some((prompts.first.len(), measured))
        }
        None => None,
    };
    if args.json {
        let mut json = report_json(task, split, &report);
        if let Some((prompts, modes)) = natural {
            json["natural"] = json!({
                "prompts": prompts, "full": modes.full, "circuit": modes.circuit, "removed": modes.removed,
            });
        }
        if let Some(controls) = &controls {
            json["controls"] = json!(controls);
        }
        return print_json(&json);
    }
    let mut text = format!("{}: {} nodes, {} edges\n", task.name, report.nodes, report.edges);
    let on_natural = natural.map(|(prompts, modes)| ("prompts from real code".to_string(), prompts, modes));
    for (what, count, modes) in [
        (format!("{} prompts", split.name()), 2 * report.pairs, report.on_pairs),
        ("hand-written prompts".into(), report.handwritten, report.on_handwritten),
    ]
    .into_iter()
    .chain(on_natural)
    {
        text += &format!("{count} {what}:\n");
        for (mode, measured) in [("full", modes.full), ("circuit", modes.circuit), ("removed", modes.removed)] {
            text += &format!("  {mode:8} loss {:.3}, accuracy {:5.1} %\n", measured.loss, 100.0 * measured.accuracy);
        }
    }
    let (rates, half) = (report.flips, report.half_outside);
    text += &format!("flip reverses {:.1} % (circuit), {:.1} % (full)\n", 100.0 * rates.circuit, 100.0 * rates.full);
    text += &format!(
        "with a random half of the other nodes at their means: loss {:.3}, accuracy {:.1} %\n",
        half.loss,
        100.0 * half.accuracy
    );
    if let Some(controls) = &controls {
        text += &controls_text(controls);
    }
    print(&text)
}

fn controls_text(Controls { readings, random_subsets }: &Controls) -> String {
    let mut text = "the circuit alone, its logit differences read in four ways:\n".to_string();
    for (how, measured) in
        [("calibrated", readings.calibrated), ("by scale only", readings.scale_only), ("as they are", readings.raw)]
    {
        text += &format!("  {how:14} loss {:.3}, accuracy {:5.1} %\n", measured.loss, 100.0 * measured.accuracy);
    }
    text += &format!("  best threshold accuracy {:.1} %\n", 100.0 * readings.best_threshold);
    text += &format!("  area under the curve {:.3}\n", readings.area_under_curve);
    for RandomSubsets { share, subsets, area_under_curve, accuracy } in random_subsets {
        text += &format!(
            "with {:.0} % of the other nodes at their means, {subsets} random subsets: area under the curve {:.3} (worst {:.3}), accuracy {:.1} % (worst {:.1} %)\n",
            100.0 * share,
            area_under_curve.mean,
            area_under_curve.worst,
            100.0 * accuracy.mean,
            100.0 * accuracy.worst
        );
    }
    text
}
