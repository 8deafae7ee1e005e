//! Interventions: affine changes of channels, patches from another run, mean ablation.

use super::record::{Bound, Kernel};
use super::shaders::shaders;
use super::{Gpu, GpuGradient, GpuTensor, GpuVector, SLICES};
use crate::backend::{ChannelAffine, Intervene};
use crate::tensor::PANEL;
use std::collections::BTreeMap;

shaders! {
    CHANNEL_AFFINE = "channel_affine",
    PATCH = "patch",
    MEAN_ABLATE = "mean_ablate",
    MEAN_ABLATE_BACKWARD = "mean_ablate_backward",
}

impl Intervene for Gpu {
    fn channel_affine(&mut self, changes: &[ChannelAffine], x: &mut GpuTensor) {
        let mut by_channel: BTreeMap<u32, Vec<[u32; 2]>> = BTreeMap::new();
        for &ChannelAffine { channel, scale, shift } in changes {
            assert!((channel as usize) < x.channels, "a channel beyond the tensor");
            by_channel.entry(channel).or_default().push([scale.to_bits(), shift.to_bits()]);
        }
        if by_channel.is_empty() {
            return;
        }
        let (mut channels, mut steps) = (Vec::new(), Vec::<[u32; 2]>::new());
        for (channel, of_channel) in by_channel {
            channels.push([channel, steps.len() as u32, (steps.len() + of_channel.len()) as u32, 0]);
            steps.extend(of_channel);
        }
        let groups = [channels.len().div_ceil(SLICES), x.panels(), 1];
        let channels = Bound::Staged(self.recorder.stage(channels.as_flattened()));
        let steps = Bound::Staged(self.recorder.stage(steps.as_flattened()));
        self.recorder.run(
            Kernel { shader: CHANNEL_AFFINE, entry: "main", constants: &[("CHANNELS", x.channels as f64)] },
            &[(0, channels), (1, steps), (2, x.bound())],
            groups,
        );
    }

    fn patch(&mut self, source: &GpuTensor, channels: &[u32], tokens: &[(u32, u32)], x: &mut GpuTensor) {
        assert!(source.channels == x.channels && channels.iter().all(|&c| (c as usize) < x.channels));
        assert!(tokens.iter().all(|&(from, to)| (from as usize) < source.tokens && (to as usize) < x.tokens));
        // of two pairs with one target the later one counts
        let pairs: BTreeMap<u32, u32> = tokens.iter().map(|&(from, to)| (to, from)).collect();
        let pairs: Vec<[u32; 2]> = pairs.into_iter().map(|(to, from)| [from, to]).collect();
        if pairs.is_empty() || channels.is_empty() {
            return;
        }
        let groups = [channels.len().div_ceil(SLICES), pairs.len().div_ceil(PANEL), 1];
        let channels = Bound::Staged(self.recorder.stage(channels));
        let pairs = Bound::Staged(self.recorder.stage(pairs.as_flattened()));
        self.recorder.run(
            Kernel { shader: PATCH, entry: "main", constants: &[("CHANNELS", x.channels as f64)] },
            &[(0, channels), (1, pairs), (2, source.bound()), (3, x.bound())],
            groups,
        );
    }

    fn mean_ablate(&mut self, mask: &GpuVector, mean: &GpuVector, x: &mut GpuTensor) {
        assert!(mask.len == x.channels && mean.len == x.channels);
        let bound = [(0, Bound::Buffer(&mask.buffer)), (1, Bound::Buffer(&mean.buffer)), (2, x.bound())];
        self.each_number(MEAN_ABLATE, &[], &bound, (x.channels, x.panels()));
    }

    fn mean_ablate_backward(
        &mut self,
        mask: &GpuVector,
        mean: &GpuVector,
        before: &GpuTensor,
        grad: &mut GpuTensor,
        dmask_acc: &mut GpuGradient,
    ) {
        assert!(mask.len == grad.channels && mean.len == grad.channels && dmask_acc.cols == grad.channels);
        assert!(before.channels == grad.channels && before.tokens == grad.tokens);
        let (mask, mean) = (Bound::Buffer(&mask.buffer), Bound::Buffer(&mean.buffer));
        self.recorder.run(
            Kernel { shader: MEAN_ABLATE_BACKWARD, entry: "main", constants: &[("CHANNELS", grad.channels as f64)] },
            &[(0, mask), (1, mean), (2, before.bound()), (3, grad.bound()), (4, dmask_acc.bound())],
            [grad.channels.div_ceil(SLICES), 1, 1],
        );
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{both, check, check_gradient, gpu};
    use crate::backend::cpu::testing::Random;
    use crate::backend::{ChannelAffine, Intervene, Memory};

    #[test]
    fn mean_ablation_agrees_with_the_cpu() {
        let Some(mut gpu) = gpu() else { return };
        let mut random = Random::new(116);
        for (channels, tokens) in [(4, 1), (4, 20), (35, 48)] {
            let (x, dy) = (random.activations(channels, tokens), random.activations(channels, tokens));
            let mask: Vec<f32> = (0..channels).map(|c| [0.0, 1.0, 0.3, -0.2][c % 4]).collect();
            let mean: Vec<f32> = (0..channels).map(|_| random.next()).collect();
            for pair in both!(&mut gpu, |b| {
                let (mask, mean) = (b.vector(&mask), b.vector(&mean));
                let (before, mut x, mut grad) = (b.upload(&x), b.upload(&x), b.upload(&dy));
                let mut dmask = b.gradient(1, channels);
                b.mean_ablate(&mask, &mean, &mut x);
                b.mean_ablate_backward(&mask, &mean, &before, &mut grad, &mut dmask);
                [x, grad]
            }) {
                check(pair, 1e-6);
            }
            for pair in both!(&mut gpu, gradients, |b| {
                let (mask, mean) = (b.vector(&mask), b.vector(&mean));
                let (before, mut grad) = (b.upload(&x), b.upload(&dy));
                let mut dmask = b.gradient(1, channels);
                b.mean_ablate_backward(&mask, &mean, &before, &mut grad, &mut dmask);
                b.mean_ablate_backward(&mask, &mean, &before, &mut grad, &mut dmask);
                [dmask]
            }) {
                check_gradient(pair, 1e-5);
            }
        }
    }

    #[test]
    fn changes_and_patches_agree_with_the_cpu() {
        let Some(mut gpu) = gpu() else { return };
        let mut random = Random::new(117);
        let (x, source) = (random.activations(30, 40), random.activations(30, 21));
        let change = |channel, scale, shift| ChannelAffine { channel, scale, shift };
        let changes = [
            change(1, 0.0, 7.0),
            change(2, -2.0, 0.0),
            // one channel several times, in this order
            change(1, 0.5, -1.0),
            change(29, 0.0, 0.0),
            change(2, 3.0, 0.25),
        ];
        for pair in both!(&mut gpu, |b| {
            let (mut changed, mut patched, mut same) = (b.upload(&x), b.upload(&x), b.upload(&x));
            let source = b.upload(&source);
            b.channel_affine(&changes, &mut changed);
            b.patch(&source, &[0, 29, 4], &[(4, 39), (3, 18), (20, 39)], &mut patched);
            b.channel_affine(&[], &mut same);
            b.patch(&source, &[], &[(0, 0)], &mut same);
            [changed, patched, same]
        }) {
            check(pair, 1e-7);
        }
    }
}
