//! The command line as a user meets it: the built program on small files, good and bad.

use crate::reference::random::{self, Random};
use safetensors::SafeTensors;
use serde_json::{Value, json};
use sparse_circuits::backend::cpu::Cpu;
use sparse_circuits::backend::now_or_never;
use sparse_circuits::bridge::steer::{probabilities, steered_logits, steering_vectors};
use sparse_circuits::bridge::{Bridge, BridgeSite};
use sparse_circuits::circuit::{Calibration, Circuit, Edits, Mode, Request, Values, predict, run};
use sparse_circuits::format::circuit_file::{self, CircuitFile};
use sparse_circuits::format::{BridgeFile, ModelFile, Precision, bridge_file, model_file};
use sparse_circuits::model::{Config, Generator, Hook, Linear, LogitsAt, Node, Sampler};
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
        // It is not to end its documents at once.
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

    /// Status 2, one line on stderr that names `part` (an option, a file, a node, a value), nothing on stdout, and no file more or less than before.
    fn refused(&self, args: &[&str], part: &str) {
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

    /// What the library gives for the same run.
    fn expected(&self, a: &[u32], b: Option<&[u32]>, edits: &Edits) -> Values {
        let mut cpu = Cpu::new();
        let model = self.model.weights.upload(&mut cpu);
        let hooks = Hook::all(2).into_iter().collect();
        let outcome = run(&mut cpu, &model, &self.request(a, b, edits, &hooks)).unwrap();
        now_or_never(outcome.read(&mut cpu)).unwrap()
    }

    fn request<'a>(
        &'a self,
        a: &'a [u32],
        b: Option<&'a [u32]>,
        edits: &'a Edits,
        hooks: &'a BTreeSet<Hook>,
    ) -> Request<'a> {
        static NONE: BTreeSet<Hook> = BTreeSet::new();
        Request {
            tokens: a,
            source: b,
            edits,
            circuit: Some(&self.circuit),
            means: &self.model.means,
            logits_at: LogitsAt::Every,
            hooks,
            computed: &NONE,
        }
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

#[test]
fn run_writes_logits_and_hooks_under_their_names() {
    let folder = Folder::new();
    let hooks = Hook::all(2).iter().map(Hook::to_string).collect::<Vec<_>>();
    let mut call = args(&[&["run"], &MODEL, &["--tokens", "1,2,3,258,5", "--out", "out.safetensors"]]);
    call.extend(hooks.iter().flat_map(|hook| ["--hook", hook.as_str()]));
    folder.ok(&call);
    let written = folder.tensors("out.safetensors");
    let want = folder.expected(&[1, 2, 3, 258, 5], None, &Edits::default());
    assert_eq!(written.len(), hooks.len() + 1);
    for (hook, values) in &want.values {
        let (shape, data) = &written[&hook.to_string()];
        assert_eq!(shape, &[5, values.channels()]);
        assert_eq!(data, &values.to_rows()[..5 * values.channels()], "{hook}");
    }
    assert_eq!(written["logits"].0, [5, folder.tokenizer.vocab_size()]);
}

