//! The operations that a model needs, on handles, so that the same forward and backward run on any device.
//!
//! Rules of the house: ops record work on handles and return nothing; [`Backend::read`] and its siblings are the only calls that
//! wait for the device. Every op has one file in `cpu/`, with its naive reference and property tests beside it; a file
//! of the same name in `gpu/`, with tests against the CPU; and a kernel of its own name in `shaders/`.

pub mod cpu;
#[cfg(feature = "webgpu")]
pub mod gpu;
mod now_or_never;

pub use now_or_never::now_or_never;

use crate::Result;
use crate::tensor::{Activations, Matrix, PANEL, WeightMatrix};
use serde::{Deserialize, Serialize};

/// One sequence inside a batch: `len` tokens from `start`, which is a multiple of [`PANEL`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub start: usize,
    pub len: usize,
}

/// Sequences side by side in the token dimension. Each starts at a panel boundary; the gap behind it is padding that is
/// computed and never read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Token ids, padding = 0; the length is a multiple of [`PANEL`].
    tokens: Vec<u32>,
    /// Position of each token in its sequence, padding = 0.
    positions: Vec<u32>,
    spans: Vec<Span>,
}

impl Batch {
    /// `sequences` must not be empty, nor may one of them be.
    pub fn new<S: AsRef<[u32]>>(sequences: &[S]) -> Batch {
        assert!(!sequences.is_empty(), "a batch of no sequences");
        let (mut tokens, mut positions, mut spans) = (Vec::new(), Vec::new(), Vec::new());
        for sequence in sequences {
            let sequence = sequence.as_ref();
            assert!(!sequence.is_empty(), "an empty sequence in a batch");
            spans.push(Span { start: tokens.len(), len: sequence.len() });
            tokens.extend_from_slice(sequence);
            positions.extend(0..sequence.len() as u32);
            let padded = tokens.len().next_multiple_of(PANEL);
            tokens.resize(padded, 0);
            positions.resize(padded, 0);
        }
        Batch { tokens, positions, spans }
    }

    /// One sequence whose first token is at `position`: the rest of one that was run before.
    pub fn continued(tokens: &[u32], position: usize) -> Batch {
        let mut batch = Batch::new(&[tokens]);
        batch.positions[..tokens.len()].iter_mut().for_each(|at| *at += position as u32);
        batch
    }

    /// Tokens with padding: the token dimension of every tensor of this batch.
    pub fn tokens(&self) -> &[u32] {
        &self.tokens
    }

    pub fn positions(&self) -> &[u32] {
        &self.positions
    }

    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// Index of the last token of each sequence.
    pub fn last_tokens(&self) -> Vec<u32> {
        self.spans.iter().map(|span| (span.start + span.len - 1) as u32).collect()
    }
}

/// RMS norm (`x / sqrt(mean(x^2) + eps) * gain`) or layer norm (biased variance, with `bias`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NormKind {
    Rms,
    Layer,
}

/// Epsilon of torch's `nn.RMSNorm` in f32 (`finfo(float32).eps`), Gao et al. 2025's published code.
pub const RMS_NORM_EPS: f64 = 1.1920928955078125e-7;
/// Epsilon of torch's `nn.LayerNorm`.
pub const LAYER_NORM_EPS: f64 = 1e-5;

/// An activation function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Activation {
    /// The exact (erf) form.
    Gelu,
    Relu,
}

/// A change of one channel at a hook: `x = x * scale + shift`, at all tokens or at those listed.
#[derive(Clone, Debug, PartialEq)]
pub struct ChannelAffine {
    pub channel: u32,
    pub scale: f32,
    pub shift: f32,
    pub tokens: Option<Vec<u32>>,
}

/// A compute device. `Tensor` = activations (`channels` x `tokens`), `Matrix` = weights ready for products in both directions,
/// `Vector` = one number a channel, `Gradient` = a dense `rows` x `cols` accumulator for a parameter (a vector is one row).
///
/// In every op the last arguments are what is written; `y` is overwritten and `acc` and `*_acc` are added to.
pub trait Backend {
    type Tensor;
    type Matrix;
    type Vector;
    type Gradient;

    /// `cpu` or `webgpu`.
    fn name(&self) -> &'static str;

