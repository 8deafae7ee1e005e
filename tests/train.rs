//! Training runs of a few steps: from nothing and from a model.

use serde_json::{Value, json};
use sparse_circuits::format::model_file::{self, ModelFile};
use sparse_circuits::train::{TrainConfig, train};
use std::path::Path;

const VOCAB: usize = 32;

/// Token files in which a token is mostly followed by the next one.
fn corpus(folder: &Path) {
    for name in ["real.train", "real.valid", "synthetic.train", "synthetic.valid"] {
        let mut state = 7u32;
        let mut token = 0u16;
        let bytes: Vec<u8> = (0..4000)
            .flat_map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                token = if state >> 29 == 0 { (state >> 8) as u16 } else { token + 1 } % VOCAB as u16;
                token.to_le_bytes()
            })
            .collect();
        std::fs::write(folder.join(format!("{name}.bin")), bytes).unwrap();
    }
}

fn config(folder: &Path, more: Value) -> TrainConfig {
    let mut config = json!({
        "model": {
            "block_size": 16, "vocab_size": VOCAB, "n_layer": 1, "n_head": 2, "d_head": 4, "d_model": 16, "d_mlp": 32, "bias": true,
            "ln_bias": false, "rms_norm": true, "activation_type": "relu", "afrac": 0.5, "afrac_loctypes": "attn_in,mlp_neuron",
            "tied_unembed": false, "tokenizer_name": "none", "enable_bigram_table": true, "sink": true, "positions": false,
        },
        "corpus": folder, "seed": 1, "steps": 40, "batch": 8, "context": 16, "learning_rate": 0.02, "density": 0.25,
        "embedding_density": 0.25, "bigram_nonzeros": 64, "log_every": 10, "validate_every": 20, "checkpoint_every": 20,
    });
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    TrainConfig::from_json(&config.to_string()).unwrap()
}

fn model(out: &Path) -> ModelFile {
    model_file::read(&std::fs::read(out.join("model.safetensors")).unwrap()).unwrap()
}

fn loss(model: &ModelFile) -> f64 {
    model.provenance["held_out_loss"]["mean"].as_f64().unwrap()
}

#[test]
fn a_run_goes_on_from_a_model_at_its_densities() {
    let folder = tempfile::tempdir().unwrap();
    corpus(folder.path());
    let [first, second] = ["first", "second"].map(|name| folder.path().join(name));
    train(&config(folder.path(), json!({})), &first, false).unwrap();
    let begun = model(&first);

    let start = first.join("model.safetensors");
    let onward = config(folder.path(), json!({"start": start, "seed": 2, "learning_rate": 0.01, "steps": 20}));
    train(&onward, &second, false).unwrap();
    let continued = model(&second);
    assert!(loss(&continued) < loss(&begun), "{} < {}", loss(&continued), loss(&begun));
    assert_eq!(continued.provenance["start"], begun.provenance, "where the model came from is told");
    let embedded = |model: &ModelFile| model.weights.wte.nonzeros();
    assert_eq!((embedded(&continued), embedded(&begun)), (128, 128));
    assert_eq!(onward.density_at(0, 0.25), 0.25, "no weight comes back for a step");
}

#[test]
fn no_step_of_a_start_leaves_the_model_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    corpus(folder.path());
    let [first, second] = ["first", "second"].map(|name| folder.path().join(name));
    train(&config(folder.path(), json!({})), &first, false).unwrap();
    let start = first.join("model.safetensors");
    // a rate that moves no weight by as much as a rounding
    let still = config(folder.path(), json!({"start": start, "learning_rate": 1e-30, "steps": 1}));
    train(&still, &second, false).unwrap();
    assert_eq!(model(&second).weights, model(&first).weights);
}

#[test]
fn a_start_of_another_shape_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    corpus(folder.path());
    let [first, second] = ["first", "second"].map(|name| folder.path().join(name));
    train(&config(folder.path(), json!({"steps": 1})), &first, false).unwrap();
    let mut other = config(folder.path(), json!({"start": first.join("model.safetensors")}));
    other.model["d_mlp"] = json!(48);
    let error = train(&other, &second, false).unwrap_err().to_string();
    assert!(error.contains("another shape"), "{error}");
    let missing = config(folder.path(), json!({"start": folder.path().join("nothing.safetensors")}));
    let error = train(&missing, &second, false).unwrap_err().to_string();
    assert!(error.contains("nothing.safetensors"), "{error}");
    assert!(!second.join("model.safetensors").exists());
}
