//! `dw += dy x^T`: dense x dense, the one product that stays dense in weight-sparse training (Gao et al. 2025, appendix B),
//! through the `matrixmultiply` crate (`gemm` is a little faster and takes minutes to build). Panels are first laid out as `[channel][token]`, so that one product runs over all tokens.

use crate::tensor::{Activations, Matrix, PANEL};

/// Room for the two factors, kept between calls.
#[derive(Default)]
pub struct Scratch {
    dy: Vec<f32>,
    x: Vec<f32>,
}

fn by_channel(from: &Activations, to: &mut Vec<f32>) {
    let tokens = from.panels() * PANEL;
    to.resize(from.channels() * tokens, 0.0);
    for panel in 0..from.panels() {
        for (channel, values) in from.panel(panel).chunks_exact(PANEL).enumerate() {
            to[channel * tokens + panel * PANEL..][..PANEL].copy_from_slice(values);
        }
    }
}

impl Scratch {
    pub fn add(&mut self, dy: &Activations, x: &Activations, dw: &mut Matrix) {
        assert!(dw.rows == dy.channels() && dw.cols == x.channels() && dy.tokens() == x.tokens());
        // padding lanes must not count
        assert!(dy.tokens() % PANEL == 0, "whole panels");
        by_channel(dy, &mut self.dy);
        by_channel(x, &mut self.x);
        let tokens = dy.tokens() as isize;
        // SAFETY: the pointers and strides describe `dw` [rows, cols], `self.dy` [rows, tokens] and the transpose of `self.x`
        // [cols, tokens]; their lengths were set just above.
        unsafe {
            matrixmultiply::sgemm(
                dw.rows,
                dy.tokens(),
                dw.cols,
                1.0,
                self.dy.as_ptr(),
                tokens,
                1,
                self.x.as_ptr(),
                1,
                tokens,
                1.0,
                dw.data.as_mut_ptr(),
                dw.cols as isize,
                1,
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::cpu::testing::{Random, close};

    #[test]
    fn agrees_with_the_sum_of_outer_products() {
        let mut random = Random::new(15);
        let mut scratch = Scratch::default();
        for (rows, cols, tokens) in [(1, 1, 16), (5, 3, 16), (7, 20, 48), (33, 17, 64)] {
            let (dy, x, start) =
                (random.activations(rows, tokens), random.activations(cols, tokens), random.matrix(rows, cols));
            let mut dw = start.clone();
            scratch.add(&dy, &x, &mut dw);
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
}
