//! `sparse-circuits evaluate`: how well a circuit does its task, alone and removed, and how often its flip reverses the answer.

use crate::backend::now_or_never;
use crate::circuit::evaluate::{FlipRates, LossAndAccuracy, Modes, flip_rates, half_outside, modes, scores};
use crate::circuit::explain::graph::edges;
use crate::circuit::{Circuit, CpuPool, EvaluatorPool, Prompts, Scores, TaskModel};
use crate::cli::shared::bridge;
use crate::cli::shared::load::{TokenizerArgs, load_circuit, load_model};
use crate::cli::shared::output::{print, print_json};
use crate::cli::shared::task_prompts::{SplitName, find_task, handwritten, pairs};
use crate::format::{CircuitFile, ModelFile};
use crate::model::Node;
use crate::tasks::{Split, Task};
use crate::tokenizer::Tokenizer;
use crate::{Result, bail};
use serde_json::{Value, json};
use std::path::PathBuf;

/// Measure a circuit on pairs of its task that the search has not seen, and on the hand-written prompts; or a bridge.
#[derive(clap::Args)]
pub struct Args {
    /// The model file that the circuit was found in; the sparse one of a bridge.
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    #[arg(long, value_name = "FILE", required_unless_present = "bridge", conflicts_with = "bridge")]
    circuit: Option<PathBuf>,
    /// A bridge instead of a circuit, with its dense model.
    #[arg(long, value_name = "FILE", requires = "dense")]
    bridge: Option<PathBuf>,
    #[arg(long, value_name = "FILE", requires = "bridge")]
    dense: Option<PathBuf>,
    /// Of a bridge: the corpus on whose held-out part its sites are measured.
    #[arg(long, value_name = "DIR", requires = "bridge")]
    corpus: Option<PathBuf>,
    /// Of a bridge: steer by this channel, for --task; else by those that the bridge names.
    #[arg(long, value_name = "NODE", requires_all = ["bridge", "task"])]
    node: Option<Node>,
    #[arg(long, value_name = "NAME", requires = "node")]
    task: Option<String>,
    /// Of a bridge: random directions of equal norm, for each prompt.
    #[arg(long, default_value_t = 10, requires = "bridge")]
    directions: usize,
    /// Which pairs.
    #[arg(long, value_enum, default_value_t = SplitName::Test)]
    split: SplitName,
    /// How many pairs.
    #[arg(long, default_value_t = 1024)]
    pairs: usize,
    #[command(flatten)]
    tokenizer: TokenizerArgs,
    /// Print JSON instead of lines for people.
    #[arg(long)]
    json: bool,
}

/// Random backgrounds of which the mean is reported.
const DRAWS: usize = 3;

/// What `evaluate` measures.
pub struct Report {
    pub task: String,
    pub split: Split,
    pub pairs: usize,
    pub nodes: usize,
    pub edges: usize,
    pub on_pairs: Modes,
    pub on_handwritten: Modes,
    pub handwritten: usize,
    pub flips: FlipRates,
    /// The circuit with a random half of the other nodes held at their means.
    pub half_outside: LossAndAccuracy,
}

impl Report {
    pub fn scores(&self) -> Scores {
        scores(&self.on_pairs, &self.flips)
    }

    pub fn json(&self) -> Value {
        json!({
            "task": self.task, "split": self.split.name(), "pairs": self.pairs, "nodes": self.nodes, "edges": self.edges,
            "full": self.on_pairs.full, "circuit": self.on_pairs.circuit, "removed": self.on_pairs.removed,
            "handwritten": {
                "prompts": self.handwritten, "full": self.on_handwritten.full,
                "circuit": self.on_handwritten.circuit, "removed": self.on_handwritten.removed,
            },
            "flip": self.flips, "half_outside_held": self.half_outside,
        })
    }
}

