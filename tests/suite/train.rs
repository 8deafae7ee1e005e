//! Training runs of a few steps, from random weights and from a start model.

use serde_json::{Value, json};
use sparse_circuits::backend::cpu::Cpu;
use sparse_circuits::bridge::BridgeSite;
use sparse_circuits::format::bridge_file;
use sparse_circuits::format::model_file::{self, ModelFile};
use sparse_circuits::train::{TrainConfig, train, train_on, train_until};
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
fn a_run_with_a_start_model_uses_the_final_densities() {
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
    assert_eq!(continued.provenance["start"], begun.provenance, "the provenance has the start model's provenance");
    let embedded = |model: &ModelFile| model.weights.wte.nonzeros();
    assert_eq!((embedded(&continued), embedded(&begun)), (128, 128));
    assert_eq!(onward.density_at(0, 0.25), 0.25, "no weight comes back for a step");
}

#[test]
fn a_start_with_a_tiny_learning_rate_keeps_the_model() {
    let folder = tempfile::tempdir().unwrap();
    corpus(folder.path());
    let [first, second] = ["first", "second"].map(|name| folder.path().join(name));
    train(&config(folder.path(), json!({})), &first, false).unwrap();
    let start = first.join("model.safetensors");
    // a learning rate that is too small to change any weight
    let still = config(folder.path(), json!({"start": start, "learning_rate": 1e-30, "steps": 1}));
    train(&still, &second, false).unwrap();
    assert_eq!(model(&second).weights, model(&first).weights);
}

#[test]
fn concatenated_positions_are_trained() {
    let folder = tempfile::tempdir().unwrap();
    corpus(folder.path());
    let table = |name: &str, steps: u64| {
        let mut config = config(folder.path(), json!({ "steps": steps }));
        config.model["positions"] = json!(true);
        config.model["d_pos_emb"] = json!(4);
        let out = folder.path().join(name);
        train(&config, &out, false).unwrap();
        let model = model(&out);
        assert!(loss(&model).is_finite());
        (model.weights.wpe.as_ref().unwrap().to_dense(), loss(&model))
    };
    let ((first, before), (last, after)) = (table("first", 1), table("last", 40));
    assert_eq!((first.rows, first.cols, last.rows, last.cols), (16, 4, 16, 4));
    // No two positions are the same from the start on.
    for i in 0..16 {
        for j in 0..i {
            let distance: f32 = (0..4).map(|k| (first.data[4 * i + k] - first.data[4 * j + k]).abs()).sum();
            assert!(distance > 0.05, "{i} {j}: {distance}");
        }
    }
    assert_ne!(first.data, last.data);
    assert!(after < before - 0.2, "{after} {before}");
}

