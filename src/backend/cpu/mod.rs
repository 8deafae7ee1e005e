//! The CPU backend: one thread, portable SIMD. Each file is an op (or a family of small ones) with its naive reference and tests.

mod abs_top_k;
mod activation;
mod attention;
#[cfg(not(target_arch = "wasm32"))]
mod divergence;
mod limit;
mod loss;
pub mod matmul;
mod moves;
mod norm;
pub(crate) mod simd;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(not(target_arch = "wasm32"))]
mod weight_gradient;

use super::{Backend, ChannelAffine, NormKind, Span};
use crate::Result;
use crate::backend::Activation;
use crate::tensor::{Activations, Matrix, PANEL, WeightMatrix};
use matmul::Start;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

pub use abs_top_k::abs_top_k;
pub use attention::attention;
#[cfg(not(target_arch = "wasm32"))]
pub use divergence::divergence;
pub use limit::{load_fed, multiply_adds};

/// A weight matrix and, once a backward pass has asked for it, its transpose. Cheap to clone and shared between threads.
#[derive(Clone)]
pub struct CpuMatrix(Arc<Sides>);

struct Sides {
    forward: WeightMatrix,
    transposed: OnceLock<WeightMatrix>,
}

impl CpuMatrix {
    pub fn new(weights: WeightMatrix) -> Self {
        CpuMatrix(Arc::new(Sides { forward: weights, transposed: OnceLock::new() }))
    }

    pub fn weights(&self) -> &WeightMatrix {
        &self.0.forward
    }

    pub fn transposed(&self) -> &WeightMatrix {
        self.0.transposed.get_or_init(|| match &self.0.forward {
            WeightMatrix::Sparse(w) => WeightMatrix::Sparse(w.transpose()),
            WeightMatrix::Dense(w) => {
                let mut out = Matrix::zeros(w.cols, w.rows);
                for row in 0..w.rows {
                    for (col, value) in w.row(row).iter().enumerate() {
                        out.data[col * w.rows + row] = *value;
                    }
                }
                WeightMatrix::Dense(out)
            }
        })
    }
}

fn product(w: &WeightMatrix, start: Start<'_>, x: &Activations, y: &mut Activations) {
    match w {
        WeightMatrix::Sparse(w) => matmul::sparse(w, start, x, y),
        WeightMatrix::Dense(w) => matmul::dense(w, start, x, y),
    }
}

/// The CPU. Every op runs at once; `read` never waits.
#[derive(Default)]
pub struct Cpu {
    /// Tensors to use again, by channels and panels: fresh memory costs a page fault every 4 KB.
    pool: HashMap<(usize, usize), Vec<Activations>>,
    #[cfg(not(target_arch = "wasm32"))]
    scratch: weight_gradient::Scratch,
}

impl Cpu {
    pub fn new() -> Self {
        Cpu::default()
    }
}

impl Backend for Cpu {
    type Tensor = Activations;
    type Matrix = CpuMatrix;
    type Vector = Arc<[f32]>;
    type Gradient = Matrix;

