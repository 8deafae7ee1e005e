//! The ops that a model needs, on tensors of a device: one forward and backward pass runs on every device.
//!
//! **One op, one name.** An op is a method of one of the traits below, which states its formula. The method of [`cpu::Cpu`] is the
//! kernel; it has the same name and is in `cpu/FAMILY.rs`, with a naive reference and property tests. The method of [`gpu::Gpu`] is in
//! `gpu/FAMILY.rs`, with tests against the CPU, and dispatches the kernel `shaders/OP.wgsl`. `cargo
//! xtask bench compare-backends` measures the ops on both. No op calls an op of another name.
//!
//! | trait | ops |
//! | --- | --- |
//! | [`Memory`] | tensors, weights and gradients of a device; reading them back |
//! | [`Elementwise`] | `copy`, `zero`, `add` |
//! | [`Indexing`] | `gather`, `gather_add`, `gather_gradient`, `select`, `select_backward_acc`, `concat`, `split` |
//! | [`Norms`] | `norm`, `norm_backward_acc` |
//! | [`Matmul`] | `matmul`, `matmul_backward`, `matmul_backward_acc`, `weight_gradient`, `bias_gradient` |
//! | [`AbsTopK`] | `abs_top_k`, `abs_top_k_backward` |
//! | [`Activate`] | `activate`, `activate_backward` |
//! | [`Attention`] | `attention`, `attention_backward` |
//! | [`Intervene`] | `channel_affine`, `patch`, `mean_ablate`, `mean_ablate_backward` |
//! | [`Losses`] | `cross_entropy` |
//!
//! Ops record work and return nothing. Only [`Memory::read`] and its siblings wait for the device.
//!
//! **Notation.** `x[c, t]` is channel `c` at token `t` of a tensor of `channels` x `tokens`. A matrix `w` has `rows` outputs and `cols`
//! inputs. The last arguments are what an op writes: `y` and `dx` are overwritten, `acc` and `*_acc` are added to, and a single `x` or
//! `grad` is changed in place. Tensors of one op have the same number of tokens unless its text says otherwise. Padding tokens are
//! computed like others; their gradients are zero.
//!
//! # Panics
//! Ops panic when shapes do not fit: the model checks its sizes when it is loaded.

mod batch;
pub mod cpu;
#[cfg(feature = "webgpu")]
pub mod gpu;
mod now_or_never;
mod pool;

pub use batch::{Batch, Span};
pub use now_or_never::now_or_never;

use crate::Result;
use crate::tensor::{Activations, Matrix, WeightMatrix};
use serde::{Deserialize, Serialize};

/// A compute device with every op of the model.
pub trait Backend:
    Memory + Elementwise + Indexing + Norms + Matmul + AbsTopK + Activate + Attention + Intervene + Losses
{
}

impl<B: Memory + Elementwise + Indexing + Norms + Matmul + AbsTopK + Activate + Attention + Intervene + Losses> Backend
    for B
{
}

/// What a device holds, and how to read it.
pub trait Memory {
    /// Activations, `channels` x `tokens`.
    type Tensor;
    /// Weights, `rows` outputs x `cols` inputs, ready for products in both directions.
    type Matrix;
    /// One number per channel.
    type Vector;
    /// The gradient of a parameter: a dense accumulator, `rows` x `cols`. A vector's gradient has one row.
    type Gradient;

    /// `cpu` or `webgpu`.
    fn name(&self) -> &'static str;

    /// How many tokens a tensor of `channels` channels can have on this device. Split a larger batch.
    fn max_tokens(&self, _channels: usize) -> usize {
        usize::MAX
    }

    /// A tensor with unspecified finite numbers.
    fn tensor(&mut self, channels: usize, tokens: usize) -> Self::Tensor;

    /// The number of tokens of a tensor, with padding.
    fn tokens(&self, tensor: &Self::Tensor) -> usize;

    /// Gives a tensor's memory back, for a later [`tensor`](Self::tensor). The backend keeps no more than it had lent at one time.
    fn recycle(&mut self, tensor: Self::Tensor);

    fn upload(&mut self, values: &Activations) -> Self::Tensor;

    fn matrix(&mut self, weights: &WeightMatrix) -> Self::Matrix;

    fn vector(&mut self, values: &[f32]) -> Self::Vector;

    /// An accumulator of zeros.
    fn gradient(&mut self, rows: usize, cols: usize) -> Self::Gradient;

    /// # Errors
    /// [`crate::Error::Backend`]: the first thing that went wrong on the device, now or earlier. The same holds for the other readings.
    fn read(&mut self, tensor: &Self::Tensor) -> impl Future<Output = Result<Activations>>;

    fn read_gradient(&mut self, gradient: &Self::Gradient) -> impl Future<Output = Result<Matrix>>;

