//! Helpers of the op tests: a device, and comparison with the CPU.

use super::Gpu;
use crate::backend::cpu::testing::{Random, close};
use crate::tensor::{Activations, Matrix};

/// The machine's device. Without an adapter: `None`, after a line on standard error.
pub fn gpu() -> Option<Gpu> {
    Gpu::for_tests()
}

/// Runs the same ops on the device and on the CPU; they give an array of tensors. Gives pairs of (device's, CPU's).
macro_rules! both {
    ($gpu:expr, |$b:ident| $ops:expr) => {
        $crate::backend::gpu::testing::both!($gpu, read, |$b| $ops)
    };
    ($gpu:expr, gradients, |$b:ident| $ops:expr) => {
        $crate::backend::gpu::testing::both!($gpu, read_gradient, |$b| $ops)
    };
    ($gpu:expr, $read:ident, |$b:ident| $ops:expr) => {{
        let $b: &mut $crate::backend::gpu::Gpu = $gpu;
        let got = $ops.map(|x| $crate::backend::now_or_never($b.$read(&x)).expect("a reading"));
        let $b = &mut $crate::backend::cpu::Cpu::new();
        let want = $ops.map(|x| $crate::backend::now_or_never($b.$read(&x)).expect("a reading"));
        got.into_iter().zip(want)
    }};
}
pub(super) use both;

/// The largest difference is at most `tolerance` of the largest magnitude (or of 1). Padding is not compared.
#[track_caller]
pub fn check((got, want): (Activations, Activations), tolerance: f32) {
    assert_eq!((got.channels(), got.tokens()), (want.channels(), want.tokens()));
    close(&got.to_rows(), &want.to_rows(), tolerance);
}

#[track_caller]
pub fn check_gradient((got, want): (Matrix, Matrix), tolerance: f32) {
    assert_eq!((got.rows, got.cols), (want.rows, want.cols));
    close(&got.data, &want.data, tolerance);
}

/// A matrix of which about `share` of the entries are not zero.
pub fn sparse_matrix(random: &mut Random, rows: usize, cols: usize, share: f32) -> Matrix {
    let mut matrix = random.matrix(rows, cols);
    for value in &mut matrix.data {
        // the numbers are roughly Gaussian, so the share is approximate
        if random.next() > (2.0 * share - 1.0) * 1.5 {
            *value = 0.0;
        }
    }
    matrix
}