#[test]
fn every_option_that_changes_a_run_does_what_the_library_does() {
    let folder = Folder::new();
    let (a, b) = (folder.tokenizer.encode(PROMPT), folder.tokenizer.encode(OTHER));
    let one = |name: &str| BTreeSet::from([node(name)]);
    let from = ["--from", OTHER];
    let circuit = ["--circuit", "circuit.json"];
    let cases: Vec<(Vec<&str>, Edits)> = vec![
        (vec![], Edits::default()),
        (vec!["--off", "0.attn.q.5"], Edits { off: one("0.attn.q.5"), ..Edits::default() }),
        (
            vec!["--off", "1.resid_mid.3", "--off", "final_resid.0"],
            Edits { off: [node("1.resid_mid.3"), node("final_resid.0")].into(), ..Edits::default() },
        ),
        (
            vec!["--set", "0.mlp.post_act.3=-1.5"],
            Edits { set: [(node("0.mlp.post_act.3"), -1.5)].into(), ..Edits::default() },
        ),
        (vec!["--scale", "1.attn.y.2=3e0"], Edits { scale: [(node("1.attn.y.2"), 3.0)].into(), ..Edits::default() }),
        (args(&[&["--patch", "0.attn.v.2"], &from]), Edits { patch: one("0.attn.v.2"), ..Edits::default() }),
        (args(&[&["--flip"], &from, &circuit]), Edits { flip: true, ..Edits::default() }),
        (args(&[&["--mode", "circuit"], &circuit]), Edits { mode: Mode::Circuit, ..Edits::default() }),
        (
            args(&[&["--mode", "removed", "--off", "0.attn.k.1"], &circuit]),
            Edits { mode: Mode::Removed, off: one("0.attn.k.1"), ..Edits::default() },
        ),
    ];
    let mut seen: Vec<Vec<f32>> = Vec::new();
    for (options, edits) in cases {
        let prompt = ["--prompt", PROMPT, "--hook", "1.mlp.post_act", "--out", "out.safetensors"];
        folder.ok(&args(&[&["run"], &MODEL, &prompt, &options]));
        let written = folder.tensors("out.safetensors");
        let want = folder.expected(&a, Some(&b), &edits);
        let vocab = want.logits.channels();
        assert_eq!(written["logits"].1, want.logits.to_rows()[..a.len() * vocab], "{options:?}");
        let hook = &want.values[&"1.mlp.post_act".parse().unwrap()];
        assert_eq!(written["1.mlp.post_act"].1, hook.to_rows()[..a.len() * hook.channels()], "{options:?}");
        assert!(!seen.contains(&written["logits"].1), "{options:?} changes nothing");
        seen.push(written["logits"].1.clone());
    }
}

#[test]
fn run_reads_a_checkpoint_folder_and_agrees_with_its_reference_vectors() {
    let folder = Folder::new();
    let case = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle/p02_rms_sink_bigram_full");
    let expected: Value = serde_json::from_slice(&fs::read(case.join("expected.json")).unwrap()).unwrap();
    let vectors = tensors(&fs::read(case.join("expected.safetensors")).unwrap());
    let tokens = |id: &str| {
        let sequences = expected["sequences"].as_array().unwrap();
        let sequence = sequences.iter().find(|sequence| sequence["id"] == id).unwrap();
        sequence["tokens"].as_array().unwrap().iter().map(Value::to_string).collect::<Vec<_>>().join(",")
    };
    let check = |id: &str, sequence: &str, options: &[String]| {
        let (model, tokens) = (case.to_str().unwrap(), tokens(sequence));
        let mut call =
            vec!["run", "--model", model, "--tokens", &tokens, "--hook", "final_resid", "--out", "out.safetensors"];
        call.extend(options.iter().map(String::as_str));
        folder.ok(&call);
        let written = folder.tensors("out.safetensors");
        for (name, mine) in [("logits", "logits"), ("act.final_resid", "final_resid")] {
            let (want, got) = (&vectors[&format!("{id}.{name}")], &written[mine]);
            assert_eq!(want.0, got.0);
            let largest = want.1.iter().fold(1f32, |largest, x| largest.max(x.abs()));
            let error = want.1.iter().zip(&got.1).map(|(x, y)| (x - y).abs()).fold(0.0, f32::max);
            assert!(error <= 1e-5 * largest, "{id}.{name}: {error} of {largest}");
        }
    };
    for id in ["s1", "s7a", "s7b", "full"] {
        check(id, id, &[]);
    }
    let mut checked = 0;
    for intervention in expected["interventions"].as_array().unwrap() {
        let edits = intervention["edits"].as_array().unwrap();
        // The command line changes nodes at every token.
        if edits.iter().any(|edit| !edit["positions"].is_null()) {
            continue;
        }
        let mut options = Vec::new();
        for edit in edits {
            for (i, channel) in edit["channels"].as_array().unwrap().iter().enumerate() {
                let (option, number) = match edit["op"].as_str().unwrap() {
                    "zero" => ("--set", json!(0)),
                    "set" => ("--set", edit["values"][i].clone()),
                    "scale" => ("--scale", edit["factor"].clone()),
                    other => panic!("unknown op {other}"),
                };
                options.push(option.to_string());
                options.push(format!("{}.{channel}={number}", edit["hook"].as_str().unwrap()));
            }
        }
        check(intervention["id"].as_str().unwrap(), intervention["seq"].as_str().unwrap(), &options);
        checked += 1;
    }
    assert!(checked >= 4);
}

