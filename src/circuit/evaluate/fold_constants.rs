//! Smaller models that give the same numbers: only the two candidates' logits, and only the weights that running nodes use.
//! Most of pruning runs circuits of a few dozen nodes; this makes their sparse products nearly free.

use crate::circuit::definition::NodeSpace;
use crate::model::{Config, Hook, Linear, Site, TopKSite, Weights};
use crate::tensor::{Matrix, SparseMatrix, WeightMatrix};
use std::ops::Range;

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

/// The model in which only the nodes in `alive` (in the order of `space`) will run and all others are held at `means`: weights
/// out of held nodes move into biases; weights into held nodes go where nothing looks at the values (AbsTopK does: a held
/// channel competes with the running ones before it is held). The held nodes must still be gated.
pub(super) fn reduce(weights: &Weights, space: &NodeSpace, means: &[f32], alive: &[bool]) -> Weights {
    let config = &weights.config;
    let mut out = weights.clone();
    for (layer, block) in out.blocks.iter_mut().enumerate() {
        let site = |site| Part::new(space, means, alive, Hook::at(layer, site));
        let (attn_in, q, k, v) = (site(Site::AttnActIn), site(Site::AttnQ), site(Site::AttnK), site(Site::AttnV));
        let keep = |part: &Part<'_>, top_k, width| part.rows(config.top_k(top_k, width).is_some());
        let d_attn = config.d_attn();
        let rows: Vec<bool> = [(&q, TopKSite::AttnQ), (&k, TopKSite::AttnK), (&v, TopKSite::AttnV)]
            .into_iter()
            .flat_map(|(part, top_k)| keep(part, top_k, d_attn))
            .collect();
        fold(&mut block.c_attn, &rows, Some(&attn_in));
        // the attention's output is no node: what a held v gives depends on the sink
        let rows = keep(&site(Site::AttnResidDelta), TopKSite::AttnOut, config.d_model);
        fold(&mut block.attn_c_proj, &rows, None);
        let rows = keep(&site(Site::MlpPostAct), TopKSite::MlpNeuron, config.d_mlp);
        fold(&mut block.c_fc, &rows, Some(&site(Site::MlpActIn)));
        let rows = keep(&site(Site::MlpResidDelta), TopKSite::MlpOut, config.d_model);
        fold(&mut block.mlp_c_proj, &rows, Some(&site(Site::MlpPostAct)));
    }
    out
}

/// The nodes at one hook.
struct Part<'a> {
    means: &'a [f32],
    alive: &'a [bool],
}

impl<'a> Part<'a> {
    fn new(space: &NodeSpace, means: &'a [f32], alive: &'a [bool], hook: Hook) -> Part<'a> {
        let range: Range<usize> = space.range(hook).unwrap_or(0..0);
        Part { means: &means[range.clone()], alive: &alive[range] }
    }

    /// Which of these channels must be computed.
    fn rows(&self, compete: bool) -> Vec<bool> {
        if compete && self.alive.contains(&true) { vec![true; self.alive.len()] } else { self.alive.to_vec() }
    }
}

/// Drops the rows that are not wanted, and moves the columns of held inputs into the bias.
fn fold(linear: &mut Linear, rows: &[bool], inputs: Option<&Part<'_>>) {
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
