//! Cross entropy and its gradient by the logits.

use super::Cpu;
use super::simd::{Lanes, kernel};
use crate::backend::{IGNORE, Losses};
use crate::tensor::{Activations, PANEL};

impl Losses for Cpu {
    kernel! {
        fn cross_entropy<A>(&mut self, logits: &Activations, targets: &[u32], weight: f32, losses: &mut Activations, grad: &mut Activations) {
            assert!(logits.channels() == grad.channels() && logits.panels() == grad.panels() && targets.len() == logits.tokens());
            for panel in 0..logits.panels() {
                let x = logits.panel(panel);
                let grad = grad.panel_mut(panel);
                let mut targets_here = [IGNORE; PANEL];
                let mut weights = [0.0f32; PANEL];
                for lane in 0..PANEL {
                    if let Some(&target) = targets.get(panel * PANEL + lane)
                        && target != IGNORE
                    {
                        targets_here[lane] = target;
                        weights[lane] = weight;
                    }
                }
                if weights.iter().all(|w| *w == 0.0) {
                    grad.fill(0.0);
                    losses.panel_mut(panel).fill(0.0);
                    continue;
                }
                let mut largest = Lanes::splat(f32::NEG_INFINITY);
                for x in x.chunks_exact(PANEL) {
                    largest = largest.max(Lanes::load(x));
                }
                let mut sum = Lanes::zero();
                for (x, grad) in x.chunks_exact(PANEL).zip(grad.chunks_exact_mut(PANEL)) {
                    let exp = Lanes::load(x).sub(largest).exp::<A>();
                    sum = sum.add(exp);
                    exp.store(grad);
                }
                let scale = Lanes::from_array(weights).div(sum);
                for grad in grad.chunks_exact_mut(PANEL) {
                    Lanes::load(grad).mul(scale).store(grad);
                }
                let (largest, sum) = (largest.array(), sum.array());
                let losses = losses.panel_mut(panel);
                for lane in 0..PANEL {
                    losses[lane] = 0.0;
                    if targets_here[lane] != IGNORE {
                        let at = targets_here[lane] as usize * PANEL + lane;
                        losses[lane] = weight * (sum[lane].ln() + largest[lane] - x[at]);
                        grad[at] -= weight;
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::cpu::testing::{Random, close, finite_difference};

    /// The naive reference, in f64.
    fn reference(logits: &[f64], target: usize) -> f64 {
        logits.iter().map(|x| x.exp()).sum::<f64>().ln() - logits[target]
    }

    #[test]
    fn cross_entropy_agrees_with_the_reference() {
        let mut random = Random::new(9);
        for tokens in 1..=20 {
            let vocab = 11;
            let logits = random.activations(vocab, tokens);
            let targets: Vec<u32> = (0..tokens as u32).map(|t| if t % 5 == 4 { IGNORE } else { t % 11 }).collect();
            let (mut losses, mut grad) = (Activations::zeros(1, tokens), Activations::zeros(vocab, tokens));
            Cpu::new().cross_entropy(&logits, &targets, 0.25, &mut losses, &mut grad);
            for t in 0..tokens {
                let row: Vec<f64> = (0..vocab).map(|c| logits.get(t, c) as f64).collect();
                let got: Vec<f32> = (0..vocab).map(|c| grad.get(t, c)).collect();
                if targets[t] == IGNORE {
                    assert!(losses.get(t, 0) == 0.0 && got.iter().all(|g| *g == 0.0));
                } else {
                    let target = targets[t] as usize;
                    close(&[losses.get(t, 0)], &[(0.25 * reference(&row, target)) as f32], 1e-6);
                    close(&got, &finite_difference(&row, |row| 0.25 * reference(row, target)), 1e-6);
                }
            }
        }
    }
}
