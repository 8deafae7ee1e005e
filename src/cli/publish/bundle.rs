//! A published model with its measured circuits: manifest entries, example prompts, and the placeholder of the
//! first screen.

use crate::backend::cpu::Cpu;
use crate::backend::now_or_never;
use crate::circuit::evaluate::{
    CircuitReport, EXAMPLES_PER_ANSWER, ExampleCandidate, Examples, LossAndAccuracy, modes,
};
use crate::circuit::explain::{
    DESCRIBED_PAIRS, References, Subject, View, ViewRequest, circuit_info, inactive_nodes, model_info, view,
};
use crate::circuit::{Calibration, Circuit, CpuPool, Edits, EvaluatorPool, Mode, NodeSet, Prompts, Target, TaskModel};
use crate::cli::commands::evaluate;
use crate::cli::commands::prune::labels;
use crate::cli::shared::load::load_model;
use crate::cli::shared::output::note;
use crate::cli::shared::task_prompts::pairs;
use crate::files;
use crate::format::{ModelFile, circuit_file};
use crate::model::Node;
use crate::tasks::{Pair, Split, TASKS, Task};
use crate::tokenizer::Tokenizer;
use crate::{Error, Result, bail};
use serde_json::{Value, json};
use std::path::Path;

/// Test pairs that may become presets.
const PRESET_PAIRS: usize = 256;
/// The most tokens of a preset, so that the first screen shows all of it.
const PRESET_TOKENS: usize = 40;

/// A task as it is published with a model.
pub struct PublishedTask {
    pub task: &'static Task,
    circuit: Circuit,
    pub bytes: Vec<u8>,
    pub report: CircuitReport,
    presets: Vec<Preset>,
    /// See [`start`], of the first preset.
    start: Option<Node>,
    /// See [`inactive_nodes`], of the first preset.
    inactive: Vec<Node>,
}

/// A model with its tasks and their measurements.
pub struct Bundle {
    name: &'static str,
    pub file: ModelFile,
    pub bytes: Vec<u8>,
    pub tasks: Vec<PublishedTask>,
    /// Tasks without a circuit, and the full model's scores on them.
    pub missing: Vec<(&'static Task, LossAndAccuracy)>,
}

/// An example prompt with its counterfactual.
struct Preset {
    a: Prompt,
    b: Prompt,
    /// The candidate that is right after `a`.
    answer: usize,
    /// The circuit alone is wrong after `a`.
    fails: bool,
}

impl Preset {
    fn json(&self, tokenizer: &Tokenizer) -> Value {
        let mut preset = json!({"a": self.a.json(tokenizer), "b": self.b.json(tokenizer), "answer": self.answer});
        if self.fails {
            preset["fails"] = true.into();
        }
        preset
    }
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

impl Bundle {
    /// Loads the model at `path` and measures each task that has a circuit in the folder `circuits`.
    /// `count` is the number of test pairs.
    ///
    /// # Errors
    /// A file that cannot be read, or a folder without any circuit.
    pub fn measure(
        name: &'static str,
        path: &Path,
        circuits: &Path,
        tokenizer: &Tokenizer,
        count: usize,
    ) -> Result<Bundle> {
        let (bytes, file) = (files::read(path)?, load_model(path)?);
        let (mut tasks, mut missing) = (Vec::new(), Vec::new());
        for task in TASKS {
            let path = circuits.join(format!("{}.json", task.name));
            if path.is_file() {
                tasks.push(PublishedTask::measure(&file, task, &path, tokenizer, count)?);
            } else {
                note(&format!(
                    "note: no circuit for {} in {}; the task is not published with this model",
                    task.name,
                    circuits.display()
                ));
                missing.push((task, full_model_scores(&file, task, tokenizer, count)?));
            }
        }
        if tasks.is_empty() {
            bail!("{} has no circuit file; its files must be named TASK.json", circuits.display());
        }
        Ok(Bundle { name, file, bytes, tasks, missing })
    }

