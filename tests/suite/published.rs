//! The published folder `models/` agrees with the engine.

use serde_json::{Value, json};
use sparse_circuits::backend::cpu::Cpu;
use sparse_circuits::backend::now_or_never;
use sparse_circuits::circuit::explain::{
    References, Subject, View, ViewRequest, circuit_info, inactive_nodes, model_info, view,
};
use sparse_circuits::circuit::{Circuit, Edits, Mode, Target};
use sparse_circuits::format::{ModelFile, circuit_file, model_file};
use sparse_circuits::model::Node;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("models")
}

fn json_of(name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(folder().join(name)).unwrap()).unwrap()
}

fn load(model: &Value, task: &Value) -> (ModelFile, Circuit) {
    let read = |name: &Value| std::fs::read(folder().join(name.as_str().unwrap())).unwrap();
    let circuit = circuit_file::read(&read(&task["circuit"])).unwrap().circuit;
    (model_file::read(&read(&model["file"])).unwrap(), circuit)
}

/// A mode without edits, on the first preset of a task: A with B as the counterfactual, or B with A.
fn first_preset(
    file: &ModelFile,
    circuit: &Circuit,
    task: &Value,
    prompts: [&str; 2],
    mode: Mode,
    node: Option<Node>,
) -> View {
    let tokens = |prompt: &str| -> Vec<u32> {
        let tokens = task["presets"][0][prompt]["tokens"].as_array().unwrap();
        tokens.iter().map(|token| token["id"].as_u64().unwrap() as u32).collect()
    };
    let mut cpu = Cpu::new();
    let model = file.weights.upload(&mut cpu);
    let subject = Subject { model: &model, weights: &file.weights, means: &file.means, circuit };
    let request = ViewRequest {
        task: circuit.task.clone(),
        a: tokens(prompts[0]),
        b: Some(tokens(prompts[1])),
        edits: Edits { mode, ..Edits::default() },
        target: node.map(Target::Node),
        token: None,
        head: None,
    };
    now_or_never(view(&mut cpu, subject, &request, &mut References::default())).unwrap()
}

#[test]
fn inactive_nodes_are_those_of_the_first_preset() {
    let mut listed = 0;
    for model in json_of("manifest.json")["models"].as_array().unwrap() {
        for task in model["tasks"].as_array().unwrap() {
            let (file, circuit) = load(model, task);
            let views = [["a", "b"], ["b", "a"]]
                .map(|prompts| first_preset(&file, &circuit, task, prompts, Mode::Circuit, None));
            let inactive = inactive_nodes(&circuit, [&views[0], &views[1]]);
            listed += inactive.len();
            assert_eq!(task["inactive"], json!(inactive), "{} of {}", task["name"], model["file"]);
        }
    }
    assert!(listed > 0, "no circuit has an inactive node");
}

#[test]
fn the_placeholder_is_the_first_screen() {
    let (manifest, poster) = (json_of("manifest.json"), json_of("poster.json"));
    let model = &manifest["models"][0];
    let task = &model["tasks"][0];
    let (file, circuit) = load(model, task);
    let start = task["start"].as_str().unwrap().parse().unwrap();
    let view = first_preset(&file, &circuit, task, ["a", "b"], Mode::Full, Some(start));
    let mut wanted = json!({
        "task": task["name"], "model": model_info(&file.weights),
        "circuit": circuit_info(&file.weights, &file.means, &circuit).unwrap(), "view": view,
    });
    wanted["model"]["file"] = model["file"].clone();
    // the engine alone knows no vocabulary
    for (token, known) in
        wanted["view"]["top"].as_array_mut().unwrap().iter_mut().zip(poster["view"]["top"].as_array().unwrap())
    {
        token["text"] = known["text"].clone();
    }
    assert_near(&poster, &wanted, "poster");
}

/// Equal up to the digits that the placeholder rounds away.
fn assert_near(got: &Value, want: &Value, at: &str) {
    match (got, want) {
        (Value::Number(got), Value::Number(want)) => {
            let (got, want) = (got.as_f64().unwrap(), want.as_f64().unwrap());
            assert!((got - want).abs() <= 1e-5 * want.abs().max(1e-2), "{at}: {got}, not {want}");
        }
        (Value::Array(got), Value::Array(want)) => {
            assert_eq!(got.len(), want.len(), "{at}");
            got.iter().zip(want).enumerate().for_each(|(i, (got, want))| assert_near(got, want, &format!("{at}[{i}]")));
        }
        (Value::Object(got), Value::Object(want)) => {
            assert_eq!(got.keys().collect::<Vec<_>>(), want.keys().collect::<Vec<_>>(), "{at}");
            got.iter().for_each(|(key, got)| assert_near(got, &want[key], &format!("{at}.{key}")));
        }
        _ => assert_eq!(got, want, "{at}"),
    }
}

#[test]
fn presets_show_both_answers_by_the_tasks_rule() {
    for model in json_of("manifest.json")["models"].as_array().unwrap() {
        for listed in model["tasks"].as_array().unwrap() {
            let task = sparse_circuits::tasks::find(listed["name"].as_str().unwrap()).unwrap();
            let presets = listed["presets"].as_array().unwrap();
            let failing = presets.iter().filter(|preset| preset["fails"] == true).count();
            assert!(failing <= 1 && (failing == 0 || presets.last().unwrap()["fails"] == true), "{}", task.name);
            let answers: Vec<u64> = presets.iter().map(|preset| preset["answer"].as_u64().unwrap()).collect();
            assert_eq!(answers[..6], [0, 1, 0, 1, 0, 1], "{}", task.name);
            for (preset, answer) in presets.iter().zip(answers) {
                let text = |key: &str| preset[key]["text"].as_str().unwrap();
                assert_eq!(task.answer(text("a")), Some(answer as usize), "{}: {preset}", task.name);
                assert_eq!(task.answer(text("b")), Some(1 - answer as usize), "{}: {preset}", task.name);
                assert_eq!(task.counterfactual(text("a")).as_deref(), Ok(text("b")), "{}", task.name);
            }
        }
    }
}

#[test]
fn shipped_circuits_have_their_accuracy_on_handwritten_prompts() {
    for model in json_of("manifest.json")["models"].as_array().unwrap() {
        for task in model["tasks"].as_array().unwrap() {
            let (file, circuit) = load(model, task);
            let measured = circuit_info(&file.weights, &file.means, &circuit).unwrap().handwritten.unwrap();
            assert!(measured.full > 0.8 && measured.circuit > 0.5, "{}: {measured:?}", task["name"]);
        }
    }
}
