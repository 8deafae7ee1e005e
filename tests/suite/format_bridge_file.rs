//! Bridge files: valid files round-trip, and invalid files are rejected.

use crate::format_support::Container;
use crate::reference::random::{self, Random};
use proptest::prelude::*;
use serde_json::{Value, json};
use sparse_circuits::bridge::{Bridge, BridgeSite};
use sparse_circuits::format::{BridgeFile, Precision, bridge_file, model_file};
use sparse_circuits::model::{Config, Linear, Weights};
use sparse_circuits::tensor::WeightMatrix;

const ENTRY: &str = "sparse-circuits-bridge";

fn models() -> [Weights; 2] {
    let dense = Config { d_model: 12, afrac: None, ..random::base_config() };
    [random::weights(&random::base_config(), 0.5, 1), random::weights(&dense, 1.0, 2)]
}

fn example() -> BridgeFile {
    let random = &mut Random::new(4);
    let mut linear = |rows: usize, cols: usize| Linear {
        weight: WeightMatrix::Dense(random.matrix(rows, cols, 0.5, 1.0)),
        bias: Some(random.vector(rows, 0.0, 1.0)),
    };
    let site = |i: usize| BridgeSite { encoder: linear(10, 12), decoder: linear(12, 10), rms_ratio: 1.0 + i as f32 };
    BridgeFile {
        bridge: Bridge {
            sites: (0..5).map(site).collect(),
            kept: 5,
            channels: [("single_double_quote".to_string(), "1.attn.act_in.3".parse().unwrap())].into(),
        },
        models: models().map(|weights| model_file::fingerprint(&weights)),
        provenance: json!({"seed": 3}),
    }
}

#[test]
fn a_bridge_round_trips_and_belongs_to_its_models() {
    let back = bridge_file::read(&bridge_file::write(&example(), Precision::Lossless).unwrap()).unwrap();
    assert_eq!(back, example());
    let [sparse, dense] = models();
    back.check(&sparse, &dense).unwrap();
    let mut other = sparse.clone();
    other.blocks[0].q.bias.as_mut().unwrap()[0] += 0.5;
    let error = back.check(&other, &dense).unwrap_err().to_string();
    assert!(error.contains("sparse") && error.contains(&model_file::fingerprint(&other)), "{error}");
    let error = back.check(&dense, &sparse).unwrap_err().to_string();
    assert!(error.contains("site 0"), "{error}");
    let mut unknown = example();
    unknown.bridge.channels.insert("if_equals".into(), "1.attn.act_in.10".parse().unwrap());
    assert!(unknown.check(&sparse, &dense).unwrap_err().to_string().contains("1.attn.act_in.10"));
}

#[test]
fn a_compact_bridge_is_close_and_then_round_trips_exactly() {
    let compact = bridge_file::write(&example(), Precision::Compact).unwrap();
    let back = bridge_file::read(&compact).unwrap();
    assert!(compact.len() < bridge_file::write(&example(), Precision::Lossless).unwrap().len() * 3 / 4);
    for (site, exact) in back.bridge.sites.iter().zip(&example().bridge.sites) {
        let [got, want] = [site, exact].map(|site| site.encoder.weight.to_dense().data);
        assert!(got.iter().zip(&want).all(|(g, w)| (g - w).abs() <= w.abs() / 1024.0));
    }
    assert_eq!(bridge_file::write(&back, Precision::Compact).unwrap(), compact);
}

fn rejected(change: impl Fn(&mut Container)) -> String {
    let mut file = Container::parse(&bridge_file::write(&example(), Precision::Lossless).unwrap());
    change(&mut file);
    bridge_file::read(&file.bytes()).unwrap_err().to_string()
}

fn with_header(change: impl Fn(&mut Value)) -> String {
    rejected(|file| {
        let mut header: Value = serde_json::from_str(file.metadata[ENTRY].as_str().unwrap()).unwrap();
        change(&mut header);
        file.metadata[ENTRY] = json!(header.to_string());
    })
}

#[test]
fn wrong_files_are_rejected() {
    assert!(with_header(|h| h["format_version"] = json!(2)).contains("version 2"));
    assert!(with_header(|h| h["surprise"] = json!(1)).contains("surprise"));
    assert!(with_header(|h| h["kept"] = json!(0)).contains("channel"));
    assert!(with_header(|h| h["kept"] = json!(11)).contains("11 channels"));
    assert!(with_header(|h| h["rms_ratios"] = json!([])).contains("0 sites"));
    assert!(with_header(|h| h["rms_ratios"][0] = json!(-1.0)).contains("-1"));
    assert!(with_header(|h| h["rms_ratios"] = json!(vec![1.0; 6])).contains("site.5.encoder.weight"));
    assert!(with_header(|h| h["channels"]["x"] = json!("1.attn.nothing.3")).contains("nothing"));
    assert!(rejected(|file| file.metadata = json!({})).contains("bridge"));
    assert!(rejected(|file| file.remove("site.3.decoder.bias")).contains("site.3.decoder.bias"));
    assert!(rejected(|file| file.set_f32("site.2.encoder.weight", 7, f32::NAN)).contains("site.2.encoder.weight"));
    assert!(rejected(|file| file.reshape("site.1.decoder.weight", |_| vec![10, 12])).contains("site.1.decoder.weight"));
    assert!(rejected(|file| file.reshape("site.1.decoder.weight", |_| vec![1, 12, 10])).contains("[1, 12, 10]"));
    assert!(rejected(|file| file.add_f32("site.9.encoder.bias", &[1], &[0.0])).contains("site.9.encoder.bias"));
    let mut infinite = example();
    infinite.bridge.sites[0].rms_ratio = f32::INFINITY;
    assert!(bridge_file::write(&infinite, Precision::Lossless).unwrap_err().to_string().contains("rms_ratios"));
}

proptest! {
    #[test]
    fn a_truncated_file_is_rejected(at in 0.0f64..1.0) {
        let bytes = bridge_file::write(&example(), Precision::Compact).unwrap();
        let cut = (at * bytes.len() as f64) as usize;
        prop_assert!(bridge_file::read(&bytes[..cut]).is_err());
    }

    #[test]
    fn a_flipped_bit_is_an_error_or_another_bridge(at in 0usize..100_000, bit in 0u8..8) {
        let mut bytes = bridge_file::write(&example(), Precision::Compact).unwrap();
        let at = at % bytes.len();
        bytes[at] ^= 1 << bit;
        if let Ok(file) = bridge_file::read(&bytes) {
            bridge_file::write(&file, Precision::Lossless).unwrap();
        }
    }
}
