//! `sparse-circuits prune`: finds the circuit of a task and writes it with its scores.

use super::evaluate::{measure, report_json};
use crate::backend::{cpu::Cpu, now_or_never};
use crate::circuit::evaluate::{flip, flip_rates};
use crate::circuit::explain::describe;
use crate::circuit::prune::{
    LearnOptions, NestedCircuit, Progress, PruneData, PruneOptions, PruneResult, Pruned, SearchReport, Size, Stage,
    nested, prune,
};
use crate::circuit::{
    Circuit, CpuPool, EdgeList, Evaluator, EvaluatorPool, Label, MeanAccumulator, Nested, NodeSet, NodeSpace, Prompts,
    untrained_baseline,
};
use crate::cli::shared::backend::{BackendName, webgpu};
use crate::cli::shared::load::{TokenizerArgs, load_model};
use crate::cli::shared::output::{note, write_out};
use crate::cli::shared::task_prompts::{find_task, natural, pairs, task_model};
use crate::files::{in_file, read};
use crate::format::{ModelFile, circuit_file, model_file};
use crate::model::Node;
use crate::tasks::{Split, TASKS, Task};
use crate::tokenizer::Tokenizer;
use crate::train::batches::read_tokens;
use crate::{Result, bail};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Search for the smallest set of nodes that does a task while all other nodes are at their means, and write it as
/// a circuit file.
#[derive(clap::Args)]
pub struct Args {
    /// A model file with node means (see `sparse-circuits means`).
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// The task's name; `sparse-circuits tasks --json` lists them.
    #[arg(long, value_name = "NAME")]
    task: String,
    /// The circuit file to write.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// The highest calibrated loss, in nats, that the circuit may have on train pairs and on validation pairs.
    #[arg(long, default_value_t = 0.15)]
    target_loss: f64,
    /// Seed of the masks and of the order of the pairs.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Number of searches with each sparsity penalty. One more search starts from the union of the circuits found.
    /// The circuit with the fewest edges is written.
    #[arg(long, default_value_t = 2)]
    restarts: usize,
    /// Loss per active node at the start of learning, in nats. Give several numbers, separated by commas, to search
    /// with each.
    #[arg(long, alias = "k-coef", value_delimiter = ',', default_values_t = [0.003])]
    sparsity_penalty: Vec<f32>,
    /// Learning steps of each search.
    #[arg(long, default_value_t = 150)]
    steps: usize,
    /// Pairs per step.
    #[arg(long, default_value_t = 32)]
    pairs_per_step: usize,
    /// Number of pairs of each split. With fewer than 1024, the circuit may fit the pairs instead of the task.
    #[arg(long, default_value_t = 1024)]
    pairs: usize,
    /// Search on prompts from real code, too. DIR is a folder that `sparse-circuits corpus` wrote; the search uses its training part.
    /// It takes as many of these prompts as it has from the pairs, or fewer if the code has fewer.
    #[arg(long, value_name = "DIR")]
    natural: Option<PathBuf>,
    /// Circuit files of earlier runs on the same task and model, separated by commas. They are added to the union
    /// of the circuits found in this run. With --restarts 0 the union has only these, or this one.
    #[arg(long, alias = "found", value_name = "FILE", value_delimiter = ',')]
    warm_start: Vec<PathBuf>,
    /// Also write nested circuits: one for each number of nodes, from 1 to this many more than the circuit has.
    #[arg(long, value_name = "COUNT", default_value_t = 20)]
    nested: usize,
    /// The backend that runs the model. `webgpu` needs a build with `--features webgpu`. It rounds differently, so
    /// near ties may give another circuit.
    #[arg(long, value_enum, default_value_t = BackendName::Cpu)]
    backend: BackendName,
    /// Threads of the CPU backend [default: one per core]. The number does not change the circuit.
    #[arg(long)]
    threads: Option<usize>,
    #[command(flatten)]
    tokenizer: TokenizerArgs,
    /// Search in an untrained model of the same shape, initialised from --seed, and write a report instead of a
    /// circuit.
    #[arg(long)]
    untrained: bool,
}

