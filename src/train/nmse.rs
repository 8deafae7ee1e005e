//! Normalised mean squared error between residual streams: the squared error over the variance of the target, both over a batch.

use crate::backend::Span;
use crate::tensor::{Activations, PANEL};

/// 1 at the tokens of the sequences, 0 at padding.
pub fn token_weights(spans: &[Span], tokens: usize) -> Vec<f32> {
    let mut weights = vec![0.0; tokens];
    for span in spans {
        weights[span.start..span.start + span.len].fill(1.0);
    }
    weights
}

/// `N / V` over the tokens of weight 1, with `N = sum (x - target)^2` and `V = sum (target -
/// mean)^2`; each channel has its own mean. Adds `weight` times the gradients to `dx_acc` and
/// `dtarget_acc`; the gradient of the target includes its effect on the variance. Returns 0 if the
/// target is constant.
pub fn nmse(
    x: &Activations,
    target: &Activations,
    tokens: &[f32],
    weight: f32,
    dx_acc: Option<&mut Activations>,
    dtarget_acc: Option<&mut Activations>,
) -> f64 {
    assert!(x.channels() == target.channels() && x.tokens() == target.tokens() && tokens.len() == x.tokens());
    let count: f32 = tokens.iter().sum();
    let lanes = |panel: usize| -> [f32; PANEL] { std::array::from_fn(|lane| tokens[panel * PANEL + lane]) };
    let mut means = vec![0.0f32; x.channels()];
    for panel in 0..x.panels() {
        let weights = lanes(panel);
        for (mean, values) in means.iter_mut().zip(target.panel(panel).chunks_exact(PANEL)) {
            *mean += values.iter().zip(&weights).map(|(v, w)| v * w).sum::<f32>();
        }
    }
    means.iter_mut().for_each(|mean| *mean /= count);
    let (mut missed, mut variance) = (0.0f64, 0.0f64);
    for panel in 0..x.panels() {
        let weights = lanes(panel);
        let (mut n, mut v) = ([0.0f32; PANEL], [0.0f32; PANEL]);
        let rows = x.panel(panel).chunks_exact(PANEL).zip(target.panel(panel).chunks_exact(PANEL));
        for ((x, target), mean) in rows.zip(&means) {
            for lane in 0..PANEL {
                let (error, centred) = (x[lane] - target[lane], target[lane] - mean);
                n[lane] += error * error;
                v[lane] += centred * centred;
            }
        }
        for lane in 0..PANEL {
            missed += (n[lane] * weights[lane]) as f64;
            variance += (v[lane] * weights[lane]) as f64;
        }
    }
    if variance == 0.0 {
        return 0.0;
    }
    let error_slope = (2.0 * weight as f64 / variance) as f32;
    let variance_slope = (2.0 * weight as f64 * missed / (variance * variance)) as f32;
    let mut dx_acc = dx_acc;
    let mut dtarget_acc = dtarget_acc;
    for panel in 0..x.panels() {
        let weights = lanes(panel);
        let (x, target) = (x.panel(panel), target.panel(panel));
        if let Some(dx) = dx_acc.as_deref_mut() {
            for (i, dx) in dx.panel_mut(panel).iter_mut().enumerate() {
                *dx += weights[i % PANEL] * error_slope * (x[i] - target[i]);
            }
        }
        if let Some(dtarget) = dtarget_acc.as_deref_mut() {
            for (i, dtarget) in dtarget.panel_mut(panel).iter_mut().enumerate() {
                let centred = target[i] - means[i / PANEL];
                *dtarget -= weights[i % PANEL] * (error_slope * (x[i] - target[i]) + variance_slope * centred);
            }
        }
    }
    missed / variance
}
