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

kernel! {
    /// `losses[t] = weights[t] * KL(softmax(teacher[t]) || softmax(logits[t]))` and its gradient by `logits`,
    /// `weights[t] * (softmax(logits) - softmax(teacher))`.
    pub fn divergence<A>(teacher: &Activations, logits: &Activations, weights: &[f32], losses: &mut Activations, grad: &mut Activations) {
        assert!(logits.channels() == grad.channels() && logits.panels() == grad.panels() && weights.len() == logits.tokens());
        assert!(logits.channels() == teacher.channels() && logits.panels() == teacher.panels());
        for panel in 0..logits.panels() {
            let (t, x) = (teacher.panel(panel), logits.panel(panel));
            let grad = grad.panel_mut(panel);
            let mut weights_here = [0.0f32; PANEL];
            for (lane, weight) in weights.iter().skip(panel * PANEL).take(PANEL).enumerate() {
                weights_here[lane] = *weight;
            }
            let weight = Lanes::from_array(weights_here);
            let (mut largest_t, mut largest_x) = (Lanes::splat(f32::NEG_INFINITY), Lanes::splat(f32::NEG_INFINITY));
            for (t, x) in t.chunks_exact(PANEL).zip(x.chunks_exact(PANEL)) {
                largest_t = largest_t.max(Lanes::load(t));
                largest_x = largest_x.max(Lanes::load(x));
            }
            let (mut sum_t, mut sum_x) = (Lanes::zero(), Lanes::zero());
            // sum p (t - x), both from their largest, still to be divided by sum p
            let mut between = Lanes::zero();
            for ((t, x), grad) in t.chunks_exact(PANEL).zip(x.chunks_exact(PANEL)).zip(grad.chunks_exact_mut(PANEL)) {
                let (t, x) = (Lanes::load(t).sub(largest_t), Lanes::load(x).sub(largest_x));
                let exp = t.exp::<A>();
                sum_t = sum_t.add(exp);
                between = between.add(exp.mul(t.sub(x)));
                let exp = x.exp::<A>();
                sum_x = sum_x.add(exp);
                exp.store(grad);
            }
            let (scale_t, scale_x) = (weight.div(sum_t), weight.div(sum_x));
            for (t, grad) in t.chunks_exact(PANEL).zip(grad.chunks_exact_mut(PANEL)) {
                let p = Lanes::load(t).sub(largest_t).exp::<A>().mul(scale_t);
                Lanes::load(grad).mul(scale_x).sub(p).store(grad);
            }
            let (sum_t, sum_x, between) = (sum_t.array(), sum_x.array(), between.array());
            let losses = losses.panel_mut(panel);
            for lane in 0..PANEL {
                losses[lane] = weights_here[lane] * (between[lane] / sum_t[lane] - sum_t[lane].ln() + sum_x[lane].ln());
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
    fn divergence_agrees_with_the_reference() {
        let mut random = Random::new(11);
        for tokens in 1..=20 {
            let vocab = 11;
            let (teacher, logits) = (random.activations(vocab, tokens), random.activations(vocab, tokens));
            let weights: Vec<f32> = (0..tokens).map(|t| if t % 5 == 4 { 0.0 } else { 0.25 + t as f32 }).collect();
            let (mut losses, mut grad) = (Activations::zeros(1, tokens), Activations::zeros(vocab, tokens));
            divergence(&teacher, &logits, &weights, &mut losses, &mut grad);
            for t in 0..tokens {
                let row = |x: &Activations| (0..vocab).map(|c| x.get(t, c) as f64).collect::<Vec<f64>>();
                let teacher = row(&teacher);
                let loss = |logits: &[f64]| {
                    let kl = (0..vocab)
                        .map(|c| (-reference(&teacher, c)).exp() * (reference(logits, c) - reference(&teacher, c)));
                    weights[t] as f64 * kl.sum::<f64>()
                };
                let logits = row(&logits);
                close(&[losses.get(t, 0)], &[loss(&logits) as f32], 1e-5);
                let got: Vec<f32> = (0..vocab).map(|c| grad.get(t, c)).collect();
                close(&got, &finite_difference(&logits, loss), 1e-5);
            }
        }
        // what a teacher thinks of itself
        let x = random.activations(30, 16);
        let (mut losses, mut grad) = (Activations::zeros(1, 16), Activations::zeros(30, 16));
        divergence(&x, &x, &[1.0; 16], &mut losses, &mut grad);
        assert!(losses.data().iter().chain(grad.data()).all(|v| v.abs() < 1e-6));
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
