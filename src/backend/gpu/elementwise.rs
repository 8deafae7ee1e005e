//! Copies, zeros and sums.

use super::shaders::shaders;
use super::{Gpu, GpuTensor};
use crate::backend::Elementwise;

shaders! {
    COPY = "copy",
    ZERO = "zero",
    ADD = "add",
}

impl Elementwise for Gpu {
    fn copy(&mut self, x: &GpuTensor, y: &mut GpuTensor) {
        assert!(x.channels == y.channels && x.tokens == y.tokens);
        self.each_number(COPY, &[], &[(0, x.bound()), (1, y.bound())], (y.channels, y.panels()));
    }

    fn zero(&mut self, y: &mut GpuTensor) {
        self.each_number(ZERO, &[], &[(0, y.bound())], (y.channels, y.panels()));
    }

    fn add(&mut self, delta: &GpuTensor, acc: &mut GpuTensor) {
        assert!(delta.channels == acc.channels && delta.tokens == acc.tokens);
        let shape = (acc.channels, acc.panels());
        self.each_number(ADD, &[], &[(0, delta.bound()), (1, acc.bound())], shape);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{both, check, gpu};
    use crate::backend::cpu::testing::Random;
    use crate::backend::{Elementwise, Memory};

    #[test]
    fn agrees_with_the_cpu() {
        let Some(mut gpu) = gpu() else { return };
        let mut random = Random::new(115);
        for tokens in 1..=20 {
            let (x, delta) = (random.activations(28, tokens), random.activations(28, tokens));
            for pair in both!(&mut gpu, |b| {
                let (x, delta) = (b.upload(&x), b.upload(&delta));
                let [mut sum, mut zero] = [(); 2].map(|_| b.tensor(28, tokens));
                b.copy(&x, &mut sum);
                b.add(&delta, &mut sum);
                b.copy(&x, &mut zero);
                b.zero(&mut zero);
                [sum, zero]
            }) {
                check(pair, 0.0);
            }
        }
    }
}
