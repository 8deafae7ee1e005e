//! Smaller models that give the same numbers: they compute only the two candidates' logits, and use only the weights of running
//! nodes. Most runs of a search are of circuits with a few dozen nodes; their sparse products become nearly free.

use crate::circuit::definition::{NodeSet, NodeSpace};
use crate::model::{Config, Hook, Linear, Site, TopKSite, Weights};
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
    let bigram_table = weights.bigram_table.as_ref().map(|table| {
        let data = (0..table.rows()).flat_map(|row| ids.map(|id| table.get(row, id))).collect();
        WeightMatrix::Dense(Matrix::new(table.rows(), 2, data))
    });
    Weights {
        config: Config { vocab_size: 2, tied_unembed: false, ..weights.config.clone() },
        lm_head: Some(WeightMatrix::compressed(rows, 0.5)),
        bigram_table,
        final_logits_bias: weights.final_logits_bias.as_ref().map(|bias| ids.map(|id| bias[id]).to_vec()),
        ..weights.clone()
    }
}

/// The model for runs in which every node outside `alive` is held at its mean (`means`, in the order of `space`): weights out of
/// held nodes move into biases. Weights into held nodes are dropped, unless AbsTopK follows there: a held channel competes with
/// the running ones before it is held. The caller still has to hold the nodes.
pub(super) fn fold_constants(weights: &Weights, space: &NodeSpace, means: &[f32], alive: &NodeSet) -> Weights {
    let config = &weights.config;
    let mut out = weights.clone();
    for (layer, block) in out.blocks.iter_mut().enumerate() {
        let site = |site| HookNodes::new(space, means, alive, Hook::at(layer, site));
        let (attn_in, q, k, v) = (site(Site::AttnActIn), site(Site::AttnQ), site(Site::AttnK), site(Site::AttnV));
        let keep = |nodes: &HookNodes<'_>, top_k, width| nodes.rows(config.top_k(top_k, width).is_some());
        let d_attn = config.d_attn();
        let rows: Vec<bool> = [(&q, TopKSite::AttnQ), (&k, TopKSite::AttnK), (&v, TopKSite::AttnV)]
            .into_iter()
            .flat_map(|(nodes, top_k)| keep(nodes, top_k, d_attn))
            .collect();
        fold(&mut block.c_attn, &rows, Some(&attn_in));
        // the attention's output is not a node: what a held v contributes depends on the sink
        let rows = keep(&site(Site::AttnResidDelta), TopKSite::AttnOut, config.d_model);
        fold(&mut block.attn_c_proj, &rows, None);
        let rows = keep(&site(Site::MlpPostAct), TopKSite::MlpNeuron, config.d_mlp);
        fold(&mut block.c_fc, &rows, Some(&site(Site::MlpActIn)));
        let rows = keep(&site(Site::MlpResidDelta), TopKSite::MlpOut, config.d_model);
        fold(&mut block.mlp_c_proj, &rows, Some(&site(Site::MlpPostAct)));
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
