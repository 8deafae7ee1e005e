//! The KL divergence between the predictions of two models, and its gradient. Only bridge training uses it, on the CPU, so it is not an
//! op of [`crate::backend::Backend`].

use super::simd::{Lanes, kernel};
use crate::tensor::{Activations, PANEL};

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
            // sum p (t - x), both relative to their largest, before the division by sum p
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::cpu::testing::{Random, close, finite_difference};

    /// `-log softmax(logits)[target]`, in f64.
    fn reference(logits: &[f64], target: usize) -> f64 {
        logits.iter().map(|x| x.exp()).sum::<f64>().ln() - logits[target]
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
        // a teacher compared with itself
        let x = random.activations(30, 16);
        let (mut losses, mut grad) = (Activations::zeros(1, 16), Activations::zeros(30, 16));
        divergence(&x, &x, &[1.0; 16], &mut losses, &mut grad);
        assert!(losses.data().iter().chain(grad.data()).all(|v| v.abs() < 1e-6));
    }
}
