//! The linear maps between the nodes of a layer. Their nonzero weights are the edges.

use crate::model::{Linear, Site, Weights};
use crate::tensor::WeightMatrix;

/// The sites whose values a weight matrix reads, writes, and which rows of the matrix make that map.
pub struct Map<'a> {
    pub from: Site,
    pub to: Site,
    pub linear: &'a Linear,
}

impl Map<'_> {
    /// The weight from channel `from` to channel `to`.
    pub fn weight(&self, to: usize, from: usize) -> f32 {
        self.linear.weight.get(to, from)
    }

    pub fn bias(&self, to: usize) -> f32 {
        self.linear.bias.as_ref().map_or(0.0, |bias| bias[to])
    }

    /// The nonzero weights into channel `to`, as `(from, weight)`.
    pub fn row(&self, to: usize) -> Vec<(usize, f32)> {
        match &self.linear.weight {
            WeightMatrix::Sparse(w) => w.row(to).filter(|(_, weight)| *weight != 0.0).collect(),
            WeightMatrix::Dense(w) => {
                let row = w.row(to).iter().copied().enumerate();
                row.filter(|(_, weight)| *weight != 0.0).collect()
            }
        }
    }
}

/// Where each linear map of a layer leads from and to. A value node feeds `attn.resid_delta` through attention and `c_proj`.
pub const MAPS: [[Site; 2]; 6] = [
    [Site::AttnActIn, Site::AttnQ],
    [Site::AttnActIn, Site::AttnK],
    [Site::AttnActIn, Site::AttnV],
    [Site::AttnV, Site::AttnResidDelta],
    [Site::MlpActIn, Site::MlpPostAct],
    [Site::MlpPostAct, Site::MlpResidDelta],
];

/// The linear maps of a layer, in the order of [`MAPS`].
pub fn maps(weights: &Weights, layer: usize) -> [Map<'_>; 6] {
    let block = &weights.blocks[layer];
    let linears = [&block.q, &block.k, &block.v, &block.attn_c_proj, &block.c_fc, &block.mlp_c_proj];
    let mut maps = MAPS.into_iter().zip(linears).map(|([from, to], linear)| Map { from, to, linear });
    std::array::from_fn(|_| maps.next().expect("one matrix for each map"))
}
