//! `steer`, and `evaluate` of a bridge.

use super::{Folder, OTHER, PROMPT, STEER, TASK, args, bridge, node};
use serde_json::{Value, json};
use sparse_circuits::backend::cpu::Cpu;
use sparse_circuits::backend::now_or_never;
use sparse_circuits::bridge::steer::{probabilities, steered_logits, steering_vectors};
use std::collections::BTreeSet;

#[test]
fn steer_prints_the_librarys_numbers() {
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
    // --counterfactual or --task may be left out: the task's rule gives the other one
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
    // the bridge file names a channel for the task; without --json the output is text
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
fn bad_arguments_of_steer_are_rejected() {
    let folder = Folder::new();
    bridge(&folder);
    let rejected = |more: &[&str], part: &str| folder.rejected(&args(&[STEER, more]), part);
    let good: &[&str] = &["--prompt", PROMPT, "--task", TASK];
    let with = |more: &[&'static str], part: &str| rejected(&args(&[good, more]), part);
    with(&["--node", "1.attn.q.2"], "1.attn.q.2");
    with(&["--node", "1.attn.act_in.99"], "1.attn.act_in.99");
    with(&["--node", "nonsense"], "nonsense");
    with(&["--strength", "1.5"], "--strength");
    with(&["--strength", "NaN"], "--strength");
    with(&["--random", "100000"], "--random");
    rejected(&["--prompt", PROMPT], "--task");
    rejected(&["--prompt", PROMPT, "--counterfactual", "entirely different"], "--task");
    rejected(&["--prompt", "x", "--task", TASK], "counterfactual");
    rejected(&["--prompt", "if x", "--task", "if_equals"], "if_equals");
    let swapped: &[&str] =
        &["steer", "--sparse", "dense.safetensors", "--dense", "model.safetensors", "--bridge", "bridge.safetensors"];
    folder.rejected(&args(&[swapped, good]), "bridge.safetensors");
    let bad: &[&str] =
        &["steer", "--sparse", "model.safetensors", "--dense", "dense.safetensors", "--bridge", "model.safetensors"];
    folder.rejected(&args(&[bad, good]), "model.safetensors");
}
