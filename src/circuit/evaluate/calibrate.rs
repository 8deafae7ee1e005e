//! Logit calibration: a circuit's probabilities are `sigmoid(scale * d / std + shift)` (Gao et al.
//! 2025, A.5, in a form for two candidates), because mean ablation shifts the logits and makes
//! their differences smaller, even if the circuit still does the task.

use crate::circuit::definition::Calibration;

/// The largest scale. With an unlimited scale, a few well separated pairs hide a weak circuit.
pub const SCALE_CAP: f64 = 3.0;
/// The smallest scale, used when the differences carry no information. Above zero, so that the
/// order of the candidates is kept.
const SCALE_FLOOR: f64 = 1e-3;
/// The smallest standard deviation, used when all differences are equal.
const MIN_STD: f64 = 1e-6;

/// The calibration with the lowest mean cross entropy on `logit_diffs` (the first candidate's logit minus the second's), and
/// that loss in nats. `first[i]` says whether the first candidate is the right answer. Convex in
/// (scale, shift): damped Newton steps, and where the scale meets its bounds, the best shift there.
///
/// Both slices must be of the same length, not empty.
pub fn calibrate(logit_diffs: &[f32], first: &[bool]) -> (Calibration, f64) {
    assert!(!logit_diffs.is_empty() && logit_diffs.len() == first.len(), "one logit difference for each prompt");
    let std = standard_deviation(logit_diffs);
    let points: Vec<(f64, f64)> =
        logit_diffs.iter().zip(first).map(|(&d, &first)| (d as f64 / std, if first { 1.0 } else { 0.0 })).collect();
    // from the centre of the points, where no sigmoid is flat
    let centre = points.iter().map(|(x, _)| x).sum::<f64>() / points.len() as f64;
    let (mut scale, mut shift) = newton(&points, (1.0, -centre), true);
    if !(SCALE_FLOOR..=SCALE_CAP).contains(&scale) {
        scale = scale.clamp(SCALE_FLOOR, SCALE_CAP);
        shift = newton(&points, (scale, -scale * centre), false).1;
    }
    let calibration = Calibration { scale: scale as f32, shift: shift as f32, std: std as f32 };
    (calibration, loss(&calibration, logit_diffs, first))
}

/// Mean cross entropy in nats of calibrated differences.
pub fn loss(calibration: &Calibration, logit_diffs: &[f32], first: &[bool]) -> f64 {
    let sum: f64 = logit_diffs.iter().zip(first).map(|(&d, &first)| surprise(argument(calibration, d), first)).sum();
    sum / logit_diffs.len() as f64
}

/// Fraction of prompts whose right candidate is the likelier one.
pub fn accuracy(calibration: &Calibration, logit_diffs: &[f32], first: &[bool]) -> f64 {
    let right = logit_diffs.iter().zip(first).filter(|&(&d, &first)| (argument(calibration, d) > 0.0) == first).count();
    right as f64 / logit_diffs.len() as f64
}

/// The argument of the sigmoid: above zero when the first candidate is the likelier one.
pub fn argument(calibration: &Calibration, logit_diff: f32) -> f64 {
    calibration.scale as f64 * logit_diff as f64 / calibration.std as f64 + calibration.shift as f64
}

/// `-ln p` of the right candidate, without overflow.
fn surprise(argument: f64, first: bool) -> f64 {
    let z = if first { -argument } else { argument };
    z.max(0.0) + (-z.abs()).exp().ln_1p()
}

/// Standard deviation (divided by n), kept above zero.
fn standard_deviation(logit_diffs: &[f32]) -> f64 {
    let n = logit_diffs.len() as f64;
    let mean = logit_diffs.iter().map(|&d| d as f64).sum::<f64>() / n;
    let variance = logit_diffs.iter().map(|&d| (d as f64 - mean).powi(2)).sum::<f64>() / n;
    variance.sqrt().max(MIN_STD)
}