#[test]
fn predict_prints_the_numbers_of_the_page() {
    let folder = Folder::new();
    let (a, b) = (folder.tokenizer.encode(PROMPT), folder.tokenizer.encode(OTHER));
    let circuit = ["--circuit", "circuit.json"];
    let cases: Vec<(Vec<&str>, Edits)> = vec![
        (vec![], Edits::default()),
        (vec!["--set", "0.attn.k.1=2"], Edits { set: [(node("0.attn.k.1"), 2.0)].into(), ..Edits::default() }),
        (args(&[&circuit, &["--mode", "circuit"]]), Edits { mode: Mode::Circuit, ..Edits::default() }),
        // Without --from the task's own rule swaps the quote.
        (
            args(&[&circuit, &["--mode", "circuit", "--flip"]]),
            Edits { mode: Mode::Circuit, flip: true, ..Edits::default() },
        ),
        (
            args(&[&circuit, &["--mode", "removed", "--patch", "0.attn.v.1", "--from", OTHER]]),
            Edits { mode: Mode::Removed, patch: [node("0.attn.v.1")].into(), ..Edits::default() },
        ),
    ];
    for (options, edits) in cases {
        let call = args(&[&["predict"], &MODEL, &["--task", TASK, "--prompt", PROMPT, "--json"], &options]);
        let printed: Value = serde_json::from_str(&folder.ok(&call)).unwrap();
        let mut cpu = Cpu::new();
        let model = folder.model.weights.upload(&mut cpu);
        let none = BTreeSet::new();
        let request = folder.request(&a, Some(&b), &edits, &none);
        let (want, _) = now_or_never(predict(&mut cpu, &model, &request, folder.circuit.candidate_ids)).unwrap();
        let top: Vec<(String, f64)> = want.top.iter().map(|&(id, p)| (folder.tokenizer.token_text(id), p)).collect();
        assert_eq!(printed, json!({"candidates": ["')", "\")"], "p": want.p, "top": top}), "{options:?}");
        assert!((want.p[0] + want.p[1] - 1.0).abs() < 1e-9 && want.top.len() == 5);
    }
    let text = folder.ok(&args(&[&["predict"], &MODEL, &["--task", TASK, "--prompt", PROMPT]]));
    assert_eq!(text.lines().count(), 8, "{text}");
}

#[test]
fn prompts_that_are_empty_or_too_long_are_explained() {
    let folder = Folder::new();
    let note = |prompt: &str, part: &str| {
        let output = folder.call(&args(&[&["run"], &MODEL, &["--prompt", prompt, "--out", "out.safetensors"]]));
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success() && stderr.starts_with("note: ") && stderr.contains(part), "{stderr}");
        folder.tensors("out.safetensors")["logits"].clone()
    };
    let end = folder.tokenizer.end_of_text().unwrap();
    assert_eq!(
        note("", "empty").1,
        folder.expected(&[end], None, &Edits::default()).logits.to_rows()[..folder.tokenizer.vocab_size()]
    );

    let long: String = ('a'..='z').cycle().take(50).collect();
    let tokens = folder.tokenizer.encode(&long);
    let got = note(&long, "the first 10 are dropped");
    assert_eq!(got.0[0], 40);
    assert_eq!(got.1, folder.expected(&tokens[10..], None, &Edits::default()).logits.to_rows()[..40 * got.0[1]]);

    // Text from anywhere, and text that looks like an option.
    for prompt in ["\u{1f600} \u{5d0}\u{5d1} \u{0}\t\r\n", "--off", "-1", "<|endoftext|>"] {
        if !prompt.contains('\u{0}') {
            folder.ok(&args(&[&["predict"], &MODEL, &["--task", TASK, "--json", "--prompt", prompt]]));
        }
    }
}

