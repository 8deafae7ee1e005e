//! The config of a training run: the model's shape, the data, the optimiser and the schedules.

use crate::model::Config;
use crate::{Error, Result, bail};
use serde::{Deserialize, Serialize};

/// The config of a training run. This config and the corpus determine the result. `density` decides
/// whether the model is dense or sparse.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainConfig {
    /// The model's config, with the keys of the published `beeg_config.json`.
    pub model: serde_json::Value,
    /// The folder that `sparse-circuits corpus` wrote.
    pub corpus: String,
    pub seed: u64,
    /// A model file of the same shape to start from. The optimiser's moments start at zero, and the
    /// densities are final from the first step. Without it, the weights are random.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    pub steps: u64,
    /// Sequences per step.
    pub batch: usize,
    /// Tokens per sequence.
    pub context: usize,
    /// Fraction of each batch that comes from the synthetic corpus.
    #[serde(default = "half")]
    pub synthetic_share: f64,

    /// Peak learning rate, before the factor `1 / sqrt(relative density)` (Gao et al. 2025, A.2: "sharkfin").
    pub learning_rate: f64,
    #[serde(default = "betas")]
    pub betas: [f64; 2],
    /// Adam's epsilon, large on purpose (Gao et al. 2025, A.2).
    #[serde(default = "eps")]
    pub eps: f64,
    /// Weight decay, multiplied by the learning rate.
    #[serde(default = "decay")]
    pub weight_decay: f64,
    /// Fraction of the steps in which the learning rate rises.
    #[serde(default = "warm_up")]
    pub warm_up: f64,

    /// Fraction of nonzeros in every weight matrix at the end; 1 trains a dense model.
    pub density: f64,
    /// The same for the embedding and the unembedding.
    pub embedding_density: f64,
    #[serde(default = "bias_density")]
    pub bias_density: f64,
    /// Nonzeros of the bigram table at the end.
    pub bigram_nonzeros: usize,
    /// The density falls linearly between these two fractions of the steps.
    #[serde(default = "anneal")]
    pub anneal: [f64; 2],
    /// The fewest nonzeros that a neuron or attention channel keeps (`j` of Gao et al. 2025, A.2).
    #[serde(default = "min_nonzeros", rename = "least_nonzeros")]
    pub min_nonzeros: usize,

    /// If given, the run also trains a bridge to a frozen dense model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bridge: Option<BridgeConfig>,

    /// Steps between two lines of the log.
    #[serde(default = "log_every")]
    pub log_every: u64,
    /// Steps between two measurements of the held-out loss.
    #[serde(default = "validate_every")]
    pub validate_every: u64,
    /// Steps between two checkpoints.
    #[serde(default = "validate_every")]
    pub checkpoint_every: u64,
}

/// A bridge in training (Gao et al. 2025, 2.3): the loss is
/// `cross_entropy * CE + sum over sites (nmse_encoder * NMSE(f(h_d), h_s) + nmse_decoder * NMSE(g(h_s), h_d)
/// + kl_sparse * KL(y_d || sparse tail on f(h_d)) + kl_dense * KL(y_d || dense tail on g(h_s)))`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BridgeConfig {
    /// The file of the dense model, which is frozen.
    pub dense: String,
    /// A bridge file to start from, between the config's `start` and `dense`. Without it, a run
    /// with a `start` model fits the first bridge by least squares.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    /// Peak learning rate of the bridge, without the factor of the sparse model's density.
    pub learning_rate: f64,
    /// Fraction of the sparse model's channels that AbsTopK keeps after each encoder.
    #[serde(default = "quarter")]
    pub kept: f64,
    /// Number of sites, drawn at random in each step, at which hybrid passes switch models. Their
    /// terms are multiplied by sites / drawn, so that they estimate the sum over all sites. 0 uses
    /// all sites.
    #[serde(default = "one_site")]
    pub sites_per_step: usize,
    /// Trains only the bridge; both models are frozen.
    #[serde(default)]
    pub freeze_sparse: bool,
    #[serde(default = "one")]
    pub cross_entropy: f64,
    #[serde(default = "one")]
    pub nmse_encoder: f64,
    #[serde(default = "one")]
    pub nmse_decoder: f64,
    #[serde(default = "one")]
    pub kl_sparse: f64,
    #[serde(default = "one")]
    pub kl_dense: f64,
}