pub fn run(args: Args) -> Result<()> {
    let task = find_task(&args.task)?;
    if !(args.target_loss > 0.0 && args.target_loss < std::f64::consts::LN_2) {
        bail!("--target-loss must be between 0 and 0.693 (the loss of a random guess); it is {}", args.target_loss);
    }
    if args.sparsity_penalty.is_empty() || args.sparsity_penalty.iter().any(|k| !(k.is_finite() && *k > 0.0)) {
        bail!("--sparsity-penalty needs numbers above 0, such as 0.01,0.003");
    }
    for (name, value) in [("--steps", args.steps), ("--pairs-per-step", args.pairs_per_step), ("--pairs", args.pairs)] {
        if value == 0 || value > 1_000_000 {
            bail!("{name} must be between 1 and 1000000; it is {value}");
        }
    }
    if args.restarts == 0 && args.warm_start.is_empty() {
        bail!("--restarts 0 needs a circuit in --warm-start");
    }
    if args.restarts > 1000 || args.threads.is_some_and(|n| n == 0 || n > 1024) {
        bail!("--restarts must be at most 1000, and --threads must be between 1 and 1024");
    }
    let tokenizer = args.tokenizer.load(&args.model)?;
    let mut file = load_model(&args.model)?;
    let candidates = task.candidate_tokens(&tokenizer)?;
    if args.untrained {
        file.weights = untrained_baseline(&file.weights, args.seed);
        file.means = means_over_tasks(&file, &tokenizer, args.pairs)?;
    }
    let model = task_model(task, &tokenizer, &file, args.pairs)?;
    let search = Search { args: &args, task, tokenizer: &tokenizer, file: &file, candidates };
    match args.backend {
        BackendName::Cpu => {
            let cores = std::thread::available_parallelism().map_or(1, |n| n.get());
            search.run(&mut CpuPool::new(model, args.threads.unwrap_or(cores)))
        }
        BackendName::Webgpu => search.run(&mut Evaluator::new(webgpu()?, Arc::new(model))),
    }
}

/// The inputs of a search, except the pool.
struct Search<'a> {
    args: &'a Args,
    task: &'static Task,
    tokenizer: &'a Tokenizer,
    file: &'a ModelFile,
    candidates: [u32; 2],
}

