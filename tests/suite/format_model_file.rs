//! Our model file: valid files round-trip, and invalid files are rejected.

use crate::format_support::{Container, container};
use crate::reference::random;
use proptest::prelude::*;
use serde_json::json;
use sparse_circuits::format::{ModelFile, Precision, model_file};
use sparse_circuits::model::{Config, Hook, Params, Presence, Role, Tensor, Weights};
use sparse_circuits::tensor::{Matrix, SparseMatrix, WeightMatrix};
use std::collections::BTreeMap;

/// A small seeded generator of numbers.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        self.0 >> 33
    }

    /// About normal in size, of both signs.
    fn f32(&mut self) -> f32 {
        (self.next() % 20001) as f32 / 10000.0 - 1.0
    }

    fn vector(&mut self, len: usize) -> Vec<f32> {
        (0..len).map(|_| self.f32()).collect()
    }

    fn matrix(&mut self, rows: usize, cols: usize, density: f64, sparse: bool) -> WeightMatrix {
        let mut data = self.vector(rows * cols);
        data.iter_mut().filter(|_| self.next() as f64 >= density * (1u64 << 31) as f64).for_each(|value| *value = 0.0);
        let dense = Matrix::new(rows, cols, data);
        if sparse { WeightMatrix::Sparse(SparseMatrix::from_dense(&dense)) } else { WeightMatrix::Dense(dense) }
    }
}

/// A model of any shape and any options.
fn model(config: Config, density: f64, sparse: bool, seed: u64) -> ModelFile {
    let mut numbers = Numbers(seed);
    let n = &mut numbers;
    let weights = Params::build(&config, |info| {
        let [rows, cols] = info.shape;
        let absent = info.presence == Presence::Optional && n.next() % 2 == 0;
        Ok((!absent).then(|| match info.tensor(()) {
            Tensor::Matrix(()) if info.role == Role::Positions => {
                Tensor::Matrix(WeightMatrix::Dense(Matrix::new(rows + 3, cols, n.vector((rows + 3) * cols))))
            }
            Tensor::Matrix(()) => Tensor::Matrix(n.matrix(rows, cols, density, sparse)),
            Tensor::Vector(()) => Tensor::Vector(n.vector(cols)),
        }))
    });
    let weights = weights.unwrap();
    let hooks = Hook::all(config.n_layer).into_iter().filter(|_| n.next() % 2 == 0).collect::<Vec<_>>();
    let means = hooks.into_iter().map(|hook| (hook, n.vector(hook.width(&config)))).collect();
    ModelFile { weights, means, provenance: json!({"seed": seed, "note": "ä \u{1F980}", "loss": 2.0123456789012345}) }
}

fn config(bits: u32, sizes: (usize, usize, usize, usize, usize)) -> Config {
    let (vocab_size, n_layer, n_head, d_model, d_mlp) = sizes;
    let bit = |i: u32| bits >> i & 1 == 1;
    let text = json!({
        "block_size": 6, "vocab_size": vocab_size, "n_layer": n_layer, "n_head": n_head, "d_head": 3, "d_model": d_model,
        "d_mlp": d_mlp, "bias": bit(0), "ln_bias": bit(1), "rms_norm": bit(2), "tied_unembed": bit(3), "sink": bit(4),
        "enable_bigram_table": bit(5), "d_pos_emb": (bit(6) && bit(7)).then_some(5), "positions": bit(7), "afrac": 0.29,
    });
    Config::from_beeg_json(&text.to_string()).unwrap()
}

fn any_model() -> impl Strategy<Value = ModelFile> {
    let sizes = (1usize..40, 1usize..3, 1usize..4, 1usize..30, 1usize..600);
    (0u32..256, sizes, 0.0f64..1.0, any::<bool>(), any::<u64>())
        .prop_map(|(bits, sizes, density, sparse, seed)| model(config(bits, sizes), density, sparse, seed))
}

fn example() -> ModelFile {
    model(config(0b1110_0101, (30, 2, 2, 12, 300)), 0.1, true, 7)
}