    /// Reads several tensors with one wait.
    fn read_all(&mut self, tensors: &[&Self::Tensor]) -> impl Future<Output = Result<Vec<Activations>>> {
        async move {
            let mut all = Vec::with_capacity(tensors.len());
            for tensor in tensors {
                all.push(self.read(tensor).await?);
            }
            Ok(all)
        }
    }

    /// Reads several gradients with one wait.
    fn read_gradients(&mut self, gradients: &[&Self::Gradient]) -> impl Future<Output = Result<Vec<Matrix>>> {
        async move {
            let mut all = Vec::with_capacity(gradients.len());
            for gradient in gradients {
                all.push(self.read_gradient(gradient).await?);
            }
            Ok(all)
        }
    }
}

/// Ops on one number at a time.
pub trait Elementwise: Memory {
    /// `y = x`.
    fn copy(&mut self, x: &Self::Tensor, y: &mut Self::Tensor);

    /// `y = 0`.
    fn zero(&mut self, y: &mut Self::Tensor);

    /// `acc += delta`.
    fn add(&mut self, delta: &Self::Tensor, acc: &mut Self::Tensor);
}

/// Ops that pick tokens, rows or channels.
pub trait Indexing: Memory {
    /// `y[:, t] = table[rows[t], :]`: token embeddings, positions. `table` is `entries` x `channels`; one row index per token.
    fn gather(&mut self, table: &Self::Matrix, rows: &[u32], y: &mut Self::Tensor);

    /// `acc[:, t] += table[rows[t], :]`: the bigram bias, added positions.
    fn gather_add(&mut self, table: &Self::Matrix, rows: &[u32], acc: &mut Self::Tensor);

    /// The gradient of a table: `dtable_acc[rows[t], :] += dy[:, t]`.
    fn gather_gradient(&mut self, rows: &[u32], dy: &Self::Tensor, dtable_acc: &mut Self::Gradient);

    /// `y[:, i] = x[:, tokens[i]]`; `y` has `tokens.len()` tokens.
    fn select(&mut self, x: &Self::Tensor, tokens: &[u32], y: &mut Self::Tensor);

    /// The backward of `select`: `dx_acc[:, tokens[i]] += dy[:, i]`.
    fn select_backward_acc(&mut self, dy: &Self::Tensor, tokens: &[u32], dx_acc: &mut Self::Tensor);

    /// The channels of `a`, then those of `b`: `y[c, t] = a[c, t]` for `c < a.channels`, else `b[c - a.channels, t]`.
    fn concat(&mut self, a: &Self::Tensor, b: &Self::Tensor, y: &mut Self::Tensor);

    /// The backward of `concat`: overwrites `da` with the first channels of `dy` and `db` with the rest.
    fn split(&mut self, dy: &Self::Tensor, da: &mut Self::Tensor, db: &mut Self::Tensor);
}

/// Norms over the channels of each token.
pub trait Norms: Memory {
    /// `y = n * gain + bias` with `n = (x - mean) * scale`, per token. RMS norm: `mean = 0`, `scale = 1 / sqrt(mean(x^2) + eps)`. Layer
    /// norm: the mean of `x`, `scale = 1 / sqrt(var(x) + eps)` with the biased variance. `eps` is [`NormKind::eps`]. An absent gain is
    /// 1, an absent bias 0.
    fn norm(
        &mut self,
        kind: NormKind,
        x: &Self::Tensor,
        gain: Option<&Self::Vector>,
        bias: Option<&Self::Vector>,
        y: &mut Self::Tensor,
    );

    /// With `g = dy * gain`: `dx_acc += scale * (g - mean(g) - n * mean(g * n))`, the term `mean(g)` for layer norm only. Where given,
    /// `dgain_acc += sum_t dy * n` and `dbias_acc += sum_t dy` (one row each).
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
}

/// Products with weights, sparse or dense, and the gradients of the weights.
pub trait Matmul: Memory {
    /// `y = w x + bias`, an absent bias = 0.
    fn matmul(&mut self, w: &Self::Matrix, bias: Option<&Self::Vector>, x: &Self::Tensor, y: &mut Self::Tensor);

    /// `dx = w^T dy`.
    fn matmul_backward(&mut self, w: &Self::Matrix, dy: &Self::Tensor, dx: &mut Self::Tensor);

    /// `dx_acc += w^T dy`.
    fn matmul_backward_acc(&mut self, w: &Self::Matrix, dy: &Self::Tensor, dx_acc: &mut Self::Tensor);

    /// `dw_acc += dy x^T`, at every entry, also where the weight is zero. The number of tokens is a multiple of the panel, and `dy` is
    /// zero at padding.
    fn weight_gradient(&mut self, dy: &Self::Tensor, x: &Self::Tensor, dw_acc: &mut Self::Gradient);

