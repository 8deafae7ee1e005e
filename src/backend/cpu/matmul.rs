//! `y = w x + b` and `y += w x` for sparse (CSR) and dense weights over token panels.
//!
//! A row keeps its 16 accumulators in registers over all its nonzeros; activations are read with unit stride, never gathered.
//! Two panels at a time share each load of an index and a weight.

use super::simd::{Arith, Lanes, kernel};
use crate::tensor::{Activations, Matrix, PANEL, SparseMatrix};

/// What the first value of an accumulator is.
#[derive(Clone, Copy)]
pub enum Start<'a> {
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

kernel! {
    /// Sparse `w` (`y.channels()` x `x.channels()`).
    pub fn sparse<A>(w: &SparseMatrix, start: Start<'_>, x: &Activations, y: &mut Activations) {
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
    pub fn dense<A>(w: &Matrix, start: Start<'_>, x: &Activations, y: &mut Activations) {
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
}
