//! Import of the twelve reference checkpoints, and what the importer must refuse.

use serde_json::json;
use sparse_circuits::format::{ModelFile, Precision, checkpoint, model_file, torch_zip};
use sparse_circuits::model::Weights;
use sparse_circuits::tensor::WeightMatrix;
use std::path::{Path, PathBuf};

use crate::format_support;
use crate::format_support::{Container, folders, oracle, read, text};

fn import(folder: &Path) -> (ModelFile, ModelFile) {
    let config = text(&folder.join("beeg_config.json"));
    let from = |name: &str| checkpoint::import(&config, &read(&folder.join(name))).unwrap();
    (from("final_model.pt"), from("model.safetensors"))
}

#[test]
fn every_pt_equals_its_safetensors() {
    let folders = folders();
    assert_eq!(folders.len(), 12);
    for folder in folders {
        let (torch, safetensors) = import(&folder);
        // f32 equality treats -0 and 0 as equal. The fingerprint compares the bits of all nonzero
        // numbers.
        assert_eq!(torch.weights, safetensors.weights, "{}", folder.display());
        assert_eq!(model_file::fingerprint(&torch.weights), model_file::fingerprint(&safetensors.weights));
    }
}

/// Compares with an independent reader of the file.
#[test]
fn imported_numbers_agree_with_the_file() {
    for folder in folders() {
        let (model, _) = import(&folder);
        let bytes = read(&folder.join("model.safetensors"));
        let file = Container::parse(&bytes);
        let weights = &model.weights;
        let c_fc = file.f32s("transformer.h.0.mlp.c_fc.weight");
        assert_eq!(weights.blocks[0].c_fc.weight.to_dense().data, c_fc);
        assert_eq!(weights.wte.to_dense().data, file.f32s("transformer.wte.weight"));
        let wpe = file.f32s("transformer.wpe.weight");
        match &weights.wpe {
            Some(table) => assert_eq!(table.to_dense().data, wpe),
            None => assert!(wpe.iter().all(|number| *number == 0.0), "only zeros are left out"),
        }
        assert_eq!(weights.lm_head.is_none(), weights.config.tied_unembed);
        assert_eq!(weights.final_logits_bias.clone().unwrap_or_default(), file.f32s("final_logits_bias"));
        let block = &weights.blocks[0];
        let qkv = [&block.q, &block.k, &block.v];
        let bias = qkv.map(|linear| linear.bias.clone().unwrap_or_default()).concat();
        assert_eq!(bias, file.f32s("transformer.h.0.attn.c_attn.bias"));
        let weight = qkv.map(|linear| linear.weight.to_dense().data).concat();
        assert_eq!(weight, file.f32s("transformer.h.0.attn.c_attn.weight"));
    }
}

#[test]
fn each_reference_model_has_the_features_that_it_tests() {
    let weights = |name: &str| import(&oracle(name)).0.weights;
    let tied = weights("p01_ln_tied_noflash");
    assert!(tied.lm_head.is_none() && tied.final_logits_bias.is_none() && tied.blocks[0].sinks.is_none());
    let full = weights("p02_rms_sink_bigram_full");
    assert!(matches!(full.bigram_table, Some(WeightMatrix::Dense(_))), "a dense table stays dense");
    assert!(matches!(full.blocks[0].c_fc.weight, WeightMatrix::Sparse(_)));
    assert!(full.blocks[1].sinks.is_some() && full.blocks[0].ln_1.bias.is_none());
    assert!(weights("p03_catpos_rms").blocks[0].ln_p2.gain.is_some());
    assert!(weights("p04_ln_nobias_relu").blocks[0].q.bias.is_none());
    assert_eq!(weights("p08_afrac_trunc").config.d_mlp, 100);
}

#[test]
fn model_files_of_the_imports_round_trip() {
    for folder in folders() {
        let (model, _) = import(&folder);
        let bytes = model_file::write(&model, Precision::Lossless).unwrap();
        assert_eq!(model_file::read(&bytes).unwrap(), model, "{}", folder.display());
        let compact = model_file::write(&model, Precision::Compact).unwrap();
        assert!(compact.len() < bytes.len());
        let again = model_file::read(&compact).unwrap();
        assert_eq!(model_file::write(&again, Precision::Compact).unwrap(), compact, "{}", folder.display());
    }
}

