//! `run`: what it writes is what the library computes.

use super::{Folder, MODEL, OTHER, PROMPT, TASK, args, edge, node, tensors};
use serde_json::{Value, json};
use sparse_circuits::circuit::{Edits, Mode};
use sparse_circuits::model::Hook;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

#[test]
fn run_writes_logits_and_hooks_under_their_names() {
    let folder = Folder::new();
    let hooks = Hook::all(2).iter().map(Hook::to_string).collect::<Vec<_>>();
    let mut call = args(&[&["run"], &MODEL, &["--tokens", "1,2,3,258,5", "--out", "out.safetensors"]]);
    call.extend(hooks.iter().flat_map(|hook| ["--hook", hook.as_str()]));
    folder.ok(&call);
    let written = folder.tensors("out.safetensors");
    let want = folder.expected(&[1, 2, 3, 258, 5], None, &Edits::default());
    assert_eq!(written.len(), hooks.len() + 1);
    for (hook, values) in &want.values {
        let (shape, data) = &written[&hook.to_string()];
        assert_eq!(shape, &[5, values.channels()]);
        assert_eq!(data, &values.to_rows()[..5 * values.channels()], "{hook}");
    }
    assert_eq!(written["logits"].0, [5, folder.tokenizer.vocab_size()]);
}

#[test]
fn every_option_that_changes_a_run_does_what_the_library_does() {
    let folder = Folder::new();
    let (a, b) = (folder.tokenizer.encode(PROMPT), folder.tokenizer.encode(OTHER));
    let one = |name: &str| BTreeSet::from([node(name)]);
    let from = ["--from", OTHER];
    let circuit = ["--circuit", "circuit.json"];
    let cases: Vec<(Vec<&str>, Edits)> = vec![
        (vec![], Edits::default()),
        (vec!["--off", "0.attn.q.5"], Edits { off: one("0.attn.q.5"), ..Edits::default() }),
        (
            vec!["--off", "1.resid_mid.3", "--off", "final_resid.0"],
            Edits { off: [node("1.resid_mid.3"), node("final_resid.0")].into(), ..Edits::default() },
        ),
        (
            vec!["--set", "0.mlp.post_act.3=-1.5"],
            Edits { set: [(node("0.mlp.post_act.3"), -1.5)].into(), ..Edits::default() },
        ),
        (vec!["--scale", "1.attn.y.2=3e0"], Edits { scale: [(node("1.attn.y.2"), 3.0)].into(), ..Edits::default() }),
        (args(&[&["--patch", "0.attn.v.2"], &from]), Edits { patch: one("0.attn.v.2"), ..Edits::default() }),
        (args(&[&["--flip"], &from, &circuit]), Edits { flip: true, ..Edits::default() }),
        (args(&[&["--mode", "circuit"], &circuit]), Edits { mode: Mode::Circuit, ..Edits::default() }),
        (
            args(&[
                &["--off-edge", "0.attn.v.1:0.attn.resid_delta.1", "--off-edge", "0.attn.resid_delta.2:1.mlp.act_in.2"],
                &["--off-edge", "0.attn.v.1:0.attn.resid_delta.1"],
            ]),
            Edits {
                off_edges: ["0.attn.v.1:0.attn.resid_delta.1", "0.attn.resid_delta.2:1.mlp.act_in.2"].map(edge).into(),
                ..Edits::default()
            },
        ),
        (
            args(&[&["--off-edge", "1.mlp.resid_delta.4:logit.1"], &circuit]),
            Edits { off_edges: [edge("1.mlp.resid_delta.4:logit.1")].into(), ..Edits::default() },
        ),
        (
            args(&[&["--mode", "removed", "--off", "0.attn.k.1"], &circuit]),
            Edits { mode: Mode::Removed, off: one("0.attn.k.1"), ..Edits::default() },
        ),
    ];
    let mut seen: Vec<Vec<f32>> = Vec::new();
    for (options, edits) in cases {
        let prompt = ["--prompt", PROMPT, "--hook", "1.mlp.post_act", "--out", "out.safetensors"];
        folder.ok(&args(&[&["run"], &MODEL, &prompt, &options]));
        let written = folder.tensors("out.safetensors");
        let want = folder.expected(&a, Some(&b), &edits);
        let vocab = want.logits.channels();
        assert_eq!(written["logits"].1, want.logits.to_rows()[..a.len() * vocab], "{options:?}");
        let hook = &want.values[&"1.mlp.post_act".parse().unwrap()];
        assert_eq!(written["1.mlp.post_act"].1, hook.to_rows()[..a.len() * hook.channels()], "{options:?}");
        assert!(!seen.contains(&written["logits"].1), "{options:?} changes nothing");
        seen.push(written["logits"].1.clone());
    }
}