/// Measures a circuit on `count` pairs of a split and on the hand-written prompts. The pool hold the same model and task.
///
/// # Errors
/// When the circuit, the tokenizer and the model do not fit together.
pub fn measure(
    pool: &mut CpuPool,
    task: &Task,
    tokenizer: &Tokenizer,
    circuit: &Circuit,
    file: &ModelFile,
    split: Split,
    count: usize,
) -> Result<Report> {
    let config = &file.weights.config;
    let space = pool.task().space.clone();
    let nodes = space.set(&circuit.nodes)?;
    let flip = space.set(&circuit.flip_nodes)?;
    let tokens = pairs(task, split, count, tokenizer, config.vocab_size)?;
    let set = Prompts::new(&tokens, config.block_size);
    let typed = handwritten(task, tokenizer, config.block_size);
    let calibration = &circuit.calibration;
    Ok(Report {
        task: task.name.into(),
        split,
        pairs: tokens.len(),
        nodes: circuit.nodes.len(),
        edges: edges(&file.weights, &circuit.nodes).len(),
        on_pairs: now_or_never(modes(pool, &set, &nodes, calibration))?,
        on_handwritten: now_or_never(modes(pool, &typed, &nodes, calibration))?,
        handwritten: typed.first.len(),
        flips: now_or_never(flip_rates(pool, &set, &nodes, &flip, calibration))?,
        half_outside: now_or_never(half_outside(pool, &set, &nodes, DRAWS, 1))?,
    })
}

/// Loads a circuit and checks it against the model; the task's pool with it.
///
/// # Errors
/// When the files do not fit together.
pub fn open(file: &ModelFile, circuit: &std::path::Path) -> Result<(CircuitFile, &'static Task, CpuPool)> {
    let loaded = load_circuit(circuit, &file.weights)?;
    let task = find_task(&loaded.circuit.task)?;
    let cores = std::thread::available_parallelism().map_or(1, |n| n.get());
    let pool = CpuPool::new(TaskModel::new(&file.weights, &file.means, loaded.circuit.candidate_ids)?, cores);
    Ok((loaded, task, pool))
}

pub fn run(args: Args) -> Result<()> {
    if args.pairs == 0 || args.pairs > 100_000 {
        bail!("--pairs must lie between 1 and 100000; it is {}", args.pairs);
    }
    let split = Split::from(args.split);
    let tokenizer = args.tokenizer.load(&args.model)?;
    let file = load_model(&args.model)?;
    if let (Some(bridge), Some(dense)) = (args.bridge, args.dense) {
        let mut loaded = bridge::BridgeArgs { dense, bridge }.load(&file)?;
        let channel = args.node.zip(args.task).map(|(node, task)| Ok((find_task(&task)?, node))).transpose()?;
        let ask = bridge::BridgeAsk {
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
        bail!("say --circuit, or --bridge with --dense");
    };
    let (loaded, task, mut pool) = open(&file, circuit)?;
    let report = measure(&mut pool, task, &tokenizer, &loaded.circuit, &file, split, args.pairs)?;
    if args.json {
        return print_json(&report.json());
    }
    let mut text = format!("{}: {} nodes, {} edges\n", report.task, report.nodes, report.edges);
    for (what, count, modes) in [
        (format!("{} prompts", split.name()), 2 * report.pairs, report.on_pairs),
        ("hand-written prompts".into(), report.handwritten, report.on_handwritten),
    ] {
        text += &format!("{count} {what}:\n");
        for (mode, measured) in [("full", modes.full), ("circuit", modes.circuit), ("removed", modes.removed)] {
            text += &format!("  {mode:8} loss {:.3}, accuracy {:5.1} %\n", measured.loss, 100.0 * measured.accuracy);
        }
    }
    let (rates, half) = (report.flips, report.half_outside);
    text += &format!("flip reverses {:.1} % (circuit), {:.1} % (full)\n", 100.0 * rates.circuit, 100.0 * rates.full);
    text += &format!("half of the rest held: loss {:.3}, accuracy {:.1} %\n", half.loss, 100.0 * half.accuracy);
    print(&text)
}
