//! The command line as a user meets it: the built program on small files, good and bad. A file for each subcommand.

mod evaluate;
mod generate;
mod means;
mod predict;
#[cfg(not(feature = "webgpu"))]
mod prune;
mod refusals;
mod run;
mod steer;
mod tokenizer;

use crate::reference::random::{self, Random};
use safetensors::SafeTensors;
use serde_json::{Value, json};
use sparse_circuits::backend::cpu::Cpu;
use sparse_circuits::backend::now_or_never;
use sparse_circuits::bridge::{Bridge, BridgeSite};
use sparse_circuits::circuit::{Calibration, Circuit, EdgeId, Edits, Request, Values, run as run_model};
use sparse_circuits::format::circuit_file::{self, CircuitFile};
use sparse_circuits::format::{BridgeFile, ModelFile, Precision, bridge_file, model_file};
use sparse_circuits::model::{Config, Hook, Linear, LogitsAt, Node};
use sparse_circuits::tensor::WeightMatrix;
use sparse_circuits::tokenizer::Tokenizer;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A folder with a small random model, its tokenizer and a circuit.
struct Folder {
    files: tempfile::TempDir,
    model: ModelFile,
    tokenizer: Tokenizer,
    circuit: Circuit,
}

const PROMPT: &str = "print('hi";
const OTHER: &str = "print(\"hi";
const TASK: &str = "single_double_quote";

impl Folder {
    fn new() -> Folder {
        let tokenizer = tokenizer();
        let config = Config { vocab_size: tokenizer.vocab_size(), sink: true, ..random::base_config() };
        let random = &mut Random::new(3);
        let mut weights = random::weights(&config, 0.6, 1);
        // The model should not end its documents at once.
        let bias = weights.final_logits_bias.insert(vec![0.0; config.vocab_size]);
        bias[tokenizer.end_of_text().unwrap() as usize] = -50.0;
        let model = ModelFile {
            weights,
            means: Hook::all(2).into_iter().map(|hook| (hook, random.vector(hook.width(&config), 0.0, 1.0))).collect(),
            provenance: json!({"made": "for a test"}),
        };
        let nodes = |names: &[&str]| names.iter().map(|name| node(name)).collect::<BTreeSet<Node>>();
        let circuit = Circuit {
            task: TASK.into(),
            candidate_ids: ["')", "\")"].map(|text| tokenizer.single_token(text).unwrap()),
            nodes: nodes(&[
                "0.attn.act_in.1",
                "0.attn.v.2",
                "0.mlp.post_act.3",
                "1.mlp.resid_delta.4",
                "1.attn.resid_delta.2",
            ]),
            flip_nodes: nodes(&["0.attn.v.2", "0.mlp.post_act.3"]),
            calibration: Calibration { scale: 2.0, shift: 0.5, std: 1.5 },
            labels: BTreeMap::new(),
            scores: None,
            nested: Vec::new(),
        };
        let folder = Folder { files: tempfile::tempdir().unwrap(), model, tokenizer, circuit };
        fs::write(folder.path("model.safetensors"), model_file::write(&folder.model, Precision::Lossless).unwrap())
            .unwrap();
        fs::write(folder.path("tokenizer.json"), folder.tokenizer.to_json().unwrap()).unwrap();
        folder.write_circuit("circuit.json", &folder.circuit);
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }

    fn write_circuit(&self, name: &str, circuit: &Circuit) {
        let file = CircuitFile {
            model: model_file::fingerprint(&self.model.weights),
            circuit: circuit.clone(),
            provenance: Value::Null,
        };
        fs::write(self.path(name), circuit_file::write(&file).unwrap()).unwrap();
    }

    /// Runs the program inside the folder.
    fn call(&self, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_sparse-circuits")).args(args).current_dir(self.files.path()).output().unwrap()
    }