#[test]
fn a_start_of_another_shape_is_rejected() {
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

fn last_line(out: &Path) -> Value {
    let log = std::fs::read_to_string(out.join("log.jsonl")).unwrap();
    serde_json::from_str(log.lines().last().unwrap()).unwrap()
}

/// Writes a dense model of another width. Returns the config of a run with a bridge to it.
fn bridged(folder: &Path, more: Value) -> TrainConfig {
    let dense = folder.join("dense");
    if !dense.exists() {
        let mut config = config(folder, json!({"density": 1.0, "embedding_density": 1.0, "bigram_nonzeros": 1}));
        config.model["d_model"] = json!(12);
        config.model.as_object_mut().unwrap().shift_remove("afrac");
        config.model["enable_bigram_table"] = json!(false);
        train(&config, &dense, false).unwrap();
    }
    let mut bridge = json!({"dense": dense.join("model.safetensors"), "learning_rate": 0.01, "kept": 0.5});
    bridge.as_object_mut().unwrap().extend(more["bridge"].as_object().cloned().unwrap_or_default());
    let mut all = more.clone();
    all["bridge"] = bridge;
    config(folder, all)
}

#[test]
fn a_bridge_to_a_dense_model_is_trained() {
    let folder = tempfile::tempdir().unwrap();
    corpus(folder.path());
    let out = folder.path().join("bridged");
    let config = bridged(folder.path(), json!({}));
    train(&config, &out, false).unwrap();
    let log = std::fs::read_to_string(out.join("log.jsonl")).unwrap();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [first, last] = [&lines[0], &lines[lines.len() - 1]];
    for term in ["cross_entropy", "nmse_encoder", "nmse_decoder", "kl_sparse", "kl_dense"] {
        let [begun, ended] = [first, last].map(|line| line["terms"][term].as_f64().unwrap());
        assert!(begun > 0.0 && ended < begun, "{term}: {begun} at first, {ended} at last");
    }
    assert_eq!(last["sites"].as_array().unwrap().len(), 3);

    let file = bridge_file::read(&std::fs::read(out.join("bridge.safetensors")).unwrap()).unwrap();
    let dense = model(&folder.path().join("dense"));
    file.check(&model(&out).weights, &dense.weights).unwrap();
    assert_eq!(file.bridge.kept, 8);
    let ratio = |site: &Value| site["rms_sparse"].as_f64().unwrap() / site["rms_dense"].as_f64().unwrap();
    for (site, measured) in file.bridge.sites.iter().zip(last["sites"].as_array().unwrap()) {
        assert!((site.rms_ratio as f64 - ratio(measured)).abs() < 1e-5 * ratio(measured));
    }
}

/// Drawing one site per step reaches the same result as all sites, because the expected loss is the
/// same.
#[test]
fn drawn_sites_reach_what_all_sites_reach() {
    let folder = tempfile::tempdir().unwrap();
    corpus(folder.path());
    let hybrid = |name: &str, sites: u64| {
        let out = folder.path().join(name);
        let config = bridged(folder.path(), json!({"steps": 200, "bridge": {"sites_per_step": sites}}));
        train(&config, &out, false).unwrap();
        let line = last_line(&out);
        let sites = line["sites"].as_array().unwrap().clone();
        sites.iter().map(|s| s["kl_sparse"].as_f64().unwrap() + s["kl_dense"].as_f64().unwrap()).sum::<f64>()
    };
    let (drawn, all) = (hybrid("drawn", 1), hybrid("all", 0));
    assert!(drawn < 1.5 * all + 0.05, "{drawn} nats with one site a step, {all} with all");
}

#[test]
fn a_frozen_sparse_model_does_not_change_and_a_bridged_run_resumes() {
    let folder = tempfile::tempdir().unwrap();
    corpus(folder.path());
    let [start, frozen] = ["start", "frozen"].map(|name| folder.path().join(name));
    train(&config(folder.path(), json!({})), &start, false).unwrap();
    let more = json!({"start": start.join("model.safetensors"), "bridge": {"freeze_sparse": true}});
    train(&bridged(folder.path(), more.clone()), &frozen, false).unwrap();
    assert_eq!(model(&frozen).weights, model(&start).weights);

    // another run starts from that bridge: a step of size zero keeps it, but least squares would
    // change it
    let before = frozen.join("bridge.safetensors");
    let on = |start: &Path, out: &str| {
        let bridge = json!({"freeze_sparse": true, "start": before, "learning_rate": 1e-12});
        let more = json!({"start": start.join("model.safetensors"), "steps": 1, "bridge": bridge});
        let out = folder.path().join(out);
        train(&bridged(folder.path(), more), &out, false)?;
        Ok(bridge_file::read(&std::fs::read(out.join("bridge.safetensors")).unwrap())?.bridge.sites)
    };
    let numbers = |sites: Vec<BridgeSite>| -> Vec<f32> {
        sites.iter().flat_map(|site| [&site.encoder, &site.decoder]).flat_map(|l| l.weight.to_dense().data).collect()
    };
    let old = numbers(bridge_file::read(&std::fs::read(&before).unwrap()).unwrap().bridge.sites);
    let new = numbers(on(&frozen, "on").unwrap());
    assert!(old.iter().zip(&new).all(|(old, new)| (old - new).abs() < 1e-6));
    let another = folder.path().join("another");
    train(&config(folder.path(), json!({"seed": 9, "steps": 1})), &another, false).unwrap();
    let refused: sparse_circuits::Error = on(&another, "refused").unwrap_err();
    assert!(refused.to_string().contains("between other models"), "{refused}");
    assert!(!folder.path().join("refused").exists());

    // an uninterrupted run and a resumed run give the same bits
    let whole = folder.path().join("whole");
    let config = bridged(folder.path(), json!({}));
    train(&config, &whole, false).unwrap();
    let half = folder.path().join("half");
    interrupted(&config, &half, 20);
    train(&config, &half, true).unwrap();
    for name in ["model.safetensors", "bridge.safetensors"] {
        assert!(std::fs::read(whole.join(name)).unwrap() == std::fs::read(half.join(name)).unwrap(), "{name}");
    }
}

#[test]
fn a_run_without_a_bridge_resumes_exactly() {
    let folder = tempfile::tempdir().unwrap();
    corpus(folder.path());
    let [whole, half] = ["whole", "half"].map(|name| folder.path().join(name));
    let config = config(folder.path(), json!({}));
    train(&config, &whole, false).unwrap();
    interrupted(&config, &half, 20);
    train(&config, &half, true).unwrap();
    assert_eq!(model(&whole), model(&half));
}

/// Losses and held-out losses of five steps, from the log.
#[cfg(feature = "webgpu")]
fn losses(out: &Path) -> Vec<f64> {
    let log = std::fs::read_to_string(out.join("log.jsonl")).unwrap();
    let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let numbers = lines.flat_map(|line| [line["loss"].clone(), line["held_out"]["mean"].clone()]);
    numbers.map(|number| number.as_f64().unwrap()).collect()
}

/// The sum of the gradients differs by rounding only, so five steps stay within the tolerance of the parity suite.
#[cfg(feature = "webgpu")]
#[test]
fn five_steps_on_webgpu_have_the_losses_of_the_cpu() {
    let Some(gpu) = sparse_circuits::backend::gpu::Gpu::for_tests() else { return };
    let folder = tempfile::tempdir().unwrap();
    corpus(folder.path());
    let [on_cpu, on_gpu] = ["cpu", "gpu"].map(|name| folder.path().join(name));
    let config = config(folder.path(), json!({"steps": 5, "log_every": 1, "validate_every": 1, "anneal": [0.0, 0.5]}));
    train(&config, &on_cpu, false).unwrap();
    train_on(gpu, &config, &on_gpu, false).unwrap();
    let [cpu, gpu] = [&on_cpu, &on_gpu].map(|out| losses(out));
    assert_eq!(cpu.len(), 10);
    for (cpu, gpu) in cpu.iter().zip(&gpu) {
        assert!((cpu - gpu).abs() <= 1e-4 * cpu, "{cpu} on the CPU, {gpu} on WebGPU");
    }
    let backends = [&on_cpu, &on_gpu].map(|out| model(out).provenance.get("backend").cloned());
    assert_eq!(backends, [None, Some(json!("webgpu"))]);
    let learned = (cpu[0] - cpu[8]) / cpu[0];
    assert!(learned > 0.01, "five steps that change the loss by {learned}");
}

#[test]
fn a_bridge_is_trained_on_the_cpu_only() {
    let folder = tempfile::tempdir().unwrap();
    corpus(folder.path());
    let out = folder.path().join("out");
    let config = bridged(folder.path(), json!({"steps": 1}));
    let error = train_on(Cpu::new(), &config, &out, false).unwrap_err().to_string();
    assert!(error.contains("--backend") && !out.exists(), "{error}");
}

/// Writes to `out` the files of a run that was stopped right after the checkpoint at `step`.
fn interrupted(config: &TrainConfig, out: &Path, step: u64) {
    train_until(config, out, step).unwrap();
    assert!(std::fs::read_to_string(out.join("log.jsonl")).unwrap().lines().count() > 0);
}

#[test]
fn a_bridge_that_cannot_be_trained_is_rejected() {
    let folder = tempfile::tempdir().unwrap();
    corpus(folder.path());
    let out = folder.path().join("out");
    let refused = |more: Value| {
        let mut text = serde_json::to_value(bridged(folder.path(), json!({"steps": 1}))).unwrap();
        text["bridge"].as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let run = TrainConfig::from_json(&text.to_string()).and_then(|config| train(&config, &out, false));
        run.unwrap_err().to_string()
    };
    assert!(refused(json!({"kept": 0.0})).contains("kept = 0"));
    assert!(refused(json!({"learning_rate": -1.0})).contains("learning_rate"));
    assert!(refused(json!({"sites_per_step": 4})).contains("4 of 3 sites"));
    assert!(refused(json!({"kl_dense": -1.0})).contains("coefficient"));
    assert!(refused(json!({"dense": folder.path().join("nothing")})).contains("nothing"));
    assert!(refused(json!({"start": folder.path().join("nothing")})).contains("as its start"));
    let mut deeper = bridged(folder.path(), json!({"steps": 1}));
    deeper.model["n_layer"] = json!(2);
    let error = train(&deeper, &out, false).unwrap_err().to_string();
    assert!(error.contains("2 layers and the dense one 1"), "{error}");
    assert!(!out.exists());
}

/// Checkpoints use the same writer as all other files, which follows symbolic links.
#[cfg(unix)]
#[test]
fn a_checkpoint_follows_a_link_and_leaves_no_temporary_file() {
    let folder = tempfile::tempdir().unwrap();
    corpus(folder.path());
    let (out, other) = (folder.path().join("out"), folder.path().join("other"));
    let files = ["model.safetensors", "state.safetensors"];
    std::fs::create_dir(&out).unwrap();
    std::fs::create_dir(&other).unwrap();
    for name in files {
        std::os::unix::fs::symlink(other.join(name), out.join(name)).unwrap();
    }
    train(&config(folder.path(), json!({"steps": 1})), &out, false).unwrap();
    let names = |folder: &Path| {
        let mut names: Vec<String> =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    assert!(files.iter().all(|name| out.join(name).is_symlink()));
    assert_eq!(names(&out), ["log.jsonl", "model.safetensors", "state.safetensors"]);
    assert_eq!(names(&other), files);
    assert_eq!(model(&other).weights.config.n_layer, 1);
}
