//! RMS and layer norm over channels, per token.

use super::simd::{Arith, Lanes, kernel};
use super::{Cpu, CpuVector};
use crate::backend::{NormKind, Norms};
use crate::tensor::{Activations, Matrix, PANEL};

impl Norms for Cpu {
    kernel! {
        fn norm<A>(&mut self, kind: NormKind, x: &Activations, gain: Option<&CpuVector>, bias: Option<&CpuVector>, y: &mut Activations) {
            assert!(x.channels() == y.channels() && x.tokens() == y.tokens());
            for panel in 0..x.panels() {
                let x = x.panel(panel);
                let y = y.panel_mut(panel);
                let (mean, scale) = statistics::<A>(kind, x);
                for (channel, (x, y)) in x.chunks_exact(PANEL).zip(y.chunks_exact_mut(PANEL)).enumerate() {
                    let mut out = Lanes::load(x).sub(mean).mul(scale);
                    if let Some(gain) = gain {
                        out = out.mul(Lanes::splat(gain[channel]));
                    }
                    if let Some(bias) = bias {
                        out = out.add(Lanes::splat(bias[channel]));
                    }
                    out.store(y);
                }
            }
        }
    }

    kernel! {
        fn norm_backward_acc<A>(&mut self, kind: NormKind, x: &Activations, gain: Option<&CpuVector>, dy: &Activations, dx_acc: &mut Activations,
                                dgain_acc: Option<&mut Matrix>, dbias_acc: Option<&mut Matrix>) {
            assert!(x.channels() == dy.channels() && x.channels() == dx_acc.channels());
            let (mut dgain_acc, mut dbias_acc) = (dgain_acc, dbias_acc);
            let per_channel = Lanes::splat(1.0 / x.channels() as f32);
            for panel in 0..x.panels() {
                let x = x.panel(panel);
                let dy = dy.panel(panel);
                let dx = dx_acc.panel_mut(panel);
                let (mean, scale) = statistics::<A>(kind, x);
                let (mut sum_g, mut sum_gn) = (Lanes::zero(), Lanes::zero());
                for (channel, (x, dy)) in x.chunks_exact(PANEL).zip(dy.chunks_exact(PANEL)).enumerate() {
                    let n = Lanes::load(x).sub(mean).mul(scale);
                    let dy = Lanes::load(dy);
                    let g = match gain {
                        Some(gain) => dy.mul(Lanes::splat(gain[channel])),
                        None => dy,
                    };
                    sum_g = sum_g.add(g);
                    sum_gn = g.mul_add::<A>(n, sum_gn);
                    if let Some(dgain) = dgain_acc.as_deref_mut() {
                        dgain.data[channel] += dy.mul(n).sum();
                    }
                    if let Some(dbias) = dbias_acc.as_deref_mut() {
                        dbias.data[channel] += dy.sum();
                    }
                }
                let mean_g = match kind {
                    NormKind::Rms => Lanes::zero(),
                    NormKind::Layer => sum_g.mul(per_channel),
                };
                let mean_gn = sum_gn.mul(per_channel);
                for (channel, ((x, dy), dx)) in
                    x.chunks_exact(PANEL).zip(dy.chunks_exact(PANEL)).zip(dx.chunks_exact_mut(PANEL)).enumerate()
                {
                    let n = Lanes::load(x).sub(mean).mul(scale);
                    let g = match gain {
                        Some(gain) => Lanes::load(dy).mul(Lanes::splat(gain[channel])),
                        None => Lanes::load(dy),
                    };
                    let inner = g.sub(mean_g).sub(n.mul(mean_gn));
                    scale.mul_add::<A>(inner, Lanes::load(dx)).store(dx);
                }
            }
        }
    }
}

