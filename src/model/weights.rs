//! The trees of parameters that a pass uses: weights on the host, the same weights on a device, and gradients.

use super::params::{Block, Linear, Nonzeros, Norm, Params, Tensor};
use crate::backend::{Backend, Memory};
use crate::tensor::WeightMatrix;
use crate::{Result, bail};

/// The weights of a model on the host.
pub type Weights = Params<WeightMatrix, Vec<f32>>;

/// A model on a device.
pub type Model<B> = Params<<B as Memory>::Matrix, <B as Memory>::Vector>;
pub type DeviceBlock<B> = Block<<B as Memory>::Matrix, <B as Memory>::Vector>;
pub type DeviceLinear<B> = Linear<<B as Memory>::Matrix, <B as Memory>::Vector>;
pub type DeviceNorm<B> = Norm<<B as Memory>::Vector>;

/// One accumulator for each parameter of a model; that of a vector is one row.
pub type Gradients<B> = Params<<B as Memory>::Gradient, <B as Memory>::Gradient>;

impl Weights {
    /// Uploads the weights. They must fit their own config, as those of every importer do.
    pub fn upload<B: Backend>(&self, backend: &mut B) -> Model<B> {
        self.map(|_, tensor| match tensor {
            Tensor::Matrix(matrix) => Tensor::Matrix(backend.matrix(matrix)),
            Tensor::Vector(vector) => Tensor::Vector(backend.vector(vector)),
        })
    }

    pub fn nonzeros(&self) -> Nonzeros {
        self.nonzeros_by(|tensor| match tensor {
            Tensor::Matrix(matrix) => matrix.nonzeros(),
            Tensor::Vector(vector) => vector.iter().filter(|value| **value != 0.0).count(),
        })
    }
}

/// Gradients of zero for every parameter of `model`.
pub fn zero_gradients<B: Backend>(backend: &mut B, model: &Model<B>) -> Gradients<B> {
    model.map(|info, _| {
        let [rows, cols] = info.shape;
        info.tensor(backend.gradient(rows, cols))
    })
}

impl<M, V> Params<M, V> {
    /// Whether the model can run a prompt; `what` names the prompt in the error.
    ///
    /// # Errors
    /// An empty prompt, one longer than the context, tokens beyond the vocabulary.
    pub fn check_tokens(&self, what: &str, tokens: &[u32]) -> Result<()> {
        let config = &self.config;
        if tokens.is_empty() {
            bail!("{what} is empty; the model needs at least one token");
        }
        if tokens.len() > config.block_size {
            bail!("{what} has {} tokens; the model reads at most {}", tokens.len(), config.block_size);
        }
        if let Some(token) = tokens.iter().find(|&&token| token as usize >= config.vocab_size) {
            bail!("{what} has the token {token}; the model's tokens are 0 to {}", config.vocab_size - 1);
        }
        Ok(())
    }

    /// Whether the model has logits for a task's candidates.
    ///
    /// # Errors
    /// A token beyond the vocabulary.
    pub fn check_candidates(&self, candidates: [u32; 2]) -> Result<()> {
        match candidates.into_iter().find(|&id| id as usize >= self.config.vocab_size) {
            Some(id) => {
                bail!("the candidate token {id} is beyond the model's vocabulary of {}", self.config.vocab_size)
            }
            None => Ok(()),
        }
    }
}
