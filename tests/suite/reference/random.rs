//! Small random models, one for each family of options, with every kind of parameter among them.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use sparse_circuits::backend::Activation;
use sparse_circuits::model::{Config, Params, ResidualActivation, Role, Tensor, TopKSite, Weights};
use sparse_circuits::tensor::{Matrix, WeightMatrix};

pub struct Random(ChaCha8Rng);

impl Random {
    pub fn new(seed: u64) -> Self {
        Random(ChaCha8Rng::seed_from_u64(seed))
    }

    /// Uniform in [0, 1).
    pub fn uniform(&mut self) -> f32 {
        (self.0.next_u32() >> 8) as f32 / (1 << 24) as f32
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.0.next_u64() % n as u64) as usize
    }

    pub fn tokens(&mut self, len: usize, vocab: usize) -> Vec<u32> {
        (0..len).map(|_| self.below(vocab) as u32).collect()
    }

    /// Uniform in (centre - spread, centre + spread), so a variance of spread^2 / 3.
    pub fn vector(&mut self, len: usize, centre: f32, spread: f32) -> Vec<f32> {
        (0..len).map(|_| centre + spread * (2.0 * self.uniform() - 1.0)).collect()
    }

    pub fn matrix(&mut self, rows: usize, cols: usize, spread: f32, density: f32) -> Matrix {
        let mut data = self.vector(rows * cols, 0.0, spread);
        for value in &mut data {
            if self.uniform() >= density {
                *value = 0.0;
            }
        }
        Matrix::new(rows, cols, data)
    }
}

/// RMS norm without positions, AbsTopK in eight places, no sink: the base of the others.
pub fn base_config() -> Config {
    Config {
        block_size: 40,
        vocab_size: 11,
        n_layer: 2,
        n_head: 2,
        d_head: 3,
        d_model: 10,
        d_mlp: 13,
        bias: true,
        ln_bias: false,
        rms_norm: true,
        residual_activation_type: ResidualActivation::Identity,
        activation_type: Activation::Gelu,
        afrac: Some(0.5),
        afrac_loctypes: TopKSite::ALL[..8].to_vec(),
        tied_unembed: false,
        tokenizer_name: String::new(),
        enable_bigram_table: true,
        d_pos_emb: None,
        sink: false,
        positions: false,
    }
}

/// Families of options, by name.
pub fn configs() -> Vec<(&'static str, Config)> {
    vec![
        (
            "rms norm, no positions, bigram table, AbsTopK in eight places, sinks",
            Config { sink: true, ..base_config() },
        ),
        (
            "layer norm with bias, added positions, tied unembedding, no AbsTopK",
            Config {
                rms_norm: false,
                ln_bias: true,
                positions: true,
                tied_unembed: true,
                enable_bigram_table: false,
                afrac: None,
                ..base_config()
            },
        ),
        (
            "layer norm without bias, concatenated positions, ReLU, AbsTopK in four places, sinks",
            Config {
                rms_norm: false,
                positions: true,
                d_pos_emb: Some(5),
                activation_type: Activation::Relu,
                afrac_loctypes: vec![TopKSite::AttnIn, TopKSite::AttnOut, TopKSite::MlpIn, TopKSite::MlpOut],
                sink: true,
                ..base_config()
            },
        ),
        (
            "rms norm, concatenated positions, tied, ReLU and AbsTopK on the residual stream",
            Config {
                positions: true,
                d_pos_emb: Some(4),
                tied_unembed: true,
                residual_activation_type: ResidualActivation::Relu,
                afrac: Some(0.7),
                afrac_loctypes: TopKSite::ALL.to_vec(),
                ..base_config()
            },
        ),
        (
            "one layer, no biases, one wide head",
            Config { n_layer: 1, n_head: 1, d_head: 7, bias: false, enable_bigram_table: false, ..base_config() },
        ),
    ]
}

/// Random weights for `config`; a `density` below 1 leaves zeros in the matrices.
pub fn weights(config: &Config, density: f32, seed: u64) -> Weights {
    let random = &mut Random::new(seed);
    let weights = Params::build(config, |info| {
        let [rows, cols] = info.shape;
        let matrix = |matrix| Some(Tensor::Matrix(matrix));
        let vector = |vector| Some(Tensor::Vector(vector));
        Ok(match info.role {
            Role::Read | Role::Write => {
                let spread = (6.0 / (density * cols as f32)).sqrt();
                matrix(WeightMatrix::compressed(random.matrix(rows, cols, spread, density), 0.7))
            }
            Role::Embedding | Role::Positions | Role::Bigram => {
                matrix(WeightMatrix::Dense(random.matrix(rows, cols, 1.5, 1.0)))
            }
            Role::Gain => vector(random.vector(cols, 1.0, 0.5)),
            Role::Sink => vector(random.vector(cols, 0.0, 1.0)),
            Role::NormBias => vector(random.vector(cols, 0.0, 0.3)),
            Role::Bias if config.bias => vector(random.vector(cols, 0.0, 0.3)),
            Role::Bias | Role::Bridge => None,
        })
    });
    weights.expect("every required tensor gets a value")
}