/// Minimises the mean cross entropy over (scale, shift), or over the shift alone. Separable points have no minimum in the scale:
/// the search ends as soon as the scale is beyond its cap.
fn newton(points: &[(f64, f64)], start: (f64, f64), both: bool) -> (f64, f64) {
    let n = points.len() as f64;
    let value = |(s, t): (f64, f64)| points.iter().map(|&(x, y)| surprise(s * x + t, y > 0.5)).sum::<f64>() / n;
    let (mut at, mut best) = (start, value(start));
    for _ in 0..50 {
        let (mut gs, mut gt, mut hss, mut hst, mut htt) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for &(x, y) in points {
            let p = 1.0 / (1.0 + (-(at.0 * x + at.1)).exp());
            let (g, h) = ((p - y) / n, p * (1.0 - p) / n);
            gs += g * x;
            gt += g;
            hss += h * x * x;
            hst += h * x;
            htt += h;
        }
        // a ridge keeps the step finite where every p is 0 or 1
        let ridge = 1e-9;
        let (hss, htt) = (hss + ridge, htt + ridge);
        let (ds, dt) = if both {
            let det = hss * htt - hst * hst;
            ((htt * gs - hst * gt) / det, (hss * gt - hst * gs) / det)
        } else {
            (0.0, gt / htt)
        };
        let mut step = 1.0f64.min(4.0 / (ds.abs() + dt.abs()).max(1e-300));
        let improved = loop {
            let next = (at.0 - step * ds, at.1 - step * dt);
            let loss = value(next);
            if loss < best {
                let gain = best - loss;
                (at, best) = (next, loss);
                break gain > 1e-12;
            }
            step /= 4.0;
            if step < 1e-6 {
                break false;
            }
        };
        if !improved || both && at.0 > 2.0 * SCALE_CAP {
            break;
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::cpu::testing::Random;

    /// The lowest loss on a fine grid of allowed calibrations.
    fn grid(logit_diffs: &[f32], first: &[bool]) -> f64 {
        let std = standard_deviation(logit_diffs) as f32;
        let mut best = f64::INFINITY;
        for scale in 1..=150 {
            for shift in -200..=200 {
                let c = Calibration { scale: scale as f32 * 0.02, shift: shift as f32 * 0.02, std };
                best = best.min(loss(&c, logit_diffs, first));
            }
        }
        best
    }

    #[test]
    fn no_point_of_a_grid_is_better() {
        let mut random = Random::new(31);
        for (signal, offset) in [(0.0, 0.0), (0.5, 0.0), (1.5, 2.0), (4.0, -3.0), (0.3, 0.9)] {
            let first: Vec<bool> = (0..300).map(|i| i % 2 == 0).collect();
            let d: Vec<f32> =
                first.iter().map(|&f| random.next() + offset + if f { signal } else { -signal }).collect();
            let (calibration, fitted) = calibrate(&d, &first);
            assert!(calibration.scale > 0.0 && calibration.scale <= 3.0, "{calibration:?}");
            let best = grid(&d, &first);
            assert!(fitted <= best + 1e-6, "signal {signal}: fitted {fitted}, on the grid {best}");
            assert!(fitted > best - 1e-3, "signal {signal}: fitted {fitted}, on the grid {best}");
        }
    }

    #[test]
    fn the_ends_stay_within_the_bounds() {
        let first = [true, false, true, false];
        let (separable, loss) = calibrate(&[5.0, -5.0, 6.0, -6.0], &first);
        assert_eq!(separable.scale, 3.0);
        assert!(loss > 0.03 && loss < 0.1, "{loss}");
        let (reversed, loss) = calibrate(&[-5.0, 5.0, -6.0, 6.0], &first);
        assert!(reversed.scale > 0.0 && reversed.scale < 0.01 && loss > 0.69, "{reversed:?} {loss}");
        let (constant, loss) = calibrate(&[2.0; 4], &first);
        assert!(constant.std > 0.0 && (loss - std::f64::consts::LN_2).abs() < 1e-4, "{constant:?} {loss}");
        assert_eq!(accuracy(&separable, &[5.0, -5.0, -6.0, 6.0], &first), 0.5);
    }
}
