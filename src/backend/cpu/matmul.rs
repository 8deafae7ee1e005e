//! Products of weights and activations, forward and backward, and the gradients of weights and biases.
//!
//! A row of a product keeps its 16 accumulators in registers over all its nonzeros. Activations are read with unit stride, never
//! gathered. Two panels at a time share each load of an index and a weight.
//!
//! `weight_gradient` is dense x dense: the one product that stays dense in weight-sparse training (Gao et al. 2025, appendix B). It
//! uses the `matrixmultiply` crate (`gemm` is a little faster and takes minutes to build). Panels are first laid out as
//! `[channel][token]`, so that one product runs over all tokens.

use super::simd::{Arith, Lanes, kernel};
use super::{Cpu, CpuMatrix, CpuVector};
use crate::backend::Matmul;
use crate::tensor::{Activations, Matrix, PANEL, SparseMatrix, WeightMatrix};

impl Matmul for Cpu {
    fn matmul(&mut self, w: &CpuMatrix, bias: Option<&CpuVector>, x: &Activations, y: &mut Activations) {
        product(w.weights(), bias.map_or(Start::Zero, |bias| Start::Bias(bias)), x, y);
    }

    fn matmul_backward(&mut self, w: &CpuMatrix, dy: &Activations, dx: &mut Activations) {
        product(w.transposed(), Start::Zero, dy, dx);
    }

    fn matmul_backward_acc(&mut self, w: &CpuMatrix, dy: &Activations, dx_acc: &mut Activations) {
        product(w.transposed(), Start::Add, dy, dx_acc);
    }

    #[cfg(not(target_arch = "wasm32"))]
    fn weight_gradient(&mut self, dy: &Activations, x: &Activations, dw_acc: &mut Matrix) {
        assert!(dw_acc.rows == dy.channels() && dw_acc.cols == x.channels() && dy.tokens() == x.tokens());
        // padding lanes must not count
        assert!(dy.tokens() % PANEL == 0, "whole panels");
        by_channel(dy, &mut self.scratch.dy);
        by_channel(x, &mut self.scratch.x);
        let tokens = dy.tokens() as isize;
        // SAFETY: the pointers and strides describe `dw_acc` [rows, cols], `scratch.dy` [rows, tokens] and the transpose of `scratch.x`
        // [cols, tokens]; their lengths were set just above.
        unsafe {
            matrixmultiply::sgemm(
                dw_acc.rows,
                dy.tokens(),
                dw_acc.cols,
                1.0,
                self.scratch.dy.as_ptr(),
                tokens,
                1,
                self.scratch.x.as_ptr(),
                1,
                tokens,
                1.0,
                dw_acc.data.as_mut_ptr(),
                dw_acc.cols as isize,
                1,
            );
        }
    }

    /// Plain loops: a browser trains nothing, only tests call this there.
    #[cfg(target_arch = "wasm32")]
    fn weight_gradient(&mut self, dy: &Activations, x: &Activations, dw_acc: &mut Matrix) {
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
}

/// The first value of an accumulator.
#[derive(Clone, Copy)]
enum Start<'a> {
    Zero,
    Bias(&'a [f32]),
    /// Add to what is there.
    Add,
}

impl Start<'_> {
    #[inline(always)]
    fn lanes(self, row: usize, y: &[f32]) -> Lanes {
        match self {
            Start::Zero => Lanes::zero(),
            Start::Bias(bias) => Lanes::splat(bias[row]),
            Start::Add => Lanes::load(&y[row * PANEL..]),
        }
    }
}

/// `y = w x` from `start`.
fn product(w: &WeightMatrix, start: Start<'_>, x: &Activations, y: &mut Activations) {
    match w {
        WeightMatrix::Sparse(w) => sparse(w, start, x, y),
        WeightMatrix::Dense(w) => dense(w, start, x, y),
    }
}

kernel! {
    /// Sparse `w` (`y.channels()` x `x.channels()`).
    fn sparse<A>(w: &SparseMatrix, start: Start<'_>, x: &Activations, y: &mut Activations) {
        assert!(w.rows() == y.channels() && w.cols() == x.channels() && x.tokens() == y.tokens());
        let (indptr, indices, values) = (w.indptr(), w.indices(), w.values());
        let y_stride = y.channels() * PANEL;
        let mut panel = 0;
        while panel + 2 <= x.panels() {
            let (x0, x1) = (x.panel(panel), x.panel(panel + 1));
            let (y0, y1) = y.data_mut()[panel * y_stride..(panel + 2) * y_stride].split_at_mut(y_stride);
            for row in 0..w.rows() {
                let (mut sum0, mut sum1) = (start.lanes(row, y0), start.lanes(row, y1));
                let range = indptr[row] as usize..indptr[row + 1] as usize;
                for (&col, &value) in indices[range.clone()].iter().zip(&values[range]) {
                    let at = col as usize * PANEL;
                    let weight = Lanes::splat(value);
                    sum0 = weight.mul_add::<A>(Lanes::load(&x0[at..]), sum0);
                    sum1 = weight.mul_add::<A>(Lanes::load(&x1[at..]), sum1);
                }
                sum0.store(&mut y0[row * PANEL..]);
                sum1.store(&mut y1[row * PANEL..]);
            }
            panel += 2;
        }
        if panel < x.panels() {
            let x0 = x.panel(panel);
            let y0 = y.panel_mut(panel);
            for row in 0..w.rows() {
                let mut sum = start.lanes(row, y0);
                let range = indptr[row] as usize..indptr[row + 1] as usize;
                for (&col, &value) in indices[range.clone()].iter().zip(&values[range]) {
                    sum = Lanes::splat(value).mul_add::<A>(Lanes::load(&x0[col as usize * PANEL..]), sum);
                }
                sum.store(&mut y0[row * PANEL..]);
            }
        }
    }
}