fn numbers(weights: &Weights) -> Vec<f32> {
    // the bigram table of a compact file has eight bits, so it is compared elsewhere
    let matrices = weights.iter().filter_map(|(info, tensor)| match (info.role, tensor) {
        (Role::Embedding | Role::Read | Role::Write, Tensor::Matrix(matrix)) => Some(matrix.to_dense().data),
        _ => None,
    });
    matrices.flatten().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn lossless_files_round_trip_exactly(model in any_model()) {
        let bytes = model_file::write(&model, Precision::Lossless).unwrap();
        let back = model_file::read(&bytes).unwrap();
        prop_assert_eq!(&back, &model);
        // f32 equality cannot tell 0 from -0; the bytes can.
        prop_assert_eq!(model_file::write(&back, Precision::Lossless).unwrap(), bytes);
    }

    #[test]
    fn compact_files_are_close_and_then_round_trip_exactly(model in any_model()) {
        let bytes = model_file::write(&model, Precision::Compact).unwrap();
        let back = model_file::read(&bytes).unwrap();
        for (a, b) in numbers(&model.weights).into_iter().zip(numbers(&back.weights)) {
            prop_assert!((a - b).abs() <= 1e-3 * a.abs() + 1e-7, "{} {}", a, b);
        }
        if let (Some(table), Some(near)) = (&model.weights.bigram_table, &back.weights.bigram_table) {
            for (a, b) in table.to_dense().data.into_iter().zip(near.to_dense().data) {
                prop_assert!((a - b).abs() <= 0.51 / 127.0, "{} {}", a, b);
            }
        }
        let again = model_file::read(&model_file::write(&back, Precision::Compact).unwrap()).unwrap();
        prop_assert_eq!(&again, &back);
        prop_assert_eq!(model_file::fingerprint(&again.weights), model_file::fingerprint(&back.weights));
    }

    /// Reading a file with one changed byte never panics. If it succeeds, the model can be written.
    #[test]
    fn damaged_files_are_errors_or_other_models(at in any::<prop::sample::Index>(), byte: u8, cut in any::<prop::sample::Index>()) {
        for precision in [Precision::Lossless, Precision::Compact] {
            let mut bytes = model_file::write(&example(), precision).unwrap();
            let whole = bytes.len();
            prop_assert!(model_file::read(&bytes[..cut.index(whole)]).is_err());
            let at = at.index(whole);
            bytes[at] = byte;
            if let Ok(model) = model_file::read(&bytes) {
                prop_assert!(model_file::write(&model, precision).is_ok());
            }
        }
    }
}

#[test]
fn a_bigram_table_of_45000_entries_is_within_its_size_budget() {
    let mut config = config(0b0010_1100, (1024, 1, 1, 4, 4));
    config.block_size = 64;
    let mut model = model(config, 45_000.0 / (1024.0 * 1024.0), true, 3);
    let table = model.weights.bigram_table.as_ref().unwrap().nonzeros();
    assert!((44_000..46_000).contains(&table), "{table} entries");
    let with = model_file::write(&model, Precision::Compact).unwrap().len();
    model.weights.bigram_table = None;
    model.weights.config.enable_bigram_table = false;
    let without = model_file::write(&model, Precision::Compact).unwrap().len();
    let bytes = with - without;
    assert!(bytes <= 120_000, "{bytes} bytes");
    assert!(
        (2 * table..94_000).contains(&bytes),
        "src/format/ours/model_file.rs states 93 KB, but {table} entries take {bytes} bytes"
    );
}

#[test]
fn numbers_beyond_half_precision_stay_f32() {
    let mut model = example();
    model.weights.blocks[0].q.bias.as_mut().unwrap()[2] = 1e6;
    let back = model_file::read(&model_file::write(&model, Precision::Compact).unwrap()).unwrap();
    assert_eq!(back.weights.blocks[0].q.bias, model.weights.blocks[0].q.bias);
}

