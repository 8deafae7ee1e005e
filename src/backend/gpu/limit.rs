//! What the products are measured against; the CPU twin is `cpu/limit.rs`.

use super::record::Kernel;
use super::{Gpu, GpuTensor, shaders};

/// Independent sums of a thread of `shaders/limit.wgsl`.
const SUMS: usize = 16;
/// Threads of a workgroup there.
const THREADS: usize = 256;

impl Gpu {
    /// `rounds` times sixteen multiply-adds for every number of `y`. Returns how many floating-point operations that is.
    #[doc(hidden)]
    pub fn multiply_adds(&mut self, rounds: usize, y: &mut GpuTensor) -> f64 {
        let numbers = y.numbers();
        let constants = [("ROUNDS", rounds as f64)];
        let kernel = Kernel { shader: shaders::LIMIT, entry: "main", constants: &constants };
        self.recorder.run(kernel, &[(0, y.bound())], [numbers.div_ceil(THREADS), 1, 1]);
        (2 * SUMS * rounds * numbers) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::gpu;
    use crate::backend::{Backend, now_or_never};
    use crate::tensor::Activations;

    #[test]
    fn every_number_takes_part_in_every_round() {
        let Some(mut gpu) = gpu() else { return };
        let x: Vec<f32> = (0..300 * 3).map(|i| i as f32).collect();
        let mut y = gpu.upload(&Activations::from_rows(&x, 3));
        gpu.multiply_adds(3, &mut y);
        // w (1 + 1/2 + 1/4)
        let want: Vec<f32> = x.iter().map(|w| w * 1.75).collect();
        assert_eq!(now_or_never(gpu.read(&y)).unwrap().to_rows(), want);
    }
}
