//! Helpers of the op tests: seeded numbers, tolerances, finite differences.

use crate::tensor::{Activations, Matrix};

/// A small generator (splitmix64), roughly Gaussian numbers.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Random(seed)
    }

    fn uniform(&mut self) -> f32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 40) as f32 / (1u64 << 24) as f32
    }

    pub fn next(&mut self) -> f32 {
        (0..6).map(|_| self.uniform()).sum::<f32>() * std::f32::consts::SQRT_2 - 3.0 * std::f32::consts::SQRT_2
    }

    /// Padding lanes are filled too: no op may depend on them.
    pub fn activations(&mut self, channels: usize, tokens: usize) -> Activations {
        let mut x = Activations::zeros(channels, tokens);
        x.data_mut().iter_mut().for_each(|v| *v = self.next());
        x
    }

    pub fn matrix(&mut self, rows: usize, cols: usize) -> Matrix {
        Matrix::new(rows, cols, (0..rows * cols).map(|_| self.next()).collect())
    }
}

/// Every difference is at most `tolerance` of the largest wanted magnitude (or of 1).
#[track_caller]
pub fn close(got: &[f32], want: &[f32], tolerance: f32) {
    assert_eq!(got.len(), want.len());
    let scale = want.iter().fold(1.0f32, |m, v| m.max(v.abs()));
    for (i, (g, w)) in got.iter().zip(want).enumerate() {
        assert!((g - w).abs() <= tolerance * scale, "entry {i}: got {g}, want {w}");
    }
}

/// The gradient of `f` by central differences.
pub fn finite_difference(x: &[f64], f: impl Fn(&[f64]) -> f64) -> Vec<f32> {
    let mut x = x.to_vec();
    (0..x.len())
        .map(|i| {
            let kept = x[i];
            x[i] = kept + 1e-5;
            let up = f(&x);
            x[i] = kept - 1e-5;
            let down = f(&x);
            x[i] = kept;
            ((up - down) / 2e-5) as f32
        })
        .collect()
}