    fn name(&self) -> &'static str {
        "cpu"
    }

    fn tensor(&mut self, channels: usize, tokens: usize) -> Activations {
        match self.pool.get_mut(&(channels, tokens)).and_then(Vec::pop) {
            Some(tensor) => tensor,
            None => Activations::zeros(channels, tokens),
        }
    }

    fn tokens(&self, tensor: &Activations) -> usize {
        tensor.tokens()
    }

    fn recycle(&mut self, tensor: Activations) {
        self.pool.entry((tensor.channels(), tensor.tokens())).or_default().push(tensor);
    }

    fn upload(&mut self, values: &Activations) -> Activations {
        values.clone()
    }

    fn matrix(&mut self, weights: &WeightMatrix) -> CpuMatrix {
        CpuMatrix::new(weights.clone())
    }

    fn vector(&mut self, values: &[f32]) -> Arc<[f32]> {
        values.into()
    }

    fn gradient(&mut self, rows: usize, cols: usize) -> Matrix {
        Matrix::zeros(rows, cols)
    }

    async fn read(&mut self, tensor: &Activations) -> Result<Activations> {
        Ok(tensor.clone())
    }

    async fn read_gradient(&mut self, gradient: &Matrix) -> Result<Matrix> {
        Ok(gradient.clone())
    }

    fn copy(&mut self, x: &Activations, y: &mut Activations) {
        y.data_mut().copy_from_slice(x.data());
    }

    fn zero(&mut self, y: &mut Activations) {
        y.data_mut().fill(0.0);
    }

    fn gather(&mut self, table: &CpuMatrix, rows: &[u32], y: &mut Activations) {
        moves::gather(table.weights(), rows, y);
    }

    fn gather_add(&mut self, table: &CpuMatrix, rows: &[u32], acc: &mut Activations) {
        moves::gather_add(table.weights(), rows, acc);
    }

    fn select(&mut self, x: &Activations, tokens: &[u32], y: &mut Activations) {
        moves::select(x, tokens, y);
    }

    fn concat(&mut self, a: &Activations, b: &Activations, y: &mut Activations) {
        moves::concat(a, b, y);
    }

    fn norm(
        &mut self,
        kind: NormKind,
        x: &Activations,
        gain: Option<&Arc<[f32]>>,
        bias: Option<&Arc<[f32]>>,
        y: &mut Activations,
    ) {
        norm::norm(kind, x, gain.map(|v| &v[..]), bias.map(|v| &v[..]), y);
    }

    fn matmul(&mut self, w: &CpuMatrix, bias: Option<&Arc<[f32]>>, x: &Activations, y: &mut Activations) {
        product(w.weights(), bias.map_or(Start::Zero, |bias| Start::Bias(bias)), x, y);
    }

    fn abs_top_k(&mut self, k: usize, x: &mut Activations) {
        abs_top_k::abs_top_k(k, x);
    }

    fn activate(&mut self, kind: Activation, x: &Activations, y: &mut Activations) {
        activation::activate(kind, x, y);
    }

    fn add(&mut self, delta: &Activations, acc: &mut Activations) {
        moves::add(delta, acc);
    }

    fn attention(
        &mut self,
        spans: &[Span],
        d_head: usize,
        sinks: Option<&Arc<[f32]>>,
        q: &Activations,
        k: &Activations,
        v: &Activations,
        y: &mut Activations,
    ) {
        // padding behind a sequence belongs to no span and stays zero
        if spans.iter().any(|span| span.len % PANEL != 0) {
            y.data_mut().fill(0.0);
        }
        attention::attention(spans, d_head, sinks.map(|v| &v[..]), q, k, v, y);
    }

    fn channel_affine(&mut self, changes: &[ChannelAffine], x: &mut Activations) {
        moves::channel_affine(changes, x);
    }

    fn patch(&mut self, source: &Activations, channels: &[u32], tokens: &[(u32, u32)], x: &mut Activations) {
        moves::patch(source, channels, tokens, x);
    }

    fn mean_ablate(&mut self, mask: &Arc<[f32]>, mean: &Arc<[f32]>, x: &mut Activations) {
        moves::mean_ablate(mask, mean, x);
    }

    fn cross_entropy(
        &mut self,
        logits: &Activations,
        targets: &[u32],
        weight: f32,
        losses: &mut Activations,
        grad: &mut Activations,
    ) {
        loss::cross_entropy(logits, targets, weight, losses, grad);
    }

    fn candidate_loss(
        &mut self,
        logits: &Activations,
        pairs: &[(u32, u32)],
        weight: f32,
        losses: &mut Activations,
        grad: &mut Activations,
    ) {
        loss::candidate_loss(logits, pairs, weight, losses, grad);
    }

    fn matmul_backward(&mut self, w: &CpuMatrix, dy: &Activations, dx: &mut Activations) {
        product(w.transposed(), Start::Zero, dy, dx);
    }

    fn matmul_backward_acc(&mut self, w: &CpuMatrix, dy: &Activations, dx_acc: &mut Activations) {
        product(w.transposed(), Start::Add, dy, dx_acc);
    }

    fn weight_gradient(&mut self, dy: &Activations, x: &Activations, dw_acc: &mut Matrix) {
        #[cfg(not(target_arch = "wasm32"))]
        self.scratch.add(dy, x, dw_acc);
        #[cfg(target_arch = "wasm32")]
        for token in 0..x.tokens() {
            for row in 0..dw_acc.rows {
                let d = dy.get(token, row);
                if d != 0.0 {
                    (0..x.channels()).for_each(|col| dw_acc.data[row * x.channels() + col] += d * x.get(token, col));
                }
            }
        }
    }

    fn bias_gradient(&mut self, dy: &Activations, db_acc: &mut Matrix) {
        for panel in 0..dy.panels() {
            for (sum, dy) in db_acc.data.iter_mut().zip(dy.panel(panel).chunks_exact(PANEL)) {
                *sum += dy.iter().sum::<f32>();
            }
        }
    }

    fn gather_gradient(&mut self, rows: &[u32], dy: &Activations, dtable_acc: &mut Matrix) {
        moves::gather_gradient(rows, dy, dtable_acc);
    }

    fn select_backward_acc(&mut self, dy: &Activations, tokens: &[u32], dx_acc: &mut Activations) {
        moves::select_backward_acc(dy, tokens, dx_acc);
    }

    fn split(&mut self, dy: &Activations, da: &mut Activations, db: &mut Activations) {
        moves::split(dy, da, db);
    }

    fn norm_backward_acc(
        &mut self,
        kind: NormKind,
        x: &Activations,
        gain: Option<&Arc<[f32]>>,
        dy: &Activations,
        dx_acc: &mut Activations,
        dgain_acc: Option<&mut Matrix>,
        dbias_acc: Option<&mut Matrix>,
    ) {
        norm::norm_backward_acc(kind, x, gain.map(|v| &v[..]), dy, dx_acc, dgain_acc, dbias_acc);
    }

    fn abs_top_k_backward(&mut self, kept: &Activations, grad: &mut Activations) {
        moves::abs_top_k_backward(kept, grad);
    }

    fn activate_backward(&mut self, kind: Activation, x: &Activations, grad: &mut Activations) {
        activation::activate_backward(kind, x, grad);
    }

    fn attention_backward(
        &mut self,
        spans: &[Span],
        d_head: usize,
        sinks: Option<&Arc<[f32]>>,
        q: &Activations,
        k: &Activations,
        v: &Activations,
        dy: &Activations,
        dq: &mut Activations,
        dk: &mut Activations,
        dv: &mut Activations,
        dsinks_acc: Option<&mut Matrix>,
    ) {
        attention::attention_backward(spans, d_head, sinks.map(|v| &v[..]), q, k, v, dy, dq, dk, dv, dsinks_acc);
    }

    fn mean_ablate_backward(
        &mut self,
        mask: &Arc<[f32]>,
        mean: &Arc<[f32]>,
        before: &Activations,
        grad: &mut Activations,
        dmask_acc: &mut Matrix,
    ) {
        moves::mean_ablate_backward(mask, mean, before, grad, dmask_acc);
    }
}
