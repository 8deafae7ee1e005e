//! Controls: how much of a circuit's score is the circuit's own? They read the same logit differences in other ways, and run the circuit
//! before other backgrounds than the means of all other nodes.

use super::calibrate::{SCALE_CAP, accuracy, loss};
use super::evaluators::EvaluatorPool;
use super::prompts::Prompts;
use super::scores::{LossAndAccuracy, with_outside};
use crate::Result;
use crate::circuit::definition::{Calibration, NodeSet};
use crate::random::Rng;
use serde::{Deserialize, Serialize};

/// The shares of the other nodes that are held at their means: 25, 50 and 75 %.
const SHARES: [[usize; 2]; 3] = [[1, 4], [1, 2], [3, 4]];
/// Random subsets of the other nodes, for each share.
pub const SUBSETS: usize = 20;
/// Calibrations by scale only that are tried, evenly spaced up to the cap.
const SCALES: usize = 300;

/// A mean over random subsets, and the worst of them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeanAndWorst {
    pub mean: f64,
    pub worst: f64,
}

/// The model with the circuit kept and random subsets of the other nodes held at their means.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RandomSubsets {
    /// Share of the other nodes that are held.
    pub share: f64,
    pub subsets: usize,
    /// The share of pairs of prompts with different answers that the logit difference puts in the right order.
    pub area_under_curve: MeanAndWorst,
    /// By the model's own threshold: the likelier candidate.
    pub accuracy: MeanAndWorst,
}

/// The circuit alone, its logit differences read in four ways.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Readings {
    /// As they are.
    pub raw: LossAndAccuracy,
    /// Minus those of the same prompt with every node at its mean. The scale is the best one for these prompts.
    pub scale_only: LossAndAccuracy,
    /// With the circuit's calibration.
    pub calibrated: LossAndAccuracy,
    /// Accuracy with the best threshold for these prompts.
    pub best_threshold: f64,
    pub area_under_curve: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Controls {
    pub readings: Readings,
    pub random_subsets: Vec<RandomSubsets>,
}

impl Controls {
    /// Measures the controls of a circuit on prompts, with `subsets` random subsets for each share. The same seed gives every circuit
    /// the same subsets.
    ///
    /// # Errors
    /// When the device fails.
    pub async fn measure<P: EvaluatorPool>(
        pool: &mut P,
        prompts: &Prompts,
        circuit: &NodeSet,
        calibration: &Calibration,
        subsets: usize,
        seed: u64,
    ) -> Result<Controls> {
        let alone = pool.logit_diffs(prompts, circuit).await?;
        let baseline = pool.logit_diffs(prompts, &NodeSet::empty(circuit.places())).await?;
        let mut random_subsets = Vec::new();
        for (stream, share) in SHARES.into_iter().enumerate() {
            let mut random = Rng::with_stream(seed, stream as u64);
            let (mut areas, mut accuracies) = (Vec::new(), Vec::new());
            for _ in 0..subsets {
                let d = pool.logit_diffs(prompts, &with_outside(circuit, share, &mut random)).await?;
                areas.push(area_under_curve(&d, &prompts.first));
                accuracies.push(accuracy(&Calibration::default(), &d, &prompts.first));
            }
            let [area_under_curve, accuracy] = [areas, accuracies].map(|values| MeanAndWorst {
                mean: values.iter().sum::<f64>() / subsets as f64,
                worst: values.iter().copied().fold(f64::INFINITY, f64::min),
            });
            let share = share[0] as f64 / share[1] as f64;
            random_subsets.push(RandomSubsets { share, subsets, area_under_curve, accuracy });
        }
        Ok(Controls { readings: readings(&alone, &baseline, calibration, &prompts.first), random_subsets })
    }
}

fn readings(alone: &[f32], baseline: &[f32], calibration: &Calibration, first: &[bool]) -> Readings {
    let read = |calibration: &Calibration, d: &[f32]| LossAndAccuracy {
        loss: loss(calibration, d, first),
        accuracy: accuracy(calibration, d, first),
    };
    let relative: Vec<f32> = alone.iter().zip(baseline).map(|(d, baseline)| d - baseline).collect();
    Readings {
        raw: read(&Calibration::default(), alone),
        scale_only: read(&scale(&relative, first), &relative),
        calibrated: read(calibration, alone),
        best_threshold: best_threshold(alone, first),
        area_under_curve: area_under_curve(alone, first),
    }
}