fn config_of(name: &str) -> serde_json::Value {
    serde_json::from_str(&text(&oracle(name).join("beeg_config.json"))).unwrap()
}

/// The reference checkpoint `name` as safetensors, changed by `edit`.
fn edited(name: &str, edit: impl Fn(&mut Container)) -> Vec<u8> {
    let bytes = read(&oracle(name).join("model.safetensors"));
    let mut file = Container::parse(&bytes);
    edit(&mut file);
    file.bytes()
}

fn refusal(config: &serde_json::Value, tensors: &[u8]) -> String {
    checkpoint::import(&config.to_string(), tensors).unwrap_err().to_string()
}

#[test]
fn a_wrapped_checkpoint_and_its_config_are_read() {
    let name = "p02_rms_sink_bigram_full";
    let mut config = config_of(name);
    let fields = config.as_object_mut().unwrap();
    for (field, value) in [
        ("model_type", json!("circuitgpt")),
        ("architectures", json!(["CircuitGPTForCausalLM"])),
        ("auto_map", json!({"AutoConfig": "config.CircuitGPTConfig"})),
        ("unembed_rank", json!(null)),
        ("bigram_table_rank", json!(null)),
        ("torch_dtype", json!("float32")),
        ("transformers_version", json!("4.49.0")),
        ("rtopk", json!(false)),
    ] {
        fields.insert(field.into(), value);
    }
    let wrapped = edited(name, |file| file.rename(|name| format!("circuit_model.{name}")));
    let model = checkpoint::import(&config.to_string(), &wrapped).unwrap();
    assert_eq!(model.weights, import(&oracle(name)).0.weights);

    let mixed =
        edited(name, |file| file.rename(|name| format!("circuit_model.{name}").replace("circuit_model.lm_", "lm_")));
    assert!(refusal(&config, &mixed).contains("lm_head.weight"));
}

#[test]
fn a_tied_checkpoint_may_omit_the_unembedding_but_not_contradict_it() {
    let name = "p01_ln_tied_noflash";
    let without = edited(name, |file| file.remove("lm_head.weight"));
    assert_eq!(
        checkpoint::import(&config_of(name).to_string(), &without).unwrap().weights,
        import(&oracle(name)).0.weights
    );
    let other = edited(name, |file| file.set_f32("lm_head.weight", 5, 123.0));
    assert!(refusal(&config_of(name), &other).contains("lm_head.weight"));
}

#[test]
fn a_position_table_of_zeros_is_left_out() {
    let name = "p02_rms_sink_bigram_full";
    let zeros = edited(name, |file| file.fill_f32("transformer.wpe.weight", 0.0));
    let Weights { config, wpe, .. } = checkpoint::import(&config_of(name).to_string(), &zeros).unwrap().weights;
    assert!(wpe.is_none() && !config.positions);
    // A concatenated one is part of the blocks' input and stays.
    let zeros = edited("p03_catpos_rms", |file| file.fill_f32("transformer.wpe.weight", 0.0));
    assert!(checkpoint::import(&config_of("p03_catpos_rms").to_string(), &zeros).unwrap().weights.wpe.is_some());
}

