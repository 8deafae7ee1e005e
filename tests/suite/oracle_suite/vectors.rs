//! The reference vectors of `tests/oracle/`, compiled into the test so that a browser can run it too.

use safetensors::{Dtype, SafeTensors};
use serde::{Deserialize, Deserializer};
use sparse_circuits::format::checkpoint;
use sparse_circuits::model::{Config, Hook, TopKSite, Weights};
use std::collections::{BTreeMap, HashMap};

/// One configuration: the text and bytes of its files.
#[derive(Clone, Copy)]
pub struct Case {
    pub name: &'static str,
    pub config: &'static str,
    /// `final_model.pt`, from which the vectors were computed.
    pub checkpoint: &'static [u8],
    pub expected_json: &'static str,
    pub expected: &'static [u8],
    pub extras: Option<Extras>,
}

/// Extra files of three configurations.
#[derive(Clone, Copy)]
pub struct Extras {
    pub expected_f64: &'static [u8],
    pub masks_json: &'static str,
    pub masks: &'static [u8],
}

macro_rules! case {
    ($name:ident) => {
        case!($name, None);
    };
    ($name:ident, with masks) => {
        case!(
            $name,
            Some(Extras {
                expected_f64: include_bytes!(concat!("../../oracle/", stringify!($name), "/expected_f64.safetensors")),
                masks_json: include_str!(concat!("../../oracle/", stringify!($name), "/masks.json")),
                masks: include_bytes!(concat!("../../oracle/", stringify!($name), "/masks.safetensors")),
            })
        );
    };
    ($name:ident, $extras:expr) => {
        pub const $name: Case = Case {
            name: stringify!($name),
            config: include_str!(concat!("../../oracle/", stringify!($name), "/beeg_config.json")),
            checkpoint: include_bytes!(concat!("../../oracle/", stringify!($name), "/final_model.pt")),
            expected_json: include_str!(concat!("../../oracle/", stringify!($name), "/expected.json")),
            expected: include_bytes!(concat!("../../oracle/", stringify!($name), "/expected.safetensors")),
            extras: $extras,
        };
    };
}

/// The configurations, each as a [`Case`] constant of the same name.
#[allow(non_upper_case_globals)]
pub mod cases {
    use super::{Case, Extras};
    case!(p01_ln_tied_noflash);
    case!(p02_rms_sink_bigram_full, with masks);
    case!(p03_catpos_rms, with masks);
    case!(p04_ln_nobias_relu);
    case!(p05_residrelu_residtopk);
    case!(p06_sinusoid_ln_sink);
    case!(p07_dhead_dmlp_odd, with masks);
    case!(p08_afrac_trunc);
    case!(p09_three_layer_dense_act);
    case!(p10_qk_topk_ln);
    case!(p11_rms_eps_zero_rows);
    case!(p12_checkpoint_dtypes);
}

/// `each_case!(test)` expands `test!(p01_ln_tied_noflash);` and so on for every configuration.
#[allow(unused_macros)]
macro_rules! each_case {
    ($test:ident) => {
        $test!(p01_ln_tied_noflash);
        $test!(p02_rms_sink_bigram_full);
        $test!(p03_catpos_rms);
        $test!(p04_ln_nobias_relu);
        $test!(p05_residrelu_residtopk);
        $test!(p06_sinusoid_ln_sink);
        $test!(p07_dhead_dmlp_odd);
        $test!(p08_afrac_trunc);
        $test!(p09_three_layer_dense_act);
        $test!(p10_qk_topk_ln);
        $test!(p11_rms_eps_zero_rows);
        $test!(p12_checkpoint_dtypes);
    };
}
#[allow(unused_imports)]
pub(crate) use each_case;

pub const ALL: [Case; 12] = [
    cases::p01_ln_tied_noflash,
    cases::p02_rms_sink_bigram_full,
    cases::p03_catpos_rms,
    cases::p04_ln_nobias_relu,
    cases::p05_residrelu_residtopk,
    cases::p06_sinusoid_ln_sink,
    cases::p07_dhead_dmlp_odd,
    cases::p08_afrac_trunc,
    cases::p09_three_layer_dense_act,
    cases::p10_qk_topk_ln,
    cases::p11_rms_eps_zero_rows,
    cases::p12_checkpoint_dtypes,
];

