//! Writes a few small valid files for each target to `corpus/TARGET/`, so that the fuzzer starts inside the formats.
//! Run in this folder: `cargo run --release --bin seeds`.

#[allow(dead_code)] // shared with the tests
#[path = "../tests/suite/format_support/archive.rs"]
mod archive;

use archive::{Pickle, entry, torch, zip};
use serde_json::json;
use sparse_circuits::circuit::{Calibration, Circuit, Scores};
use sparse_circuits::bridge::{Bridge, BridgeSite};
use sparse_circuits::format::{BridgeFile, CircuitFile, Precision, bridge_file, checkpoint, circuit_file, model_file};
use sparse_circuits::model::{Config, Hook, Linear};
use sparse_circuits::tensor::{Matrix, WeightMatrix};
use std::fs;

const CONFIG: &str = include_str!("config.json");

fn main() {
    let tensors = tensors();
    let safetensors = safetensors(&tensors);
    let torch_file = state_dict(&tensors);
    let mut model = checkpoint::import(CONFIG, &safetensors).expect("the seed is a checkpoint");
    assert!(checkpoint::import(CONFIG, &torch_file).expect("and so is this").weights == model.weights);

    save("checkpoint", &[safetensors, torch_file.clone()]);
    let viz = fs::read("../tests/oracle/p12_checkpoint_dtypes/final_model.pt").expect("a reference checkpoint");
    let at = viz.windows(8).position(|bytes| bytes == b"data.pkl").expect("its pickle");
    let bytes = &viz[at..];
    let start = bytes.windows(2).position(|bytes| bytes == b"\x80\x02").expect("its start");
    let end = bytes.windows(2).position(|bytes| bytes == b"b.").expect("its end") + 2;
    save(
        "pickle",
        &[
            bytes[start..end].to_vec(),
            Pickle::new().tensor(16, 2, &[2, 3], &[1, 4]).stop(),
            Pickle::new()
                .op(b"}(")
                .text("a")
                .op(b"](K\x01G\x3f\xf0\0\0\0\0\0\0\x88eX\x01\0\0\0b(K\x02M\x03\x04J\x01\x02\x03\x04tu")
                .stop(),
            Pickle::new().op(b"\x95\0\0\0\0\0\0\0\0]\x94(\x8c\x01a\x94N\x89\x8a\x02\x01\x02e").stop(),
        ],
    );
    let tiny = Pickle::new().op(b"}").text("a").tensor(16, 0, &[4], &[1]).op(b"s").stop();
    save("torch_zip", &[torch_file, torch(&tiny, &[0; 64]), zip(&[entry("data.pkl", b"\x80\x02N.")])]);

    let mean = |hook: Hook| (hook, vec![0.5; hook.width(&model.weights.config)]);
    model.means = Hook::all(1).into_iter().map(mean).collect();
    save(
        "model_file",
        &[Precision::Lossless, Precision::Compact]
            .map(|precision| model_file::write(&model, precision).expect("the seed can be written")),
    );

    let linear = |rows: usize, cols: usize| Linear {
        weight: WeightMatrix::Dense(Matrix::new(rows, cols, (0..rows * cols).map(|i| i as f32 / 4.0).collect())),
        bias: Some(vec![0.5; rows]),
    };
    let bridge = BridgeFile {
        bridge: Bridge {
            sites: [1.0, 0.5, 2.0]
                .map(|rms_ratio| BridgeSite { encoder: linear(3, 2), decoder: linear(2, 3), rms_ratio })
                .into(),
            kept: 2,
            channels: [("single_double_quote".to_string(), "0.attn.act_in.1".parse().expect("a node"))].into(),
        },
        models: [model_file::fingerprint(&model.weights), model_file::fingerprint(&model.weights)],
        provenance: json!({"seed": 3}),
    };
    save(
        "bridge_file",
        &[Precision::Lossless, Precision::Compact]
            .map(|precision| bridge_file::write(&bridge, precision).expect("the seed can be written")),
    );

    let node = |text: &str| text.parse().expect("a node");
    let circuit = CircuitFile {
        model: model_file::fingerprint(&model.weights),
        circuit: Circuit {
            task: "single_double_quote".into(),
            candidate_ids: [0, 2],
            nodes: ["0.attn.act_in.1", "0.mlp.post_act.0"].map(node).into(),
            flip_nodes: [node("0.attn.v.1")].into(),
            calibration: Calibration::default(),
            labels: [(node("0.attn.v.1"), "quote type".to_string())].into(),
            scores: Some(Scores::default()),
        },
        provenance: json!({"seed": 1}),
    };
    save("circuit_file", &[circuit_file::write(&circuit).expect("the seed can be written")]);

    let own = serde_json::to_string(&Config::from_beeg_json(CONFIG).expect("a config")).expect("plain data");
    let mut configs = vec![CONFIG.as_bytes().to_vec(), own.into_bytes()];
    for entry in fs::read_dir("../tests/oracle").expect("the reference models") {
        configs.extend(fs::read(entry.expect("an entry").path().join("beeg_config.json")).ok());
    }
    save("config", &configs);
}