#[test]
fn generate_goes_on_as_the_model_predicts() {
    let folder = Folder::new();
    let generate = |more: &[&str]| folder.ok(&args(&[&["generate"], &MODEL, &["--prompt", PROMPT], more]));
    let mut generator = Generator::new(&folder.model.weights);
    let mut sampler = Sampler::new(0.0, 1.0, 0).unwrap();
    let (mut out, mut logits) = (Vec::new(), Vec::new());
    for token in folder.tokenizer.encode(PROMPT) {
        logits = generator.push(token).unwrap();
    }
    while out.len() < 60 {
        let next = sampler.next(&logits);
        if Some(next) == folder.tokenizer.end_of_text() {
            break;
        }
        out.push(next);
        logits = generator.push(next).unwrap();
    }
    assert!(out.len() > 3, "too short to show anything");
    let want = format!("{PROMPT}{}\n", folder.tokenizer.decode(&out));
    assert_eq!(generate(&["--temperature", "0", "--max-new-tokens", "60"]), want);
    assert_eq!(generate(&["--max-new-tokens", "0"]), format!("{PROMPT}\n"));
    let draw =
        |seed: &str| generate(&["--temperature", "1.3", "--top-p", "0.9", "--max-new-tokens", "12", "--seed", seed]);
    assert_eq!(draw("1"), draw("1"));
    assert_ne!(draw("1"), draw("2"));
}

#[test]
fn means_are_those_of_all_tokens() {
    let folder = Folder::new();
    let text: String = "x = [1, 2]\nprint('ab')\n".repeat(5);
    fs::create_dir_all(folder.path("corpus/deeper")).unwrap();
    fs::write(folder.path("corpus/deeper/b.txt"), &text).unwrap();
    fs::write(folder.path("corpus/a.py"), "import os\n").unwrap();
    fs::write(folder.path("corpus/c.md"), "not read").unwrap();
    folder.ok(&args(&[&["means"], &MODEL, &["--corpus", "corpus", "--out", "with.safetensors"]]));
    let made = model_file::read(&fs::read(folder.path("with.safetensors")).unwrap()).unwrap();
    assert_eq!(made.weights, folder.model.weights);

    let end = folder.tokenizer.end_of_text();
    let documents =
        ["import os\n", &text].map(|text| folder.tokenizer.encode(text).into_iter().chain(end).collect::<Vec<u32>>());
    let mut sums: BTreeMap<Hook, Vec<f64>> = BTreeMap::new();
    let mut count = 0;
    for window in documents.iter().flat_map(|tokens| tokens.chunks(40)) {
        count += window.len();
        for (hook, values) in folder.expected(window, None, &Edits::default()).values {
            let sums = sums.entry(hook).or_insert_with(|| vec![0.0; values.channels()]);
            for token in 0..window.len() {
                sums.iter_mut().enumerate().for_each(|(index, sum)| *sum += f64::from(values.get(token, index)));
            }
        }
    }
    assert_eq!(made.provenance["means"], json!({"corpus": "corpus", "tokens": count}));
    assert_eq!(made.means.len(), Hook::all(2).len());
    for (hook, mean) in &made.means {
        for (got, sum) in mean.iter().zip(&sums[hook]) {
            assert!((f64::from(*got) - sum / count as f64).abs() < 1e-5, "{hook}");
        }
    }

    // The same tokens as the corpus command writes them.
    fs::create_dir(folder.path("tokens")).unwrap();
    for (name, tokens) in ["real.train.bin", "real.valid.bin"].iter().zip(&documents) {
        let bytes: Vec<u8> = tokens.iter().flat_map(|&token| (token as u16).to_le_bytes()).collect();
        fs::write(folder.path("tokens").join(name), bytes).unwrap();
    }
    folder.ok(&args(&[&["means"], &MODEL, &["--corpus", "tokens", "--out", "again.safetensors"]]));
    assert_eq!(model_file::read(&fs::read(folder.path("again.safetensors")).unwrap()).unwrap().means, made.means);
}

