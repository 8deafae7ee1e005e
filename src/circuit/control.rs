//! The control of a search: a model of the same shape that has learnt nothing. Masks can make even random models do a task, so a
//! circuit's size means something only beside that of the same search there.

use super::evaluate::Random;
use crate::model::{Linear, Weights};
use crate::tensor::{Matrix, SparseMatrix, WeightMatrix};

/// Deviation of a weight at the start of training; projections into the residual stream are divided by `sqrt(2 n_layer)`.
const DEVIATION: f32 = 0.02;

/// Weights as before training, as sparse as `trained`: Gaussian numbers of which each matrix keeps its largest, as many as the
/// trained matrix has nonzeros. Biases, sinks and the bigram table are zero, norms without gains; tables of positions stay.
pub fn untrained(trained: &Weights, seed: u64) -> Weights {
    let mut random = Random::new(seed);
    let mut fresh = |matrix: &WeightMatrix, deviation: f32| largest(matrix, deviation, &mut random);
    let projection = DEVIATION / (2.0 * trained.config.n_layer as f32).sqrt();
    let mut weights = trained.clone();
    weights.wte = fresh(&trained.wte, DEVIATION);
    for block in &mut weights.blocks {
        for (linear, deviation) in [
            (&mut block.c_attn, DEVIATION),
            (&mut block.attn_c_proj, projection),
            (&mut block.c_fc, DEVIATION),
            (&mut block.mlp_c_proj, projection),
        ] {
            *linear = Linear {
                weight: fresh(&linear.weight, deviation),
                bias: linear.bias.as_ref().map(|bias| vec![0.0; bias.len()]),
            };
        }
        if let Some(sinks) = &mut block.sink_logit {
            sinks.fill(0.0);
        }
        for norm in [Some(&mut block.ln_1), Some(&mut block.ln_2), block.ln_p1.as_mut(), block.ln_p2.as_mut()] {
            norm.into_iter().for_each(plain);
        }
    }
    plain(&mut weights.ln_f);
    weights.lm_head = trained.lm_head.as_ref().map(|head| fresh(head, DEVIATION));
    weights.bigram_table = None;
    weights.config.enable_bigram_table = false;
    if let Some(bias) = &mut weights.final_logits_bias {
        bias.fill(0.0);
    }
    weights
}

fn plain(norm: &mut crate::model::Norm) {
    norm.gain = None;
    if let Some(bias) = &mut norm.bias {
        bias.fill(0.0);
    }
}

/// Gaussian numbers, all but the `like.nonzeros()` largest magnitudes zero.
fn largest(like: &WeightMatrix, deviation: f32, random: &mut Random) -> WeightMatrix {
    let (rows, cols) = (like.rows(), like.cols());
    let mut data: Vec<f32> = (0..rows * cols).map(|_| random.normal() * deviation).collect();
    let keep = like.nonzeros();
    if keep < data.len() {
        let mut magnitudes: Vec<f32> = data.iter().map(|v| v.abs()).collect();
        let threshold = match keep {
            0 => f32::INFINITY,
            _ => *magnitudes.select_nth_unstable_by(rows * cols - keep, f32::total_cmp).1,
        };
        data.iter_mut().filter(|v| v.abs() < threshold).for_each(|v| *v = 0.0);
    }
    let dense = Matrix::new(rows, cols, data);
    match like {
        WeightMatrix::Dense(_) => WeightMatrix::Dense(dense),
        WeightMatrix::Sparse(_) => WeightMatrix::Sparse(SparseMatrix::from_dense(&dense)),
    }
}