#[test]
fn tensors_have_the_documented_names_and_types() {
    let parts = |precision| {
        let bytes = model_file::write(&example(), precision).unwrap();
        let file = Container::parse(&bytes);
        file.tensors.into_iter().map(|tensor| (tensor.name, tensor.dtype)).collect::<BTreeMap<_, _>>()
    };
    let lossless = parts(Precision::Lossless);
    for (part, dtype) in [("indptr", "I32"), ("indices", "I32"), ("values", "F32")] {
        assert_eq!(lossless[&format!("transformer.h.1.mlp.c_proj.weight.{part}")], dtype);
    }
    let compact = parts(Precision::Compact);
    for (part, dtype) in [("counts", "U16"), ("gaps", "U8"), ("values", "F16")] {
        assert_eq!(compact[&format!("transformer.h.1.mlp.c_proj.weight.{part}")], dtype);
    }
    assert_eq!((compact["bigram_table.values"].as_str(), compact["bigram_table.scale"].as_str()), ("I8", "F32"));
    assert!(lossless.keys().any(|name| name.starts_with("mean.")));
}

#[test]
fn writing_is_deterministic_and_fingerprints_differ_between_models() {
    let (a, b) = (example(), example());
    assert_eq!(model_file::write(&a, Precision::Compact).unwrap(), model_file::write(&b, Precision::Compact).unwrap());
    assert_eq!(model_file::fingerprint(&a.weights), model_file::fingerprint(&b.weights));
    let mut other = example();
    other.weights.blocks[0].q.bias.as_mut().unwrap()[0] += 1.0;
    assert_ne!(model_file::fingerprint(&a.weights), model_file::fingerprint(&other.weights));
    // The fingerprint depends on the numbers of a matrix, not on its storage.
    let mut dense = example();
    dense.weights.wte = WeightMatrix::Dense(dense.weights.wte.to_dense());
    assert_eq!(model_file::fingerprint(&a.weights), model_file::fingerprint(&dense.weights));
}

#[test]
fn a_model_that_contradicts_its_config_is_not_written() {
    let refused = |change: &dyn Fn(&mut ModelFile)| {
        let mut model = example();
        change(&mut model);
        model_file::write(&model, Precision::Lossless).unwrap_err().to_string()
    };
    assert!(refused(&|m| m.weights.final_logits_bias = Some(vec![0.0; 3])).contains("final_logits_bias"));
    assert!(refused(&|m| m.weights.blocks[1].c_fc.bias = None).contains("h.1.mlp.c_fc.bias"));
    assert!(refused(&|m| m.weights.config.sink = !m.weights.config.sink).contains("sink_logit"));
    assert!(refused(&|m| drop(m.weights.blocks.pop())).contains("blocks"));
    let position_nan = |m: &mut ModelFile| match &mut m.weights.wpe {
        Some(WeightMatrix::Dense(table)) => table.data[4] = f32::NAN,
        _ => panic!("a dense table of positions"),
    };
    assert!(refused(&position_nan).contains("finite"));
    assert!(refused(&|m| drop(m.means.insert("0.attn.q".parse().unwrap(), vec![0.0; 2]))).contains("0.attn.q"));
    assert!(refused(&|m| drop(m.means.insert("5.attn.q".parse().unwrap(), vec![0.0; 6]))).contains("layers"));
}

/// `example()` as a file, changed by `change`, and what reading it says.
fn refusal(precision: Precision, change: impl Fn(&mut Container)) -> String {
    let mut file = Container::parse(&model_file::write(&example(), precision).unwrap());
    change(&mut file);
    model_file::read(&file.bytes()).unwrap_err().to_string()
}

