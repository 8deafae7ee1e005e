//! `evaluate`: the full model on its tasks, and the controls of a circuit.

use super::{Folder, MODEL, TASK, args};
use serde_json::{Value, json};
use sparse_circuits::backend::cpu::Cpu;
use sparse_circuits::backend::now_or_never;
use sparse_circuits::circuit::{Edits, predict};
use sparse_circuits::tasks::{Split, TASKS, find};
use std::collections::BTreeSet;

#[test]
fn the_full_model_is_measured_as_predict_says() {
    let folder = Folder::new();
    const PAIRS: usize = 5;
    let call = |more: &[&str]| folder.ok(&args(&[&["evaluate"], &MODEL, &["--pairs", "5"], more]));
    let printed: Value = serde_json::from_str(&call(&["--task", TASK, "--json"])).unwrap();
    assert_eq!(printed.as_array().unwrap().len(), 1);

    let mut cpu = Cpu::new();
    let model = folder.model.weights.upload(&mut cpu);
    let mut scores = |prompts: Vec<(String, usize)>| {
        let (mut loss, mut right) = (0.0, 0.0);
        let count = prompts.len() as f64;
        for (prompt, wanted) in prompts {
            let mut tokens = folder.tokenizer.encode(&prompt);
            // The model reads the end of a longer text.
            let tokens = tokens.split_off(tokens.len().saturating_sub(folder.model.weights.config.block_size));
            let (edits, none) = (Edits::default(), BTreeSet::new());
            let request = folder.request(&tokens, None, &edits, &none);
            let p = now_or_never(predict(&mut cpu, &model, &request, folder.circuit.candidate_ids)).unwrap().0.p;
            loss -= p[wanted].ln() / count;
            right += f64::from(p[wanted] > 0.5) / count;
        }
        (loss, right)
    };
    let task = find(TASK).unwrap();
    let pairs = task.pairs(Split::Test, PAIRS).into_iter().flat_map(|pair| [(pair.a, 0), (pair.b, 1)]).collect();
    let by_hand = task.handwritten().into_iter().map(|one| (one.prompt, one.wanted)).collect();
    for (row, (loss, accuracy)) in
        [(&printed[0]["full"], scores(pairs)), (&printed[0]["handwritten"]["full"], scores(by_hand))]
    {
        assert!((row["loss"].as_f64().unwrap() - loss).abs() < 1e-4, "{row} {loss}");
        assert!((row["accuracy"].as_f64().unwrap() - accuracy).abs() < 1e-9, "{row} {accuracy}");
    }

    // Without --task all tasks, also those whose candidates are not tokens of this tokenizer.
    let all: Value = serde_json::from_str(&call(&["--json"])).unwrap();
    let names: Vec<&Value> = all.as_array().unwrap().iter().map(|row| &row["task"]).collect();
    assert_eq!(json!(names), json!(TASKS.iter().map(|task| task.name).collect::<Vec<_>>()));
    assert_eq!(all.as_array().unwrap().iter().find(|row| row["task"] == TASK), Some(&printed[0]));
    let without = all.as_array().unwrap().iter().find(|row| row["error"].is_string()).expect("a task without tokens");
    folder.rejected(&args(&[&["evaluate"], &MODEL, &["--task", without["task"].as_str().unwrap()]]), "token");
    assert_eq!(call(&[]).lines().count(), TASKS.len());
}

#[test]
fn controls_read_the_circuit_in_other_ways() {
    let folder = Folder::new();
    let call = |more: &[&str]| -> Value {
        let circuit = ["--circuit", "circuit.json", "--pairs", "4", "--json"];
        serde_json::from_str(&folder.ok(&args(&[&["evaluate"], &MODEL, &circuit, more]))).unwrap()
    };
    let (plain, with) = (call(&[]), call(&["--controls"]));
    assert!(plain["controls"].is_null());
    let readings = &with["controls"]["readings"];
    assert_eq!(readings["calibrated"], plain["circuit"]);
    assert!(readings["best_threshold"].as_f64().unwrap() >= readings["raw"]["accuracy"].as_f64().unwrap());
    let subsets = with["controls"]["random_subsets"].as_array().unwrap();
    assert_eq!(subsets.iter().map(|one| one["share"].as_f64().unwrap()).collect::<Vec<_>>(), [0.25, 0.5, 0.75]);
    for one in subsets {
        for measure in ["area_under_curve", "accuracy"] {
            let [mean, worst] = ["mean", "worst"].map(|which| one[measure][which].as_f64().unwrap());
            assert!((0.0..=1.0).contains(&worst) && worst <= mean && mean <= 1.0, "{one}");
        }
    }
    assert_eq!(call(&["--controls"]), with);
    folder.rejected(&args(&[&["evaluate"], &MODEL, &["--controls"]]), "--circuit");
}

#[test]
fn real_code_gives_prompts_whose_answer_the_rule_knows() {
    let folder = Folder::new();
    let end = folder.tokenizer.end_of_text().unwrap();
    let documents = |lines: fn(usize) -> String| -> Vec<u8> {
        let ids = (0..8).flat_map(|i| folder.tokenizer.encode(&lines(i)).into_iter().chain([end]));
        ids.flat_map(|id| (id as u16).to_le_bytes()).collect()
    };
    std::fs::create_dir(folder.path("corpus")).unwrap();
    let write = |bytes: Vec<u8>| std::fs::write(folder.path("corpus/real.valid.bin"), bytes).unwrap();
    let call = |more: &[&str]| -> Value {
        let natural = ["--natural", "corpus", "--json"];
        serde_json::from_str(&folder.ok(&args(&[&["evaluate"], &MODEL, &natural, more]))).unwrap()
    };
    write(documents(|i| format!("n = {i}\nprint('a{i}')\nprint(\"b{i}\")\n")));
    let full = call(&["--task", TASK, "--pairs", "50"]);
    let prompts = full[0]["natural"]["prompts"].as_u64().unwrap();
    assert!(prompts > 0 && prompts % 2 == 0 && prompts <= 16, "{full}");
    let circuit = call(&["--circuit", "circuit.json", "--pairs", "50"]);
    assert_eq!(circuit["natural"]["prompts"], prompts);
    assert_eq!(circuit["natural"]["full"], full[0]["natural"]["full"]);
    assert_eq!(call(&["--task", TASK, "--pairs", "1"])[0]["natural"]["prompts"], 2);

    // As many for the one candidate as for the other: none, where one does not occur.
    write(documents(|i| format!("n = {i}\nprint('a{i}')\n")));
    assert!(call(&["--task", TASK])[0]["natural"].is_null());
    let circuit = args(&[&["evaluate"], &MODEL, &["--circuit", "circuit.json", "--natural"]]);
    folder.rejected(&args(&[&circuit, &["corpus"]]), TASK);
    folder.rejected(&args(&[&circuit, &["nowhere"]]), "nowhere");
}
