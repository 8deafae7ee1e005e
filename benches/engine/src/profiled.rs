//! A CPU backend that records the time of each op of a forward pass, and the inputs of some ops.

use sparse_circuits::Result;
use sparse_circuits::backend::cpu::{Cpu, CpuMatrix, CpuVector};
use sparse_circuits::backend::{
    AbsTopK, Activate, Activation, Attention, ChannelAffine, Elementwise, Indexing, Intervene, Losses, Matmul, Memory,
    NormKind, Norms, Span,
};
use sparse_circuits::tensor::{Activations, Matrix, WeightMatrix};
use std::collections::BTreeMap;

/// The input of AbsTopK or attention.
pub enum Given {
    TopK { k: usize, x: Activations },
    Attention { d_head: usize, qkv: [Activations; 3] },
}

pub struct Profiled {
    cpu: Cpu,
    /// A clock in milliseconds.
    now: fn() -> f64,
    /// Milliseconds by op.
    pub times: BTreeMap<&'static str, f64>,
    /// If given, records the inputs here.
    pub given: Option<Vec<Given>>,
}

impl Profiled {
    pub fn new(now: fn() -> f64) -> Self {
        Profiled { cpu: Cpu::new(), now, times: BTreeMap::new(), given: None }
    }

    fn timed(&mut self, op: &'static str, run: impl FnOnce(&mut Cpu)) {
        let start = (self.now)();
        run(&mut self.cpu);
        *self.times.entry(op).or_default() += (self.now)() - start;
    }
}

impl Memory for Profiled {
    type Tensor = Activations;
    type Matrix = CpuMatrix;
    type Vector = CpuVector;
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
    fn vector(&mut self, values: &[f32]) -> CpuVector {
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
}

/// The ops of a trait: `timed`, or `absent`, because profiled forward passes do not use them.
macro_rules! profiled {
    ($trait:ident { $($what:ident fn $name:ident($($arg:ident: $type:ty),* $(,)?);)* }) => {
        impl $trait for Profiled {$(
            profiled!(@$what $name($($arg: $type),*));
        )*}
    };
    (@timed $name:ident($($arg:ident: $type:ty),*)) => {
        #[allow(clippy::too_many_arguments)]
        fn $name(&mut self, $($arg: $type),*) {
            self.timed(stringify!($name), |cpu| cpu.$name($($arg),*));
        }
    };
    (@absent $name:ident($($arg:ident: $type:ty),*)) => {
        #[allow(clippy::too_many_arguments)]
        fn $name(&mut self, $(_: $type),*) {
            unreachable!(concat!("a forward pass without hooks has no ", stringify!($name)))
        }
    };
}

profiled! {
    Elementwise {
        timed fn copy(x: &Activations, y: &mut Activations);
        timed fn zero(y: &mut Activations);
        timed fn add(delta: &Activations, acc: &mut Activations);
    }
}

profiled! {
    Indexing {
        timed fn gather(table: &CpuMatrix, rows: &[u32], y: &mut Activations);
        timed fn gather_add(table: &CpuMatrix, rows: &[u32], acc: &mut Activations);
        absent fn gather_gradient(rows: &[u32], dy: &Activations, dtable_acc: &mut Matrix);
        timed fn select(x: &Activations, tokens: &[u32], y: &mut Activations);
        absent fn select_backward_acc(dy: &Activations, tokens: &[u32], dx_acc: &mut Activations);
        timed fn concat(a: &Activations, b: &Activations, y: &mut Activations);
        absent fn split(dy: &Activations, da: &mut Activations, db: &mut Activations);
    }
}

profiled! {
    Norms {
        timed fn norm(kind: NormKind, x: &Activations, gain: Option<&CpuVector>, bias: Option<&CpuVector>, y: &mut Activations);
        absent fn norm_backward_acc(kind: NormKind, x: &Activations, gain: Option<&CpuVector>, dy: &Activations,
            dx_acc: &mut Activations, dgain_acc: Option<&mut Matrix>, dbias_acc: Option<&mut Matrix>);
    }
}

profiled! {
    Matmul {
        timed fn matmul(w: &CpuMatrix, bias: Option<&CpuVector>, x: &Activations, y: &mut Activations);
        absent fn matmul_backward(w: &CpuMatrix, dy: &Activations, dx: &mut Activations);
        absent fn matmul_backward_acc(w: &CpuMatrix, dy: &Activations, dx_acc: &mut Activations);
        absent fn weight_gradient(dy: &Activations, x: &Activations, dw_acc: &mut Matrix);
        absent fn bias_gradient(dy: &Activations, db_acc: &mut Matrix);
    }
}

impl AbsTopK for Profiled {
    fn abs_top_k(&mut self, k: usize, x: &mut Activations) {
        if let Some(given) = &mut self.given {
            given.push(Given::TopK { k, x: x.clone() });
        }
        self.timed("abs_top_k", |cpu| cpu.abs_top_k(k, x));
    }

    profiled!(@absent abs_top_k_backward(kept: &Activations, grad: &mut Activations));
}

profiled! {
    Activate {
        timed fn activate(kind: Activation, x: &Activations, y: &mut Activations);
        absent fn activate_backward(kind: Activation, x: &Activations, grad: &mut Activations);
    }
}

impl Attention for Profiled {
    fn attention(
        &mut self,
        spans: &[Span],
        d_head: usize,
        sinks: Option<&CpuVector>,
        q: &Activations,
        k: &Activations,
        v: &Activations,
        y: &mut Activations,
    ) {
        if let Some(given) = &mut self.given {
            given.push(Given::Attention { d_head, qkv: [q, k, v].map(Clone::clone) });
        }
        self.timed("attention", |cpu| cpu.attention(spans, d_head, sinks, q, k, v, y));
    }

    profiled!(@absent attention_backward(
        spans: &[Span], d_head: usize, sinks: Option<&CpuVector>, q: &Activations, k: &Activations, v: &Activations,
        dy: &Activations, dq: &mut Activations, dk: &mut Activations, dv: &mut Activations, dsinks_acc: Option<&mut Matrix>
    ));
}

profiled! {
    Intervene {
        absent fn channel_affine(changes: &[ChannelAffine], x: &mut Activations);
        absent fn patch(source: &Activations, channels: &[u32], tokens: &[(u32, u32)], x: &mut Activations);
        absent fn mean_ablate(mask: &CpuVector, mean: &CpuVector, x: &mut Activations);
        absent fn mean_ablate_backward(mask: &CpuVector, mean: &CpuVector, before: &Activations, grad: &mut Activations,
            dmask_acc: &mut Matrix);
    }
}

profiled! {
    Losses {
        absent fn cross_entropy(logits: &Activations, targets: &[u32], weight: f32, losses: &mut Activations, grad: &mut Activations);
    }
}
