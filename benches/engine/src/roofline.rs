//! The roofline of a device: the multiply-add rate that no product can exceed.

#[cfg(feature = "webgpu")]
use sparse_circuits::backend::Memory;
use sparse_circuits::backend::cpu::simd::{Lanes, kernel};
#[cfg(feature = "webgpu")]
use sparse_circuits::backend::{
    cpu::Cpu,
    gpu::{Gpu, Shader},
};
use sparse_circuits::tensor::PANEL;

/// A device that can run multiply-adds with both operands in registers.
#[cfg(feature = "webgpu")]
pub trait Roofline: Memory {
    /// `rounds` of them for every number of `y`. Returns the floating-point operations.
    fn multiply_adds(&mut self, rounds: usize, y: &mut Self::Tensor) -> f64;
}

#[cfg(feature = "webgpu")]
impl Roofline for Cpu {
    fn multiply_adds(&mut self, rounds: usize, y: &mut Self::Tensor) -> f64 {
        multiply_adds(rounds, std::hint::black_box(0.5), y.data_mut());
        (2 * rounds * y.data().len()) as f64
    }
}

#[cfg(feature = "webgpu")]
impl Roofline for Gpu {
    /// Sixteen independent sums per number.
    fn multiply_adds(&mut self, rounds: usize, y: &mut Self::Tensor) -> f64 {
        const SHADER: Shader = Shader { name: "roofline", parts: &[include_str!("../shaders/roofline.wgsl")] };
        const THREADS: usize = 256;
        let numbers = y.numbers();
        self.run_shader(SHADER, &[("ROUNDS", rounds as f64)], y, numbers.div_ceil(THREADS));
        (2 * 16 * rounds * numbers) as f64
    }
}

/// Number of independent sums: enough to hide the latency of a multiply-add, few enough for the registers (16 in
/// simd128; a [`Lanes`] needs four) and for the compiler, which does not keep eight in registers.
const SUMS: usize = if cfg!(target_arch = "wasm32") { 2 } else { 4 };

/// The same, for a loop without loads.
#[cfg(any(test, feature = "webgpu"))]
const CHAINS: usize = 4;

kernel! {
    /// Does a multiply-add for every number of `x`, `rounds` times. `x` fits into the first-level cache. Each
    /// multiply-add loads one operand, as a sparse product does, so no sparse product is faster. Adds to `sums` (at
    /// least 64 numbers).
    pub fn load_fed<A>(rounds: usize, weight: f32, x: &[f32], sums: &mut [f32]) {
        let weight = Lanes::splat(weight);
        let mut lanes = [Lanes::zero(); SUMS];
        for (lanes, sums) in lanes.iter_mut().zip(sums.chunks_exact(PANEL)) {
            *lanes = Lanes::load(sums);
        }
        for _ in 0..rounds {
            for x in x.chunks_exact(SUMS * PANEL) {
                for i in 0..SUMS {
                    lanes[i] = weight.mul_add::<A>(Lanes::load(&x[i * PANEL..]), lanes[i]);
                }
            }
        }
        for (lanes, sums) in lanes.iter().zip(sums.chunks_exact_mut(PANEL)) {
            lanes.store(sums);
        }
    }
}

#[cfg(any(test, feature = "webgpu"))]
kernel! {
    /// Does `rounds` multiply-adds for every number of `y`, with both operands in registers. No sparse or dense
    /// product is faster. Each round moves a number halfway towards `2 w`. Numbers after the last full group of 64
    /// do not change.
    pub fn multiply_adds<A>(rounds: usize, w: f32, y: &mut [f32]) {
        let (half, w) = (Lanes::splat(0.5), Lanes::splat(w));
        for y in y.chunks_exact_mut(CHAINS * PANEL) {
            let mut lanes = [Lanes::zero(); CHAINS];
            for (lanes, y) in lanes.iter_mut().zip(y.chunks_exact(PANEL)) {
                *lanes = Lanes::load(y);
            }
            for _ in 0..rounds {
                for lanes in &mut lanes {
                    *lanes = lanes.mul_add::<A>(half, w);
                }
            }
            for (lanes, y) in lanes.iter().zip(y.chunks_exact_mut(PANEL)) {
                lanes.store(y);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_round_uses_every_number() {
        let mut sums = [1.0; 4 * PANEL];
        load_fed(3, 0.5, &vec![2.0; 2 * SUMS * PANEL], &mut sums);
        assert_eq!(sums[..SUMS * PANEL], [1.0 + 3.0 * 2.0; SUMS * PANEL]);
    }

    #[test]
    fn each_round_moves_every_number_halfway() {
        let mut y = [8.0; 3 * 64];
        multiply_adds(3, 2.0, &mut y);
        assert_eq!(y, [4.5; 3 * 64]);
    }

    #[cfg(feature = "webgpu")]
    #[test]
    fn each_round_on_the_device_uses_every_number() {
        use sparse_circuits::backend::now_or_never;
        use sparse_circuits::tensor::Activations;
        let Some(mut gpu) = Gpu::for_tests() else { return };
        let x: Vec<f32> = (0..300 * 3).map(|i| i as f32).collect();
        let mut y = gpu.upload(&Activations::from_rows(&x, 3));
        Roofline::multiply_adds(&mut gpu, 3, &mut y);
        // w (1 + 1/2 + 1/4)
        let want: Vec<f32> = x.iter().map(|w| w * 1.75).collect();
        assert_eq!(now_or_never(gpu.read(&y)).unwrap().to_rows(), want);
    }
}
