//! Cross entropies with their gradients; the CPU twin is `cpu/loss.rs`.

use super::record::{Bound, Kernel};
use super::{Gpu, GpuTensor, shaders};
use crate::backend::IGNORE;

impl Gpu {
    pub(super) fn next_token_loss(
        &mut self,
        logits: &GpuTensor,
        targets: &[u32],
        weight: f32,
        losses: &mut GpuTensor,
        grad: &mut GpuTensor,
    ) {
        check_shapes(logits, targets.len(), losses, grad);
        let known = |&target: &u32| target == IGNORE || (target as usize) < logits.channels;
        assert!(targets.iter().all(known), "a target beyond the vocabulary");
        let words: Vec<u32> = std::iter::once(weight.to_bits()).chain(targets.iter().copied()).collect();
        let targets = Bound::Staged(self.recorder.stage(&words));
        self.recorder.run(
            Kernel {
                shader: shaders::CROSS_ENTROPY,
                entry: "main",
                constants: &[("CHANNELS", logits.channels as f64)],
            },
            &[(0, targets), (1, logits.bound()), (2, losses.bound()), (3, grad.bound())],
            [logits.panels(), 1, 1],
        );
    }

    pub(super) fn task_loss(
        &mut self,
        logits: &GpuTensor,
        pairs: &[(u32, u32)],
        weight: f32,
        losses: &mut GpuTensor,
        grad: &mut GpuTensor,
    ) {
        check_shapes(logits, pairs.len(), losses, grad);
        let known = |&(want, other): &(u32, u32)| (want.max(other) as usize) < logits.channels;
        assert!(pairs.iter().all(known), "a candidate beyond the vocabulary");
        let mut words = vec![weight.to_bits()];
        words.extend(pairs.iter().flat_map(|&(want, other)| [want, other]));
        let pairs = Bound::Staged(self.recorder.stage(&words));
        let bound = [(0, pairs), (1, logits.bound()), (2, losses.bound()), (3, grad.bound())];
        self.each_number(shaders::CANDIDATE_LOSS, &[], &bound, (logits.channels, logits.panels()));
    }
}

fn check_shapes(logits: &GpuTensor, rows: usize, losses: &GpuTensor, grad: &GpuTensor) {
    assert!(rows == logits.tokens && losses.tokens == rows && losses.channels == 1);
    assert!(grad.tokens == rows && grad.channels == logits.channels);
}

#[cfg(test)]
mod tests {
    use super::super::testing::{both, check, gpu};
    use crate::backend::{Backend, IGNORE, cpu::testing::Random};
    use crate::tensor::Activations;

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

    #[test]
    fn candidate_loss_agrees_with_the_cpu() {
        let Some(mut gpu) = gpu() else { return };
        let mut random = Random::new(111);
        let pairs: Vec<(u32, u32)> = (0..20).map(|i| (i % 6, (i + 1) % 6)).collect();
        let mut wide = random.activations(6, 20);
        wide.data_mut().iter_mut().for_each(|value| *value *= 10.0);
        let extreme = Activations::from_rows(&[300.0, -300.0].repeat(60), 6);
        for logits in [random.activations(6, 20), wide, extreme] {
            for (got, want) in both!(&mut gpu, |b| {
                let x = b.upload(&logits);
                let (mut losses, mut grad) = (b.tensor(1, 20), b.tensor(6, 20));
                b.candidate_loss(&x, &pairs, 0.5, &mut losses, &mut grad);
                [losses, grad]
            }) {
                // small losses are what pruning looks at: each one to its own scale
                for (g, w) in got.to_rows().iter().zip(want.to_rows()) {
                    assert!((g - w).abs() <= 1e-5 * w.abs() + 1e-30, "got {g}, want {w}");
                }
            }
        }
    }
}
