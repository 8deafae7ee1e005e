//! Products of weights and activations, forward and backward, and the gradients of weights and biases.

use super::memory::{Csr, Form};
use super::record::{Bound, Kernel};
use super::shaders::shaders;
use super::{Gpu, GpuGradient, GpuMatrix, GpuTensor, GpuVector, SLICES};
use crate::backend::Matmul;
use crate::tensor::PANEL;

shaders! {
    MATMUL_SPARSE = "matmul_sparse" after "matmul_finish",
    MATMUL_DENSE = "matmul_dense" after "matmul_finish",
    WEIGHT_GRADIENT = "weight_gradient",
    BIAS_GRADIENT = "bias_gradient",
}

impl Matmul for Gpu {
    fn matmul(&mut self, w: &GpuMatrix, bias: Option<&GpuVector>, x: &GpuTensor, y: &mut GpuTensor) {
        assert!(w.rows == y.channels && w.cols == x.channels && x.tokens == y.tokens);
        let start = bias.map_or(Start::Zero, Start::Bias);
        match &w.form {
            Form::Dense(values) => self.dense(values, start, false, x, y),
            Form::Sparse(w) => self.sparse(&w.forward, start, x, y),
        }
    }

    fn matmul_backward(&mut self, w: &GpuMatrix, dy: &GpuTensor, dx: &mut GpuTensor) {
        self.transposed_product(w, Start::Zero, dy, dx);
    }

    fn matmul_backward_acc(&mut self, w: &GpuMatrix, dy: &GpuTensor, dx_acc: &mut GpuTensor) {
        self.transposed_product(w, Start::Add, dy, dx_acc);
    }

    fn weight_gradient(&mut self, dy: &GpuTensor, x: &GpuTensor, dw_acc: &mut GpuGradient) {
        assert!(dw_acc.rows == dy.channels && dw_acc.cols == x.channels && dy.tokens == x.tokens);
        let constants = [("ROWS", dw_acc.rows as f64), ("COLS", dw_acc.cols as f64)];
        self.recorder.run(
            Kernel { shader: WEIGHT_GRADIENT, entry: "main", constants: &constants },
            &[(0, dy.bound()), (1, x.bound()), (2, dw_acc.bound())],
            [dw_acc.cols.div_ceil(PANEL), dw_acc.rows.div_ceil(SLICES), 1],
        );
    }

    fn bias_gradient(&mut self, dy: &GpuTensor, db_acc: &mut GpuGradient) {
        assert!(db_acc.cols == dy.channels && db_acc.rows == 1);
        self.recorder.run(
            Kernel { shader: BIAS_GRADIENT, entry: "main", constants: &[("CHANNELS", dy.channels as f64)] },
            &[(0, dy.bound()), (1, db_acc.bound())],
            [dy.channels.div_ceil(SLICES), 1, 1],
        );
    }
}

/// What the sums start from, as `START` in the shaders.
#[derive(Clone, Copy)]
enum Start<'a> {
    Zero,
    Bias(&'a GpuVector),
    /// Add to what is there.
    Add,
}

/// Rows of a workgroup of `shaders/matmul_dense.wgsl`.
const BLOCK: usize = 64;

impl Gpu {
    /// `dx = w^T dy` from `start`.
    fn transposed_product(&mut self, w: &GpuMatrix, start: Start<'_>, dy: &GpuTensor, dx: &mut GpuTensor) {
        assert!(w.rows == dy.channels && w.cols == dx.channels && dx.tokens == dy.tokens);
        match &w.form {
            Form::Dense(values) => self.dense(values, start, true, dy, dx),
            Form::Sparse(w) => {
                let transposed = w.transposed.get_or_init(|| self.upload_csr(&w.weights.transpose()));
                self.sparse(transposed, start, dy, dx);
            }
        }
    }

    /// `y = w x` from `start`, in the direction in which `w` is stored.
    fn sparse(&mut self, w: &Csr, start: Start<'_>, x: &GpuTensor, y: &mut GpuTensor) {
        let (start, bias) = self.start(start);
        let constants = [("ROWS", w.rows as f64), ("COLS", w.cols as f64), ("START", start)];
        let bound = [
            (0, Bound::Buffer(&w.indptr)),
            (1, Bound::Buffer(&w.order)),
            (2, Bound::Buffer(&w.entries)),
            (3, Bound::Buffer(&bias)),
            (4, x.bound()),
            (5, y.bound()),
        ];
        let workgroups = [w.long_rows + (w.rows - w.long_rows).div_ceil(SLICES), y.panels(), 1];
        let kernel = Kernel { shader: MATMUL_SPARSE, entry: "main", constants: &constants };
        self.recorder.run(kernel, &bound, workgroups);
    }

