//! The derivative of the calibrated loss with respect to a prompt's logit difference.

use crate::circuit::definition::Calibration;
use crate::circuit::evaluate::{argument, calibrate};

/// The derivative of the mean cross entropy with respect to each logit difference `d`, for
/// probabilities `sigmoid(scale * d / std + shift)` whose calibration is fitted to the same
/// differences (Gao et al. 2025, A.5).
///
/// Mask learning uses the calibration of the previous step.
#[derive(Clone, Copy)]
pub(super) struct LossGradient {
    calibration: Calibration,
    mean: f64,
    /// Mean of `(p - target) * d`; zero unless the scale is at one of its bounds.
    scale_gradient: f64,
}

impl LossGradient {
    /// For raw logits: the cross entropy of the two candidates without calibration.
    pub fn raw() -> LossGradient {
        LossGradient { calibration: Calibration::default(), mean: 0.0, scale_gradient: 0.0 }
    }

    /// Fits the calibration, with a scale of at least `min_scale`.
    pub fn fitted(logit_diffs: &[f32], first: &[bool], min_scale: f32) -> LossGradient {
        let n = logit_diffs.len() as f64;
        let (mut calibration, _) = calibrate(logit_diffs, first);
        calibration.scale = calibration.scale.max(min_scale);
        let mean = logit_diffs.iter().map(|&d| d as f64).sum::<f64>() / n;
        let fitted = LossGradient { calibration, mean, scale_gradient: 0.0 };
        let scale_gradient =
            logit_diffs.iter().zip(first).map(|(&d, &first)| fitted.error(d, first) * d as f64).sum::<f64>() / n;
        LossGradient { scale_gradient, ..fitted }
    }

    /// `p - target` of the first candidate, where `target` is 1 if it is the right answer.
    fn error(&self, logit_diff: f32, first: bool) -> f64 {
        1.0 / (1.0 + (-argument(&self.calibration, logit_diff)).exp()) - if first { 1.0 } else { 0.0 }
    }

    /// The derivative with respect to one logit difference, including its effect on the standard
    /// deviation. Its effect on scale and shift needs no term: they are optimal, or at a bound.
    pub fn at(&self, logit_diff: f32, first: bool) -> f32 {
        let std = self.calibration.std as f64;
        let steepness = self.calibration.scale as f64 / std;
        let through_std = self.scale_gradient / std * (logit_diff as f64 - self.mean) / std;
        (steepness * (self.error(logit_diff, first) - through_std)) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Rng;

    /// Compares with finite differences of the calibrated loss, with the scale at its cap and below
    /// it.
    #[test]
    fn it_is_the_derivative_of_the_calibrated_loss() {
        let mut random = Rng::new(5);
        for signal in [0.6, 3.0] {
            let first: Vec<bool> = (0..60).map(|i| i % 2 == 0).collect();
            let d: Vec<f32> =
                first.iter().map(|&f| 0.4 + random.roughly_normal() + if f { signal } else { -signal }).collect();
            let gradient = LossGradient::fitted(&d, &first, 0.0);
            assert_eq!(gradient.calibration.scale == 3.0, signal == 3.0, "{:?}", gradient.calibration);
            for i in 0..d.len() {
                let loss = |change: f32| {
                    let mut d = d.clone();
                    d[i] += change;
                    calibrate(&d, &first).1
                };
                let want = ((loss(0.05) - loss(-0.05)) / 0.1) as f32;
                let got = gradient.at(d[i], first[i]) / d.len() as f32;
                assert!((got - want).abs() < 2e-4, "signal {signal}, entry {i}: got {got}, want {want}");
            }
        }
    }
}
