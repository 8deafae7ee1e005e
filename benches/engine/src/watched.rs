//! A CPU backend that is watched: the time of each operation of a forward pass, and what some of them were given.

use sparse_circuits::Result;
use sparse_circuits::backend::cpu::{Cpu, CpuMatrix};
use sparse_circuits::backend::{Activation, Backend, ChannelAffine, NormKind, Span};
use sparse_circuits::tensor::{Activations, Matrix, WeightMatrix};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What AbsTopK or attention was given.
pub enum Given {
    TopK { k: usize, x: Activations },
    Attention { d_head: usize, qkv: [Activations; 3] },
}

pub struct Watched {
    cpu: Cpu,
    /// Milliseconds from some moment on.
    now: fn() -> f64,
    /// Milliseconds by operation.
    pub times: BTreeMap<&'static str, f64>,
    /// Filled when it is there.
    pub given: Option<Vec<Given>>,
}

impl Watched {
    pub fn new(now: fn() -> f64) -> Self {
        Watched { cpu: Cpu::new(), now, times: BTreeMap::new(), given: None }
    }
}

type Vector = Arc<[f32]>;

/// Operations that are timed and passed on.
macro_rules! timed {
    ($(fn $name:ident($($arg:ident: $type:ty),* $(,)?);)*) => {$(
        #[allow(clippy::too_many_arguments)]
        fn $name(&mut self, $($arg: $type),*) {
            let start = (self.now)();
            self.cpu.$name($($arg),*);
            *self.times.entry(stringify!($name)).or_default() += (self.now)() - start;
        }
    )*};
}

/// Operations of a backward pass or of edits.
macro_rules! absent {
    ($(fn $name:ident($($arg:ident: $type:ty),* $(,)?);)*) => {$(
        #[allow(clippy::too_many_arguments)]
        fn $name(&mut self, $($arg: $type),*) {
            unreachable!("only plain forward passes are watched")
        }
    )*};
}

#[allow(unused_variables)]
impl Backend for Watched {
    type Tensor = Activations;
    type Matrix = CpuMatrix;
    type Vector = Vector;
    type Gradient = Matrix;

    fn name(&self) -> &'static str {
        self.cpu.name()
    }
    fn tensor(&mut self, channels: usize, tokens: usize) -> Activations {
        self.cpu.tensor(channels, tokens)
    }
    fn tokens(&self, tensor: &Activations) -> usize {
        self.cpu.tokens(tensor)
    }
    fn recycle(&mut self, tensor: Activations) {
        self.cpu.recycle(tensor);
    }
    fn upload(&mut self, values: &Activations) -> Activations {
        self.cpu.upload(values)
    }
    fn matrix(&mut self, weights: &WeightMatrix) -> CpuMatrix {
        self.cpu.matrix(weights)
    }
    fn vector(&mut self, values: &[f32]) -> Vector {
        self.cpu.vector(values)
    }
    fn gradient(&mut self, rows: usize, cols: usize) -> Matrix {
        self.cpu.gradient(rows, cols)
    }
    async fn read(&mut self, tensor: &Activations) -> Result<Activations> {
        self.cpu.read(tensor).await
    }
    async fn read_gradient(&mut self, gradient: &Matrix) -> Result<Matrix> {
        self.cpu.read_gradient(gradient).await
    }

    fn abs_top_k(&mut self, k: usize, x: &mut Activations) {
        if let Some(given) = &mut self.given {
            given.push(Given::TopK { k, x: x.clone() });
        }
        let start = (self.now)();
        self.cpu.abs_top_k(k, x);
        *self.times.entry("abs_top_k").or_default() += (self.now)() - start;
    }

    fn attention(
        &mut self,
        spans: &[Span],
        d_head: usize,
        sinks: Option<&Vector>,
        q: &Activations,
        k: &Activations,
        v: &Activations,
        y: &mut Activations,
    ) {
        if let Some(given) = &mut self.given {
            given.push(Given::Attention { d_head, qkv: [q, k, v].map(Clone::clone) });
        }
        let start = (self.now)();
        self.cpu.attention(spans, d_head, sinks, q, k, v, y);
        *self.times.entry("attention").or_default() += (self.now)() - start;
    }

    timed! {
        fn copy(x: &Activations, y: &mut Activations);
        fn zero(y: &mut Activations);
        fn gather(table: &CpuMatrix, rows: &[u32], y: &mut Activations);
        fn gather_add(table: &CpuMatrix, rows: &[u32], acc: &mut Activations);
        fn select(x: &Activations, tokens: &[u32], y: &mut Activations);
        fn concat(a: &Activations, b: &Activations, y: &mut Activations);
        fn norm(kind: NormKind, x: &Activations, gain: Option<&Vector>, bias: Option<&Vector>, y: &mut Activations);
        fn matmul(w: &CpuMatrix, bias: Option<&Vector>, x: &Activations, y: &mut Activations);
        fn activate(kind: Activation, x: &Activations, y: &mut Activations);
        fn add(delta: &Activations, acc: &mut Activations);
    }

    absent! {
        fn channel_affine(changes: &[ChannelAffine], x: &mut Activations);
        fn patch(source: &Activations, channels: &[u32], tokens: &[(u32, u32)], x: &mut Activations);
        fn mean_ablate(mask: &Vector, mean: &Vector, x: &mut Activations);
        fn cross_entropy(logits: &Activations, targets: &[u32], weight: f32, losses: &mut Activations, grad: &mut Activations);
        fn candidate_loss(logits: &Activations, pairs: &[(u32, u32)], weight: f32, losses: &mut Activations, grad: &mut Activations);
        fn matmul_backward(w: &CpuMatrix, dy: &Activations, dx: &mut Activations);
        fn matmul_backward_acc(w: &CpuMatrix, dy: &Activations, dx_acc: &mut Activations);
        fn weight_gradient(dy: &Activations, x: &Activations, dw_acc: &mut Matrix);
        fn bias_gradient(dy: &Activations, db_acc: &mut Matrix);
        fn gather_gradient(rows: &[u32], dy: &Activations, dtable_acc: &mut Matrix);
        fn select_backward_acc(dy: &Activations, tokens: &[u32], dx_acc: &mut Activations);
        fn split(dy: &Activations, da: &mut Activations, db: &mut Activations);
        fn norm_backward_acc(kind: NormKind, x: &Activations, gain: Option<&Vector>, dy: &Activations, dx_acc: &mut Activations,
                         dgain_acc: Option<&mut Matrix>, dbias_acc: Option<&mut Matrix>);
        fn abs_top_k_backward(kept: &Activations, grad: &mut Activations);
        fn activate_backward(kind: Activation, x: &Activations, grad: &mut Activations);
        fn attention_backward(spans: &[Span], d_head: usize, sinks: Option<&Vector>, q: &Activations, k: &Activations, v: &Activations,
                          dy: &Activations, dq: &mut Activations, dk: &mut Activations, dv: &mut Activations,
                          dsinks_acc: Option<&mut Matrix>);
        fn mean_ablate_backward(mask: &Vector, mean: &Vector, before: &Activations, grad: &mut Activations, dmask_acc: &mut Matrix);
    }
}