/// `expected.json`, as far as the tests use it.
#[derive(Deserialize)]
pub struct Expected {
    pub sequences: Vec<Sequence>,
    pub interventions: Vec<Intervention>,
    #[serde(default)]
    pub greedy_continuation: BTreeMap<String, Greedy>,
    #[serde(default)]
    pub afrac_k: HashMap<TopKSite, usize>,
    pub arrays: Vec<Array>,
}

#[derive(Deserialize)]
pub struct Sequence {
    pub id: String,
    pub tokens: Vec<u32>,
    /// `None` = ignored.
    #[serde(default, deserialize_with = "targets")]
    pub targets: Vec<Option<usize>>,
    pub cross_entropy_next_token: Option<f64>,
    pub cross_entropy_next_token_f64: Option<f64>,
}

fn targets<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Option<usize>>, D::Error> {
    Ok(Vec::<i64>::deserialize(deserializer)?.into_iter().map(|target| target.try_into().ok()).collect())
}

#[derive(Deserialize)]
pub struct Intervention {
    pub id: String,
    pub seq: String,
    pub edits: Vec<VectorEdit>,
}

/// An edit of all tokens, or of some `positions`, at a hook.
#[derive(Clone, Deserialize)]
pub struct VectorEdit {
    pub hook: Hook,
    pub op: VectorOp,
    pub channels: Vec<usize>,
    pub positions: Option<Vec<usize>>,
    /// One for each channel, with `set`.
    #[serde(default)]
    pub values: Vec<f64>,
    /// With `scale`.
    #[serde(default)]
    pub factor: f64,
}

#[derive(Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VectorOp {
    Zero,
    Set,
    Scale,
}

#[derive(Deserialize)]
pub struct Greedy {
    pub continuation: Vec<u32>,
}

#[derive(Deserialize)]
pub struct Array {
    pub name: String,
}

/// `masks.json`.
#[derive(Deserialize)]
pub struct Masks {
    pub node_locations: Vec<Hook>,
    pub sequences: Vec<MaskSequence>,
    pub cases: Vec<MaskCase>,
}

/// A prompt with its two candidates.
#[derive(Deserialize)]
pub struct MaskSequence {
    pub tokens: Vec<u32>,
    pub target: usize,
    pub alternative: usize,
}

#[derive(Deserialize)]
pub struct MaskCase {
    pub case: String,
    pub loss: f64,
    pub loss_f64: f64,
    pub n_nodes: usize,
}

/// Numbers of a file, widened to f64; `cols` is the last axis.
#[derive(Clone)]
pub struct Table {
    pub cols: usize,
    pub values: Vec<f64>,
}

impl Table {
    pub fn from_rows(rows: &[Vec<f64>]) -> Table {
        Table { cols: rows.first().map_or(0, Vec::len), values: rows.concat() }
    }

    pub fn row(&self, row: usize) -> &[f64] {
        &self.values[row * self.cols..][..self.cols]
    }

    pub fn rows(&self) -> usize {
        self.values.len() / self.cols
    }
}

/// Every tensor of a safetensors file of f32 or f64.
pub fn tables(bytes: &[u8]) -> BTreeMap<String, Table> {
    let file = SafeTensors::deserialize(bytes).expect("a file of reference vectors");
    file.iter()
        .map(|(name, view)| {
            let values = match view.dtype() {
                Dtype::F32 => {
                    view.data().chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap()) as f64).collect()
                }
                Dtype::F64 => view.data().chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().unwrap())).collect(),
                other => panic!("{name} holds {other:?}"),
            };
            (name.to_string(), Table { cols: *view.shape().last().unwrap_or(&1), values })
        })
        .collect()
}

impl Case {
    pub fn config(&self) -> Config {
        Config::from_beeg_json(self.config).expect("a readable config")
    }

    pub fn weights(&self) -> Weights {
        checkpoint::import(self.config, self.checkpoint).expect("a readable checkpoint").weights
    }

    pub fn expected(&self) -> Expected {
        serde_json::from_str(self.expected_json).expect("expected.json")
    }

    pub fn masks(&self) -> Option<(Masks, BTreeMap<String, Table>)> {
        let extras = self.extras?;
        Some((serde_json::from_str(extras.masks_json).expect("masks.json"), tables(extras.masks)))
    }
}
