//! The shape and options of a model, as the published `beeg_config.json` states them.

use super::{ParamInfo, Role, Site};
use crate::backend::Activation;
use crate::{Result, bail};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ResidualActivation {
    Identity,
    Relu,
}

/// A place where AbsTopK may apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TopKSite {
    AttnIn,
    AttnQ,
    AttnK,
    AttnV,
    AttnOut,
    MlpIn,
    MlpNeuron,
    MlpOut,
    ResidPostAttn,
    ResidPostMlp,
}

impl TopKSite {
    pub const ALL: [TopKSite; 10] = [
        TopKSite::AttnIn,
        TopKSite::AttnQ,
        TopKSite::AttnK,
        TopKSite::AttnV,
        TopKSite::AttnOut,
        TopKSite::MlpIn,
        TopKSite::MlpNeuron,
        TopKSite::MlpOut,
        TopKSite::ResidPostAttn,
        TopKSite::ResidPostMlp,
    ];

    pub fn name(self) -> &'static str {
        match self {
            TopKSite::AttnIn => "attn_in",
            TopKSite::AttnQ => "attn_q",
            TopKSite::AttnK => "attn_k",
            TopKSite::AttnV => "attn_v",
            TopKSite::AttnOut => "attn_out",
            TopKSite::MlpIn => "mlp_in",
            TopKSite::MlpNeuron => "mlp_neuron",
            TopKSite::MlpOut => "mlp_out",
            TopKSite::ResidPostAttn => "resid_post_attn",
            TopKSite::ResidPostMlp => "resid_post_mlp",
        }
    }
}

/// A resolved configuration: every default filled in, every size checked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Context length in tokens.
    pub block_size: usize,
    pub vocab_size: usize,
    pub n_layer: usize,
    pub n_head: usize,
    pub d_head: usize,
    pub d_model: usize,
    pub d_mlp: usize,
    /// Biases in the linear maps.
    pub bias: bool,
    /// Biases in the layer norms.
    pub ln_bias: bool,
    pub rms_norm: bool,
    pub residual_activation_type: ResidualActivation,
    pub activation_type: Activation,
    /// The fraction AbsTopK keeps; `None` switches AbsTopK off everywhere.
    pub afrac: Option<f64>,
    pub afrac_loctypes: Vec<TopKSite>,
    pub tied_unembed: bool,
    pub tokenizer_name: String,
    pub enable_bigram_table: bool,
    /// Width of a positional vector concatenated to each block's input; `None` adds positions to the embedding.
    pub d_pos_emb: Option<usize>,
    /// A learnt logit per head in the softmax denominator.
    pub sink: bool,
    /// Whether a positional table exists at all (the published class always has one; ours may go without).
    pub positions: bool,
}

/// `beeg_config.json` or Hugging Face's `config.json` as they are written: older and newer names, absent fields at the
/// defaults of the published class.
#[derive(Deserialize)]
struct RawConfig {
    #[serde(default = "default_block_size")]
    block_size: usize,
    vocab_size: usize,
    n_layer: usize,
    n_head: usize,
    d_head: Option<usize>,
    d_model: usize,
    d_mlp: Option<usize>,
    n_mlp: Option<usize>,
    #[serde(default = "yes")]
    bias: bool,
    #[serde(default = "yes")]
    ln_bias: bool,
    #[serde(default)]
    rms_norm: bool,
    #[serde(default = "identity")]
    residual_activation_type: ResidualActivation,
    #[serde(default = "gelu")]
    activation_type: Activation,
    afrac: Option<f64>,
    #[serde(default = "default_loctypes")]
    afrac_loctypes: String,
    #[serde(default = "yes")]
    tied_unembed: bool,
    #[serde(default)]
    tokenizer_name: String,
    #[serde(default)]
    enable_bigram_table: bool,
    d_pos_emb: Option<usize>,
    #[serde(default)]
    sink: bool,
    /// Ours: false when the model has no positional table.
    #[serde(default = "yes")]
    positions: bool,

