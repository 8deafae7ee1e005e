//! `means`: over all tokens of a corpus.

use super::{Folder, MODEL, args};
use serde_json::json;
use sparse_circuits::circuit::Edits;
use sparse_circuits::format::model_file;
use sparse_circuits::model::Hook;
use std::collections::BTreeMap;
use std::fs;

#[test]
fn means_are_over_all_tokens() {
    let folder = Folder::new();
    let text: String = "x = [1, 2]\nprint('ab')\n".repeat(5);
    fs::create_dir_all(folder.path("corpus/deeper")).unwrap();
    fs::write(folder.path("corpus/deeper/b.txt"), &text).unwrap();
    fs::write(folder.path("corpus/a.py"), "import os\n").unwrap();
    fs::write(folder.path("corpus/c.md"), "not read").unwrap();
    folder.ok(&args(&[&["means"], &MODEL, &["--corpus", "corpus", "--out", "with.safetensors"]]));
    let made = model_file::read(&fs::read(folder.path("with.safetensors")).unwrap()).unwrap();
    assert_eq!(made.weights, folder.model.weights);

    let end = folder.tokenizer.end_of_text();
    let documents =
        ["import os\n", &text].map(|text| folder.tokenizer.encode(text).into_iter().chain(end).collect::<Vec<u32>>());
    let mut sums: BTreeMap<Hook, Vec<f64>> = BTreeMap::new();
    let mut count = 0;
    for window in documents.iter().flat_map(|tokens| tokens.chunks(40)) {
        count += window.len();
        for (hook, values) in folder.expected(window, None, &Edits::default()).values {
            let sums = sums.entry(hook).or_insert_with(|| vec![0.0; values.channels()]);
            for token in 0..window.len() {
                sums.iter_mut().enumerate().for_each(|(index, sum)| *sum += f64::from(values.get(token, index)));
            }
        }
    }
    assert_eq!(made.provenance["means"], json!({"corpus": "corpus", "tokens": count}));
    assert_eq!(made.means.len(), Hook::all(2).len());
    for (hook, mean) in &made.means {
        for (got, sum) in mean.iter().zip(&sums[hook]) {
            assert!((f64::from(*got) - sum / count as f64).abs() < 1e-5, "{hook}");
        }
    }

    // The same tokens as the corpus command writes them.
    fs::create_dir(folder.path("tokens")).unwrap();
    for (name, tokens) in ["real.train.bin", "real.valid.bin"].iter().zip(&documents) {
        let bytes: Vec<u8> = tokens.iter().flat_map(|&token| (token as u16).to_le_bytes()).collect();
        fs::write(folder.path("tokens").join(name), bytes).unwrap();
    }
    folder.ok(&args(&[&["means"], &MODEL, &["--corpus", "tokens", "--out", "again.safetensors"]]));
    assert_eq!(model_file::read(&fs::read(folder.path("again.safetensors")).unwrap()).unwrap().means, made.means);
}