#[test]
fn errors_name_missing_unknown_and_misshapen_tensors() {
    let name = "p02_rms_sink_bigram_full";
    let config = config_of(name);
    for tensor in [
        "transformer.wte.weight",
        "transformer.wpe.weight",
        "transformer.h.0.ln_1.weight",
        "transformer.h.1.attn.attn_imp.sink_logit",
        "transformer.h.1.mlp.c_proj.bias",
        "transformer.ln_f.weight",
        "lm_head.weight",
        "bigram_table",
    ] {
        let error = refusal(&config, &edited(name, |file| file.remove(tensor)));
        assert!(error.contains(tensor), "removed {tensor}: {error}");
        let misnamed =
            edited(name, |file| file.rename(|name| if name == tensor { "x".to_string() + name } else { name.into() }));
        assert!(refusal(&config, &misnamed).contains(tensor));
        let reshaped = edited(name, |file| file.reshape(tensor, |shape| vec![shape.iter().product::<usize>() / 2, 2]));
        let error = refusal(&config, &reshaped);
        assert!(error.contains(tensor) && error.contains("shape"), "reshaped {tensor}: {error}");
        let nan = edited(name, |file| file.set_f32(tensor, 1, f32::NAN));
        let error = refusal(&config, &nan);
        assert!(error.contains(tensor) && error.contains("finite"), "{error}");
    }
    let error = refusal(&config, &edited(name, |file| file.add_f32("transformer.h.0.surprise", &[1], &[1.0])));
    assert!(error.contains("transformer.h.0.surprise"), "{error}");
    let error = refusal(&config, &edited(name, |file| file.add_f32("transformer.h.7.ln_1.weight", &[48], &[1.0; 48])));
    assert!(error.contains("transformer.h.7.ln_1.weight"), "{error}");
    // A bias that the attention does not have is not a causal mask.
    let error = refusal(&config, &edited(name, |file| file.add_f32("transformer.h.0.attn.bias", &[48], &[1.0; 48])));
    assert!(error.contains("transformer.h.0.attn.bias"), "{error}");
    // final_logits_bias may be missing. A wrong length is an error.
    let without = edited(name, |file| file.remove("final_logits_bias"));
    assert!(checkpoint::import(&config.to_string(), &without).unwrap().weights.final_logits_bias.is_none());
}

#[test]
fn a_config_that_describes_another_model_is_an_error() {
    let name = "p02_rms_sink_bigram_full";
    let tensors = read(&oracle(name).join("final_model.pt"));
    for (field, value) in [
        ("d_model", json!(49)),
        ("n_layer", json!(3)),
        ("n_layer", json!(1)),
        ("vocab_size", json!(97)),
        ("d_mlp", json!(1 << 20)),
        ("n_layer", json!(1_000_000_000_000_000u64)),
        ("rms_norm", json!(false)),
        ("sink", json!(false)),
        ("enable_bigram_table", json!(false)),
        ("tied_unembed", json!(true)),
        ("bias", json!(false)),
        ("mup", json!(true)),
        ("bigram_table_rank", json!(16)),
        ("vocab_size", json!(-1)),
    ] {
        let mut config = config_of(name);
        config[field] = value.clone();
        assert!(checkpoint::import(&config.to_string(), &tensors).is_err(), "{field} = {value}");
    }
}

#[test]
fn published_configs_with_fields_of_the_training_code_are_read() {
    let mut config = config_of("p02_rms_sink_bigram_full");
    for (field, value) in [
        ("n_embd", json!(48)),
        ("pfrac", json!(0.5)),
        ("expansion_factor", json!(4)),
        ("expansion_factor_mlp", json!(4)),
        ("debug_exact_topk", json!(false)),
        ("sparse_matmul_impl", json!("dense")),
        ("bigram_table_rank", json!(null)),
        ("use_tied_aux_matrix", json!(false)),
    ] {
        config[field] = value;
    }
    let tensors = read(&oracle("p02_rms_sink_bigram_full").join("final_model.pt"));
    checkpoint::import(&config.to_string(), &tensors).unwrap();
}

/// `viz_data.json` lists `viz_data.pt`: a dict is a list of pairs, a tensor its type, shape, sum and first three
/// values.
#[test]
fn viewer_data_agrees_with_its_listing() {
    let folder: PathBuf = oracle("viz");
    let bytes = read(&folder.join("viz_data.pt"));
    let value = torch_zip::read(&bytes).unwrap();
    let listing: serde_json::Value = serde_json::from_str(&text(&folder.join("viz_data.json"))).unwrap();
    let mut tensors = 0;
    format_support::compare(&value, &listing["content"], "", &mut tensors);
    assert!(tensors > 2000, "{tensors} tensors compared");
    assert!(value.get("importances").unwrap().get("loss").is_some());
}
