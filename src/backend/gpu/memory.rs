//! What the GPU backend holds: tensors from a pool, weights, gradients; and reading them back.

use super::Gpu;
use super::record::{Bound, max_workgroups};
use crate::Result;
use crate::backend::Memory;
use crate::tensor::{Activations, Matrix, PANEL, SparseMatrix, WeightMatrix};
use std::sync::OnceLock;
use wgpu::{Buffer, BufferUsages};

/// Activations on the device, in the layout of [`Activations`].
pub struct GpuTensor {
    pub(super) buffer: Buffer,
    pub(super) channels: usize,
    pub(super) tokens: usize,
}

impl GpuTensor {
    pub(super) fn panels(&self) -> usize {
        self.tokens.div_ceil(PANEL)
    }

    /// Padding included.
    pub fn numbers(&self) -> usize {
        self.channels * self.panels() * PANEL
    }

    /// The buffer may be larger, as it comes from the pool.
    pub(super) fn bound(&self) -> Bound<'_> {
        Bound::Prefix(&self.buffer, self.numbers())
    }
}

/// One number per channel.
pub struct GpuVector {
    pub(super) buffer: Buffer,
    pub(super) len: usize,
}

/// A dense accumulator, row-major `[rows, cols]`.
pub struct GpuGradient {
    pub(super) buffer: Buffer,
    pub(super) rows: usize,
    pub(super) cols: usize,
}

impl GpuGradient {
    pub(super) fn bound(&self) -> Bound<'_> {
        Bound::Buffer(&self.buffer)
    }
}

/// Weights on the device.
pub struct GpuMatrix {
    pub(super) rows: usize,
    pub(super) cols: usize,
    pub(super) form: Form,
}

pub(super) enum Form {
    /// Row-major; the transposed product reads it by columns.
    Dense(Buffer),
    Sparse(Box<Directions>),
}

pub(super) struct Directions {
    pub forward: Csr,
    /// On the host, for the transpose, which the first backward pass makes.
    pub weights: SparseMatrix,
    pub transposed: OnceLock<Csr>,
}

/// A sparse matrix as `shaders/matmul_sparse.wgsl` reads it.
pub(super) struct Csr {
    pub indptr: Buffer,
    /// The number of long rows, then all rows, longest first.
    pub order: Buffer,
    pub entries: Buffer,
    pub rows: usize,
    pub cols: usize,
    pub long_rows: usize,
}

/// A row with this many nonzeros or more has a workgroup of its own: eight nonzeros per slice.
pub(super) const LONG_ROW: usize = 128;

const STORAGE: BufferUsages = BufferUsages::STORAGE;

impl Memory for Gpu {
    type Tensor = GpuTensor;
    type Matrix = GpuMatrix;
    type Vector = GpuVector;
    type Gradient = GpuGradient;

    fn name(&self) -> &'static str {
        "webgpu"
    }

    fn max_tokens(&self, channels: usize) -> usize {
        let panels = self.recorder.device.max_bytes / (4 * PANEL * channels.max(1)) as u64;
        panels.clamp(1, max_workgroups() as u64) as usize * PANEL
    }

    fn tensor(&mut self, channels: usize, tokens: usize) -> GpuTensor {
        let numbers = channels * tokens.div_ceil(PANEL) * PANEL;
        self.recorder.check_size(4 * numbers);
        let buffer = self.pool.take(numbers, |size| self.recorder.zeros(size));
        GpuTensor { buffer, channels, tokens }
    }

    fn tokens(&self, tensor: &GpuTensor) -> usize {
        tensor.tokens
    }

    fn recycle(&mut self, tensor: GpuTensor) {
        let numbers = tensor.numbers();
        // an uploaded tensor has a smaller buffer
        if tensor.buffer.size() == 4 * self.pool.class(numbers) as u64 {
            self.pool.give_back(numbers, tensor.buffer);
        }
    }

    fn upload(&mut self, values: &Activations) -> GpuTensor {
        // not from the pool: recorded ops may still have to read what its buffers hold
        let buffer = self.recorder.filled(bytemuck::cast_slice(values.data()), STORAGE | BufferUsages::COPY_SRC);
        GpuTensor { buffer, channels: values.channels(), tokens: values.tokens() }
    }

    fn matrix(&mut self, weights: &WeightMatrix) -> GpuMatrix {
        let form = match weights {
            WeightMatrix::Dense(w) => Form::Dense(self.recorder.filled(bytemuck::cast_slice(&w.data), STORAGE)),
            WeightMatrix::Sparse(w) => {
                let forward = self.upload_csr(w);
                Form::Sparse(Box::new(Directions { forward, weights: w.clone(), transposed: OnceLock::new() }))
            }
        };
        GpuMatrix { rows: weights.rows(), cols: weights.cols(), form }
    }

    fn vector(&mut self, values: &[f32]) -> GpuVector {
        GpuVector { buffer: self.recorder.filled(bytemuck::cast_slice(values), STORAGE), len: values.len() }
    }

    fn gradient(&mut self, rows: usize, cols: usize) -> GpuGradient {
        GpuGradient { buffer: self.recorder.zeros(rows * cols), rows, cols }
    }

    async fn read(&mut self, tensor: &GpuTensor) -> Result<Activations> {
        Ok(self.read_all(&[tensor]).await?.remove(0))
    }

    async fn read_gradient(&mut self, gradient: &GpuGradient) -> Result<Matrix> {
        Ok(self.read_gradients(&[gradient]).await?.remove(0))
    }

    async fn read_all(&mut self, tensors: &[&GpuTensor]) -> Result<Vec<Activations>> {
        let buffers: Vec<_> = tensors.iter().map(|t| (&t.buffer, t.numbers())).collect();
        let numbers = self.recorder.read(&buffers).await?;
        let all = tensors.iter().zip(numbers);
        Ok(all.map(|(t, numbers)| Activations::from_buffer(t.channels, t.tokens, numbers)).collect())
    }

    async fn read_gradients(&mut self, gradients: &[&GpuGradient]) -> Result<Vec<Matrix>> {
        let buffers: Vec<_> = gradients.iter().map(|g| (&g.buffer, g.rows * g.cols)).collect();
        let numbers = self.recorder.read(&buffers).await?;
        Ok(gradients.iter().zip(numbers).map(|(g, numbers)| Matrix::new(g.rows, g.cols, numbers)).collect())
    }
}

impl Gpu {
    pub(super) fn upload_csr(&self, w: &SparseMatrix) -> Csr {
        let length = |row: usize| (w.indptr()[row + 1] - w.indptr()[row]) as usize;
        let mut rows: Vec<usize> = (0..w.rows()).collect();
        rows.sort_by_key(|&row| std::cmp::Reverse(length(row)));
        let long_rows = rows.iter().take_while(|&&row| length(row) >= LONG_ROW).count();
        let order: Vec<u32> = std::iter::once(long_rows as u32).chain(rows.iter().map(|&row| row as u32)).collect();
        let entries: Vec<[u32; 2]> = w.indices().iter().zip(w.values()).map(|(&col, v)| [col, v.to_bits()]).collect();
        let upload = |bytes: &[u8]| self.recorder.filled(bytes, STORAGE);
        Csr {
            indptr: upload(bytemuck::cast_slice(w.indptr())),
            order: upload(bytemuck::cast_slice(&order)),
            entries: upload(bytemuck::cast_slice(&entries)),
            rows: w.rows(),
            cols: w.cols(),
            long_rows,
        }
    }
}
