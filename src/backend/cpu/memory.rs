//! What the CPU backend holds: tensors with a pool, weights with their transpose.

#[cfg(not(target_arch = "wasm32"))]
use super::matmul::Scratch;
use crate::Result;
use crate::backend::Memory;
use crate::backend::pool::Pool;
use crate::tensor::{Activations, Matrix, WeightMatrix};
use std::sync::{Arc, OnceLock};

/// One number per channel.
pub type CpuVector = Arc<[f32]>;

/// A weight matrix and, once a backward pass has asked for it, its transpose. Cheap to clone and shared between threads.
#[derive(Clone)]
pub struct CpuMatrix(Arc<Directions>);

struct Directions {
    forward: WeightMatrix,
    transposed: OnceLock<WeightMatrix>,
}

impl CpuMatrix {
    pub fn new(weights: WeightMatrix) -> Self {
        CpuMatrix(Arc::new(Directions { forward: weights, transposed: OnceLock::new() }))
    }

    pub fn weights(&self) -> &WeightMatrix {
        &self.0.forward
    }

    pub fn transposed(&self) -> &WeightMatrix {
        self.0.transposed.get_or_init(|| self.0.forward.transpose())
    }
}

/// The CPU. Every op runs at once; readings never wait.
#[derive(Default)]
pub struct Cpu {
    pool: Pool<Vec<f32>>,
    #[cfg(not(target_arch = "wasm32"))]
    pub(super) scratch: Scratch,
}

impl Cpu {
    pub fn new() -> Self {
        Cpu::default()
    }

    /// Bytes that are kept for later tensors: at most 4 times what the longest pass so far had in use at one time.
    pub fn pool_bytes(&self) -> usize {
        4 * self.pool.kept_numbers()
    }
}

impl Memory for Cpu {
    type Tensor = Activations;
    type Matrix = CpuMatrix;
    type Vector = CpuVector;
    type Gradient = Matrix;

    fn name(&self) -> &'static str {
        "cpu"
    }

    fn tensor(&mut self, channels: usize, tokens: usize) -> Activations {
        let buffer = self.pool.take(Activations::numbers(channels, tokens), |size| vec![0.0; size]);
        Activations::from_buffer(channels, tokens, buffer)
    }

    fn tokens(&self, tensor: &Activations) -> usize {
        tensor.tokens()
    }

    fn recycle(&mut self, tensor: Activations) {
        let buffer = tensor.into_buffer();
        self.pool.give_back(buffer.len(), buffer);
    }

    fn upload(&mut self, values: &Activations) -> Activations {
        values.clone()
    }

    fn matrix(&mut self, weights: &WeightMatrix) -> CpuMatrix {
        CpuMatrix::new(weights.clone())
    }

    fn vector(&mut self, values: &[f32]) -> CpuVector {
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
}