#[cfg(not(feature = "webgpu"))]
#[test]
fn prune_on_webgpu_is_refused_by_a_build_without_it() {
    let folder = Folder::new();
    let files = ["prune", "--model", "model.safetensors", "--task", TASK, "--out", "out.json", "--backend", "webgpu"];
    folder.refused(&files, "--features webgpu");
}

/// Writes a dense model and a bridge to it beside the folder's model.
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

#[test]
fn steer_prints_what_the_library_gives() {
    let folder = Folder::new();
    let (dense, bridge) = bridge(&folder);
    let mut cpu = Cpu::new();
    let sparse = folder.model.weights.upload(&mut cpu);
    let dense = dense.weights.upload(&mut cpu);
    let [a, b] = [PROMPT, OTHER].map(|text| folder.tokenizer.encode(text));
    let mut expected = |name: &str, strength: f32| -> Vec<f64> {
        let vector =
            now_or_never(steering_vectors(&mut cpu, &sparse, &bridge, [&a, &b], &[node(name)])).unwrap().remove(0);
        let all = [vector.scaled(strength), vector.scaled(strength).random(0)];
        let logits = now_or_never(steered_logits(&mut cpu, &dense, &a, &all, folder.circuit.candidate_ids)).unwrap();
        logits.into_iter().map(|pair| probabilities(pair)[1]).collect()
    };
    // prompt, counterfactual and task may each be left to the rule that connects them
    let ways: [&[&str]; 3] = [
        &["--prompt", PROMPT, "--counterfactual", OTHER],
        &["--prompt", PROMPT, "--task", TASK],
        &["--prompt", PROMPT, "--counterfactual", OTHER, "--task", TASK],
    ];
    let mut values = BTreeSet::new();
    for (way, (name, strength)) in
        ways.iter().zip([("0.mlp.act_in.4", 0.5), ("1.attn.act_in.2", 1.0), ("0.attn.act_in.1", 0.0)])
    {
        let strength_text = strength.to_string();
        let more: &[&str] = &["--node", name, "--strength", &strength_text, "--random", "1", "--json"];
        let got: Value = serde_json::from_str(&folder.ok(&args(&[STEER, way, more]))).unwrap();
        let want = expected(name, strength);
        let p = [got["p"][1].as_f64().unwrap(), got["random"][0][1].as_f64().unwrap()];
        assert!(p.iter().zip(&want).all(|(p, want)| (p - want).abs() < 1e-9), "{got}, want {want:?}");
        assert_eq!(
            (&got["task"], &got["node"], &got["candidates"]),
            (&json!(TASK), &json!(name), &json!(["')", "\")"]))
        );
        if strength == 0.0 {
            assert_eq!(got["p"], got["before"]);
        }
        values.insert(got["p"].to_string());
    }
    assert_eq!(values.len(), 3);
    // the bridge names a channel for the task; a person gets lines
    let got: Value = serde_json::from_str(&folder.ok(&args(&[STEER, ways[1], &["--json"]]))).unwrap();
    assert_eq!(got["node"], "1.attn.act_in.2");
    let text = folder.ok(&args(&[STEER, ways[0], &["--random", "3"]]));
    assert!(text.contains("1.attn.act_in.2 at strength 1") && text.contains("3 random directions"), "{text}");

    let evaluate =
        &["evaluate", "--model", "model.safetensors", "--dense", "dense.safetensors", "--bridge", "bridge.safetensors"];
    let got: Value =
        serde_json::from_str(&folder.ok(&args(&[evaluate, &["--pairs", "4", "--directions", "2", "--json"]]))).unwrap();
    let score = &got["steering"][TASK]["score"];
    assert_eq!((&score["forth"]["prompts"], &score["both"]["prompts"]), (&json!(4), &json!(8)));
    assert_eq!(got["sites"], json!([]));
}

