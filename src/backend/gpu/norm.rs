//! RMS and layer norm, forward and backward.

use super::record::{Bound, Kernel};
use super::shaders::shaders;
use super::{Gpu, GpuGradient, GpuTensor, GpuVector, SLICES};
use crate::backend::{Matmul, Memory, NormKind, Norms};
use crate::tensor::PANEL;

shaders! {
    NORM = "norm" after "norm_statistics",
    NORM_BACKWARD_ACC = "norm_backward_acc" after "norm_statistics",
}

impl Norms for Gpu {
    fn norm(
        &mut self,
        kind: NormKind,
        x: &GpuTensor,
        gain: Option<&GpuVector>,
        bias: Option<&GpuVector>,
        y: &mut GpuTensor,
    ) {
        assert!(x.channels == y.channels && x.tokens == y.tokens);
        let [channels, layer_norm, eps] = constants(kind, x);
        let constants = [channels, layer_norm, eps, flag("GAIN", gain.is_some()), flag("BIAS", bias.is_some())];
        let (gain, bias) = (self.or_nothing(gain), self.or_nothing(bias));
        self.recorder.run(
            Kernel { shader: NORM, entry: "main", constants: &constants },
            &[(0, x.bound()), (1, Bound::Buffer(&gain)), (2, Bound::Buffer(&bias)), (3, y.bound())],
            [x.panels(), 1, 1],
        );
    }

    fn norm_backward_acc(
        &mut self,
        kind: NormKind,
        x: &GpuTensor,
        gain: Option<&GpuVector>,
        dy: &GpuTensor,
        dx_acc: &mut GpuTensor,
        dgain_acc: Option<&mut GpuGradient>,
        dbias_acc: Option<&mut GpuGradient>,
    ) {
        assert!(x.channels == dy.channels && x.channels == dx_acc.channels);
        assert!(x.tokens == dy.tokens && x.tokens == dx_acc.tokens);
        let [channels, layer_norm, eps] = constants(kind, x);
        let constants = [channels, layer_norm, eps, flag("GAIN", gain.is_some())];
        let gain = self.or_nothing(gain);
        // two numbers per token fit a tensor of two channels
        let statistics = self.tensor(2, x.panels() * PANEL);
        self.recorder.run(
            Kernel { shader: NORM_BACKWARD_ACC, entry: "main", constants: &constants },
            &[(0, x.bound()), (1, Bound::Buffer(&gain)), (2, dy.bound()), (3, dx_acc.bound()), (4, statistics.bound())],
            [x.panels(), 1, 1],
        );
        if let Some(dgain_acc) = dgain_acc {
            self.recorder.run(
                Kernel { shader: NORM_BACKWARD_ACC, entry: "gain_gradient", constants: &constants },
                &[(0, x.bound()), (2, dy.bound()), (5, statistics.bound()), (6, dgain_acc.bound())],
                [x.channels.div_ceil(SLICES), 1, 1],
            );
        }
        self.recycle(statistics);
        if let Some(dbias_acc) = dbias_acc {
            self.bias_gradient(dy, dbias_acc);
        }
    }
}

fn constants(kind: NormKind, x: &GpuTensor) -> [(&'static str, f64); 3] {
    [("CHANNELS", x.channels as f64), flag("LAYER_NORM", kind == NormKind::Layer), ("EPS", kind.eps())]
}

fn flag(name: &'static str, on: bool) -> (&'static str, f64) {
    (name, on as u32 as f64)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{both, check, check_gradient, gpu};
    use crate::backend::cpu::testing::Random;
    use crate::backend::{Memory, NormKind, Norms, now_or_never};
    use crate::tensor::Activations;

    #[test]
    fn agrees_with_the_cpu_forward_and_backward() {
        let Some(mut gpu) = gpu() else { return };
        let mut random = Random::new(106);
        for kind in [NormKind::Rms, NormKind::Layer] {
            for channels in [2, 5, 16, 19, 70] {
                for tokens in [1, 7, 16, 33, 48] {
                    let (x, dx) = (random.activations(channels, tokens), random.activations(channels, tokens));
                    let dy = random.activations(channels, tokens);
                    let [gain, bias] = [(); 2].map(|_| (0..channels).map(|_| random.next()).collect::<Vec<_>>());
                    for pair in both!(&mut gpu, |b| {
                        let x = b.upload(&x);
                        let dy = b.upload(&dy);
                        let (gain, bias) = (b.vector(&gain), b.vector(&bias));
                        let [mut plain, mut full] = [(); 2].map(|_| b.tensor(channels, tokens));
                        let [mut dplain, mut dfull] = [(); 2].map(|_| b.upload(&dx));
                        b.norm(kind, &x, None, None, &mut plain);
                        b.norm(kind, &x, Some(&gain), Some(&bias), &mut full);
                        b.norm_backward_acc(kind, &x, None, &dy, &mut dplain, None, None);
                        b.norm_backward_acc(kind, &x, Some(&gain), &dy, &mut dfull, None, None);
                        [plain, full, dplain, dfull]
                    }) {
                        check(pair, 1e-5);
                    }
                }
            }
        }
    }

    #[test]
    fn gain_and_bias_gradients_agree_with_the_cpu() {
        let Some(mut gpu) = gpu() else { return };
        let mut random = Random::new(107);
        for kind in [NormKind::Rms, NormKind::Layer] {
            for (channels, tokens) in [(5, 16), (21, 48)] {
                let (x, dy) = (random.activations(channels, tokens), random.activations(channels, tokens));
                for pair in both!(&mut gpu, gradients, |b| {
                    let (x, dy) = (b.upload(&x), b.upload(&dy));
                    let mut dx = b.tensor(channels, tokens);
                    let [mut dgain, mut dbias] = [(); 2].map(|_| b.gradient(1, channels));
                    // twice: gradients add up
                    for _ in 0..2 {
                        b.norm_backward_acc(kind, &x, None, &dy, &mut dx, Some(&mut dgain), Some(&mut dbias));
                    }
                    [dgain, dbias]
                }) {
                    check_gradient(pair, 1e-5);
                }
            }
        }
    }

    #[test]
    fn zeros_stay_finite() {
        let Some(mut gpu) = gpu() else { return };
        let x = gpu.upload(&Activations::zeros(4, 16));
        let mut y = gpu.tensor(4, 16);
        gpu.norm(NormKind::Rms, &x, None, None, &mut y);
        assert_eq!(now_or_never(gpu.read(&y)).unwrap(), Activations::zeros(4, 16));
    }
}
