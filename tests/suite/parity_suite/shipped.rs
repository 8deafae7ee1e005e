//! What the page ships, compiled into the test so that a browser can run it too.

use sparse_circuits::circuit::Circuit;
use sparse_circuits::format::{ModelFile, circuit_file, model_file};

macro_rules! files {
    ($($name:literal,)*) => {
        &[$(($name, include_bytes!(concat!("../../../models/", $name)).as_slice()),)*]
    };
}

/// A file that the manifest names and that is not here is missed below.
const FILES: &[(&str, &[u8])] = files![
    "manifest.json",
    "default.safetensors",
    "bridged.safetensors",
    "circuits/bracket_brace.json",
    "circuits/bracket_counting.json",
    "circuits/bridged/bracket_brace.json",
    "circuits/bridged/if_equals.json",
    "circuits/bridged/single_double_quote.json",
    "circuits/if_equals.json",
    "circuits/set_or_string_fixedvarname.json",
    "circuits/single_double_quote.json",
];

/// A task as the page offers it.
pub struct Task {
    pub circuit: Circuit,
    pub candidates: [u32; 2],
    pub presets: Vec<[Vec<u32>; 2]>,
}

/// Every shipped model with its tasks.
pub fn shipped() -> Vec<(ModelFile, Vec<Task>)> {
    let read =
        |name: &str| FILES.iter().find(|file| file.0 == name).unwrap_or_else(|| panic!("{name} is not in FILES")).1;
    let manifest: serde_json::Value = serde_json::from_slice(read("manifest.json")).expect("a manifest");
    let list = |value: &serde_json::Value| value.as_array().expect("a list").clone();
    let id = |value: &serde_json::Value| value.as_u64().expect("a token id") as u32;
    let prompt = |p: &serde_json::Value| list(&p["tokens"]).iter().map(|t| id(&t["id"])).collect::<Vec<u32>>();
    let task = |task: &serde_json::Value| Task {
        circuit: circuit_file::read(read(task["circuit"].as_str().expect("a file"))).expect("a circuit").circuit,
        candidates: [0, 1].map(|i| id(&task["candidateIds"][i])),
        presets: list(&task["presets"]).iter().map(|p| [prompt(&p["a"]), prompt(&p["b"])]).collect(),
    };
    list(&manifest["models"])
        .iter()
        .map(|model| {
            let file = model_file::read(read(model["file"].as_str().expect("a file"))).expect("a model");
            (file, list(&model["tasks"]).iter().map(task).collect())
        })
        .collect()
}
