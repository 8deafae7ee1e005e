//! ReLU and exact GELU.

use super::shaders::shaders;
use super::{Gpu, GpuTensor};
use crate::backend::{Activate, Activation};

shaders! {
    ACTIVATE = "activate" after "gelu",
    ACTIVATE_BACKWARD = "activate_backward" after "gelu",
}

impl Activate for Gpu {
    fn activate(&mut self, kind: Activation, x: &GpuTensor, y: &mut GpuTensor) {
        assert!(x.channels == y.channels && x.tokens == y.tokens);
        let bound = [(0, x.bound()), (1, y.bound())];
        self.each_number(ACTIVATE, &[constant(kind)], &bound, (y.channels, y.panels()));
    }

    fn activate_backward(&mut self, kind: Activation, x: &GpuTensor, grad: &mut GpuTensor) {
        assert!(x.channels == grad.channels && x.tokens == grad.tokens);
        let bound = [(0, x.bound()), (1, grad.bound())];
        self.each_number(ACTIVATE_BACKWARD, &[constant(kind)], &bound, (grad.channels, grad.panels()));
    }
}

fn constant(kind: Activation) -> (&'static str, f64) {
    ("KIND", if kind == Activation::Relu { 0.0 } else { 1.0 })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{both, check, gpu};
    use crate::backend::cpu::testing::Random;
    use crate::backend::{Activate, Activation, Memory};

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