impl Search<'_> {
    /// Searches, and writes the circuit or the report.
    fn run(&self, pool: &mut impl EvaluatorPool) -> Result<()> {
        let Search { args, task, tokenizer, file, .. } = *self;
        let config = &file.weights.config;
        let split = |split| pairs(task, split, args.pairs, tokenizer, config.vocab_size);
        let (train, validation) = (split(Split::Train)?, split(Split::Validation)?);
        let mut natural = match &args.natural {
            Some(folder) => {
                let tokens = read_tokens(&folder.join("real.train.bin"), config.vocab_size)?;
                natural(task, tokenizer, &tokens, config.block_size, 4 * args.pairs)?
            }
            None => Vec::new(),
        };
        // One half for each split, each with as many of both answers.
        let of_validation = natural.split_off(natural.len() / 4 * 2);
        let data = PruneData::with_singles([&train, &validation], [&natural, &of_validation], config.block_size);
        let edges = EdgeList::new(&file.weights, &pool.task().space);

        let warm_start = args
            .warm_start
            .iter()
            .map(|path| warm_start_nodes(path, task, file, &pool.task().space))
            .collect::<Result<_>>()?;
        let options = PruneOptions {
            warm_start,
            target_loss: args.target_loss,
            restarts: args.restarts,
            sparsity_penalties: args.sparsity_penalty.clone(),
            learn: LearnOptions { steps: args.steps, pairs: args.pairs_per_step, ..LearnOptions::default() },
            seed: args.seed,
            ..PruneOptions::default()
        };
        let started = Instant::now();
        let mut shown: Option<(Stage, Instant)> = None;
        let mut report = async |progress: &Progress| {
            let due = shown.is_none_or(|(stage, at)| stage != progress.stage || at.elapsed() > Duration::from_secs(5));
            if due {
                shown = Some((progress.stage, Instant::now()));
                note(&format!("{:6.1} s  {}", started.elapsed().as_secs_f64(), line(progress)));
            }
            true
        };
        let Some(outcome) = now_or_never(prune(pool, &edges, &data, &options, &mut report))? else {
            bail!("the search was cancelled");
        };
        for search in &outcome.searches {
            note(&search_line(search));
        }
        if let Some(Size { nodes, edges }) = outcome.of_union {
            note(&format!("from the union of all circuits: {nodes} nodes, {edges} edges"));
        }
        let mut provenance = json!({
            "found_earlier": args.warm_start.len(), "pooled": outcome.of_union.map(|Size { nodes, edges }| json!({"nodes": nodes, "edges": edges})),
            "target_loss": args.target_loss, "seed": args.seed, "restarts": args.restarts, "k_coef": args.sparsity_penalty,
            "steps": args.steps, "pairs_per_step": args.pairs_per_step, "pairs": args.pairs,
            "searches": outcome.searches.iter().map(search_json).collect::<Vec<_>>(),
        });
        if args.natural.is_some() {
            provenance["natural_prompts"] = json!(natural.len() + of_validation.len());
        }
        if args.backend == BackendName::Webgpu {
            provenance["backend"] = json!("webgpu");
        }
        if args.untrained {
            return write_untrained_baseline(args, &outcome, provenance);
        }
        let Some(best) = outcome.best else {
            bail!(
                "no circuit of {} reaches a loss of {} in this model ({}); raise --target-loss, or lower --sparsity-penalty",
                task.name,
                args.target_loss,
                match outcome.lowest_loss() {
                    Some(loss) => format!("the lowest was {loss:.3}"),
                    None => "the union of the --warm-start circuits does not reach it".into(),
                }
            );
        };
        let mut circuit = self.finish(pool, &train, &best, &mut provenance)?;
        let Some(series) = now_or_never(nested(pool, &edges, &data, &best.nodes, args.nested, report))? else {
            bail!("the search was cancelled");
        };
        circuit.nested = series.iter().map(|one| self.stored(one, &pool.task().space)).collect();
        provenance["seconds"] = json!(started.elapsed().as_secs_f64().round());
        let scores = circuit.scores.unwrap_or_default();
        let bytes = circuit_file::write(&circuit_file::CircuitFile {
            model: model_file::fingerprint(&file.weights),
            circuit,
            provenance,
        })?;
        let line = format!(
            "{}: {} nodes, {} edges; test loss {:.3}, accuracy {:.1} %; without the circuit {:.1} %; a flip reverses {:.1} % ({:.1} % in the full model)",
            args.out.display(),
            best.nodes.len(),
            best.size.edges,
            scores.loss,
            100.0 * scores.accuracy,
            100.0 * scores.removed_accuracy,
            100.0 * scores.flip_rate_circuit,
            100.0 * scores.flip_rate_full,
        );
        write_out(&args.out, &bytes, &line)
    }

    fn stored(&self, one: &NestedCircuit, space: &NodeSpace) -> Nested {
        Nested { adds: space.node(one.node), edges: one.edges as u32, loss: one.loss, calibration: one.calibration }
    }

    /// Makes a circuit of the pruned nodes: adds flip nodes, labels and scores.
    fn finish(
        &self,
        pool: &mut impl EvaluatorPool,
        train: &[[Vec<u32>; 2]],
        best: &Pruned,
        provenance: &mut Value,
    ) -> Result<Circuit> {
        let Search { task, tokenizer, file, candidates, .. } = *self;
        let space = pool.task().space.clone();
        let chosen = now_or_never(flip::choose(pool, train, &best.nodes, &best.calibration))?;
        let all = Prompts::new(train, pool.task().context());
        let on_train = now_or_never(flip_rates(pool, &all, &best.nodes, &chosen.nodes, &best.calibration))?;
        let nodes = space.nodes(&best.nodes);
        let labels = labels(pool, task, tokenizer, &nodes, train)?;
        let mut circuit = Circuit {
            task: task.name.into(),
            candidate_ids: candidates,
            nodes,
            flip_nodes: space.nodes(&chosen.nodes),
            calibration: best.calibration,
            labels,
            scores: None,
            nested: Vec::new(),
        };
        let report = measure(pool, task, tokenizer, &circuit, file, Split::Test, train.len())?;
        circuit.scores = Some(report.scores());
        provenance["edges"] = json!(best.size.edges);
        provenance["train_loss"] = json!(best.train_loss);
        provenance["validation_loss"] = json!(best.validation_loss);
        provenance["flip_share_on_train"] = json!(on_train.circuit);
        provenance["measured"] = report_json(task, Split::Test, &report);
        Ok(circuit)
    }
}