impl BridgeConfig {
    fn check(&self, sites: usize) -> Result<()> {
        if !(self.kept > 0.0 && self.kept <= 1.0) {
            bail!("the training config's bridge has kept = {}; it must be in (0, 1]", self.kept);
        }
        if !(self.learning_rate > 0.0 && self.learning_rate.is_finite()) {
            bail!("the training config's bridge needs a learning_rate above 0");
        }
        if self.sites_per_step > sites {
            bail!(
                "the training config's bridge trains {} of {sites} sites in each step: lower sites_per_step",
                self.sites_per_step
            );
        }
        let coefficients = [self.cross_entropy, self.nmse_encoder, self.nmse_decoder, self.kl_sparse, self.kl_dense];
        if coefficients.iter().any(|c| !(*c >= 0.0 && c.is_finite())) {
            bail!("the training config's bridge has a coefficient that is below 0 or not finite");
        }
        Ok(())
    }
}

fn quarter() -> f64 {
    0.25
}
fn one_site() -> usize {
    1
}
fn one() -> f64 {
    1.0
}
fn half() -> f64 {
    0.5
}
fn betas() -> [f64; 2] {
    [0.9, 0.95]
}
fn eps() -> f64 {
    0.1
}
fn decay() -> f64 {
    0.1
}
fn warm_up() -> f64 {
    0.01
}
fn bias_density() -> f64 {
    0.25
}
fn anneal() -> [f64; 2] {
    [0.01, 0.5]
}
fn min_nonzeros() -> usize {
    4
}
fn log_every() -> u64 {
    20
}
fn validate_every() -> u64 {
    500
}

impl TrainConfig {
    /// # Errors
    /// Unknown or missing fields, numbers out of range.
    pub fn from_json(text: &str) -> Result<TrainConfig> {
        let config: TrainConfig = serde_json::from_str(text)
            .map_err(|error| Error::invalid(format!("the training config cannot be read: {error}")))?;
        for (name, share) in [
            ("density", config.density),
            ("embedding_density", config.embedding_density),
            ("bias_density", config.bias_density),
        ] {
            if !(share > 0.0 && share <= 1.0) {
                bail!("the training config has {name} = {share}; it must be in (0, 1]");
            }
        }
        if !(0.0..=1.0).contains(&config.synthetic_share) || !(0.0..1.0).contains(&config.warm_up) {
            bail!("the training config has a share outside 0..1 (synthetic_share, warm_up)");
        }
        if !(config.anneal[0] >= 0.0 && config.anneal[0] < config.anneal[1] && config.anneal[1] <= 1.0) {
            bail!("the training config's anneal must be two increasing fractions of the run, such as [0.01, 0.5]");
        }
        if config.steps == 0 || config.batch == 0 || config.context == 0 || config.log_every == 0 {
            bail!("the training config needs steps, batch, context and log_every above 0");
        }
        if config.validate_every == 0 || config.checkpoint_every == 0 {
            bail!("the training config needs validate_every and checkpoint_every above 0");
        }
        if !(config.learning_rate > 0.0 && config.learning_rate.is_finite() && config.eps > 0.0) {
            bail!("the training config needs a learning_rate and an eps above 0");
        }
        let model = config.model()?;
        if let Some(bridge) = &config.bridge {
            bridge.check(2 * model.n_layer + 1)?;
            if bridge.start.is_some() && config.start.is_none() {
                bail!("the training config starts from a bridge, so it needs that bridge's sparse model as its start");
            }
        }
        if config.context > model.block_size {
            bail!(
                "the training config has context = {} beyond the model's block_size = {}",
                config.context,
                model.block_size
            );
        }
        Ok(config)
    }