    fn ok(&self, args: &[&str]) -> String {
        let output = self.call(args);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Expects status 2, one line on stderr that contains `part` (an option, a file, a node, a
    /// value), nothing on stdout, and no new or removed file.
    fn rejected(&self, args: &[&str], part: &str) {
        let before = names(self.files.path());
        let output = self.call(args);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {stderr}");
        let errors: Vec<&str> = stderr.lines().filter(|line| !line.starts_with("note: ")).collect();
        assert!(errors.len() == 1 && errors[0].starts_with("error: "), "{args:?}: {stderr}");
        assert!(errors[0].contains(part), "{args:?}: {:?} does not name {part:?}", errors[0]);
        assert!(output.stdout.is_empty(), "{args:?}");
        assert_eq!(names(self.files.path()), before, "{args:?}");
    }

    /// The library's result of the same run.
    fn expected(&self, a: &[u32], b: Option<&[u32]>, edits: &Edits) -> Values {
        let mut cpu = Cpu::new();
        let model = self.model.weights.upload(&mut cpu);
        let hooks = Hook::all(2).into_iter().collect();
        let outcome = run_model(&mut cpu, &model, &self.request(a, b, edits, &hooks)).unwrap();
        now_or_never(outcome.read(&mut cpu)).unwrap()
    }

    fn request<'a>(
        &'a self,
        a: &'a [u32],
        b: Option<&'a [u32]>,
        edits: &'a Edits,
        hooks: &'a BTreeSet<Hook>,
    ) -> Request<'a> {
        let plain = Request::new(a, edits, &self.model.means);
        Request { source: b, circuit: Some(&self.circuit), logits_at: LogitsAt::Every, hooks, ..plain }
    }

    fn tensors(&self, name: &str) -> BTreeMap<String, (Vec<usize>, Vec<f32>)> {
        tensors(&fs::read(self.path(name)).unwrap())
    }
}

/// All bytes, the candidates of a task, the end of text: `encoder.json` and `vocab.bpe`.
fn published_tokenizer() -> [Vec<u8>; 2] {
    let mut alphabet: Vec<char> =
        (0x21..=0x7eu32).chain(0xa1..=0xac).chain(0xae..=0xff).filter_map(char::from_u32).collect();
    alphabet.extend((0x100u32..).take(256 - alphabet.len()).filter_map(char::from_u32));
    let mut vocabulary: Vec<String> = alphabet.iter().map(char::to_string).collect();
    vocabulary.extend(["')", "\")", "<|endoftext|>"].map(String::from));
    let ids: BTreeMap<&String, usize> = vocabulary.iter().enumerate().map(|(id, token)| (token, id)).collect();
    [json!(ids).to_string().into_bytes(), b"#version: 0.2\n' )\n\" )\n".to_vec()]
}

fn tokenizer() -> Tokenizer {
    let [encoder, merges] = published_tokenizer();
    Tokenizer::from_encoder_and_merges(&encoder, &merges).unwrap()
}

fn node(name: &str) -> Node {
    name.parse().unwrap()
}

fn edge(name: &str) -> EdgeId {
    name.parse().unwrap()
}

fn names(folder: &Path) -> Vec<PathBuf> {
    let mut names: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    names
}

fn tensors(bytes: &[u8]) -> BTreeMap<String, (Vec<usize>, Vec<f32>)> {
    let file = SafeTensors::deserialize(bytes).unwrap();
    let numbers = |data: &[u8]| data.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
    file.tensors().into_iter().map(|(name, view)| (name, (view.shape().to_vec(), numbers(view.data())))).collect()
}

const MODEL: [&str; 2] = ["--model", "model.safetensors"];

fn args<'a>(parts: &[&[&'a str]]) -> Vec<&'a str> {
    parts.concat()
}

/// Writes a dense model and a bridge to it into the model's folder.
fn bridge(folder: &Folder) -> (ModelFile, Bridge) {
    let config = Config { d_model: 12, afrac: None, enable_bigram_table: false, ..folder.model.weights.config.clone() };
    let dense =
        ModelFile { weights: random::weights(&config, 1.0, 8), means: BTreeMap::new(), provenance: Value::Null };
    let random = &mut Random::new(5);
    let mut linear = |rows: usize, cols: usize| Linear {
        weight: WeightMatrix::Dense(random.matrix(rows, cols, 0.9, 1.0)),
        bias: Some(random.vector(rows, 0.0, 0.3)),
    };
    let site = |_| BridgeSite { encoder: linear(10, 12), decoder: linear(12, 10), rms_ratio: 1.5 };
    let bridge = Bridge {
        sites: (0..5).map(site).collect(),
        kept: 5,
        channels: [(TASK.to_string(), node("1.attn.act_in.2"))].into(),
    };
    let file = BridgeFile {
        bridge: bridge.clone(),
        models: [&folder.model, &dense].map(|file| model_file::fingerprint(&file.weights)),
        provenance: Value::Null,
    };
    fs::write(folder.path("dense.safetensors"), model_file::write(&dense, Precision::Lossless).unwrap()).unwrap();
    fs::write(folder.path("bridge.safetensors"), bridge_file::write(&file, Precision::Lossless).unwrap()).unwrap();
    (dense, bridge)
}

const STEER: &[&str] =
    &["steer", "--sparse", "model.safetensors", "--dense", "dense.safetensors", "--bridge", "bridge.safetensors"];