/// The nodes of a `--warm-start` circuit.
fn warm_start_nodes(path: &Path, task: &Task, model: &ModelFile, space: &NodeSpace) -> Result<NodeSet> {
    let file = circuit_file::read(&read(path)?).map_err(in_file(path))?;
    if file.circuit.task != task.name || file.model != model_file::fingerprint(&model.weights) {
        bail!("{} is a circuit of another task or model", path.display());
    }
    space.set(&file.circuit.nodes)
}

/// Labels of nodes, computed from their values on the first train pairs.
pub fn labels(
    pool: &mut impl EvaluatorPool,
    task: &Task,
    tokenizer: &Tokenizer,
    nodes: &BTreeSet<Node>,
    train: &[[Vec<u32>; 2]],
) -> Result<BTreeMap<Node, Label>> {
    let nodes = pool.task().space.set(nodes)?;
    // Where pairs have candidates of their own, one text for all can only say which of the two it is.
    let candidates = if task.has_own_candidates() { ["first", "second"] } else { task.candidates };
    now_or_never(describe(pool, train, &nodes, candidates, |id| tokenizer.token_text(id)))
}

/// The untrained baseline has no means over a corpus. This measures them over the train prompts of all tasks.
fn means_over_tasks(file: &ModelFile, tokenizer: &Tokenizer, count: usize) -> Result<crate::circuit::Means> {
    let config = &file.weights.config;
    let mut cpu = Cpu::new();
    let model = file.weights.upload(&mut cpu);
    let mut sums = MeanAccumulator::new(config);
    for task in TASKS {
        for pair in pairs(task, Split::Train, count.min(200), tokenizer, config.vocab_size)? {
            for prompt in &pair {
                now_or_never(sums.add(&mut cpu, &model, &[&prompt[prompt.len().saturating_sub(config.block_size)..]]))?;
            }
        }
    }
    sums.means()
}

fn write_untrained_baseline(args: &Args, outcome: &PruneResult, mut report: Value) -> Result<()> {
    report["task"] = json!(args.task);
    report["untrained"] = json!(true);
    report["loss"] = json!(outcome.best.as_ref().map(|best| best.validation_loss).or(outcome.lowest_loss()));
    report["edges"] = json!(outcome.best.as_ref().map(|best| best.size.edges));
    report["nodes"] = json!(outcome.best.as_ref().map(|best| best.size.nodes));
    let line = match &outcome.best {
        Some(best) => format!("untrained model: {} nodes, {} edges", best.size.nodes, best.size.edges),
        None => {
            let loss = outcome.lowest_loss().unwrap_or(f64::NAN);
            format!("untrained model: the target is not reached, lowest loss {loss:.3}")
        }
    };
    write_out(&args.out, format!("{report:#}\n").as_bytes(), &line)
}

fn line(progress: &Progress) -> String {
    let Progress { stage, step, of, loss, nodes, edges } = progress;
    let what = match stage {
        Stage::Learn => "learning masks",
        Stage::Bisect => "bisecting the nodes",
        Stage::Remove => "removing nodes",
        Stage::Check => "checking on all pairs",
        Stage::Nest => "ordering the nodes",
    };
    format!("{what} {step}/{of}: loss {loss:.3}, {nodes} nodes, {edges} edges")
}

fn search_line(search: &SearchReport) -> String {
    let SearchReport { sparsity_penalty, seed, size, loss } = search;
    match size {
        Some(Size { nodes, edges }) => {
            format!("penalty {sparsity_penalty}, seed {seed}: {nodes} nodes, {edges} edges, loss {loss:.3}")
        }
        None => format!("penalty {sparsity_penalty}, seed {seed}: the target is not reached, lowest loss {loss:.3}"),
    }
}

fn search_json(search: &SearchReport) -> Value {
    json!({
        "k_coef": search.sparsity_penalty, "seed": search.seed, "loss": search.loss,
        "nodes": search.size.map(|size| size.nodes), "edges": search.size.map(|size| size.edges),
    })
}
