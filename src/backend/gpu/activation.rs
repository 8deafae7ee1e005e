//! ReLU and exact GELU; the CPU twin is `cpu/activation.rs`.

use super::{Gpu, GpuTensor, shaders};
use crate::backend::Activation;

impl Gpu {
    pub(super) fn activate_tensor(&mut self, kind: Activation, x: &GpuTensor, y: &mut GpuTensor) {
        assert!(x.channels == y.channels && x.tokens == y.tokens);
        let bound = [(0, x.bound()), (1, y.bound())];
        self.each_number(shaders::ACTIVATE, &[constant(kind)], &bound, (y.channels, y.panels()));
    }

    pub(super) fn activation_gradient(&mut self, kind: Activation, x: &GpuTensor, grad: &mut GpuTensor) {
        assert!(x.channels == grad.channels && x.tokens == grad.tokens);
        let bound = [(0, x.bound()), (1, grad.bound())];
        self.each_number(shaders::ACTIVATE_BACKWARD, &[constant(kind)], &bound, (grad.channels, grad.panels()));
    }
}

fn constant(kind: Activation) -> (&'static str, f64) {
    ("KIND", if kind == Activation::Relu { 0.0 } else { 1.0 })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{both, check, gpu};
    use crate::backend::{Activation, Backend, cpu::testing::Random};

    #[test]
    fn agrees_with_the_cpu_forward_and_backward() {
        let Some(mut gpu) = gpu() else { return };
        let mut random = Random::new(108);
        for tokens in 1..=20 {
            let mut x = random.activations(9, tokens);
            x.data_mut().iter_mut().for_each(|value| *value *= 3.0);
            let dy = random.activations(9, tokens);
            for kind in [Activation::Relu, Activation::Gelu] {
                for pair in both!(&mut gpu, |b| {
                    let (x, mut grad) = (b.upload(&x), b.upload(&dy));
                    let mut y = b.tensor(9, tokens);
                    b.activate(kind, &x, &mut y);
                    b.activate_backward(kind, &x, &mut grad);
                    [y, grad]
                }) {
                    check(pair, 2e-6);
                }
            }
        }
    }
}
