//! Gradients of weights and biases; the CPU twin is `cpu/weight_gradient.rs`.

use super::record::Kernel;
use super::{Gpu, GpuGradient, GpuTensor, SLICES, shaders};
use crate::tensor::PANEL;

impl Gpu {
    pub(super) fn outer_products(&mut self, dy: &GpuTensor, x: &GpuTensor, dw_acc: &mut GpuGradient) {
        assert!(dw_acc.rows == dy.channels && dw_acc.cols == x.channels && dy.tokens == x.tokens);
        let constants = [("ROWS", dw_acc.rows as f64), ("COLS", dw_acc.cols as f64)];
        self.recorder.run(
            Kernel { shader: shaders::WEIGHT_GRADIENT, entry: "main", constants: &constants },
            &[(0, dy.bound()), (1, x.bound()), (2, dw_acc.bound())],
            [dw_acc.cols.div_ceil(PANEL), dw_acc.rows.div_ceil(SLICES), 1],
        );
    }

    pub(super) fn sum_tokens(&mut self, dy: &GpuTensor, db_acc: &mut GpuGradient) {
        assert!(db_acc.cols == dy.channels && db_acc.rows == 1);
        self.recorder.run(
            Kernel { shader: shaders::BIAS_GRADIENT, entry: "main", constants: &[("CHANNELS", dy.channels as f64)] },
            &[(0, dy.bound()), (1, db_acc.bound())],
            [dy.channels.div_ceil(SLICES), 1, 1],
        );
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{both, check_gradient, gpu};
    use crate::backend::{Backend, cpu::testing::Random};

    #[test]
    fn agree_with_the_cpu() {
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
