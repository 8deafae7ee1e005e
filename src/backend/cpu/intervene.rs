//! Interventions: affine changes of channels, patches from another run, mean ablation.

use super::simd::{Lanes, kernel};
use super::{Cpu, CpuVector};
use crate::backend::{ChannelAffine, Intervene};
use crate::tensor::{Activations, Matrix, PANEL};

impl Intervene for Cpu {
    fn channel_affine(&mut self, changes: &[ChannelAffine], x: &mut Activations) {
        for &ChannelAffine { channel, scale, shift } in changes {
            for panel in 0..x.panels() {
                for value in &mut x.panel_mut(panel)[channel as usize * PANEL..][..PANEL] {
                    // a scale of 0 replaces the value, also an infinite one
                    *value = if scale == 0.0 { shift } else { *value * scale + shift };
                }
            }
        }
    }

    fn patch(&mut self, source: &Activations, channels: &[u32], tokens: &[(u32, u32)], x: &mut Activations) {
        for &channel in channels {
            for &(from, to) in tokens {
                x.set(to as usize, channel as usize, source.get(from as usize, channel as usize));
            }
        }
    }

    kernel! {
        fn mean_ablate<A>(&mut self, mask: &CpuVector, mean: &CpuVector, x: &mut Activations) {
            assert!(mask.len() == x.channels() && mean.len() == x.channels());
            for panel in 0..x.panels() {
                for ((x, &m), &mean) in x.panel_mut(panel).chunks_exact_mut(PANEL).zip(mask.iter()).zip(mean.iter()) {
                    // exactly the value or exactly the mean at m = 1 and 0
                    if m == 0.0 {
                        Lanes::splat(mean).store(x);
                    } else if m != 1.0 {
                        Lanes::splat(m).mul_add::<A>(Lanes::load(x), Lanes::splat((1.0 - m) * mean)).store(x);
                    }
                }
            }
        }
    }

    kernel! {
        fn mean_ablate_backward<A>(&mut self, mask: &CpuVector, mean: &CpuVector, before: &Activations, grad: &mut Activations, dmask_acc: &mut Matrix) {
            assert!(mask.len() == grad.channels() && before.channels() == grad.channels() && dmask_acc.data.len() == mask.len());
            for panel in 0..grad.panels() {
                let before = before.panel(panel);
                let grad = grad.panel_mut(panel);
                for (channel, (before, grad)) in before.chunks_exact(PANEL).zip(grad.chunks_exact_mut(PANEL)).enumerate() {
                    let g = Lanes::load(grad);
                    let change = Lanes::load(before).sub(Lanes::splat(mean[channel]));
                    dmask_acc.data[channel] += g.mul(change).sum();
                    g.mul(Lanes::splat(mask[channel])).store(grad);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::cpu::testing::{Random, close};

    #[test]
    fn mean_ablation_is_exact_at_the_ends_and_its_gradient_is_the_slope() {
        let (mut cpu, mut random) = (Cpu::new(), Random::new(13));
        for tokens in [16, 32] {
            let x = random.activations(4, tokens);
            let (mask, mean): (CpuVector, CpuVector) = ([1.0, 0.0, 0.3, 0.9].into(), [0.5, -0.25, 2.0, 0.0].into());
            let mut y = x.clone();
            cpu.mean_ablate(&mask, &mean, &mut y);
            for t in 0..tokens {
                assert_eq!((y.get(t, 0), y.get(t, 1)), (x.get(t, 0), -0.25));
                close(&[y.get(t, 2)], &[0.3 * x.get(t, 2) + 0.7 * 2.0], 1e-6);
            }
            let dy = random.activations(4, tokens);
            let (mut grad, mut dmask) = (dy.clone(), Matrix::zeros(1, 4));
            cpu.mean_ablate_backward(&mask, &mean, &x, &mut grad, &mut dmask);
            for c in 0..4 {
                let want: f32 = (0..tokens).map(|t| dy.get(t, c) * (x.get(t, c) - mean[c])).sum();
                close(&[dmask.data[c]], &[want], 1e-5);
                assert_eq!(grad.get(1, c), dy.get(1, c) * mask[c]);
            }
        }
    }

    #[test]
    fn changes_and_patches_touch_what_they_name() {
        let (mut cpu, mut random) = (Cpu::new(), Random::new(14));
        let mut x = random.activations(3, 20);
        x.set(3, 1, f32::INFINITY);
        let mut y = x.clone();
        let change = |channel, scale, shift| ChannelAffine { channel, scale, shift };
        cpu.channel_affine(&[change(1, 0.0, 7.0), change(2, -2.0, 0.0), change(2, 1.0, 0.5)], &mut y);
        for t in 0..20 {
            assert_eq!((y.get(t, 0), y.get(t, 1), y.get(t, 2)), (x.get(t, 0), 7.0, -2.0 * x.get(t, 2) + 0.5));
        }
        let source = random.activations(3, 5);
        cpu.patch(&source, &[0], &[(4, 19), (3, 18)], &mut y);
        assert_eq!((y.get(19, 0), y.get(18, 0), y.get(17, 0)), (source.get(4, 0), source.get(3, 0), x.get(17, 0)));
        assert_eq!(y.get(19, 1), 7.0);
    }
}
