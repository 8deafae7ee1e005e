//! Smaller models that give the same numbers: they compute only the two candidates' logits, and use only the weights of running
//! nodes. Most runs of a search are of circuits with a few dozen nodes; their sparse products become nearly free.

use crate::circuit::definition::{NodeSet, NodeSpace};
use crate::model::{Config, Hook, Linear, Role, Site, Tensor, Weights};
use crate::tensor::{Matrix, SparseMatrix, WeightMatrix};

/// The model with a vocabulary of two at its output: logits 0 and 1 are those of the candidates.
pub(super) fn two_logits(weights: &Weights, candidates: [u32; 2]) -> Weights {
    let ids = candidates.map(|id| id as usize);
    let unembedding = weights.unembedding();
    let mut rows = Matrix::zeros(2, unembedding.cols());
    for (i, &id) in ids.iter().enumerate() {
        for col in 0..rows.cols {
            rows.data[i * rows.cols + col] = unembedding.get(id, col);
        }
    }
    let mut out = weights.map(|info, tensor| match tensor {
        Tensor::Matrix(table) if info.role == Role::Bigram => {
            let data = (0..table.rows()).flat_map(|row| ids.map(|id| table.get(row, id))).collect();
            Tensor::Matrix(WeightMatrix::Dense(Matrix::new(table.rows(), 2, data)))
        }
        // a bias outside the blocks is one of the logits
        Tensor::Vector(bias) if info.role == Role::Bias && info.layer.is_none() => {
            Tensor::Vector(ids.map(|id| bias[id]).to_vec())
        }
        Tensor::Matrix(matrix) => Tensor::Matrix(matrix.clone()),
        Tensor::Vector(vector) => Tensor::Vector(vector.clone()),
    });
    out.config = Config { vocab_size: 2, tied_unembed: false, ..out.config };
    out.lm_head = Some(WeightMatrix::compressed(rows, 0.5));
    out
}

/// The model for runs in which every node outside `alive` is held at its mean (`means`, in the order of `space`): weights out of
/// held nodes move into biases. Weights into held nodes are dropped, unless AbsTopK follows there: a held channel competes with
/// the running ones before it is held. The caller still has to hold the nodes.
pub(super) fn fold_constants(weights: &Weights, space: &NodeSpace, means: &[f32], alive: &NodeSet) -> Weights {
    let config = &weights.config;
    let mut out = weights.clone();
    for (layer, block) in out.blocks.iter_mut().enumerate() {
        let nodes = |site| HookNodes::new(space, means, alive, Hook::at(layer, site));
        let rows = |site| nodes(site).rows(config.top_k_at(site).is_some());
        let attn_in = nodes(Site::AttnActIn);
        fold(&mut block.q, &rows(Site::AttnQ), Some(&attn_in));
        fold(&mut block.k, &rows(Site::AttnK), Some(&attn_in));
        fold(&mut block.v, &rows(Site::AttnV), Some(&attn_in));
        // the attention's output is not a node: what a held v contributes depends on the sink
        fold(&mut block.attn_c_proj, &rows(Site::AttnResidDelta), None);
        fold(&mut block.c_fc, &rows(Site::MlpPostAct), Some(&nodes(Site::MlpActIn)));
        fold(&mut block.mlp_c_proj, &rows(Site::MlpResidDelta), Some(&nodes(Site::MlpPostAct)));
    }
    out
}

/// The nodes at one hook, by channel.
struct HookNodes<'a> {
    means: &'a [f32],
    alive: Vec<bool>,
}

impl<'a> HookNodes<'a> {
    fn new(space: &NodeSpace, means: &'a [f32], alive: &NodeSet, hook: Hook) -> HookNodes<'a> {
        let range = space.range(hook).unwrap_or(0..0);
        HookNodes { means: &means[range.clone()], alive: range.map(|node| alive.contains(node)).collect() }
    }

    /// Which of these channels must be computed.
    fn rows(&self, compete: bool) -> Vec<bool> {
        if compete && self.alive.contains(&true) { vec![true; self.alive.len()] } else { self.alive.clone() }
    }
}

/// Drops the rows that are not wanted, and moves the columns of held inputs into the bias.
fn fold(linear: &mut Linear, rows: &[bool], inputs: Option<&HookNodes<'_>>) {
    let cols = linear.weight.cols();
    let mut bias = match &linear.bias {
        Some(bias) => bias.clone(),
        None => vec![0.0; rows.len()],
    };
    let (mut indptr, mut indices, mut values) = (vec![0u32], Vec::new(), Vec::new());
    for (row, &wanted) in rows.iter().enumerate() {
        if wanted {
            let mut entry = |col: usize, value: f32| match inputs {
                Some(inputs) if !inputs.alive[col] => bias[row] += value * inputs.means[col],
                _ => {
                    indices.push(col as u32);
                    values.push(value);
                }
            };
            match &linear.weight {
                WeightMatrix::Sparse(weight) => weight.row(row).for_each(|(col, value)| entry(col, value)),
                WeightMatrix::Dense(weight) => {
                    weight.row(row).iter().enumerate().filter(|(_, w)| **w != 0.0).for_each(|(col, &w)| entry(col, w));
                }
            }
        } else {
            bias[row] = 0.0;
        }
        indptr.push(indices.len() as u32);
    }
    let weight = SparseMatrix::new(rows.len(), cols, indptr, indices, values);
    *linear = Linear {
        weight: WeightMatrix::Sparse(weight.expect("rows in order, columns from a valid matrix")),
        bias: Some(bias),
    };
}