    /// `y = w x` from `start`, or `w^T x`.
    fn dense(&mut self, w: &wgpu::Buffer, start: Start<'_>, transposed: bool, x: &GpuTensor, y: &mut GpuTensor) {
        let (start, bias) = self.start(start);
        let constants = [
            ("ROWS", y.channels as f64),
            ("COLS", x.channels as f64),
            ("START", start),
            ("TRANSPOSED", transposed as u32 as f64),
        ];
        let bound = [(0, Bound::Buffer(w)), (1, Bound::Buffer(&bias)), (2, x.bound()), (3, y.bound())];
        let kernel = Kernel { shader: MATMUL_DENSE, entry: "main", constants: &constants };
        self.recorder.run(kernel, &bound, [y.channels.div_ceil(BLOCK), y.panels(), 1]);
    }

    fn start(&self, start: Start<'_>) -> (f64, wgpu::Buffer) {
        match start {
            Start::Zero => (0.0, self.nothing.clone()),
            Start::Bias(bias) => (1.0, bias.buffer.clone()),
            Start::Add => (2.0, self.nothing.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{both, check, check_gradient, gpu, sparse_matrix};
    use crate::backend::cpu::testing::Random;
    use crate::backend::{Matmul, Memory};
    use crate::tensor::{SparseMatrix, WeightMatrix};

    #[test]
    fn products_agree_with_the_cpu_at_every_size() {
        let Some(mut gpu) = gpu() else { return };
        let mut random = Random::new(101);
        for (rows, cols) in [(1, 1), (5, 7), (16, 33), (65, 20), (130, 70)] {
            let dense = sparse_matrix(&mut random, rows, cols, 0.4);
            let sparse = WeightMatrix::Sparse(SparseMatrix::from_dense(&dense));
            for weights in [WeightMatrix::Dense(dense), sparse] {
                for tokens in [1, 7, 16, 20, 33] {
                    let (x, dy) = (random.activations(cols, tokens), random.activations(rows, tokens));
                    let (y, dx) = (random.activations(rows, tokens), random.activations(cols, tokens));
                    let bias: Vec<f32> = (0..rows).map(|_| random.next()).collect();
                    for pair in both!(&mut gpu, |b| {
                        let (w, bias) = (b.matrix(&weights), b.vector(&bias));
                        let (x, dy) = (b.upload(&x), b.upload(&dy));
                        let (mut plain, mut biased) = (b.upload(&y), b.upload(&y));
                        let (mut back, mut added) = (b.upload(&dx), b.upload(&dx));
                        b.matmul(&w, None, &x, &mut plain);
                        b.matmul(&w, Some(&bias), &x, &mut biased);
                        b.matmul_backward(&w, &dy, &mut back);
                        b.matmul_backward_acc(&w, &dy, &mut added);
                        [plain, biased, back, added]
                    }) {
                        check(pair, 1e-5);
                    }
                }
            }
        }
    }

    #[test]
    fn long_and_empty_rows_agree_with_the_cpu() {
        let Some(mut gpu) = gpu() else { return };
        let mut random = Random::new(102);
        // rows of 0, 1, 127, 128, 129 and 700 nonzeros among others
        let (rows, cols) = (40, 700);
        let mut dense = random.matrix(rows, cols);
        for row in 0..rows {
            let keep = [0, 1, 127, 128, 129, 700, 5, 300][row % 8];
            dense.data[row * cols + keep..(row + 1) * cols].fill(0.0);
        }
        let weights = WeightMatrix::Sparse(SparseMatrix::from_dense(&dense));
        let (x, dy) = (random.activations(cols, 40), random.activations(rows, 40));
        for pair in both!(&mut gpu, |b| {
            let w = b.matrix(&weights);
            let (x, dy) = (b.upload(&x), b.upload(&dy));
            let (mut y, mut dx) = (b.tensor(rows, 40), b.tensor(cols, 40));
            b.matmul(&w, None, &x, &mut y);
            b.matmul_backward(&w, &dy, &mut dx);
            [y, dx]
        }) {
            check(pair, 1e-5);
        }
    }

    #[test]
    fn weight_and_bias_gradients_agree_with_the_cpu() {
        let Some(mut gpu) = gpu() else { return };
        let mut random = Random::new(109);
        for (rows, cols) in [(1, 1), (5, 3), (33, 17), (40, 70)] {
            for tokens in [16, 48, 160] {
                let (dy, x) = (random.activations(rows, tokens), random.activations(cols, tokens));
                for pair in both!(&mut gpu, gradients, |b| {
                    let (dy, x) = (b.upload(&dy), b.upload(&x));
                    let (mut dw, mut db) = (b.gradient(rows, cols), b.gradient(1, rows));
                    // twice: gradients add up
                    for _ in 0..2 {
                        b.weight_gradient(&dy, &x, &mut dw);
                        b.bias_gradient(&dy, &mut db);
                    }
                    [dw, db]
                }) {
                    check_gradient(pair, 1e-5);
                }
            }
        }
    }
}
