//! Bridges: maps between the residual streams of a dense model and of a weight-sparse model that
//! was trained with it. Hybrid passes and steering use them (Gao et al. 2025, 2.3, 3.3, A.3, A.4).
//!
//! At every boundary i = 0..=2L between sublayers (see [`crate::model::forward_from`]) an encoder f_i = AbsTopK(linear) maps the dense stream
//! to the sparse one and a linear decoder g_i maps back. [`hybrid`] starts a pass in one model and ends it in the other;
//! [`steer`] adds the change of one sparse channel to the dense model.

pub mod hybrid;
pub mod score;
pub mod steer;
pub mod view;

use crate::backend::Backend;
use crate::model::{Config, DeviceLinear, Linear, Model, Node};
use crate::random::Rng;
use crate::tensor::WeightMatrix;
use crate::{Result, bail};
use std::collections::BTreeMap;

/// The two maps at one boundary.
#[derive(Clone, Debug, PartialEq)]
pub struct BridgeSite {
    /// `[d_sparse, d_dense]` with a bias; AbsTopK follows.
    pub encoder: Linear,
    /// `[d_dense, d_sparse]` with a bias.
    pub decoder: Linear,
    /// RMS of the sparse model's residual stream divided by that of the dense model, over a
    /// reference set. It scales a change of the sparse read to the dense read.
    pub rms_ratio: f32,
}

/// A bridge between two models, on the host.
#[derive(Clone, Debug, PartialEq)]
pub struct Bridge {
    /// One for each boundary: `2 n_layer + 1`.
    pub sites: Vec<BridgeSite>,
    /// How many channels AbsTopK keeps after each encoder.
    pub kept: usize,
    /// For each task, the channel that steers the dense model most on train pairs, see
    /// [`score::choose_channel`]. Tasks without a strong channel are missing.
    pub channels: BTreeMap<String, Node>,
}

impl Bridge {
    /// A baseline that is unrelated to the models: the same bridge with the weights of each map in
    /// random order.
    pub fn shuffled(&self, seed: u64) -> Bridge {
        let mut bridge = self.clone();
        let mut random = Rng::new(seed);
        for site in &mut bridge.sites {
            for linear in [&mut site.encoder, &mut site.decoder] {
                let mut weight = linear.weight.to_dense();
                random.shuffle_large(&mut weight.data);
                linear.weight = WeightMatrix::Dense(weight);
            }
        }
        bridge
    }

    /// Checks that the bridge fits the two models, and that the models fit each other.
    ///
    /// # Errors
    /// One sentence that says what does not fit.
    pub fn check(&self, sparse: &Config, dense: &Config) -> Result<()> {
        if sparse.n_layer != dense.n_layer {
            bail!(
                "the sparse model has {} layers and the dense one {}; a bridge needs the same number",
                sparse.n_layer,
                dense.n_layer
            );
        }
        if sparse.vocab_size != dense.vocab_size {
            bail!("the sparse model has {} tokens and the dense one {}", sparse.vocab_size, dense.vocab_size);
        }
        if sparse.d_pos_emb.is_some() || dense.d_pos_emb.is_some() {
            bail!("a bridge needs models that do not concatenate positions");
        }
        if self.sites.len() != 2 * sparse.n_layer + 1 {
            bail!(
                "the bridge has {} sites; models with {} layers need {}",
                self.sites.len(),
                sparse.n_layer,
                2 * sparse.n_layer + 1
            );
        }
        for (boundary, site) in self.sites.iter().enumerate() {
            let shape =
                |linear: &Linear| (linear.weight.rows(), linear.weight.cols(), linear.bias.as_ref().map(Vec::len));
            let (s, d) = (sparse.d_model, dense.d_model);
            if shape(&site.encoder) != (s, d, Some(s)) || shape(&site.decoder) != (d, s, Some(d)) {
                bail!("site {boundary} of the bridge does not map between {d} dense and {s} sparse channels");
            }
        }
        match self.channels.values().find(|node| node.check(sparse).is_err()) {
            Some(node) => bail!("the bridge names the channel {node}, which the sparse model does not have"),
            None => Ok(()),
        }
    }
}

/// The sparse model, the dense one and the bridge between them, on one device.
pub struct ModelPair<'a, B: Backend> {
    pub sparse: &'a Model<B>,
    pub dense: &'a Model<B>,
    pub bridge: &'a Bridge,
}

// a derive would require a backend that can be copied
impl<B: Backend> Clone for ModelPair<'_, B> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<B: Backend> Copy for ModelPair<'_, B> {}

impl<B: Backend> ModelPair<'_, B> {
    /// Drops the first tokens of prompts that are longer than the shorter context of the two
    /// models.
    pub fn cut(&self, mut pairs: Vec<[Vec<u32>; 2]>) -> Vec<[Vec<u32>; 2]> {
        let context = self.sparse.config.block_size.min(self.dense.config.block_size);
        for prompt in pairs.iter_mut().flatten() {
            prompt.drain(..prompt.len().saturating_sub(context));
        }
        pairs
    }
}

/// One site, uploaded.
pub struct DeviceSite<B: Backend> {
    pub encoder: DeviceLinear<B>,
    pub decoder: DeviceLinear<B>,
}

/// A bridge, uploaded.
pub struct DeviceBridge<B: Backend> {
    pub sites: Vec<DeviceSite<B>>,
    pub kept: usize,
    pub d_sparse: usize,
    pub d_dense: usize,
}

impl<B: Backend> DeviceBridge<B> {
    /// Uploads a bridge that [`Bridge::check`] has accepted.
    pub fn new(backend: &mut B, bridge: &Bridge) -> DeviceBridge<B> {
        let (d_sparse, d_dense) = (bridge.sites[0].encoder.weight.rows(), bridge.sites[0].encoder.weight.cols());
        let mut linear = |linear: &Linear| Linear {
            weight: backend.matrix(&linear.weight),
            bias: linear.bias.as_ref().map(|bias| backend.vector(bias)),
        };
        let sites = bridge
            .sites
            .iter()
            .map(|site| DeviceSite { encoder: linear(&site.encoder), decoder: linear(&site.decoder) })
            .collect();
        DeviceBridge { sites, kept: bridge.kept, d_sparse, d_dense }
    }

    /// Maps the dense residual stream at a boundary to the sparse one: `AbsTopK(W_f h + b_f)`.
    /// `[d_dense, tokens]` to `[d_sparse, tokens]`.
    pub fn encode(&self, backend: &mut B, boundary: usize, dense: &B::Tensor) -> B::Tensor {
        let tokens = backend.tokens(dense);
        let mut sparse = backend.tensor(self.d_sparse, tokens);
        let Linear { weight, bias } = &self.sites[boundary].encoder;
        backend.matmul(weight, bias.as_ref(), dense, &mut sparse);
        backend.abs_top_k(self.kept, &mut sparse);
        sparse
    }

    /// Maps the sparse residual stream at a boundary to the dense one: `W_g h + b_g`. `[d_sparse,
    /// tokens]` to `[d_dense, tokens]`.
    pub fn decode(&self, backend: &mut B, boundary: usize, sparse: &B::Tensor) -> B::Tensor {
        let tokens = backend.tokens(sparse);
        let mut dense = backend.tensor(self.d_dense, tokens);
        let Linear { weight, bias } = &self.sites[boundary].decoder;
        backend.matmul(weight, bias.as_ref(), sparse, &mut dense);
        dense
    }
}