#[test]
fn steering_that_makes_no_sense_is_refused() {
    let folder = Folder::new();
    bridge(&folder);
    let refused = |more: &[&str], part: &str| folder.refused(&args(&[STEER, more]), part);
    let good: &[&str] = &["--prompt", PROMPT, "--task", TASK];
    let with = |more: &[&'static str], part: &str| refused(&args(&[good, more]), part);
    with(&["--node", "1.attn.q.2"], "1.attn.q.2");
    with(&["--node", "1.attn.act_in.99"], "1.attn.act_in.99");
    with(&["--node", "nonsense"], "nonsense");
    with(&["--strength", "1.5"], "--strength");
    with(&["--strength", "NaN"], "--strength");
    with(&["--random", "100000"], "--random");
    refused(&["--prompt", PROMPT], "--task");
    refused(&["--prompt", PROMPT, "--counterfactual", "entirely different"], "--task");
    refused(&["--prompt", "x", "--task", TASK], "counterfactual");
    refused(&["--prompt", "if x", "--task", "if_equals"], "if_equals");
    let swapped: &[&str] =
        &["steer", "--sparse", "dense.safetensors", "--dense", "model.safetensors", "--bridge", "bridge.safetensors"];
    folder.refused(&args(&[swapped, good]), "bridge.safetensors");
    let bad: &[&str] =
        &["steer", "--sparse", "model.safetensors", "--dense", "dense.safetensors", "--bridge", "model.safetensors"];
    folder.refused(&args(&[bad, good]), "model.safetensors");
    folder.refused(&["evaluate", "--model", "model.safetensors"], "--circuit");
}

/// One lookup for every command that reads text: the folder of the model, or what --tokenizer names; either form.
#[test]
fn every_command_finds_either_form_of_the_tokenizer() {
    let folder = Folder::new();
    bridge(&folder);
    fs::write(folder.path("text.txt"), "x = 1\n").unwrap();
    let task = ["--task", TASK];
    let few = ["--pairs", "2", "--steps", "1", "--restarts", "1", "--untrained", "--out", "out"];
    let commands: [Vec<&str>; 7] = [
        args(&[&["evaluate"], &MODEL, &["--circuit", "circuit.json", "--pairs", "2"]]),
        args(&[&["generate"], &MODEL, &["--prompt", PROMPT, "--max-new-tokens", "1"]]),
        args(&[&["means"], &MODEL, &["--corpus", "text.txt", "--out", "out"]]),
        args(&[&["predict"], &MODEL, &["--prompt", PROMPT], &task]),
        args(&[&["prune"], &MODEL, &few, &task]),
        args(&[&["run"], &MODEL, &["--prompt", PROMPT, "--out", "out"]]),
        args(&[STEER, &["--prompt", PROMPT], &task]),
    ];
    let publish = args(&[&["publish"], &MODEL, &["--circuits", ".", "--pairs", "2", "--out", "site"]]);
    let wanted: Vec<String> = commands.iter().map(|command| folder.ok(command)).collect();

    fs::create_dir(folder.path("elsewhere")).unwrap();
    fs::rename(folder.path("tokenizer.json"), folder.path("elsewhere/tokenizer.json")).unwrap();
    for command in commands.iter().chain([&publish]) {
        folder.refused(command, "--tokenizer");
    }
    for named in ["elsewhere/tokenizer.json", "elsewhere"] {
        for (command, wanted) in commands.iter().zip(&wanted) {
            assert_eq!(&folder.ok(&args(&[command, &["--tokenizer", named]])), wanted, "{command:?}");
        }
        folder.refused(&args(&[&publish, &["--tokenizer", named]]), "bracket_counting");
    }
    let [encoder, merges] = published_tokenizer();
    fs::write(folder.path("encoder.json"), encoder).unwrap();
    for command in commands.iter().chain([&publish]) {
        folder.refused(command, "vocab.bpe");
    }
    fs::write(folder.path("vocab.bpe"), merges).unwrap();
    for (command, wanted) in commands.iter().zip(&wanted) {
        assert_eq!(&folder.ok(command), wanted, "{command:?}");
    }
    folder.refused(&publish, "bracket_counting");
}

#[test]
fn bad_arguments_and_files_get_one_line_and_status_2() {
    let folder = Folder::new();
    let run = |options: &[&str], part: &str| {
        folder.refused(&args(&[&["run"], &MODEL, &["--out", "out.safetensors"], options]), part);
    };
    let tokens = ["--tokens", "1,2,3"];
    let with = |options: &[&'static str]| args(&[&tokens, options]);
    run(&[], "--tokens");
    run(&["--tokens", "1,2", "--prompt", "x"], "--prompt");
    run(&["--tokens", ""], "--tokens");
    run(&["--tokens", "1,x"], "--tokens");
    run(&["--tokens", "1,-2"], "--tokens");
    run(&["--tokens", "1,99999999999"], "--tokens");
    run(&["--tokens", "1,9999"], "9999");
    run(&with(&["--hook", "0.mlp"]), "0.mlp");
    run(&with(&["--hook", "2.mlp.post_act"]), "2.mlp.post_act");
    for hostile in [
        "",
        ".",
        "0",
        "0.attn.q",
        "0.attn.q.",
        "0.attn.q.-1",
        "0.attn.q.01",
        "0.attn.q.1.1",
        "0.attn.q.99999999999999999999",
        "../../etc/passwd",
        "0.attn.q.1\u{1b}[31m",
        "00.attn.q.1",
        " 0.attn.q.1",
    ] {
        run(&args(&[&tokens, &["--off", hostile]]), "--off");
        run(&args(&[&tokens, &["--set", &format!("{hostile}=1")]]), "--set");
    }
    run(&with(&["--off", "0.attn.q.6"]), "0.attn.q.6");
    run(&with(&["--patch", "7.attn.q.0", "--from-tokens", "1"]), "7.attn.q.0");
    for number in ["", "nan", "inf", "-inf", "1e39", "one", "1=2"] {
        run(&args(&[&tokens, &["--set", &format!("0.attn.q.1={number}")]]), "--set");
        run(&args(&[&tokens, &["--scale", &format!("0.attn.q.1={number}")]]), "--scale");
    }
    run(&with(&["--set", "0.attn.q.1"]), "--set");
    run(&with(&["--set", "0.attn.q.1=1", "--set", "0.attn.q.1=2"]), "--set");
    run(&with(&["--patch", "0.attn.q.1"]), "--from");
    run(&with(&["--flip", "--from", "x"]), "--circuit");
    run(&with(&["--mode", "circuit"]), "--circuit");
    run(&with(&["--mode", "half"]), "--mode");
    run(&with(&["--circuit", "missing.json"]), "missing.json");
    run(&with(&["--circuit", "tokenizer.json"]), "tokenizer.json");
    run(&["--prompt", "x", "--tokenizer", "missing.json"], "missing.json");
    run(&["--prompt", "x", "--tokenizer", "circuit.json"], "circuit.json");
    folder.refused(&["run", "--model", "missing.safetensors", "--tokens", "1", "--out", "out"], "missing.safetensors");
    folder.refused(&["run", "--model", "tokenizer.json", "--tokens", "1", "--out", "out"], "tokenizer.json");
    folder.refused(&["run", "--model", ".", "--tokens", "1", "--out", "out"], "beeg_config.json");
    folder.refused(&args(&[&["run"], &MODEL, &tokens, &["--out", "no/such/folder/out"]]), "no/such/folder/out");
    folder.refused(&args(&[&["run"], &MODEL, &tokens]), "--out");

    // A circuit for another model, with nodes that this one lacks, without flip nodes.
    let mut other = folder.circuit.clone();
    other.nodes.insert(node("0.attn.q.77"));
    folder.write_circuit("other.json", &other);
    run(&with(&["--circuit", "other.json"]), "0.attn.q.77");
    let text = fs::read_to_string(folder.path("circuit.json")).unwrap();
    fs::write(
        folder.path("foreign.json"),
        text.replace(&model_file::fingerprint(&folder.model.weights), "0123456789abcdef"),
    )
    .unwrap();
    run(&with(&["--circuit", "foreign.json"]), "0123456789abcdef");
    folder.write_circuit("flipless.json", &Circuit { flip_nodes: BTreeSet::new(), ..folder.circuit.clone() });
    run(&with(&["--circuit", "flipless.json", "--flip", "--from", "x"]), "flip");

    // A model without means.
    let bare = ModelFile { means: BTreeMap::new(), ..folder.model.clone() };
    fs::write(folder.path("bare.safetensors"), model_file::write(&bare, Precision::Lossless).unwrap()).unwrap();
    folder.refused(
        &["run", "--model", "bare.safetensors", "--tokens", "1", "--off", "0.attn.q.1", "--out", "out"],
        "sparse-circuits means",
    );

    let predict =
        |options: &[&str], part: &str| folder.refused(&args(&[&["predict"], &MODEL, &["--json"], options]), part);
    predict(&["--task", "nothing", "--prompt", "x"], "single_double_quote");
    predict(&["--task", TASK], "--prompt");
    predict(&["--task", "if_equals", "--prompt", "x"], "if_equals");
    predict(&["--task", TASK, "--prompt", "x = 1", "--flip", "--circuit", "circuit.json"], "--from");
    folder.write_circuit("task.json", &Circuit { task: "if_equals".into(), ..folder.circuit.clone() });
    predict(&["--task", TASK, "--prompt", "x", "--circuit", "task.json"], "if_equals");
    folder.write_circuit("ids.json", &Circuit { candidate_ids: [1, 2], ..folder.circuit.clone() });
    predict(&["--task", TASK, "--prompt", "x", "--circuit", "ids.json"], "--tokenizer");
    predict(
        &["--task", TASK, "--prompt", "x", "--set", "1.attn.resid_delta.1=3e38", "--set", "1.mlp.resid_delta.1=3e38"],
        "non-finite",
    );

    let generate = |options: &[&str], part: &str| {
        folder.refused(&args(&[&["generate"], &MODEL, &["--prompt", "x"], options]), part)
    };
    generate(&["--temperature", "-1"], "temperature");
    generate(&["--temperature", "nan"], "temperature");
    generate(&["--top-p", "0"], "top-p");
    generate(&["--top-p", "1.5"], "top-p");
    generate(&["--max-new-tokens", "-3"], "--max-new-tokens");

    let means = |corpus: &str, part: &str| {
        folder.refused(&args(&[&["means"], &MODEL, &["--corpus", corpus, "--out", "out"]]), part)
    };
    means("missing", "missing");
    fs::create_dir(folder.path("empty")).unwrap();
    means("empty", "empty");
    fs::write(folder.path("odd.bin"), [1, 2, 3]).unwrap();
    means("odd.bin", "odd.bin");
    fs::write(folder.path("beyond.bin"), [0xff, 0xff]).unwrap();
    means("beyond.bin", "65535");
    fs::write(folder.path("bytes.txt"), [0xff, 0xfe]).unwrap();
    means("bytes.txt", "bytes.txt");
}
