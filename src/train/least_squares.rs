//! Linear least squares with a bias, by the normal equations: where a bridge begins.

use crate::tensor::{Activations, Matrix};
use rayon::prelude::*;

/// The sums that a fit `y = W x + b` needs; `add` them up over batches.
pub struct Sums {
    inputs: usize,
    outputs: usize,
    /// `[x; 1] [x; 1]^T`, `inputs + 1` square.
    squares: Vec<f64>,
    /// `y [x; 1]^T`, `outputs` rows of `inputs + 1`.
    products: Vec<f64>,
}

impl Sums {
    pub fn new(inputs: usize, outputs: usize) -> Sums {
        let n = inputs + 1;
        Sums { inputs, outputs, squares: vec![0.0; n * n], products: vec![0.0; outputs * n] }
    }

    /// Adds tokens of weight above 0.
    pub fn add(&mut self, x: &Activations, y: &Activations, tokens: &[f32]) {
        assert!(x.channels() == self.inputs && y.channels() == self.outputs && x.tokens() == tokens.len());
        let n = self.inputs + 1;
        let mut column = vec![1.0; n];
        for token in (0..x.tokens()).filter(|&token| tokens[token] > 0.0) {
            (0..self.inputs).for_each(|i| column[i] = x.get(token, i) as f64);
            for (i, row) in self.squares.chunks_exact_mut(n).enumerate() {
                row.iter_mut().zip(&column).for_each(|(sum, value)| *sum += column[i] * value);
            }
            for (i, row) in self.products.chunks_exact_mut(n).enumerate() {
                let y = y.get(token, i) as f64;
                row.iter_mut().zip(&column).for_each(|(sum, value)| *sum += y * value);
            }
        }
    }

    pub fn merge(mut self, other: Sums) -> Sums {
        self.squares.iter_mut().zip(other.squares).for_each(|(sum, part)| *sum += part);
        self.products.iter_mut().zip(other.products).for_each(|(sum, part)| *sum += part);
        self
    }

    /// `W` `[outputs, inputs]` and `b`, with `ridge` times the mean square of the inputs against directions that hardly occur.
    pub fn solve(&self, ridge: f64) -> (Matrix, Vec<f32>) {
        let n = self.inputs + 1;
        let mut factor = self.squares.clone();
        let mean = (0..self.inputs).map(|i| factor[i * n + i]).sum::<f64>() / self.inputs as f64;
        for i in 0..n {
            factor[i * n + i] += ridge * mean.max(f64::MIN_POSITIVE);
        }
        cholesky(&mut factor, n);
        let solutions: Vec<Vec<f64>> = self
            .products
            .par_chunks_exact(n)
            .map(|product| {
                let mut x = product.to_vec();
                for i in 0..n {
                    let known: f64 = (0..i).map(|j| factor[i * n + j] * x[j]).sum();
                    x[i] = (x[i] - known) / factor[i * n + i];
                }
                for i in (0..n).rev() {
                    let known: f64 = (i + 1..n).map(|j| factor[j * n + i] * x[j]).sum();
                    x[i] = (x[i] - known) / factor[i * n + i];
                }
                x
            })
            .collect();
        let weights = solutions.iter().flat_map(|row| row[..self.inputs].iter().map(|&v| v as f32)).collect();
        let bias = solutions.iter().map(|row| row[self.inputs] as f32).collect();
        (Matrix::new(self.outputs, self.inputs, weights), bias)
    }
}

/// The lower factor L of a positive definite `a = L L^T`, in place (the upper half is left as it was).
fn cholesky(a: &mut [f64], n: usize) {
    for j in 0..n {
        for i in j..n {
            let known: f64 = (0..j).map(|k| a[i * n + k] * a[j * n + k]).sum();
            let rest = a[i * n + j] - known;
            a[i * n + j] = if i == j { rest.max(f64::MIN_POSITIVE).sqrt() } else { rest / a[j * n + j] };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::cpu::testing::Random;

    #[test]
    fn a_linear_map_is_found_again_and_padding_does_not_count() {
        let mut random = Random::new(3);
        let (inputs, outputs, tokens) = (7, 3, 60);
        let x = random.activations(inputs, tokens);
        let (w, b) = (random.matrix(outputs, inputs), [0.5, -1.0, 2.0]);
        let mut y = Activations::zeros(outputs, tokens);
        let weights: Vec<f32> = (0..tokens).map(|t| if t % 7 == 6 { 0.0 } else { 1.0 }).collect();
        for t in 0..tokens {
            for (o, bias) in b.iter().enumerate() {
                let value: f32 = w.row(o).iter().enumerate().map(|(i, w)| w * x.get(t, i)).sum::<f32>() + bias;
                y.set(t, o, if weights[t] > 0.0 { value } else { 1e6 });
            }
        }
        let mut parts = [Sums::new(inputs, outputs), Sums::new(inputs, outputs)];
        for (part, kept) in parts.iter_mut().zip([0, 1]) {
            let half: Vec<f32> =
                weights.iter().enumerate().map(|(t, w)| if t % 2 == kept { *w } else { 0.0 }).collect();
            part.add(&x, &y, &half);
        }
        let [first, second] = parts;
        let (found, bias) = first.merge(second).solve(1e-12);
        let close = |got: &[f32], want: &[f32]| got.iter().zip(want).all(|(g, w)| (g - w).abs() < 1e-4);
        assert!(close(&found.data, &w.data) && close(&bias, &b), "{found:?} {bias:?}");
    }

    #[test]
    fn inputs_that_never_vary_do_no_harm() {
        let x = Activations::zeros(4, 16);
        let mut sums = Sums::new(4, 2);
        sums.add(&x, &Activations::from_rows(&[1.5; 32], 2), &[1.0; 16]);
        let (w, b) = sums.solve(1e-3);
        assert!(w.data.iter().all(|v| *v == 0.0) && b.iter().all(|v| (v - 1.5).abs() < 1e-4), "{w:?} {b:?}");
    }
}
