//! Random sparse models like the published ones, in the sizes of the benchmarks.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use sparse_circuits::format::{ModelFile, Precision, model_file};
use sparse_circuits::model::{Config, Params, Role, Tensor, Weights};
use sparse_circuits::tensor::{SparseMatrix, WeightMatrix};

/// Fraction of nonzeros in every matrix of the models that peers run too.
const DENSITY: f64 = 0.01;
/// The same for biases, as the trainer keeps them.
const BIAS_DENSITY: f64 = 0.25;
const VOCABULARY: usize = 1024;

/// Seeded numbers, the same on every machine.
pub struct Random(ChaCha8Rng);

impl Random {
    pub fn new(seed: u64) -> Self {
        Random(ChaCha8Rng::seed_from_u64(seed))
    }

    pub fn below(&mut self, end: u32) -> u32 {
        self.0.next_u32() % end
    }

    fn uniform(&mut self) -> f64 {
        (self.0.next_u32() as f64 + 0.5) / 4_294_967_296.0
    }

    /// Roughly Gaussian: the sum of four uniforms.
    pub fn normal(&mut self) -> f32 {
        (((0..4).map(|_| self.uniform()).sum::<f64>() - 2.0) * 1.732) as f32
    }

    /// Gaussian values at random positions.
    pub fn sparse(&mut self, rows: usize, cols: usize, density: f64) -> SparseMatrix {
        let (mut indptr, mut indices, mut values) = (vec![0], Vec::new(), Vec::new());
        // The gaps between entries, in row order, are geometric.
        let mut gap = || (self.uniform().ln() / (1.0 - density).ln()) as usize;
        let mut at = gap();
        for row in 0..rows {
            while at < (row + 1) * cols {
                indices.push((at - row * cols) as u32);
                at += 1 + gap();
            }
            indptr.push(indices.len() as u32);
        }
        values.extend((0..indices.len()).map(|_| self.normal()));
        SparseMatrix::new(rows, cols, indptr, indices, values).expect("the places are in order")
    }
}

/// The file of a model of the size `S`, `M` or `L1`.
pub fn file(size: &str) -> Option<Vec<u8>> {
    let (d_model, n_layer) = match size {
        "S" => (256, 4),
        "M" => (1024, 8),
        "L1" => (2048, 1),
        _ => return None,
    };
    let weights = weights(d_model, n_layer, DENSITY);
    let file = ModelFile { weights, means: Default::default(), provenance: "random weights".into() };
    Some(model_file::write(&file, Precision::Lossless).expect("the weights fit their config"))
}

/// Random weights, a share of `density` of them nonzero: AbsTopK keeps a quarter at eight hooks per layer; heads
/// have 16 channels; four neurons per residual channel.
pub fn weights(d_model: usize, n_layer: usize, density: f64) -> Weights {
    let config = serde_json::json!({
        "block_size": 256, "vocab_size": VOCABULARY, "n_layer": n_layer, "n_head": d_model / 16, "d_head": 16,
        "d_model": d_model, "d_mlp": 4 * d_model, "bias": true, "ln_bias": false, "rms_norm": true,
        "activation_type": "relu", "afrac": 0.25,
        "afrac_loctypes": "attn_in,attn_q,attn_k,attn_v,attn_out,mlp_in,mlp_neuron,mlp_out",
        "tied_unembed": false, "positions": false,
    });
    let config = Config::from_beeg_json(&config.to_string()).expect("a config as the engine reads it");
    let mut random = Random::new(1);
    Params::build(&config, |info| {
        let [rows, cols] = info.shape;
        Ok(match (info.tensor(()), info.role) {
            (Tensor::Matrix(()), _) => Some(Tensor::Matrix(WeightMatrix::Sparse(random.sparse(rows, cols, density)))),
            (Tensor::Vector(()), Role::Bias) if info.layer.is_some() => {
                Some(Tensor::Vector(random.sparse(1, cols, BIAS_DENSITY).to_dense().data))
            }
            _ => None,
        })
    })
    .expect("every required tensor gets a value")
}

/// The prompt of the benchmarks. The peers use the same formula.
pub fn prompt(tokens: usize) -> Vec<u32> {
    (0..tokens as u32).map(|i| (i * 167 + 13) % VOCABULARY as u32).collect()
}