#[test]
fn wrong_content_is_rejected_by_name() {
    use Precision::{Compact, Lossless};
    const MATRIX: &str = "transformer.h.0.mlp.c_proj.weight";
    let part = |name: &str| format!("{MATRIX}.{name}");
    let bytes = |dtype: &'static str, name: &'static str, data: &[u8]| {
        let data = data.to_vec();
        move |file: &mut Container| {
            let tensor = file.get(&format!("{MATRIX}.{name}"));
            tensor.dtype = dtype.into();
            tensor.shape = vec![data.len() / if dtype == "I32" { 4 } else { 1 }];
            tensor.data = data.clone();
        }
    };
    #[allow(clippy::type_complexity)]
    let cases: Vec<(&str, Precision, Box<dyn Fn(&mut Container)>)> = vec![
        ("values", Lossless, Box::new(move |f| f.set_f32(&part("values"), 3, f32::INFINITY))),
        ("c_proj.weight", Lossless, Box::new(bytes("I32", "indptr", &[0; 13 * 4]))),
        ("c_proj.weight", Lossless, Box::new(bytes("I32", "indptr", &[0; 4]))),
        ("indptr", Lossless, Box::new(bytes("I32", "indptr", &[0xff; 13 * 4]))),
        ("c_proj.weight", Lossless, Box::new(bytes("I32", "indices", &[]))),
        (
            "lacks the tensor transformer.h.0.mlp.c_proj.weight",
            Compact,
            Box::new(|f| f.rename(|n| n.replace("0.mlp.c_proj.weight.counts", "0.mlp.c_proj.weight.count"))),
        ),
        ("c_proj.weight", Compact, Box::new(bytes("U8", "counts", &[255; 12]))),
        ("c_proj.weight", Compact, Box::new(bytes("U8", "counts", &[1; 11]))),
        ("c_proj.weight", Compact, Box::new(bytes("U8", "gaps", &[255; 50]))),
        ("gaps", Compact, Box::new(bytes("I8", "gaps", &[0; 50]))),
        ("values", Compact, Box::new(bytes("U8", "values", &[0; 50]))),
        ("bigram_table.scale", Compact, Box::new(|f| f.remove("bigram_table.scale"))),
        ("bigram_table.scale", Compact, Box::new(|f| f.set_f32("bigram_table.scale", 0, f32::NAN))),
        ("bigram_table", Compact, Box::new(|f| f.set_f32("bigram_table.scale", 0, 1e38))),
        ("wpe", Lossless, Box::new(|f| f.reshape("transformer.wpe.weight", |s| vec![5, s[1]]))),
        ("wpe", Lossless, Box::new(|f| f.reshape("transformer.wpe.weight", |s| vec![s[0] * s[1]]))),
        ("0.attn.nowhere", Lossless, Box::new(|f| f.add_f32("mean.0.attn.nowhere", &[6], &[0.0; 6]))),
        ("2.attn.q", Lossless, Box::new(|f| f.add_f32("mean.2.attn.q", &[6], &[0.0; 6]))),
        ("surprise", Lossless, Box::new(|f| f.add_f32("surprise", &[1], &[0.0]))),
        ("transformer.wte.weight", Lossless, Box::new(|f| f.add_f32("transformer.wte.weight", &[30, 12], &[0.0; 360]))),
    ];
    for (named, precision, change) in cases {
        let error = refusal(precision, change);
        assert!(error.contains(named), "{named}: {error}");
    }
}

