//! AbsTopK; the CPU twin is `cpu/abs_top_k.rs`. From the same numbers both keep exactly the same entries.

use super::record::Kernel;
use super::{Gpu, GpuTensor, shaders};

impl Gpu {
    pub(super) fn keep_largest(&mut self, k: usize, x: &mut GpuTensor) {
        if k >= x.channels {
            return;
        }
        if k == 0 {
            return self.zero_tensor(x);
        }
        let constants = [("CHANNELS", x.channels as f64), ("K", k as f64)];
        let kernel = Kernel { shader: shaders::ABS_TOP_K, entry: "main", constants: &constants };
        self.recorder.run(kernel, &[(0, x.bound())], [x.panels(), 1, 1]);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{both, gpu};
    use crate::backend::{Backend, cpu::testing::Random};
    use crate::tensor::Activations;

    fn check(gpu: &mut super::Gpu, k: usize, x: &Activations) {
        for (got, want) in both!(gpu, |b| {
            let mut x = b.upload(x);
            b.abs_top_k(k, &mut x);
            [x]
        }) {
            assert_eq!(got.to_rows(), want.to_rows(), "k = {k}, {} channels, {} tokens", x.channels(), x.tokens());
        }
    }

    #[test]
    fn keeps_what_the_cpu_keeps() {
        let Some(mut gpu) = gpu() else { return };
        let mut random = Random::new(103);
        for channels in [1, 2, 3, 17, 64, 300] {
            for k in [0, 1, channels / 4, channels - 1, channels] {
                for tokens in [1, 15, 16, 35] {
                    check(&mut gpu, k, &random.activations(channels, tokens));
                }
            }
        }
        check(&mut gpu, 512, &random.activations(2048, 20));
    }

    #[test]
    fn settles_ties_as_the_cpu_does() {
        let Some(mut gpu) = gpu() else { return };
        let mut random = Random::new(104);
        for _ in 0..20 {
            let mut x = random.activations(40, 16);
            // few different magnitudes, both signs, many zeros
            x.data_mut().iter_mut().for_each(|value| *value = (*value * 2.0).round() / 2.0);
            for k in [1, 5, 10, 39] {
                check(&mut gpu, k, &x);
            }
        }
        check(&mut gpu, 3, &Activations::from_rows(&[7.5; 35], 7));
    }

    #[test]
    fn survives_extreme_ranges() {
        let Some(mut gpu) = gpu() else { return };
        let mut random = Random::new(105);
        let mut x = random.activations(64, 32);
        for (i, value) in x.data_mut().iter_mut().enumerate() {
            *value *= 10f32.powi((i * 7 % 76) as i32 - 40);
        }
        for k in [1, 16, 40] {
            check(&mut gpu, k, &x);
        }
        let tiny = Activations::from_rows(&[1e-45, 2e-45, 0.0, -3e-45, 1e-45, f32::MAX], 6);
        let infinite = Activations::from_rows(&[1.0, 2.0, f32::INFINITY, -3.0, 4.0, -5.0], 6);
        for k in 1..6 {
            check(&mut gpu, k, &tiny);
            check(&mut gpu, k, &infinite);
        }
    }
}