/// Mean and scale (the reciprocal standard deviation) of each lane of a panel. The mean of an RMS norm is 0.
#[inline(always)]
fn statistics<A: Arith>(kind: NormKind, x: &[f32]) -> (Lanes, Lanes) {
    let per_channel = Lanes::splat(1.0 / (x.len() / PANEL) as f32);
    let mean = match kind {
        NormKind::Rms => Lanes::zero(),
        NormKind::Layer => {
            let mut sum = Lanes::zero();
            for x in x.chunks_exact(PANEL) {
                sum = sum.add(Lanes::load(x));
            }
            sum.mul(per_channel)
        }
    };
    let mut squares = Lanes::zero();
    for x in x.chunks_exact(PANEL) {
        let centred = Lanes::load(x).sub(mean);
        squares = centred.mul_add::<A>(centred, squares);
    }
    let std = squares.mul(per_channel).add(Lanes::splat(kind.eps() as f32)).sqrt();
    (mean, Lanes::splat(1.0).div(std))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::cpu::testing::{Random, close, finite_difference};

    /// The naive reference, in f64.
    fn reference(kind: NormKind, x: &[f64], gain: Option<&[f32]>, bias: Option<&[f32]>) -> Vec<f64> {
        let n = x.len() as f64;
        let mean = if kind == NormKind::Rms { 0.0 } else { x.iter().sum::<f64>() / n };
        let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
        let scaled = |c: usize| (x[c] - mean) / (variance + kind.eps()).sqrt() * gain.map_or(1.0, |g| g[c] as f64);
        (0..x.len()).map(|c| scaled(c) + bias.map_or(0.0, |b| b[c] as f64)).collect()
    }

    #[test]
    fn agrees_with_the_reference_forward_and_backward() {
        let (mut cpu, mut random) = (Cpu::new(), Random::new(5));
        for kind in [NormKind::Rms, NormKind::Layer] {
            for tokens in 1..=20 {
                for channels in [2, 5, 16, 19] {
                    let x = random.activations(channels, tokens);
                    let dy = random.activations(channels, tokens);
                    let gain: CpuVector = (0..channels).map(|_| random.next()).collect();
                    let bias: CpuVector = (0..channels).map(|_| random.next()).collect();
                    let mut y = Activations::zeros(channels, tokens);
                    cpu.norm(kind, &x, Some(&gain), Some(&bias), &mut y);
                    let mut dx = Activations::zeros(channels, tokens);
                    cpu.norm_backward_acc(kind, &x, Some(&gain), &dy, &mut dx, None, None);
                    for token in 0..tokens {
                        let row = |a: &Activations| -> Vec<f32> { (0..channels).map(|c| a.get(token, c)).collect() };
                        let x: Vec<f64> = row(&x).iter().map(|v| *v as f64).collect();
                        let want: Vec<f32> =
                            reference(kind, &x, Some(&gain), Some(&bias)).iter().map(|v| *v as f32).collect();
                        close(&row(&y), &want, 2e-6);
                        let dy = row(&dy);
                        let want = finite_difference(&x, |x| {
                            let y = reference(kind, x, Some(&gain), Some(&bias));
                            y.iter().zip(&dy).map(|(y, dy)| y * *dy as f64).sum()
                        });
                        close(&row(&dx), &want, 2e-4);
                    }
                }
            }
        }
    }

    #[test]
    fn gain_and_bias_gradients() {
        let (mut cpu, mut random) = (Cpu::new(), Random::new(6));
        let (channels, tokens) = (5, 32);
        let (x, dy) = (random.activations(channels, tokens), random.activations(channels, tokens));
        let (mut dgain, mut dbias) = (Matrix::zeros(1, channels), Matrix::zeros(1, channels));
        let mut dx = Activations::zeros(channels, tokens);
        cpu.norm_backward_acc(NormKind::Layer, &x, None, &dy, &mut dx, Some(&mut dgain), Some(&mut dbias));
        let mut normed = Activations::zeros(channels, tokens);
        cpu.norm(NormKind::Layer, &x, None, None, &mut normed);
        for c in 0..channels {
            let gain: f32 = (0..tokens).map(|t| dy.get(t, c) * normed.get(t, c)).sum();
            let bias: f32 = (0..tokens).map(|t| dy.get(t, c)).sum();
            assert!((dgain.data[c] - gain).abs() < 1e-4 && (dbias.data[c] - bias).abs() < 1e-4);
        }
    }

    #[test]
    fn zeros_stay_finite() {
        let (mut cpu, x) = (Cpu::new(), Activations::zeros(4, 3));
        let mut y = x.clone();
        cpu.norm(NormKind::Rms, &x, None, None, &mut y);
        assert_eq!(y, x);
    }
}