    /// The file name of the model in the published folder.
    pub fn model_file(&self) -> String {
        format!("{}.safetensors", self.name)
    }

    /// The path of a task's circuit in the published folder.
    pub fn circuit_file(&self, task: &Task) -> String {
        match self.name {
            "default" => format!("circuits/{}.json", task.name),
            name => format!("circuits/{name}/{}.json", task.name),
        }
    }

    pub fn circuits(&self) -> Vec<(&'static Task, &Circuit)> {
        self.tasks.iter().map(|one| (one.task, &one.circuit)).collect()
    }

    pub fn manifest_task(&self, one: &PublishedTask, tokenizer: &Tokenizer) -> Value {
        let PublishedTask { task, circuit, bytes, presets, start, inactive, .. } = one;
        json!({
            "name": task.name, "title": task.title, "sentence": task.sentence, "explanation": task.explanation,
            "flipLabel": task.flip_label, "candidates": task.candidates, "candidateIds": circuit.candidate_ids,
            "circuit": self.circuit_file(task), "bytes": bytes.len(), "start": start, "inactive": inactive,
            "presets": presets.iter().map(|preset| preset.json(tokenizer)).collect::<Vec<_>>(),
        })
    }
}

impl PublishedTask {
    fn measure(
        file: &ModelFile,
        task: &'static Task,
        path: &Path,
        tokenizer: &Tokenizer,
        count: usize,
    ) -> Result<PublishedTask> {
        if task.has_own_candidates() {
            bail!("the page cannot show {}: its prompts have candidates of their own", task.name);
        }
        let (mut loaded, _, mut pool) = evaluate::open(file, path, tokenizer, count)?;
        let circuit = loaded.circuit.clone();
        let report = evaluate::measure(&mut pool, task, tokenizer, &circuit, file, Split::Test, count)?;
        let presets = presets(&mut pool, &circuit, task, tokenizer)?;
        let Some(Preset { a, b, fails: false, .. }) = presets.first() else {
            bail!("no prompt of {} shows its circuit at work, so the page would have no example", task.name);
        };
        note(&format!("{}: {} nodes, {} edges, {} presets", task.name, report.nodes, report.edges, presets.len()));
        let (here, there) = (shown(file, &circuit, a, b, CIRCUIT, None)?, shown(file, &circuit, b, a, CIRCUIT, None)?);
        let rows = [&here, &there]
            .map(|view| (0..circuit.nodes.len()).map(|row| view.activations_of(row)).collect::<Vec<_>>());
        let start = start(&circuit, [&a.tokens, &b.tokens], [&rows[0], &rows[1]]);
        let inactive = inactive_nodes(&circuit, [&here, &there]);
        // the page shows the same scores as the card; labels are computed again with the current rule
        loaded.circuit.scores = Some(report.scores());
        let config = &file.weights.config;
        let train = pairs(task, Split::Train, DESCRIBED_PAIRS, tokenizer, config.vocab_size)?;
        loaded.circuit.labels = labels(&mut pool, task, tokenizer, &circuit.nodes, &train)?;
        let bytes = circuit_file::write(&loaded)?;
        Ok(PublishedTask { task, circuit: loaded.circuit, bytes, report, presets, start, inactive })
    }
}

/// Loss and accuracy of the full model on `count` test pairs.
fn full_model_scores(file: &ModelFile, task: &Task, tokenizer: &Tokenizer, count: usize) -> Result<LossAndAccuracy> {
    let config = &file.weights.config;
    let cores = std::thread::available_parallelism().map_or(1, |n| n.get());
    let model = TaskModel::new(&file.weights, &file.means, task.candidate_tokens(tokenizer)?)?;
    let mut pool = CpuPool::new(model, cores);
    let full = NodeSet::full(pool.task().space.len());
    let set = Prompts::new(&pairs(task, Split::Test, count, tokenizer, config.vocab_size)?, config.block_size);
    Ok(now_or_never(modes(&mut pool, &set, &full, &Calibration::default()))?.full)
}

/// The presets of a task, chosen by [`Examples::choose`] from the hand-written prompts and the first test pairs.
fn presets(
    pool: &mut impl EvaluatorPool,
    circuit: &Circuit,
    task: &Task,
    tokenizer: &Tokenizer,
) -> Result<Vec<Preset>> {
    let by_hand = task.handwritten().into_iter().filter_map(|one| {
        let counterfactual = task.counterfactual(&one.prompt).ok()?;
        Some((one.prompt, counterfactual, one.wanted, true))
    });
    let drawn = task.pairs(Split::Test, PRESET_PAIRS);
    let drawn = drawn.into_iter().flat_map(|Pair { a, b }| [(a.clone(), b.clone(), 0, false), (b, a, 1, false)]);
    let (mut prompts, mut candidates) = (Vec::new(), Vec::new());
    for (a, b, answer, handwritten) in by_hand.chain(drawn) {
        let (a, b) = (Prompt::new(tokenizer, a), Prompt::new(tokenizer, b));
        if a.tokens.len().max(b.tokens.len()) <= PRESET_TOKENS {
            let pair = if answer == 0 { [&a, &b] } else { [&b, &a] }.map(|prompt| prompt.tokens.clone());
            candidates.push(ExampleCandidate { pair, answer, handwritten });
            prompts.push(Preset { a, b, answer, fails: false });
        }
    }
    let Examples { shown, fails } = now_or_never(Examples::choose(pool, circuit, &candidates))?;
    for answer in [0, 1] {
        let found = shown.iter().filter(|&&index| candidates[index].answer == answer).count();
        if found < EXAMPLES_PER_ANSWER {
            note(&format!(
                "note: only {found} examples of {} have the answer {:?}",
                task.name, task.candidates[answer]
            ));
        }
    }
    let mut prompts: Vec<Option<Preset>> = prompts.into_iter().map(Some).collect();
    let mut take = |index: usize, fails| prompts[index].take().map(|preset| Preset { fails, ..preset });
    let shown: Vec<Preset> = shown.into_iter().filter_map(|index| take(index, false)).collect();
    let failing = fails.and_then(|index| take(index, true));
    Ok(shown.into_iter().chain(failing).collect())
}

/// Circuit mode without a flip.
const CIRCUIT: (Mode, bool) = (Mode::Circuit, false);

/// What the page shows of a prompt in a mode, flipped or not.
fn shown(
    file: &ModelFile,
    circuit: &Circuit,
    a: &Prompt,
    b: &Prompt,
    (mode, flip): (Mode, bool),
    node: Option<Node>,
) -> Result<View> {
    let mut cpu = Cpu::new();
    let model = file.weights.upload(&mut cpu);
    let edits = Edits { mode, flip, ..Edits::default() };
    let subject = Subject { model: &model, weights: &file.weights, means: &file.means, circuit };
    let request = ViewRequest {
        task: circuit.task.clone(),
        a: a.tokens.clone(),
        b: Some(b.tokens.clone()),
        edits,
        target: node.map(Target::Node),
        token: None,
        head: None,
    };
    now_or_never(view(&mut cpu, subject, &request, &mut References::default()))
}

/// The content of `poster.json`: the page shows these precomputed numbers of the full model until the engine runs.
pub fn placeholder(bundle: &Bundle, tokenizer: &Tokenizer) -> Result<Value> {
    let Bundle { file, tasks, .. } = bundle;
    let PublishedTask { task, circuit, presets, start, .. } = &tasks[0];
    let Preset { a, b, .. } = &presets[0];
    let mut view = shown(file, circuit, a, b, (Mode::Full, false), *start)?;
    for token in &mut view.top {
        token.text = tokenizer.token_text(token.id);
    }
    let mut model =
        serde_json::to_value(model_info(&file.weights)).map_err(|error| Error::invalid(error.to_string()))?;
    model["file"] = json!(bundle.model_file());
    let circuit = circuit_info(&file.weights, &file.means, circuit)?;
    Ok(json!({"task": task.name, "model": model, "circuit": circuit, "view": view}))
}

/// A node is inactive at a token if its magnitude is at most this share of its largest.
const INACTIVE: f32 = 0.02;

/// The node that is selected first: the flip node whose value differs most between the two prompts, relative to its
/// largest magnitude, at the last token where the prompts differ or at the last token.
/// `values[prompt][node][token]`.
fn start<Row: AsRef<[f32]>>(circuit: &Circuit, [a, b]: [&[u32]; 2], values: [&[Row]; 2]) -> Option<Node> {
    let common_suffix = a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count();
    let back = |values: &[f32], back: usize| values.len().checked_sub(back + 1).map_or(0.0, |at| values[at]);
    let largest = |values: &[f32]| values.iter().fold(0.0f32, |max, value| max.max(value.abs()));
    let contrast = |at: usize| {
        let [here, there] = values.map(|values| values[at].as_ref());
        let gap = [0, common_suffix].map(|place| back(here, place) - back(there, place));
        let reach = largest(here).max(largest(there));
        // half the score if the node is inactive in prompt A
        let inactive = [0, common_suffix].iter().all(|&place| back(here, place).abs() <= INACTIVE * reach);
        if reach == 0.0 { 0.0 } else { largest(&gap) / reach * if inactive { 0.5 } else { 1.0 } }
    };
    let open = |node: &Node| circuit.flip_nodes.is_empty() || circuit.flip_nodes.contains(node);
    let ranked =
        circuit.nodes.iter().enumerate().filter(|(_, node)| open(node)).map(|(at, node)| (contrast(at), *node));
    ranked.reduce(|best, one| if one.0 > best.0 + 1e-6 { one } else { best }).map(|(_, node)| node)
}

/// Six significant digits: more than the page shows, and a third of the bytes.
pub fn rounded(value: Value) -> Value {
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// The first node of a circuit with three nodes, all of them flip nodes. `values[node][prompt][token]`.
    fn first(values: [[[f32; 3]; 2]; 3]) -> String {
        let nodes = ["0.attn.act_in.2", "0.attn.act_in.3", "0.attn.v.0"].map(|node| node.parse().unwrap());
        let circuit = Circuit {
            task: "task".into(),
            candidate_ids: [0, 1],
            nodes: nodes.into(),
            flip_nodes: nodes.into(),
            calibration: Calibration::default(),
            labels: BTreeMap::new(),
            scores: None,
            nested: Vec::new(),
        };
        let of = |prompt: usize| values.map(|pair| pair[prompt].to_vec());
        start(&circuit, [&[1, 2, 3], &[1, 9, 3]], [&of(0), &of(1)]).unwrap().to_string()
    }

    #[test]
    fn the_first_node_has_the_largest_relative_difference_where_the_prompts_differ() {
        let same = [[5.0, 0.0, 0.0]; 2];
        let little = [[0.0, 8.0, 9.0], [0.0, 7.0, 9.0]];
        assert_eq!(first([same, little, [[0.0, 0.1, 0.0], [0.0; 3]]]), "0.attn.v.0");
        assert_eq!(first([same, little, [[9.0, 0.0, 0.0], [-9.0, 0.0, 0.0]]]), "0.attn.act_in.3");
        // half the score, because the node is inactive in prompt A
        assert_eq!(first([same, little, [[0.0; 3], [0.0, 0.1, 0.0]]]), "0.attn.v.0");
        assert_eq!(first([same, [[0.0, 8.0, 9.0], [0.0, 3.0, 9.0]], [[0.0; 3], [0.0, 0.1, 0.0]]]), "0.attn.act_in.3");
    }
}