/// Rows per register block of the dense product: 6 x 16 accumulators, a column of `x` and a weight fill 16 AVX2 registers.
const ROWS: usize = 6;

kernel! {
    /// Dense `w` (`y.channels()` x `x.channels()`).
    fn dense<A>(w: &Matrix, start: Start<'_>, x: &Activations, y: &mut Activations) {
        assert!(w.rows == y.channels() && w.cols == x.channels() && x.tokens() == y.tokens());
        for panel in 0..x.panels() {
            let x = x.panel(panel);
            let y = y.panel_mut(panel);
            let mut row = 0;
            while row + ROWS <= w.rows {
                block::<A, ROWS>(w, start, row, x, y);
                row += ROWS;
            }
            while row < w.rows {
                block::<A, 1>(w, start, row, x, y);
                row += 1;
            }
        }
    }
}

#[inline(always)]
fn block<A: Arith, const R: usize>(w: &Matrix, start: Start<'_>, row: usize, x: &[f32], y: &mut [f32]) {
    let mut sums = [Lanes::zero(); R];
    let mut rows: [&[f32]; R] = [&[]; R];
    for r in 0..R {
        sums[r] = start.lanes(row + r, y);
        rows[r] = w.row(row + r);
    }
    for (col, x) in x.chunks_exact(PANEL).enumerate() {
        let x = Lanes::load(x);
        for r in 0..R {
            // SAFETY: `x` has `w.cols` chunks (asserted by the caller) and each row has `w.cols` weights.
            let weight = unsafe { *rows[r].get_unchecked(col) };
            sums[r] = Lanes::splat(weight).mul_add::<A>(x, sums[r]);
        }
    }
    for r in 0..R {
        sums[r].store(&mut y[(row + r) * PANEL..]);
    }
}

/// The two factors of `weight_gradient` as `[channel][token]`, kept between calls.
#[cfg(not(target_arch = "wasm32"))]
#[derive(Default)]
pub(super) struct Scratch {
    dy: Vec<f32>,
    x: Vec<f32>,
}

#[cfg(not(target_arch = "wasm32"))]
fn by_channel(from: &Activations, to: &mut Vec<f32>) {
    let tokens = from.panels() * PANEL;
    to.resize(from.channels() * tokens, 0.0);
    for panel in 0..from.panels() {
        for (channel, values) in from.panel(panel).chunks_exact(PANEL).enumerate() {
            to[channel * tokens + panel * PANEL..][..PANEL].copy_from_slice(values);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::cpu::testing::{Random, close};

    /// The naive reference of both kernels.
    fn reference(w: &Matrix, start: Start<'_>, x: &Activations, y: &Activations) -> Vec<f32> {
        let mut out = Vec::new();
        for token in 0..x.tokens() {
            for row in 0..w.rows {
                let mut sum = match start {
                    Start::Zero => 0.0,
                    Start::Bias(bias) => bias[row] as f64,
                    Start::Add => y.get(token, row) as f64,
                };
                for col in 0..w.cols {
                    sum += w.get(row, col) as f64 * x.get(token, col) as f64;
                }
                out.push(sum as f32);
            }
        }
        out
    }

    #[test]
    fn products_agree_with_the_reference_at_every_size() {
        let mut random = Random::new(1);
        for tokens in (1..=20).chain([33, 64]) {
            for (rows, cols) in [(1, 1), (5, 7), (6, 3), (13, 20), (20, 11)] {
                let mut w = random.matrix(rows, cols);
                for value in &mut w.data {
                    if random.next() > 0.4 {
                        *value = 0.0;
                    }
                }
                let x = random.activations(cols, tokens);
                let before = random.activations(rows, tokens);
                let bias: Vec<f32> = (0..rows).map(|_| random.next()).collect();
                let sparse_w = SparseMatrix::from_dense(&w);
                for start in [Start::Zero, Start::Bias(&bias), Start::Add] {
                    let want = reference(&w, start, &x, &before);
                    let mut y = before.clone();
                    sparse(&sparse_w, start, &x, &mut y);
                    close(&y.to_rows(), &want, 1e-6);
                    let mut y = before.clone();
                    dense(&w, start, &x, &mut y);
                    close(&y.to_rows(), &want, 1e-6);
                }
            }
        }
    }

    #[test]
    fn weight_gradient_agrees_with_the_sum_of_outer_products() {
        let (mut cpu, mut random) = (Cpu::new(), Random::new(15));
        for (rows, cols, tokens) in [(1, 1, 16), (5, 3, 16), (7, 20, 48), (33, 17, 64)] {
            let (dy, x, start) =
                (random.activations(rows, tokens), random.activations(cols, tokens), random.matrix(rows, cols));
            let mut dw = start.clone();
            cpu.weight_gradient(&dy, &x, &mut dw);
            let mut want = start.clone();
            for t in 0..tokens {
                for r in 0..rows {
                    for c in 0..cols {
                        want.data[r * cols + c] += dy.get(t, r) * x.get(t, c);
                    }
                }
            }
            close(&dw.data, &want.data, 1e-5);
        }
    }

    #[test]
    fn bias_gradient_agrees_with_sums() {
        let (mut cpu, mut random) = (Cpu::new(), Random::new(18));
        let (dy, start) = (random.activations(5, 48), random.matrix(1, 5));
        let mut db = start.clone();
        cpu.bias_gradient(&dy, &mut db);
        for c in 0..5 {
            let want = start.data[c] + (0..48).map(|t| dy.get(t, c)).sum::<f32>();
            close(&[db.data[c]], &[want], 1e-5);
        }
    }
}
