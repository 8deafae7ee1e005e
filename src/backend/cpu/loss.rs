//! Cross entropies and their gradients by the logits.

use super::simd::{Lanes, kernel};
use crate::backend::IGNORE;
use crate::tensor::{Activations, PANEL};

kernel! {
    /// `losses[t] = -weight * log softmax(logits[t])[targets[t]]`, `grad = weight * (softmax - onehot)`; both 0 where ignored.
    pub fn cross_entropy<A>(logits: &Activations, targets: &[u32], weight: f32, losses: &mut Activations, grad: &mut Activations) {
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

/// `losses[i] = -weight * log softmax([logit[want], logit[other]])[0]`, with its gradient at those two logits and 0 elsewhere.
pub fn candidate_loss(
    logits: &Activations,
    pairs: &[(u32, u32)],
    weight: f32,
    losses: &mut Activations,
    grad: &mut Activations,
) {
    assert!(pairs.len() == logits.tokens() && grad.tokens() == logits.tokens());
    grad.data_mut().fill(0.0);
    for (i, &(want, other)) in pairs.iter().enumerate() {
        let difference = logits.get(i, want as usize) - logits.get(i, other as usize);
        // -log sigmoid(d) = log(1 + exp(-d)), stable on both sides
        let loss = (-difference.abs()).exp().ln_1p() + (-difference).max(0.0);
        let slope = weight / (1.0 + difference.exp());
        losses.set(i, 0, weight * loss);
        grad.set(i, want as usize, -slope);
        grad.set(i, other as usize, slope);
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
            cross_entropy(&logits, &targets, 0.25, &mut losses, &mut grad);
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

    #[test]
    fn candidate_loss_agrees_with_the_reference() {
        let mut random = Random::new(10);
        let logits = random.activations(6, 20);
        let pairs: Vec<(u32, u32)> = (0..20).map(|i| (i % 6, (i + 1) % 6)).collect();
        let (mut losses, mut grad) = (Activations::zeros(1, 20), random.activations(6, 20));
        candidate_loss(&logits, &pairs, 0.5, &mut losses, &mut grad);
        for (t, &(want, other)) in pairs.iter().enumerate() {
            let row: Vec<f64> = (0..6).map(|c| logits.get(t, c) as f64).collect();
            let loss = |row: &[f64]| 0.5 * reference(&[row[want as usize], row[other as usize]], 0);
            close(&[losses.get(t, 0)], &[loss(&row) as f32], 1e-6);
            let got: Vec<f32> = (0..6).map(|c| grad.get(t, c)).collect();
            close(&got, &finite_difference(&row, loss), 1e-6);
        }
        let extreme = Activations::from_rows(&[300.0, -300.0, -300.0, 300.0], 2);
        let (mut losses, mut grad) = (Activations::zeros(1, 2), Activations::zeros(2, 2));
        candidate_loss(&extreme, &[(0, 1), (0, 1)], 1.0, &mut losses, &mut grad);
        assert_eq!((losses.get(0, 0), losses.get(1, 0)), (0.0, 600.0));
        assert_eq!((grad.get(0, 0), grad.get(1, 0)), (0.0, -1.0));
    }
}
