//! AbsTopK. From the same numbers it keeps exactly the entries that the CPU keeps.

use super::record::Kernel;
use super::shaders::shaders;
use super::{Gpu, GpuTensor};
use crate::backend::{AbsTopK, Elementwise};

shaders! {
    ABS_TOP_K = "abs_top_k",
    ABS_TOP_K_BACKWARD = "abs_top_k_backward",
}

impl AbsTopK for Gpu {
    fn abs_top_k(&mut self, k: usize, x: &mut GpuTensor) {
        if k >= x.channels {
            return;
        }
        if k == 0 {
            return self.zero(x);
        }
        let constants = [("CHANNELS", x.channels as f64), ("K", k as f64)];
        let kernel = Kernel { shader: ABS_TOP_K, entry: "main", constants: &constants };
        self.recorder.run(kernel, &[(0, x.bound())], [x.panels(), 1, 1]);
    }

    fn abs_top_k_backward(&mut self, kept: &GpuTensor, grad: &mut GpuTensor) {
        assert!(kept.channels == grad.channels && kept.tokens == grad.tokens);
        let shape = (grad.channels, grad.panels());
        self.each_number(ABS_TOP_K_BACKWARD, &[], &[(0, kept.bound()), (1, grad.bound())], shape);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{both, check as check_tensors, gpu};
    use crate::backend::cpu::testing::Random;
    use crate::backend::{AbsTopK, Memory};
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

    #[test]
    fn gradient_passes_where_the_cpu_lets_it() {
        let Some(mut gpu) = gpu() else { return };
        let mut random = Random::new(119);
        for tokens in 1..=20 {
            let (mut kept, dy) = (random.activations(28, tokens), random.activations(28, tokens));
            kept.data_mut().iter_mut().step_by(3).for_each(|value| *value = 0.0);
            // a subnormal number is kept
            kept.data_mut()[1] = -1e-42;
            for pair in both!(&mut gpu, |b| {
                let (kept, mut grad) = (b.upload(&kept), b.upload(&dy));
                b.abs_top_k_backward(&kept, &mut grad);
                [grad]
            }) {
                check_tensors(pair, 0.0);
            }
        }
    }
}