/// The calibration without a shift that has the lowest loss, in units of the root mean square of the differences.
fn scale(relative: &[f32], first: &[bool]) -> Calibration {
    let mean_square = relative.iter().map(|&d| f64::from(d).powi(2)).sum::<f64>() / relative.len() as f64;
    let std = mean_square.sqrt().max(1e-6) as f32;
    let scaled = |i: usize| Calibration { scale: (SCALE_CAP * i as f64 / SCALES as f64) as f32, shift: 0.0, std };
    let mut best = scaled(1);
    for one in (2..=SCALES).map(scaled) {
        if loss(&one, relative, first) < loss(&best, relative, first) {
            best = one;
        }
    }
    best
}

/// The probability that a random prompt whose first candidate is right has a larger difference than one whose second is (ties count
/// half): the area under the receiver operating characteristic. 0.5 where one of the answers does not occur.
pub fn area_under_curve(logit_diffs: &[f32], first: &[bool]) -> f64 {
    let sorted = by_difference(logit_diffs, first);
    let (mut seconds, mut ordered, mut firsts) = (0.0, 0.0, 0.0);
    for tie in sorted.chunk_by(|left, right| left.0 == right.0) {
        let wanted = tie.iter().filter(|one| one.1).count() as f64;
        let others = tie.len() as f64 - wanted;
        ordered += wanted * (seconds + others / 2.0);
        firsts += wanted;
        seconds += others;
    }
    if firsts * seconds == 0.0 { 0.5 } else { ordered / (firsts * seconds) }
}

/// The largest accuracy that a threshold of the difference gives.
pub fn best_threshold(logit_diffs: &[f32], first: &[bool]) -> f64 {
    let sorted = by_difference(logit_diffs, first);
    // Below all of them every prompt is answered by the first candidate.
    let mut right = first.iter().filter(|&&first| first).count() as i64;
    let mut best = right;
    for tie in sorted.chunk_by(|left, right| left.0 == right.0) {
        right += tie.iter().map(|one| if one.1 { -1 } else { 1 }).sum::<i64>();
        best = best.max(right);
    }
    best as f64 / first.len() as f64
}

fn by_difference(logit_diffs: &[f32], first: &[bool]) -> Vec<(f32, bool)> {
    let mut sorted: Vec<(f32, bool)> = logit_diffs.iter().copied().zip(first.iter().copied()).collect();
    sorted.sort_by(|left, right| left.0.total_cmp(&right.0));
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::cpu::testing::Random;

    /// Every pair of prompts, and every threshold between two differences.
    fn naive(d: &[f32], first: &[bool]) -> (f64, f64) {
        let (mut ordered, mut pairs) = (0.0, 0.0);
        for i in (0..d.len()).filter(|&i| first[i]) {
            for j in (0..d.len()).filter(|&j| !first[j]) {
                ordered += if d[i] > d[j] {
                    1.0
                } else if d[i] == d[j] {
                    0.5
                } else {
                    0.0
                };
                pairs += 1.0;
            }
        }
        let mut thresholds: Vec<f32> = d.to_vec();
        thresholds.push(f32::INFINITY);
        let right = |t: f32| d.iter().zip(first).filter(|&(&d, &first)| (d >= t) == first).count();
        let best = thresholds.into_iter().map(right).max().unwrap();
        (if pairs == 0.0 { 0.5 } else { ordered / pairs }, best as f64 / d.len() as f64)
    }

    #[test]
    fn order_and_threshold_are_those_of_all_pairs() {
        let mut random = Random::new(5);
        for case in 0..200 {
            let n = 1 + case % 30;
            // Few different values, so that there are ties.
            let d: Vec<f32> = (0..n).map(|_| (random.next() * 4.0).round()).collect();
            let first: Vec<bool> = (0..n).map(|_| random.next() > 0.2).collect();
            let (area, best) = naive(&d, &first);
            assert!((area_under_curve(&d, &first) - area).abs() < 1e-12, "{d:?} {first:?}");
            assert!((best_threshold(&d, &first) - best).abs() < 1e-12, "{d:?} {first:?}");
        }
    }

    #[test]
    fn a_level_that_moves_hides_nothing_from_the_readings() {
        // The order is right, but all differences are negative. The baseline is between the two answers.
        let (d, baseline) = ([-5.0, -9.0, -4.0, -10.0], [-7.0; 4]);
        let first = [true, false, true, false];
        let calibration = Calibration { scale: 1.0, shift: 3.0, std: 2.5 };
        let read = readings(&d, &baseline, &calibration, &first);
        assert_eq!(read.raw.accuracy, 0.5);
        assert_eq!(
            [read.scale_only.accuracy, read.calibrated.accuracy, read.best_threshold, read.area_under_curve],
            [1.0; 4]
        );
        // At the baseline itself, both candidates have one half.
        let nothing = readings(&baseline, &baseline, &calibration, &first);
        assert_eq!(nothing.area_under_curve, 0.5);
        assert!((nothing.scale_only.loss - std::f64::consts::LN_2).abs() < 1e-9);
    }
}