    /// The most tokens that a tensor of so many channels can have here; a larger batch is to be split.
    fn max_tokens(&self, _channels: usize) -> usize {
        usize::MAX
    }

    // Memory. A tensor from the pool holds unspecified finite numbers.
    fn tensor(&mut self, channels: usize, tokens: usize) -> Self::Tensor;
    /// Tokens of a tensor, padding included.
    fn tokens(&self, tensor: &Self::Tensor) -> usize;
    fn recycle(&mut self, tensor: Self::Tensor);
    fn upload(&mut self, values: &Activations) -> Self::Tensor;
    fn matrix(&mut self, weights: &WeightMatrix) -> Self::Matrix;
    fn vector(&mut self, values: &[f32]) -> Self::Vector;
    fn gradient(&mut self, rows: usize, cols: usize) -> Self::Gradient;
    fn read(&mut self, tensor: &Self::Tensor) -> impl Future<Output = Result<Activations>>;
    fn read_gradient(&mut self, gradient: &Self::Gradient) -> impl Future<Output = Result<Matrix>>;
    /// Several tensors in one wait.
    fn read_all(&mut self, tensors: &[&Self::Tensor]) -> impl Future<Output = Result<Vec<Activations>>> {
        async move {
            let mut all = Vec::with_capacity(tensors.len());
            for tensor in tensors {
                all.push(self.read(tensor).await?);
            }
            Ok(all)
        }
    }
    /// Several gradients in one wait.
    fn read_gradients(&mut self, gradients: &[&Self::Gradient]) -> impl Future<Output = Result<Vec<Matrix>>> {
        async move {
            let mut all = Vec::with_capacity(gradients.len());
            for gradient in gradients {
                all.push(self.read_gradient(gradient).await?);
            }
            Ok(all)
        }
    }
    fn copy(&mut self, x: &Self::Tensor, y: &mut Self::Tensor);
    fn zero(&mut self, y: &mut Self::Tensor);

    // Forward.
    /// `y[:, t] = table[rows[t], :]`: token embeddings, positions.
    fn gather(&mut self, table: &Self::Matrix, rows: &[u32], y: &mut Self::Tensor);
    /// `acc[:, t] += table[rows[t], :]`: the bigram bias, added positions.
    fn gather_add(&mut self, table: &Self::Matrix, rows: &[u32], acc: &mut Self::Tensor);
    /// `y[:, i] = x[:, tokens[i]]`.
    fn select(&mut self, x: &Self::Tensor, tokens: &[u32], y: &mut Self::Tensor);
    /// `y = a` above `b`, channel-wise.
    fn concat(&mut self, a: &Self::Tensor, b: &Self::Tensor, y: &mut Self::Tensor);
    fn norm(
        &mut self,
        kind: NormKind,
        x: &Self::Tensor,
        gain: Option<&Self::Vector>,
        bias: Option<&Self::Vector>,
        y: &mut Self::Tensor,
    );
    /// `y = w x + bias`.
    fn matmul(&mut self, w: &Self::Matrix, bias: Option<&Self::Vector>, x: &Self::Tensor, y: &mut Self::Tensor);
    /// Per token keeps the `k` largest magnitudes and zeroes the rest, in place; ties go to the lower channel.
    fn abs_top_k(&mut self, k: usize, x: &mut Self::Tensor);
    fn activate(&mut self, kind: Activation, x: &Self::Tensor, y: &mut Self::Tensor);
    /// `acc += delta`.
    fn add(&mut self, delta: &Self::Tensor, acc: &mut Self::Tensor);
    /// Causal attention inside each span, scale `1 / sqrt(d_head)`, heads contiguous, `sinks` = one logit a head with value zero.
    #[allow(clippy::too_many_arguments)]
    fn attention(
        &mut self,
        spans: &[Span],
        d_head: usize,
        sinks: Option<&Self::Vector>,
        q: &Self::Tensor,
        k: &Self::Tensor,
        v: &Self::Tensor,
        y: &mut Self::Tensor,
    );

    // Interventions.
    fn channel_affine(&mut self, changes: &[ChannelAffine], x: &mut Self::Tensor);
    /// `x[c, to] = source[c, from]` for each channel `c` and each pair `(from, to)`.
    fn patch(&mut self, source: &Self::Tensor, channels: &[u32], tokens: &[(u32, u32)], x: &mut Self::Tensor);
    /// Node masks with mean ablation: `x = m x + (1 - m) mean` (Gao et al. 2025, A.5).
    fn mean_ablate(&mut self, mask: &Self::Vector, mean: &Self::Vector, x: &mut Self::Tensor);