    /// The config as one line of JSON. Equal configs give equal text.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("numbers and text are JSON")
    }

    /// The model's configuration.
    pub fn model(&self) -> Result<Config> {
        Config::from_beeg_json(&self.model.to_string())
    }

    /// How far the density has fallen at `step`: 0 is dense, 1 is the target. Always 1 in a run
    /// with a `start` model.
    pub fn annealed(&self, step: u64) -> f64 {
        if self.start.is_some() {
            return 1.0;
        }
        let at = step as f64 / self.steps as f64;
        ((at - self.anneal[0]) / (self.anneal[1] - self.anneal[0])).clamp(0.0, 1.0)
    }

    /// The density at `step` on the way from 1 to `target`.
    pub fn density_at(&self, step: u64, target: f64) -> f64 {
        1.0 + (target - 1.0) * self.annealed(step)
    }

    /// Linear warm-up, linear decay to 0, times `sqrt(final density / density now)`.
    pub fn learning_rate_at(&self, step: u64) -> f64 {
        let at = (step as f64 + 1.0) / self.steps as f64;
        let shape = (at / self.warm_up.max(1e-9)).min(1.0).min((1.0 - at) / (1.0 - self.warm_up));
        self.learning_rate * shape.max(0.0) * (self.density / self.density_at(step, self.density)).sqrt()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The config of a run of 100 steps of a small model, with `more` fields.
    pub fn hundred_steps(more: serde_json::Value) -> TrainConfig {
        let mut config = serde_json::json!({
            "model": {
                "block_size": 16, "vocab_size": 8, "n_layer": 1, "n_head": 1, "d_head": 4, "d_model": 4, "d_mlp": 4,
                "bias": true, "ln_bias": false, "rms_norm": true, "activation_type": "relu", "tied_unembed": false,
                "tokenizer_name": "none", "enable_bigram_table": false, "sink": false, "positions": false,
            },
            "corpus": "corpus", "seed": 1, "steps": 100, "batch": 1, "context": 16, "learning_rate": 2.0,
            "warm_up": 0.1, "anneal": [0.2, 0.6], "density": 0.25, "embedding_density": 0.25, "bigram_nonzeros": 0,
        });
        let fields = config.as_object_mut().expect("an object");
        fields.extend(more.as_object().expect("an object").clone());
        TrainConfig::from_json(&config.to_string()).expect("a config that can be trained")
    }

    /// Worked out by hand: 2.0 x the rise or the fall x sqrt(0.25 / density).
    #[test]
    fn the_learning_rate_rises_falls_and_follows_the_density() {
        let config = hundred_steps(serde_json::json!({}));
        for (step, rise_or_fall, density) in [
            (0, 0.1, 1.0),
            (4, 0.5, 1.0),
            (9, 1.0, 1.0),
            (18, 0.9, 1.0),
            (27, 0.8, 1.0 - 0.75 * 0.175),
            (40, 0.59 / 0.9, 1.0 - 0.75 * 0.5),
            (63, 0.4, 0.25),
            (81, 0.2, 0.25),
            (99, 0.0, 0.25),
        ] {
            let want = 2.0 * rise_or_fall * f64::sqrt(0.25 / density);
            let got = config.learning_rate_at(step);
            assert!((got - want).abs() < 1e-9, "step {step}: {got}, not {want}");
        }
    }

    #[test]
    fn a_run_from_a_start_model_has_the_whole_learning_rate() {
        let config = hundred_steps(serde_json::json!({"start": "model.safetensors"}));
        assert!((config.learning_rate_at(4) - 1.0).abs() < 1e-9, "half of the rise at the final density");
        assert!((config.learning_rate_at(9) - 2.0).abs() < 1e-9);
    }
}