    /// `db_acc += sum_t dy[:, t]` (one row).
    fn bias_gradient(&mut self, dy: &Self::Tensor, db_acc: &mut Self::Gradient);
}

/// The activation sparsity of weight-sparse transformers (Gao et al. 2025, A.1).
pub trait AbsTopK: Memory {
    /// Keeps the `k` largest magnitudes of each token and sets the others to zero, in place. Of equal magnitudes the lower channel is
    /// kept.
    fn abs_top_k(&mut self, k: usize, x: &mut Self::Tensor);

    /// Lets the gradient pass to the kept entries only: `grad[c, t] = 0` where `kept[c, t]` is 0.
    fn abs_top_k_backward(&mut self, kept: &Self::Tensor, grad: &mut Self::Tensor);
}

/// Activation functions.
pub trait Activate: Memory {
    /// `y = f(x)`.
    fn activate(&mut self, kind: Activation, x: &Self::Tensor, y: &mut Self::Tensor);

    /// `grad *= f'(x)`, with `x` the input of the activation.
    fn activate_backward(&mut self, kind: Activation, x: &Self::Tensor, grad: &mut Self::Tensor);
}

/// Causal attention inside each span of a batch.
pub trait Attention: Memory {
    /// With `p_ts = softmax_s(q_t . k_s / sqrt(d_head))` over the tokens `s <= t` of the span: `y_t = sum_s p_ts v_s`, per head. Heads are
    /// contiguous blocks of `d_head` channels. `sinks` holds one more logit per head, whose value is zero. `y` is zero at padding.
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

    /// With `ds_ts = p_ts (dy_t . v_s - D_t)` and `D_t = sum_s p_ts dy_t . v_s`: `dq_t = sum_s ds_ts k_s / sqrt(d_head)`, `dk_s = sum_t
    /// ds_ts q_t / sqrt(d_head)`, `dv_s = sum_t p_ts dy_t`. All three are overwritten. Where given, `dsinks_acc` (one row) gets
    /// `-sum_t p_t,sink D_t` per head.
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
}

/// Interventions on the channels of a hook.
pub trait Intervene: Memory {
    /// `x[c, :] = x[c, :] * scale + shift` for each change, in their order. A scale of 0 sets the channel to `shift`, whatever it held.
    fn channel_affine(&mut self, changes: &[ChannelAffine], x: &mut Self::Tensor);

    /// `x[c, to] = source[c, from]` for each channel `c` and each pair `(from, to)`. Of two pairs with the same `to` the later one counts.
    /// `source` may have another number of tokens than `x`.
    fn patch(&mut self, source: &Self::Tensor, channels: &[u32], tokens: &[(u32, u32)], x: &mut Self::Tensor);

    /// Node masks with mean ablation: `x = mask * x + (1 - mask) * mean` (Gao et al. 2025, A.5). Exactly `x` where the mask is 1, exactly
    /// the mean where it is 0.
    fn mean_ablate(&mut self, mask: &Self::Vector, mean: &Self::Vector, x: &mut Self::Tensor);

    /// `before` is the input of `mean_ablate`. `dmask_acc += sum_t grad * (before - mean)` (one row), then `grad *= mask`.
    fn mean_ablate_backward(
        &mut self,
        mask: &Self::Vector,
        mean: &Self::Vector,
        before: &Self::Tensor,
        grad: &mut Self::Tensor,
        dmask_acc: &mut Self::Gradient,
    );
}

/// Losses with their gradients.
pub trait Losses: Memory {
    /// `losses[t] = -weight * log softmax(logits[:, t])[targets[t]]` (one channel) and its gradient by the logits,
    /// `grad[:, t] = weight * (softmax(logits[:, t]) - onehot(targets[t]))`. Both are overwritten, with 0 where the target is [`IGNORE`].
    fn cross_entropy(
        &mut self,
        logits: &Self::Tensor,
        targets: &[u32],
        weight: f32,
        losses: &mut Self::Tensor,
        grad: &mut Self::Tensor,
    );
}

/// The target that a loss skips.
pub const IGNORE: u32 = u32::MAX;

/// Which norm; the formulas are those of [`Norms::norm`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NormKind {
    Rms,
    Layer,
}

impl NormKind {
    /// What is added to the mean square or the variance: torch's defaults, as the code published with Gao et al. 2025 has them.
    /// `nn.RMSNorm` takes `finfo(float32).eps`.
    pub const fn eps(self) -> f64 {
        match self {
            NormKind::Rms => 1.1920928955078125e-7,
            NormKind::Layer => 1e-5,
        }
    }
}

/// An activation function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Activation {
    /// The exact form, `x / 2 * (1 + erf(x / sqrt(2)))`.
    Gelu,
    Relu,
}

/// A change of one channel at all tokens, see [`Intervene::channel_affine`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChannelAffine {
    pub channel: u32,
    pub scale: f32,
    pub shift: f32,
}