fn save(target: &str, files: &[Vec<u8>]) {
    let folder = format!("corpus/{target}");
    fs::create_dir_all(&folder).expect("a folder for the seeds");
    for (at, bytes) in files.iter().enumerate() {
        fs::write(format!("{folder}/seed{at}"), bytes).expect("a seed");
    }
}

/// Every tensor of the small config; every other matrix is sparse.
fn tensors() -> Vec<(&'static str, Vec<i64>, Vec<f32>)> {
    let shapes: [(&str, &[i64]); 18] = [
        ("transformer.wte.weight", &[3, 2]),
        ("transformer.wpe.weight", &[2, 2]),
        ("transformer.h.0.ln_1.weight", &[2]),
        ("transformer.h.0.attn.c_attn.weight", &[6, 2]),
        ("transformer.h.0.attn.c_attn.bias", &[6]),
        ("transformer.h.0.attn.attn_imp.sink_logit", &[1]),
        ("transformer.h.0.attn.c_proj.weight", &[2, 2]),
        ("transformer.h.0.attn.c_proj.bias", &[2]),
        ("transformer.h.0.ln_2.weight", &[2]),
        ("transformer.h.0.mlp.c_fc.weight", &[2, 2]),
        ("transformer.h.0.mlp.c_fc.bias", &[2]),
        ("transformer.h.0.mlp.c_proj.weight", &[2, 2]),
        ("transformer.h.0.mlp.c_proj.bias", &[2]),
        ("transformer.ln_f.weight", &[2]),
        ("lm_head.weight", &[3, 2]),
        ("bigram_table", &[3, 3]),
        ("final_logits_bias", &[3]),
        ("transformer.h.0.attn.bias", &[1, 1, 2, 2]),
    ];
    let mut out = Vec::new();
    for (at, (name, shape)) in shapes.into_iter().enumerate() {
        let len = shape.iter().product::<i64>();
        let sparse = at % 2 == 1 || name == "bigram_table";
        let numbers =
            (0..len).map(|i| if sparse && shape.len() == 2 && i != 1 { 0.0 } else { 0.5 - i as f32 }).collect();
        out.push((name, shape.to_vec(), numbers));
    }
    out
}

fn safetensors(tensors: &[(&str, Vec<i64>, Vec<f32>)]) -> Vec<u8> {
    let (mut header, mut data) = (serde_json::Map::new(), Vec::new());
    for (name, shape, numbers) in tensors {
        let start = data.len();
        data.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        header.insert(name.to_string(), json!({"dtype": "F32", "shape": shape, "data_offsets": [start, data.len()]}));
    }
    let header = serde_json::Value::Object(header).to_string();
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &data].concat()
}

/// All tensors as views of one storage.
fn state_dict(tensors: &[(&str, Vec<i64>, Vec<f32>)]) -> Vec<u8> {
    let numbers: Vec<f32> = tensors.iter().flat_map(|(_, _, numbers)| numbers.clone()).collect();
    let mut pickle = Pickle::new().global("collections", "OrderedDict").op(b")R");
    let mut offset = 0;
    for (name, shape, own) in tensors {
        let strides: Vec<i64> = (0..shape.len()).map(|at| shape[at + 1..].iter().product()).collect();
        pickle = pickle.text(name).tensor(numbers.len() as i64, offset, shape, &strides).op(b"s");
        offset += own.len() as i64;
    }
    torch(&pickle.stop(), &numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>())
}
