//! The untrained baseline of a search: a model of the same shape before training. Masks can make
//! even a random model do a task. So a circuit's size is meaningful only in comparison with the
//! size that the same search finds in the untrained model.

use crate::model::{ParamInfo, Params, Role, Tensor, Weights};
use crate::random::Rng;
use crate::tensor::{Matrix, SparseMatrix, WeightMatrix};

/// Standard deviation of a weight at the start of training; projections into the residual stream are divided by `sqrt(2 n_layer)`.
const INITIAL_STD: f32 = 0.02;

/// Untrained weights with the sparsity of `trained`. Each matrix has Gaussian values and keeps as
/// many of the largest as the trained matrix has nonzeros (q, k and v count as one matrix). Biases
/// and sinks are zero. Norms have no gains, and the model has no bigram table. Position tables are
/// copied.
pub fn untrained_baseline(trained: &Weights, seed: u64) -> Weights {
    let mut random = Rng::new(seed);
    let mut config = trained.config.clone();
    config.enable_bigram_table = false;
    let mut tensors = trained.iter().filter(|(info, _)| info.role != Role::Bigram).peekable();
    let mut weights = Params::build(&config, |info| {
        // a tensor that the trained model lacks stays absent
        let Some((_, tensor)) = tensors.next_if(|(next, _)| next.to_string() == info.to_string()) else {
            return Ok(None);
        };
        let std = match info.role {
            Role::Write => INITIAL_STD / (2.0 * config.n_layer as f32).sqrt(),
            _ => INITIAL_STD,
        };
        Ok(match tensor {
            Tensor::Matrix(matrix) if info.role == Role::Positions => Some(Tensor::Matrix(matrix.clone())),
            Tensor::Matrix(_) => {
                let [rows, cols] = info.shape;
                let data = (0..rows * cols).map(|_| random.roughly_normal() * std).collect();
                Some(Tensor::Matrix(WeightMatrix::Dense(Matrix::new(rows, cols, data))))
            }
            Tensor::Vector(_) if info.role == Role::Gain => None,
            Tensor::Vector(vector) => Some(Tensor::Vector(vec![0.0; vector.len()])),
        })
    })
    .expect("the trained model has every required tensor");

    // q, k and v of a layer keep their largest together.
    let mut groups: Vec<Vec<(&mut WeightMatrix, &WeightMatrix)>> = Vec::new();
    let mut like = trained.iter().filter_map(|(info, tensor)| as_drawn(&info, tensor));
    for (info, tensor) in weights.iter_mut() {
        let Some(pair) = as_drawn(&info, tensor).zip(like.next()) else { continue };
        match groups.last_mut() {
            Some(group) if matches!(info.module, "k" | "v") => group.push(pair),
            _ => groups.push(vec![pair]),
        }
    }
    groups.into_iter().for_each(keep_largest);
    weights
}

/// A matrix whose entries are drawn.
fn as_drawn<M, V>(info: &ParamInfo, tensor: Tensor<M, V>) -> Option<M> {
    match (info.role, tensor) {
        (Role::Embedding | Role::Read | Role::Write, Tensor::Matrix(matrix)) => Some(matrix),
        _ => None,
    }
}

/// Zeroes all but the largest magnitudes of a group of matrices. The group keeps as many values as
/// its trained matrices have nonzeros. Each matrix is stored as its trained one, dense or sparse.
fn keep_largest(group: Vec<(&mut WeightMatrix, &WeightMatrix)>) {
    let keep: usize = group.iter().map(|(_, like)| like.nonzeros()).sum();
    let mut magnitudes: Vec<f32> =
        group.iter().flat_map(|(matrix, _)| matrix.to_dense().data).map(|value| value.abs()).collect();
    let threshold = match magnitudes.len() - keep {
        0 => 0.0,
        _ if keep == 0 => f32::INFINITY,
        smaller => *magnitudes.select_nth_unstable_by(smaller, f32::total_cmp).1,
    };
    for (matrix, like) in group {
        let mut dense = matrix.to_dense();
        dense.data.iter_mut().filter(|value| value.abs() < threshold).for_each(|value| *value = 0.0);
        *matrix = match like {
            WeightMatrix::Dense(_) => WeightMatrix::Dense(dense),
            WeightMatrix::Sparse(_) => WeightMatrix::Sparse(SparseMatrix::from_dense(&dense)),
        };
    }
}
