//! Cross entropy and its gradient by the logits.

use super::record::{Bound, Kernel};
use super::shaders::shaders;
use super::{Gpu, GpuTensor};
use crate::backend::{IGNORE, Losses};

shaders! {
    CROSS_ENTROPY = "cross_entropy",
}

impl Losses for Gpu {
    fn cross_entropy(
        &mut self,
        logits: &GpuTensor,
        targets: &[u32],
        weight: f32,
        losses: &mut GpuTensor,
        grad: &mut GpuTensor,
    ) {
        let rows = logits.tokens;
        assert!(targets.len() == rows && losses.tokens == rows && losses.channels == 1);
        assert!(grad.tokens == rows && grad.channels == logits.channels);
        let known = |&target: &u32| target == IGNORE || (target as usize) < logits.channels;
        assert!(targets.iter().all(known), "a target beyond the vocabulary");
        let words: Vec<u32> = std::iter::once(weight.to_bits()).chain(targets.iter().copied()).collect();
        let targets = Bound::Staged(self.recorder.stage(&words));
        self.recorder.run(
            Kernel { shader: CROSS_ENTROPY, entry: "main", constants: &[("CHANNELS", logits.channels as f64)] },
            &[(0, targets), (1, logits.bound()), (2, losses.bound()), (3, grad.bound())],
            [logits.panels(), 1, 1],
        );
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{both, check, gpu};
    use crate::backend::cpu::testing::Random;
    use crate::backend::{IGNORE, Losses, Memory};

    #[test]
    fn cross_entropy_agrees_with_the_cpu() {
        let Some(mut gpu) = gpu() else { return };
        let mut random = Random::new(110);
        for vocab in [11, 50] {
            for tokens in (1..=20).chain([48]) {
                let logits = random.activations(vocab, tokens);
                let targets: Vec<u32> =
                    (0..tokens as u32).map(|t| if t % 5 == 4 { IGNORE } else { t % vocab as u32 }).collect();
                for pair in both!(&mut gpu, |b| {
                    let logits = b.upload(&logits);
                    let (mut losses, mut grad) = (b.tensor(1, tokens), b.tensor(vocab, tokens));
                    b.cross_entropy(&logits, &targets, 0.25, &mut losses, &mut grad);
                    [losses, grad]
                }) {
                    check(pair, 2e-6);
                }
            }
        }
    }
}
