//! `predict`: the numbers of the page.

use super::{Folder, MODEL, OTHER, PROMPT, TASK, args, edge, node};
use serde_json::{Value, json};
use sparse_circuits::backend::cpu::Cpu;
use sparse_circuits::backend::now_or_never;
use sparse_circuits::circuit::{Edits, Mode, predict};
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