#[test]
fn other_versions_and_files_are_rejected() {
    let with = |metadata: &str| {
        let metadata = metadata.to_string();
        refusal(Precision::Lossless, move |file| file.metadata = json!({"sparse-circuits": metadata.clone()}))
    };
    let newer = with(r#"{"format_version": 2, "anything": []}"#);
    assert!(newer.contains("version 2") && newer.contains("version 1"), "{newer}");
    assert!(with("{}").contains("version"));
    assert!(with(r#"{"format_version": 1}"#).contains("config"));
    assert!(with(r#"{"format_version": 1, "config": {}, "provenance": null}"#).contains("missing field"));
    assert!(refusal(Precision::Lossless, |file| file.metadata = json!(null)).contains("import"));

    // Sizes of the config that no file can hold are refused before anything is allocated.
    let bytes = model_file::write(&example(), Precision::Lossless).unwrap();
    let text = Container::parse(&bytes).metadata["sparse-circuits"].as_str().unwrap().to_string();
    for (field, value) in [("vocab_size", "1048576"), ("d_mlp", "1048576"), ("n_layer", "1024"), ("d_model", "0")] {
        let mut header: serde_json::Value = serde_json::from_str(&text).unwrap();
        header["config"][field] = serde_json::from_str(value).unwrap();
        with(&header.to_string());
    }
    let mut header: serde_json::Value = serde_json::from_str(&text).unwrap();
    header["config"]["vocab_size"] = json!(1u64 << 60);
    assert!(with(&header.to_string()).contains("vocab_size"));
    header["config"]["unknown"] = json!(1);
    assert!(with(&header.to_string()).contains("unknown"));
}

#[test]
fn containers_with_false_headers_are_rejected() {
    let one = |info: &str, data: usize| {
        let header = format!(r#"{{"a": {info}}}"#);
        model_file::read(&container(&header, &vec![0; data])).unwrap_err().to_string()
    };
    let huge = u64::MAX;
    for (what, error) in [
        ("beyond the end", one(r#"{"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}"#, 8)),
        ("backwards", one(r#"{"dtype": "F32", "shape": [1], "data_offsets": [8, 4]}"#, 8)),
        ("shape and bytes", one(r#"{"dtype": "F32", "shape": [3], "data_offsets": [0, 8]}"#, 8)),
        ("overflow", one(&format!(r#"{{"dtype": "F32", "shape": [{huge}, {huge}], "data_offsets": [0, 8]}}"#), 8)),
        ("huge offsets", one(&format!(r#"{{"dtype": "U8", "shape": [8], "data_offsets": [{}, {huge}]}}"#, huge - 8), 8)),
        ("negative", one(r#"{"dtype": "F32", "shape": [-2], "data_offsets": [0, 8]}"#, 8)),
        ("a hole", one(r#"{"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}"#, 8)),
        ("a rest", one(r#"{"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}"#, 8)),
        ("no type", one(r#"{"shape": [1], "data_offsets": [0, 4]}"#, 4)),
        ("odd type", one(r#"{"dtype": "F8_E4M3", "shape": [4], "data_offsets": [0, 4]}"#, 4)),
        ("twice", model_file::read(&container(
            r#"{"a": {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]}, "a": {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]}}"#,
            &[0; 4],
        )).unwrap_err().to_string()),
        ("no JSON", model_file::read(&container("{", &[])).unwrap_err().to_string()),
        ("no text", model_file::read(&[&3u64.to_le_bytes()[..], &[0xff; 3]].concat()).unwrap_err().to_string()),
        ("long header", model_file::read(&[&(1u64 << 40).to_le_bytes()[..], b"{}"].concat()).unwrap_err().to_string()),
        ("longest header", model_file::read(&[&u64::MAX.to_le_bytes()[..], b"{}"].concat()).unwrap_err().to_string()),
        ("short", model_file::read(b"abc").unwrap_err().to_string()),
        ("empty", model_file::read(b"").unwrap_err().to_string()),
        ("zip", model_file::read(b"PK\x03\x04 and so on, and so on").unwrap_err().to_string()),
    ] {
        assert!(error.contains("safetensors") || error.contains("type F8"), "{what}: {error}");
    }
    // Offsets that are adjacent, each of a possible size, and overflow when they are added up.
    let step = 1u64 << 60;
    let tensors: Vec<String> = (0..16u64)
        .map(|i| {
            format!(
                r#""{i:x}": {{"dtype": "U8", "shape": [{step}], "data_offsets": [{}, {}]}}"#,
                i * step,
                (i + 1).wrapping_mul(step).wrapping_sub(u64::from(i == 15))
            )
        })
        .collect();
    assert!(model_file::read(&container(&format!("{{{}}}", tensors.join(", ")), &[0; 8])).is_err());
}

#[test]
fn every_family_of_options_comes_back() {
    for (family, config) in random::configs() {
        let model =
            ModelFile { weights: random::weights(&config, 0.5, 3), means: BTreeMap::new(), provenance: json!({}) };
        let bytes = model_file::write(&model, Precision::Lossless).unwrap();
        assert!(model_file::read(&bytes).unwrap() == model, "{family}");
    }
}

/// The files store q, k and v as one matrix, `Params` as three.
#[test]
fn shipped_models_round_trip_byte_for_byte() {
    for name in ["default", "bridged", "dense"] {
        let path = format!("{}/models/{name}.safetensors", env!("CARGO_MANIFEST_DIR"));
        let bytes = std::fs::read(path).unwrap();
        let written = model_file::write(&model_file::read(&bytes).unwrap(), Precision::Compact).unwrap();
        assert!(written == bytes, "{name}: read and written again, the file is another one");
    }
}