    // Losses: per-token (or per-row) losses and their gradient by the logits, both times `weight`.
    /// Cross entropy against `targets[t]`; [`IGNORE`] contributes nothing.
    fn cross_entropy(
        &mut self,
        logits: &Self::Tensor,
        targets: &[u32],
        weight: f32,
        losses: &mut Self::Tensor,
        grad: &mut Self::Tensor,
    );
    /// Cross entropy of the softmax over two candidates: column `i` wants `pairs[i].0` and not `pairs[i].1`.
    fn candidate_loss(
        &mut self,
        logits: &Self::Tensor,
        pairs: &[(u32, u32)],
        weight: f32,
        losses: &mut Self::Tensor,
        grad: &mut Self::Tensor,
    );

    // Backward. `grad` in place becomes the gradient by the op's input.
    /// `dx = w^T dy`.
    fn matmul_backward(&mut self, w: &Self::Matrix, dy: &Self::Tensor, dx: &mut Self::Tensor);
    /// `dx_acc += w^T dy`.
    fn matmul_backward_acc(&mut self, w: &Self::Matrix, dy: &Self::Tensor, dx_acc: &mut Self::Tensor);
    /// `dw_acc += dy x^T`.
    fn weight_gradient(&mut self, dy: &Self::Tensor, x: &Self::Tensor, dw_acc: &mut Self::Gradient);
    /// `db_acc += ` the sum of `dy` over tokens (one row).
    fn bias_gradient(&mut self, dy: &Self::Tensor, db_acc: &mut Self::Gradient);
    /// `dtable_acc[rows[t], :] += dy[:, t]`.
    fn gather_gradient(&mut self, rows: &[u32], dy: &Self::Tensor, dtable_acc: &mut Self::Gradient);
    /// The inverse of `select`: `dx_acc[:, tokens[i]] += dy[:, i]`.
    fn select_backward_acc(&mut self, dy: &Self::Tensor, tokens: &[u32], dx_acc: &mut Self::Tensor);
    /// The inverse of `concat`.
    fn split(&mut self, dy: &Self::Tensor, da: &mut Self::Tensor, db: &mut Self::Tensor);
    /// `dx_acc +=` the gradient through the norm of `x`; gains and biases (one row each) where given.
    #[allow(clippy::too_many_arguments)]
    fn norm_backward_acc(
        &mut self,
        kind: NormKind,
        x: &Self::Tensor,
        gain: Option<&Self::Vector>,
        dy: &Self::Tensor,
        dx_acc: &mut Self::Tensor,
        dgain_acc: Option<&mut Self::Gradient>,
        dbias_acc: Option<&mut Self::Gradient>,
    );
    /// AbsTopK passes gradient to the kept entries only: `grad = 0` where `kept` is 0.
    fn abs_top_k_backward(&mut self, kept: &Self::Tensor, grad: &mut Self::Tensor);
    /// `x` is the input of the activation.
    fn activate_backward(&mut self, kind: Activation, x: &Self::Tensor, grad: &mut Self::Tensor);
    #[allow(clippy::too_many_arguments)]
    fn attention_backward(
        &mut self,
        spans: &[Span],
        d_head: usize,
        sinks: Option<&Self::Vector>,
        q: &Self::Tensor,
        k: &Self::Tensor,
        v: &Self::Tensor,
        dy: &Self::Tensor,
        dq: &mut Self::Tensor,
        dk: &mut Self::Tensor,
        dv: &mut Self::Tensor,
        dsinks_acc: Option<&mut Self::Gradient>,
    );
    /// `before` = the values before the gate; `dmask_acc` (one row) `+= sum_t dy (before - mean)`; `grad *= m`.
    fn mean_ablate_backward(
        &mut self,
        mask: &Self::Vector,
        mean: &Self::Vector,
        before: &Self::Tensor,
        grad: &mut Self::Tensor,
        dmask_acc: &mut Self::Gradient,
    );
}

/// The target that a loss skips.
pub const IGNORE: u32 = u32::MAX;