#[test]
fn run_reads_a_checkpoint_folder_and_agrees_with_its_reference_vectors() {
    let folder = Folder::new();
    let case = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle/p02_rms_sink_bigram_full");
    let expected: Value = serde_json::from_slice(&fs::read(case.join("expected.json")).unwrap()).unwrap();
    let vectors = tensors(&fs::read(case.join("expected.safetensors")).unwrap());
    let tokens = |id: &str| {
        let sequences = expected["sequences"].as_array().unwrap();
        let sequence = sequences.iter().find(|sequence| sequence["id"] == id).unwrap();
        sequence["tokens"].as_array().unwrap().iter().map(Value::to_string).collect::<Vec<_>>().join(",")
    };
    let check = |id: &str, sequence: &str, options: &[String]| {
        let (model, tokens) = (case.to_str().unwrap(), tokens(sequence));
        let mut call =
            vec!["run", "--model", model, "--tokens", &tokens, "--hook", "final_resid", "--out", "out.safetensors"];
        call.extend(options.iter().map(String::as_str));
        folder.ok(&call);
        let written = folder.tensors("out.safetensors");
        for (name, mine) in [("logits", "logits"), ("act.final_resid", "final_resid")] {
            let (want, got) = (&vectors[&format!("{id}.{name}")], &written[mine]);
            assert_eq!(want.0, got.0);
            let largest = want.1.iter().fold(1f32, |largest, x| largest.max(x.abs()));
            let error = want.1.iter().zip(&got.1).map(|(x, y)| (x - y).abs()).fold(0.0, f32::max);
            assert!(error <= 1e-5 * largest, "{id}.{name}: {error} of {largest}");
        }
    };
    for id in ["s1", "s7a", "s7b", "full"] {
        check(id, id, &[]);
    }
    let mut checked = 0;
    for intervention in expected["interventions"].as_array().unwrap() {
        let edits = intervention["edits"].as_array().unwrap();
        // The command line changes nodes at every token.
        if edits.iter().any(|edit| !edit["positions"].is_null()) {
            continue;
        }
        let mut options = Vec::new();
        for edit in edits {
            for (i, channel) in edit["channels"].as_array().unwrap().iter().enumerate() {
                let (option, number) = match edit["op"].as_str().unwrap() {
                    "zero" => ("--set", json!(0)),
                    "set" => ("--set", edit["values"][i].clone()),
                    "scale" => ("--scale", edit["factor"].clone()),
                    other => panic!("unknown op {other}"),
                };
                options.push(option.to_string());
                options.push(format!("{}.{channel}={number}", edit["hook"].as_str().unwrap()));
            }
        }
        check(intervention["id"].as_str().unwrap(), intervention["seq"].as_str().unwrap(), &options);
        checked += 1;
    }
    assert!(checked >= 4);
}

#[test]
fn prompts_that_are_empty_or_too_long_are_explained() {
    let folder = Folder::new();
    let note = |prompt: &str, part: &str| {
        let output = folder.call(&args(&[&["run"], &MODEL, &["--prompt", prompt, "--out", "out.safetensors"]]));
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success() && stderr.starts_with("note: ") && stderr.contains(part), "{stderr}");
        folder.tensors("out.safetensors")["logits"].clone()
    };
    let end = folder.tokenizer.end_of_text().unwrap();
    assert_eq!(
        note("", "empty").1,
        folder.expected(&[end], None, &Edits::default()).logits.to_rows()[..folder.tokenizer.vocab_size()]
    );

    let long: String = ('a'..='z').cycle().take(50).collect();
    let tokens = folder.tokenizer.encode(&long);
    let got = note(&long, "the first 10 are dropped");
    assert_eq!(got.0[0], 40);
    assert_eq!(got.1, folder.expected(&tokens[10..], None, &Edits::default()).logits.to_rows()[..40 * got.0[1]]);

    // Text from anywhere, and text that looks like an option.
    for prompt in ["\u{1f600} \u{5d0}\u{5d1} \u{0}\t\r\n", "--off", "-1", "<|endoftext|>"] {
        if !prompt.contains('\u{0}') {
            folder.ok(&args(&[&["predict"], &MODEL, &["--task", TASK, "--json", "--prompt", prompt]]));
        }
    }
}
