//! `predict`: the numbers of the page.

use super::{Folder, MODEL, OTHER, PROMPT, TASK, args, edge, node};
use serde_json::{Value, json};
use sparse_circuits::backend::cpu::Cpu;
use sparse_circuits::backend::now_or_never;
use sparse_circuits::circuit::{Calibration, Edits, Mode, Nested, predict};
use std::collections::BTreeSet;

#[test]
fn predict_prints_the_numbers_of_the_page() {
    let folder = Folder::new();
    let (a, b) = (folder.tokenizer.encode(PROMPT), folder.tokenizer.encode(OTHER));
    let circuit = ["--circuit", "circuit.json"];
    let cases: Vec<(Vec<&str>, Edits)> = vec![
        (vec![], Edits::default()),
        (vec!["--set", "0.attn.k.1=2"], Edits { set: [(node("0.attn.k.1"), 2.0)].into(), ..Edits::default() }),
        // the task names the candidates
        (
            vec!["--off-edge", "1.mlp.resid_delta.2:logit.0"],
            Edits { off_edges: [edge("1.mlp.resid_delta.2:logit.0")].into(), ..Edits::default() },
        ),
        (args(&[&circuit, &["--mode", "circuit"]]), Edits { mode: Mode::Circuit, ..Edits::default() }),
        // Without --from, the task's rule makes the counterfactual.
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
        let mut run = |edits: &Edits| {
            let request = folder.request(&a, Some(&b), edits, &none);
            now_or_never(predict(&mut cpu, &model, &request, folder.circuit.candidate_ids)).unwrap().0
        };
        let want = run(&edits);
        let full = run(&Edits::default()).p;
        // every node at its mean
        let off = folder.circuit.nodes.clone();
        let baseline = run(&Edits { mode: Mode::Circuit, off, ..Edits::default() }).p;
        let baseline = options.contains(&"--circuit").then_some(baseline);
        let top: Vec<(String, f64)> = want.top.iter().map(|&(id, p)| (folder.tokenizer.token_text(id), p)).collect();
        let wanted = json!({
            "candidates": ["')", "\")"], "p": want.p, "score": want.score, "full": full, "baseline": baseline,
            "answer": 0, "top": top,
        });
        assert_eq!(printed, wanted, "{options:?}");
        assert!((1.0 / (1.0 + (-want.score).exp()) - want.p[0]).abs() < 1e-12);
        assert!((want.p[0] + want.p[1] - 1.0).abs() < 1e-9 && want.top.len() == 5);
    }
    let text = folder.ok(&args(&[&["predict"], &MODEL, &["--task", TASK, "--prompt", PROMPT]]));
    assert_eq!(text.lines().count(), 9, "{text}");
}

#[test]
fn a_nested_circuit_runs_with_its_own_nodes_and_calibration() {
    let folder = Folder::new();
    let mut circuit = folder.circuit.clone();
    circuit.nested = (0..)
        .zip(&folder.circuit.nodes)
        .map(|(edges, &adds)| Nested {
            adds,
            edges,
            loss: 0.5,
            calibration: Calibration { scale: 1.0, shift: edges as f32, std: 1.0 },
        })
        .collect();
    folder.write_circuit("nested.json", &circuit);
    folder.write_circuit("three.json", &circuit.of_size(3).unwrap());
    let printed = |more: &[&str]| -> String {
        let task = ["--task", TASK, "--prompt", PROMPT, "--mode", "circuit", "--json"];
        folder.ok(&args(&[&["predict"], &MODEL, &task, more]))
    };
    let three = printed(&["--circuit", "three.json"]);
    assert_eq!(printed(&["--circuit", "nested.json", "--size", "3"]), three);
    assert_ne!(printed(&["--circuit", "nested.json"]), three);
    let call =
        args(&[&["predict"], &MODEL, &["--task", TASK, "--prompt", PROMPT, "--circuit", "nested.json", "--size", "6"]]);
    folder.rejected(&call, "1 to 5 nodes");
}

#[test]
fn candidates_of_a_text_are_used() {
    let folder = Folder::new();
    let shipped = ["--model", concat!(env!("CARGO_MANIFEST_DIR"), "/models/default.safetensors")];
    let predicted = |task: &str, prompt: &str| -> Value {
        let call = args(&[&["predict"], &shipped, &["--task", task, "--prompt", prompt, "--json"]]);
        serde_json::from_str(&folder.ok(&call)).unwrap()
    };
    for (prompt, candidates, answer) in [
        ("x = 1\ny = 2\ny, x =", json!([" x", " y"]), json!(0)),
        ("a = 1\nb = 2\na, b =", json!([" a", " b"]), json!(1)),
        // The task's own example, where the text names none.
        ("x = 1\n", json!([" x", " y"]), Value::Null),
    ] {
        let printed = predicted("var_swap", prompt);
        assert_eq!((&printed["candidates"], &printed["answer"]), (&candidates, &answer), "{prompt:?}");
    }
    let class = "class A:\n    def __init__(self, key, data):\n        self.data =";
    assert_eq!(predicted("class_init", class)["candidates"], json!([" key", " data"]));
    folder.rejected(&args(&[&["predict"], &MODEL, &["--task", "var_swap", "--prompt", "a = b = 1\na, b ="]]), "\" a\"");

    let listed = folder.ok(&["tasks", "--json", "--task", "class_init", "--count", "20"]);
    let pairs: Vec<Value> = listed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for pair in &pairs {
        let last = |prompt: &Value| prompt.as_str().unwrap().rsplit("self.").next().unwrap().replace(" =", "");
        assert_eq!(pair["candidates"], json!([&pair["a"], &pair["b"]].map(|prompt| format!(" {}", last(prompt)))));
    }
    assert!(
        pairs.iter().any(|pair| pair["candidates"] != pairs[0]["candidates"]),
        "pairs have candidates of their own"
    );
}