    /// Everything else; see [`check_rest`].
    #[serde(flatten)]
    rest: BTreeMap<String, serde_json::Value>,
}

/// Present in published files, without a meaning for inference.
const WITHOUT_MEANING: [&str; 15] = [
    "dropout",
    "debug_nans",
    "grad_checkpointing",
    "learnable_bigram_table",
    "dropout_cat_pos_emb",
    "sinusoidal_cat_pos_emb", // how the table was initialised; the checkpoint holds it
    "enable_sparse_kernels",
    "flash",
    // Of the training code only (csp_yolo1 and others).
    "n_embd",
    "pfrac",
    "expansion_factor",
    "expansion_factor_mlp",
    "debug_exact_topk",
    "sparse_matmul_impl",
    "enable_fp8_linear",
];

/// Options of the training code that change what the model computes; they must be off (null or false).
const MUST_BE_OFF: [&str; 9] = [
    "use_tied_aux_matrix",
    "unembed_rank",
    "bigram_table_rank",
    "afrac_ste",
    "afrac_ste_only_non_neurons",
    "afrac_approx",
    "rtopk",
    "mup",
    "scale_invariance",
];

/// What the `transformers` library adds to a config (one with `model_type` or `architectures`).
const OF_TRANSFORMERS: [&str; 22] = [
    "model_type",
    "architectures",
    "auto_map",
    "transformers_version",
    "torch_dtype",
    "dtype",
    "use_cache",
    "bos_token_id",
    "eos_token_id",
    "pad_token_id",
    "is_decoder",
    "is_encoder_decoder",
    "tie_word_embeddings",
    "max_position_embeddings",
    "max_length",
    "initializer_range",
    "num_hidden_layers",
    "num_attention_heads",
    "hidden_size",
    "return_dict",
    "mup_width_multiplier", // only read where `mup` is on
    "_name_or_path",
];

/// Fields that mean nothing here are ignored; any other must be off or is an error, so that no model runs as another
/// than it is.
fn check_rest(rest: &BTreeMap<String, serde_json::Value>) -> Result<()> {
    let of_transformers = rest.contains_key("model_type") || rest.contains_key("architectures");
    for (name, value) in rest {
        let name = name.as_str();
        if WITHOUT_MEANING.contains(&name) || (of_transformers && OF_TRANSFORMERS.contains(&name)) {
            continue;
        }
        let off = value.is_null() || *value == serde_json::Value::Bool(false);
        match (MUST_BE_OFF.contains(&name), off) {
            (true, true) => {}
            (true, false) => bail!("the model's config has {name} = {value}, which this engine does not have"),
            (false, _) => bail!("the model's config has the unknown field \"{name}\""),
        }
    }
    Ok(())
}

fn yes() -> bool {
    true
}
fn identity() -> ResidualActivation {
    ResidualActivation::Identity
}
fn gelu() -> Activation {
    Activation::Gelu
}
fn default_block_size() -> usize {
    1024
}
fn default_loctypes() -> String {
    "attn_in,attn_out,mlp_in,mlp_out".into()
}

