//! What the handles of [`Gpu`] hold, and the pool that tensors come from and go back to.

use super::Gpu;
use super::record::Bound;
use crate::Result;
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
    pub(super) fn numbers(&self) -> usize {
        self.channels * self.panels() * PANEL
    }

    pub(super) fn bound(&self) -> Bound<'_> {
        Bound::Buffer(&self.buffer)
    }
}

/// One number a channel.
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
    /// Row-major; the transposed product reads it from its other side.
    Dense(Buffer),
    Sparse(Box<SparseSides>),
}

pub(super) struct SparseSides {
    pub forward: Csr,
    /// On the host, for the transpose, which is made when a backward pass first asks for it.
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

/// Nonzeros of a row from which on a whole workgroup takes it: eight for each of its slices.
pub(super) const LONG_ROW: usize = 128;

const STORAGE: BufferUsages = BufferUsages::STORAGE;

impl Gpu {
    pub(super) fn new_tensor(&mut self, channels: usize, tokens: usize) -> GpuTensor {
        let numbers = channels * tokens.div_ceil(PANEL) * PANEL;
        self.recorder.check_size(4 * numbers);
        let buffer = self.pool.get_mut(&numbers).and_then(Vec::pop).unwrap_or_else(|| self.recorder.zeros(numbers));
        GpuTensor { buffer, channels, tokens }
    }

    pub(super) fn recycle_tensor(&mut self, tensor: GpuTensor) {
        let numbers = tensor.numbers();
        self.pool.entry(numbers).or_default().push(tensor.buffer);
    }

    pub(super) fn upload_tensor(&mut self, values: &Activations) -> GpuTensor {
        // not from the pool: recorded ops may still have to read what its buffers hold
        let buffer = self.recorder.filled(bytemuck::cast_slice(values.data()), STORAGE | BufferUsages::COPY_SRC);
        GpuTensor { buffer, channels: values.channels(), tokens: values.tokens() }
    }

    pub(super) fn upload_vector(&mut self, values: &[f32]) -> GpuVector {
        GpuVector { buffer: self.recorder.filled(bytemuck::cast_slice(values), STORAGE), len: values.len() }
    }

    pub(super) fn upload_matrix(&mut self, weights: &WeightMatrix) -> GpuMatrix {
        let form = match weights {
            WeightMatrix::Dense(w) => Form::Dense(self.recorder.filled(bytemuck::cast_slice(&w.data), STORAGE)),
            WeightMatrix::Sparse(w) => {
                let forward = self.upload_csr(w);
                Form::Sparse(Box::new(SparseSides { forward, weights: w.clone(), transposed: OnceLock::new() }))
            }
        };
        GpuMatrix { rows: weights.rows(), cols: weights.cols(), form }
    }

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

    pub(super) fn new_gradient(&mut self, rows: usize, cols: usize) -> GpuGradient {
        GpuGradient { buffer: self.recorder.zeros(rows * cols), rows, cols }
    }

    pub(super) async fn read_tensors(&mut self, tensors: &[&GpuTensor]) -> Result<Vec<Activations>> {
        let buffers: Vec<_> = tensors.iter().map(|t| (&t.buffer, t.numbers())).collect();
        let numbers = self.recorder.read(&buffers).await?;
        let all = tensors.iter().zip(numbers).map(|(tensor, numbers)| {
            let mut values = Activations::zeros(tensor.channels, tensor.tokens);
            values.data_mut().copy_from_slice(&numbers);
            values
        });
        Ok(all.collect())
    }

    pub(super) async fn read_matrices(&mut self, gradients: &[&GpuGradient]) -> Result<Vec<Matrix>> {
        let buffers: Vec<_> = gradients.iter().map(|g| (&g.buffer, g.rows * g.cols)).collect();
        let numbers = self.recorder.read(&buffers).await?;
        Ok(gradients.iter().zip(numbers).map(|(g, numbers)| Matrix::new(g.rows, g.cols, numbers)).collect())
    }
}
