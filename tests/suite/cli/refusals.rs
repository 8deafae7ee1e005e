//! Bad arguments and files of `run`, `predict`, `generate` and `means`.

use super::{Folder, MODEL, TASK, args, node};
use sparse_circuits::circuit::Circuit;
use sparse_circuits::format::{ModelFile, Precision, model_file};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

#[test]
fn bad_arguments_and_files_get_one_line_and_status_2() {
    let folder = Folder::new();
    let run = |options: &[&str], part: &str| {
        folder.rejected(&args(&[&["run"], &MODEL, &["--out", "out.safetensors"], options]), part);
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
    for hostile in ["", ":", "0.attn.act_in.1", "0.attn.act_in.1:", "embedding:0.attn.act_in.1", "0.attn.v.1:logit.2"] {
        run(&args(&[&tokens, &["--off-edge", hostile]]), "--off-edge");
    }
    run(&with(&["--off-edge", "0.attn.q.1:0.attn.k.1"]), "0.attn.q.1:0.attn.k.1");
    run(&with(&["--off-edge", "0.mlp.resid_delta.1:logit.0"]), "--circuit");
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
    folder.rejected(&["run", "--model", "missing.safetensors", "--tokens", "1", "--out", "out"], "missing.safetensors");
    folder.rejected(&["run", "--model", "tokenizer.json", "--tokens", "1", "--out", "out"], "tokenizer.json");
    folder.rejected(&["run", "--model", ".", "--tokens", "1", "--out", "out"], "beeg_config.json");
    folder.rejected(&args(&[&["run"], &MODEL, &tokens, &["--out", "no/such/folder/out"]]), "no/such/folder/out");
    folder.rejected(&args(&[&["run"], &MODEL, &tokens]), "--out");

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
    folder.rejected(
        &["run", "--model", "bare.safetensors", "--tokens", "1", "--off", "0.attn.q.1", "--out", "out"],
        "sparse-circuits means",
    );

    let predict =
        |options: &[&str], part: &str| folder.rejected(&args(&[&["predict"], &MODEL, &["--json"], options]), part);
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
        folder.rejected(&args(&[&["generate"], &MODEL, &["--prompt", "x"], options]), part)
    };
    generate(&["--temperature", "-1"], "temperature");
    generate(&["--temperature", "nan"], "temperature");
    generate(&["--top-p", "0"], "top-p");
    generate(&["--top-p", "1.5"], "top-p");
    generate(&["--max-new-tokens", "-3"], "--max-new-tokens");

    let means = |corpus: &str, part: &str| {
        folder.rejected(&args(&[&["means"], &MODEL, &["--corpus", corpus, "--out", "out"]]), part)
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