impl Config {
    /// Reads the text of a published `beeg_config.json`, or of the `config.json` that Hugging Face ships (the same
    /// fields among others).
    ///
    /// # Errors
    /// Unknown keys, missing sizes, options that this engine does not have, sizes out of range.
    pub fn from_beeg_json(text: &str) -> Result<Config> {
        let raw: RawConfig = match serde_json::from_str(text) {
            Ok(raw) => raw,
            Err(error) => bail!("the model's config is not one this engine can read: {error}"),
        };
        check_rest(&raw.rest)?;
        if raw.d_mlp.is_some() && raw.n_mlp.is_some() && raw.d_mlp != raw.n_mlp {
            bail!("the model's config states d_mlp and n_mlp with different values");
        }
        let mut afrac_loctypes = Vec::new();
        for name in raw.afrac_loctypes.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            match TopKSite::ALL.into_iter().find(|site| site.name() == name) {
                Some(site) => afrac_loctypes.push(site),
                None => bail!("the model's config names the unknown AbsTopK place \"{name}\""),
            }
        }
        if raw.n_head == 0 {
            bail!("the model's config has no attention heads");
        }
        let config = Config {
            block_size: raw.block_size,
            vocab_size: raw.vocab_size,
            n_layer: raw.n_layer,
            n_head: raw.n_head,
            d_head: raw.d_head.unwrap_or(raw.d_model / raw.n_head),
            d_model: raw.d_model,
            d_mlp: raw.d_mlp.or(raw.n_mlp).unwrap_or(raw.d_model.saturating_mul(4)),
            bias: raw.bias,
            ln_bias: raw.ln_bias,
            rms_norm: raw.rms_norm,
            residual_activation_type: raw.residual_activation_type,
            activation_type: raw.activation_type,
            afrac: raw.afrac,
            afrac_loctypes,
            tied_unembed: raw.tied_unembed,
            tokenizer_name: raw.tokenizer_name,
            enable_bigram_table: raw.enable_bigram_table,
            d_pos_emb: raw.d_pos_emb,
            sink: raw.sink,
            positions: raw.positions,
        };
        config.check()?;
        Ok(config)
    }

    /// Whether every size is in range, and every product of sizes fits the memory that this platform can address. Everything that
    /// allocates for a config relies on this.
    ///
    /// # Errors
    /// Names the size or tensor that is too large, or the options that contradict each other.
    pub fn check(&self) -> Result<()> {
        for (name, value, max) in [
            ("block_size", self.block_size, 1 << 16),
            ("vocab_size", self.vocab_size, 1 << 20),
            ("n_layer", self.n_layer, 1 << 10),
            ("n_head", self.n_head, 1 << 14),
            ("d_head", self.d_head, 1 << 12),
            ("d_model", self.d_model, 1 << 16),
            ("d_mlp", self.d_mlp, 1 << 20),
            ("n_head * d_head", self.n_head.saturating_mul(self.d_head), 1 << 20),
            ("d_pos_emb", self.d_pos_emb.unwrap_or(1), 1 << 16),
        ] {
            if value == 0 || value > max {
                bail!("the model's config has {name} = {value}; this engine takes 1 to {max}");
            }
        }
        if let Some(afrac) = self.afrac
            && !(afrac > 0.0 && afrac <= 1.0)
        {
            bail!("the model's config has afrac = {afrac}; it must be in (0, 1]");
        }
        if self.d_pos_emb.is_some() && !self.positions {
            bail!("the model's config has d_pos_emb but no positions");
        }
        // No allocation is larger, whatever the platform.
        self.check_products(isize::MAX as u64)
    }

    /// The only place that multiplies sizes before they are known to be small enough: in u64, as `usize` has 32 bits in WebAssembly.
    /// Each size must be in range. `max_bytes` is the largest allocation; every entry takes the four bytes of an f32.
    fn check_products(&self, max_bytes: u64) -> Result<()> {
        let check = |what: &dyn fmt::Display, sizes: [usize; 3]| {
            let bytes = sizes.iter().try_fold(4u64, |product, &size| product.checked_mul(size as u64));
            match bytes {
                Some(bytes) if bytes <= max_bytes => Ok(()),
                _ => {
                    let [count, rows, cols] = sizes;
                    bail!(
                        "the model's config is too large for this platform: {what} ({count} x {rows} x {cols} numbers) takes more than {max_bytes} bytes"
                    )
                }
            }
        };
        for info in ParamInfo::of_config(&Config { n_layer: 1, ..self.clone() }) {
            // A file holds q, k and v as one matrix.
            let count = if info.role == Role::Read { 3 } else { 1 };
            let [rows, cols] = info.shape;
            check(&info, [count, rows, cols])?;
        }
        check(&"an activation of the whole context", [1, self.widest(), self.block_size])?;
        let nodes_per_layer = Site::NODES.iter().map(|site| site.width(self)).sum();
        check(&"the row of all nodes", [1, self.n_layer, nodes_per_layer])
    }

    /// Width of q, k, v and of the attention's output: all heads side by side.
    pub fn d_attn(&self) -> usize {
        self.n_head * self.d_head
    }

    /// Width of a block's input: the residual stream and, where positions are concatenated, their vector.
    pub fn d_block_in(&self) -> usize {
        self.d_model + self.d_pos_emb.unwrap_or(0)
    }

    /// The most channels that a tensor of a pass has.
    pub fn widest(&self) -> usize {
        self.vocab_size.max(self.d_mlp).max(self.d_attn()).max(self.d_block_in())
    }

    /// How many channels AbsTopK keeps at a site; `None` when nothing is dropped there.
    pub fn top_k_at(&self, site: Site) -> Option<usize> {
        self.top_k(site.top_k_site()?, site.width(self))
    }

    /// How many entries AbsTopK keeps at `site` of a vector of `width`: `int(afrac * width)` in double precision, as
    /// the published code computes it. `None` when nothing is dropped there.
    pub fn top_k(&self, site: TopKSite, width: usize) -> Option<usize> {
        let afrac = self.afrac?;
        self.afrac_loctypes.contains(&site).then_some((afrac * width as f64) as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_of_the_published_class() {
        let text = r#"{"vocab_size": 70, "n_layer": 2, "n_head": 4, "d_model": 36, "n_mlp": 100, "afrac": 0.29}"#;
        let config = Config::from_beeg_json(text).unwrap();
        assert_eq!((config.d_head, config.d_mlp, config.block_size), (9, 100, 1024));
        assert!(config.tied_unembed && config.bias && config.ln_bias && !config.rms_norm && !config.sink);
        assert_eq!(config.top_k(TopKSite::AttnIn, 100), Some(28));
        assert_eq!(config.top_k(TopKSite::MlpNeuron, 100), None);
    }

    #[test]
    fn products_of_sizes_are_checked_for_32_bits() {
        let config = |sizes: &str| {
            let text = format!(r#"{{"n_head": 16, "positions": false, {sizes}}}"#);
            Config::from_beeg_json(&text).unwrap()
        };
        // usize and isize of wasm32
        const MAX_32: u64 = i32::MAX as u64;
        config(r#""n_layer": 2, "vocab_size": 50257, "d_model": 2048"#).check_products(MAX_32).unwrap();
        for (sizes, named) in [
            (r#""n_layer": 2, "vocab_size": 1048576, "d_model": 65536"#, "wte"),
            // 2^32 entries are 0 in 32 bits
            (r#""n_layer": 2, "vocab_size": 65536, "d_model": 65536, "d_mlp": 16"#, "wte"),
            (r#""n_layer": 2, "vocab_size": 16, "d_model": 8192, "d_mlp": 1048576"#, "0.c_fc.weight"),
            (r#""n_layer": 2, "vocab_size": 65536, "d_model": 16, "enable_bigram_table": true"#, "bigram_table"),
            (r#""n_layer": 2, "vocab_size": 1048576, "d_model": 16, "block_size": 65536"#, "activation"),
            (r#""n_layer": 1024, "vocab_size": 16, "d_model": 16, "d_mlp": 1048576, "block_size": 16"#, "nodes"),
        ] {
            let error = config(sizes).check_products(MAX_32).expect_err(sizes).to_string();
            assert!(error.contains(named), "{sizes}: {error}");
        }
    }

    #[test]
    fn bad_configs_are_rejected() {
        for text in [
            "{",
            r#"{"vocab_size": 70}"#,
            r#"{"vocab_size": 70, "n_layer": 2, "n_head": 0, "d_model": 36}"#,
            r#"{"vocab_size": 70, "n_layer": 2, "n_head": 4, "d_model": 36, "afrac": 2.0}"#,
            r#"{"vocab_size": 70, "n_layer": 2, "n_head": 4, "d_model": 36, "surprise": 1}"#,
            r#"{"vocab_size": 70, "n_layer": 2, "n_head": 4, "d_model": 99999999999}"#,
        ] {
            assert!(Config::from_beeg_json(text).is_err(), "{text}");
        }
    }
}
